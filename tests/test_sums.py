"""Sums: what does not add up is found, what is rounded or unclear is not."""

import pytest

from guard.detectors.consistency.sums import sums
from guard.types import Exchange

EXCHANGE = Exchange("x", 0.0)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("So 2 + 3 = 6.", ["2 + 3 = 6"]),
        ("7 × 8 = 54", ["7 × 8 = 54"]),
        ("$1,200 + $300 = $1,600", ["$1,200 + $300 = $1,600"]),
        ("10 - 4 = 5 now", ["10 - 4 = 5"]),
        ("LCM = 3 x 5 x 7 = 110", ["3 x 5 x 7 = 110"]),
        ("- A: 2\n- B: 3\n- Total: 6", ["6"]),
        ("Rent: 10 EUR\nFood: 5 EUR\n\n**Total:** 16 EUR", ["16"]),
        ("1. Rent – $10.50\n2. Food – $5.25\nTotal – $16.00", ["$16.00"]),
        ("Fixed:\n- Rent: $10\nOther:\n- Food: $5\nTotal: $20", ["$20"]),
        ("apples 2, pears 3, total 6", ["6"]),
        ("We sold 12 chairs, 4 tables and 2 beds, a total of 19.", ["19"]),
    ],
)
def test_a_wrong_sum_is_found(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in sums(text, EXCHANGE)] == found


@pytest.mark.parametrize(
    "text",
    [
        "2 + 3 = 5",
        "1/3 = 0.33",
        "0.1 + 0.2 = 0.3",
        "10 ÷ 3 = 3.33",
        "10 ÷ 3 = 3.3333",
        "2 + 3 = 5 + 1 = 6",
        "x + 3 = 6",
        "2x + 3 = 6",
        "2 + 3 = 6x",
        "y = 2 + 3",
        "a2 + 3 = 6",
        "(2 + 3) = 6 - 1",
        "4 - (2 + 3) = 6",
        "10:30 + 2 = 12",
        "5 ÷ 0 = 1",
        "- A: 2\n- B: 3\n- Total: 5",
        "- A: 2\n- B: 3 to 4\n- Total: 6",
        "- A: 2 kg at $3\n- B: 3\n- Total: 6",
        "- A: $2\n- B: 3%\n- Total: $6",
        "- A: 33.3\n- B: 66.6\n- Total: 100",
        "- Rent: $10\n- Discount: $5\n- Total: $5",
        "- Income: $10\n- Food: $5\n- Total: $5",
        "Total: 5",
        "- A: 2\n- Total per day: 9",
        "apples 2, pears 3, total 5",
        "In 2019, 3 men, total 6 women",
        "a total of 6",
    ],
)
def test_a_right_or_unclear_one_is_not(text: str) -> None:
    assert list(sums(text, EXCHANGE)) == []
