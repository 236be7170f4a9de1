"""What a rule looks for, and how far it reaches."""

from typing import Any

import pytest

from guard.rule_bodies import pattern_body, phrases_body, tokens_body
from guard.strict_yaml import Document
from guard.types import Reach


def document() -> Document:
    return Document("a: b\n", "a.yaml")


def test_reach_is_that_of_the_widest_match() -> None:
    body = pattern_body(document(), (), r"ab{1,3}(?=cd)", case=False, longest=None)
    assert (body.reach, body.behind) == (4 + 2 + 1, 1)
    body = pattern_body(document(), (), r"(?<=xyz)ab+", case=False, longest=20)
    assert (body.reach, body.behind) == (20 + 1, 3 + 1)
    body = phrases_body(document(), (), ["ab cd", "e"], case=False)
    assert (body.reach, body.behind, body.phrases) == (4 + 3 + 2, 1, ("ab cd", "e"))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("credit", "tokens is a list like"),
        ([], "tokens is a list like"),
        ([[]], "tokens is a list like"),
        ([{}], "no word that must be there"),
        ([["credit"]], "tokens is a list like"),
        ([{"IS_DIGIT": True}], "no word that must be there"),
        ([{"LOWR": "credit"}], "LOWR"),
        ([{"LOWER": "credit"}, {"POS": "NOUN"}], "needs a trained pipeline"),
    ],
)
def test_a_mistake_in_tokens_is_told(value: Any, told: str) -> None:
    noted = document()
    assert tokens_body(noted, (), value).tokens == ()
    assert any(told in problem.message for problem in noted.problems)


def test_one_pattern_or_several() -> None:
    one, other = [{"LOWER": "credit"}], [{"LOWER": "debit"}, {"IS_ALPHA": True}]
    noted = document()
    assert tokens_body(noted, (), one).tokens == ((one[0],),)
    assert tokens_body(noted, (), [one, other]).tokens == (tuple(one), tuple(other))
    assert tokens_body(noted, (), one).reach is Reach.PASSAGE
    assert noted.problems == []
