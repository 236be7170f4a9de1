"""Opposites, by the list and by prefix."""

import pytest

from guard.detectors.grounding.relations import OPPOSITES, opposites
from guard.detectors.grounding.words import stem


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("increase", "decreased"), ("rose", "fell"), ("first", "last"),
        ("likely", "unlikely"), ("agree", "disagrees"), ("hot", "cold"),
    ],
)  # fmt: skip
def test_opposites_of_any_form_both_ways(one: str, other: str) -> None:
    assert stem(other) in opposites(stem(one))
    assert stem(one) in opposites(stem(other))


@pytest.mark.parametrize(("one", "other"), [("increase", "rise"), ("hot", "warm"), ("tea", "milk")])
def test_like_words_are_none(one: str, other: str) -> None:
    assert stem(other) not in opposites(stem(one))


def test_no_word_is_its_own_opposite() -> None:
    assert all(one not in others for one, others in OPPOSITES.items())
