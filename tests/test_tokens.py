"""Patterns of tokens: their anchors, and their mistakes."""

from typing import Any

import pytest

from guard.tokens import anchors, mistakes

Pattern = list[dict[str, Any]]


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ([{"LOWER": "debit"}, {"LOWER": "cash"}], {"debit"}),
        ([{"LOWER": "the", "OP": "?"}, {"ORTH": "Cash"}], {"cash"}),
        ([{"IS_DIGIT": True}, {"LOWER": {"IN": ["Euro", "euros"]}, "OP": "+"}], {"euro", "euros"}),
        ([{"LOWER": "no", "OP": "!"}, {"IS_ALPHA": True}], set()),
        ([{"LOWER": {"REGEX": "cash"}}], set()),
        ([{"LOWER": {"IN": []}}], set()),
        ([{"LOWER": "a", "OP": "{2}"}], set()),
    ],
)
def test_anchors_stand_in_every_match(pattern: Pattern, words: set[str]) -> None:
    assert anchors(pattern) == words


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ([{"LOWR": "x"}], "LOWR"),
        ([{"LOWER": 5}], "LOWER"),
        ([{"LOWER": "x", "OP": "x"}], "OP"),
        ([{"TEXT": {"REGEX": "("}}], "spaCy refuses it"),
        ([{"LOWER": "x"}, {"POS": "NOUN"}], "token 2: POS needs a trained pipeline"),
        ([{"LEMMA": "be"}], "token 1: LEMMA needs"),
    ],
)
def test_a_mistake_is_told(pattern: Pattern, told: str) -> None:
    assert any(told in line for line in mistakes(pattern))


def test_a_good_pattern_has_none() -> None:
    assert mistakes([{"LOWER": "debit"}, {"IS_ALPHA": True, "OP": "*"}, {"SHAPE": "dd"}]) == []
