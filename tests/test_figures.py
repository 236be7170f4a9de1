"""Figures: what is one plain figure, and what is none."""

from decimal import Decimal

import pytest

from guard.detectors.consistency.figures import adds_up, figures


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("1,200", "1200", ""),
        ("$1,200.50", "1200.50", "$"),
        ("12%", "12", "%"),
        ("3 million", "3", "million"),
        ("-5", "-5", ""),
        ("−5 EUR", "-5", ""),
        ("€ 20k", "20", "€k"),
    ],
)
def test_a_figure(text: str, value: str, unit: str) -> None:
    (found,) = figures(f"so {text}.")
    assert (found.value, found.unit) == (Decimal(value), unit)


@pytest.mark.parametrize("text", ["1.2.3", "10:30", "x12", "12x", "1/2", "12-14", "9" * 40, "1,2"])
def test_no_figure(text: str) -> None:
    assert figures(f"so {text} it is") == []


def test_rounded_figures_add_up() -> None:
    *parts, total = figures("33.3 and 66.6 and 100")
    assert adds_up(parts, total)
    *parts, total = figures("33 and 66 and 100")
    assert not adds_up(parts, total)
