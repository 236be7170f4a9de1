"""Figures as texts write them, for those who calculate with them.

Rule of the file: what is not clearly one plain figure is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

DIGITS_MAX = 15  # a longer row of digits is a name, not a figure

FIGURE = (
    r"(?<![\w.,/:^-])(?P<sign>[-−])?(?:(?P<money>[$€£¥]) ?)?(?P<digits>\d{1,3}(?:,\d{3})+|\d{1,15})"
    r"(?P<fraction>\.\d{1,6})?(?P<unit> ?%| (?:thousand|million|billion|percent)\b|[kKMB]\b)?"
    r"(?![\w/^-]|[.,:]\d)"
)
_FIGURE = re.compile(FIGURE)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its span. Figures of different units are not compared."""

    value: Decimal
    unit: str  # $, %, million …
    step: Decimal  # of the last digit that was written
    start: int
    end: int


def figures(text: str, *, start: int = 0) -> list[Figure]:
    """The figures of a text, in order; `start` is added to their places."""
    found = []
    for match in _FIGURE.finditer(text):
        digits = match["digits"].replace(",", "") + (match["fraction"] or "")
        value = Decimal(digits) * (-1 if match["sign"] else 1)
        step = Decimal(1).scaleb(-len(match["fraction"] or ".") + 1)
        unit = (match["money"] or "") + (match["unit"] or "").strip().lower()
        found.append(Figure(value, unit, step, start + match.start(), start + match.end()))
    return found


def adds_up(parts: list[Figure], total: Figure) -> bool:
    """Whether figures of one unit add up to the total, each rounded to its last digit."""
    rounding = sum((part.step for part in [*parts, total]), Decimal()) / 2
    exact = all(part.step == 1 for part in [*parts, total])  # counts and whole amounts
    off = abs(sum((part.value for part in parts), Decimal()) - total.value)
    return off <= (Decimal() if exact else rounding)
