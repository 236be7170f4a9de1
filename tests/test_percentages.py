"""Shares: all of them make a hundred, or they are not all."""

import pytest

from guard.detectors.consistency.percentages import percentages
from guard.types import Exchange

EXCHANGE = Exchange("x", 0.0)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The split is 50% rent, 30% food, 30% fun.", ["50% rent, 30% food, 30%"]),
        ("Market share: A 40%, B 30%, C 20%.", ["40%, B 30%, C 20%"]),
        ("Breakdown:\n- A: 40%\n- B: 40%\n- C: 40%\nSo be it.", ["40%\n- B: 40%\n- C: 40%"]),
    ],
)
def test_shares_of_a_whole_are_added(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in percentages(text, EXCHANGE)] == found


@pytest.mark.parametrize(
    "text",
    [
        "The split is 50% rent, 30% food, 20% fun.",
        "The top market shares: A 40%, B 30%, C 20%.",
        "Market share of the top 3:\n- A: 40%\n- B: 30%\n- C: 20%",
        "The split is 33% a, 33% b, 33% c.",
        "It rose 50% in May, 30% in June, 30% in July.",
        "Breakdown:\n- A: 40%\n- B: 60%",
        "Breakdown:\n- A: 40%\n- B: up 3 to 60%\n- C: 90%",
        "- A: 40%\n- B: 40%\n- C: 40%",
    ],
)
def test_other_percentages_are_not(text: str) -> None:
    assert list(percentages(text, EXCHANGE)) == []
