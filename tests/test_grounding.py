"""Grounding of figures: what is one figure, what is known, and numerals that mean harm."""

import time
from pathlib import Path

import pytest

from guard.detectors.grounding import GroundingDetector
from guard.rule import Rule
from guard.rules import read
from guard.types import Exchange, Passage

RULE = """\
category: hallucination
rules:
  - id: figure
    grounding: numbers
    examples: {match: [{text: '<<7>> x', context: six}], pass: [no]}
"""


@pytest.fixture
def rules(tmp_path: Path) -> tuple[Rule, ...]:
    (tmp_path / "a.yaml").write_text(RULE)
    (tmp_path / "policy.yaml").write_text("routes: {default: {hallucination: {review: 0.5}}}\n")
    return read(tmp_path)[0].rules


def unknown(rules: tuple[Rule, ...], text: str, *sources: str, prompt: str = "") -> list[str]:
    exchange = Exchange("x", 0.0, sources=sources, prompt=prompt)
    found = GroundingDetector(rules).detect(Passage(exchange, "text", 100, text))
    return [text[one.start - 100 : one.end - 100] for one in found]


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        ("about $1,200 a month", "1200"),
        ("about 1200", "$1,200"),
        ("about 1.2k", "1,200"),
        ("about 1.2 thousand", "1200.00"),
        ("up 12%", "12.0 percent"),
        ("up 12 per cent", "0.12"),
        ("a share of 0.12", "12%"),
        ("some 3 million", "3,000,000"),
        ("some ３ m", "3 mn"),
        ("they sent 12", "a dozen"),
        ("the 21st", "21"),
        ("in the 1990s", "1990"),
        ("some \u0663", "3"),
        ("1\u200b2 of them", "12"),
    ],
)
def test_one_figure_in_many_forms(rules: tuple[Rule, ...], answer: str, source: str) -> None:
    assert unknown(rules, answer, source) == []
    assert len(unknown(rules, answer, "98765")) == 1


@pytest.mark.parametrize(
    ("answer", "source", "left"),
    [
        ("a 13 and a 14", "13", ["14"]),
        ("1.3k", "1200", ["1.3k"]),
        ("12%", "13% of", ["12%"]),
        ("1.5 million people", "5 million", ["1.5 million"]),
        ("12:30 is the time", "none", ["12", "30"]),
        ("3. The third step", "none", []),
        ("- 3) The third step", "none", []),
        ("(3) has 4 parts", "none", ["4"]),
        ("model A4 and v2", "none", []),
    ],
)
def test_what_is_not_known(
    rules: tuple[Rule, ...], answer: str, source: str, left: list[str]
) -> None:
    assert unknown(rules, answer, source) == left


def test_it_is_silent_without_sources_and_knows_the_question(rules: tuple[Rule, ...]) -> None:
    assert unknown(rules, "exactly 77") == []
    assert unknown(rules, "exactly 77", "none") == ["77"]
    assert unknown(rules, "exactly 77", "none", prompt="is it 77?") == []


def test_hostile_numerals_neither_raise_nor_stall(rules: tuple[Rule, ...]) -> None:
    started = time.perf_counter()
    huge = "9" * 10_000
    assert unknown(rules, f"is {huge}", "none") == [huge]
    assert unknown(rules, f"is {huge}", f"was {huge}") == []
    assert unknown(rules, f"is {huge}8", f"was {huge}9") == [f"{huge}8"]
    assert unknown(rules, "is " + "1" * 27 + "2", "1" * 27 + "3") == ["1" * 27 + "2"]
    assert unknown(rules, "is " + "1," * 5_000 + "x", "none") is not None
    assert unknown(rules, "is " + "111," * 5_000 + "1x", "none") is not None
    assert unknown(rules, "is ٣٤.٥٦", "34.56") == []
    assert unknown(rules, "is 5²", "none") is not None
    assert time.perf_counter() - started < 2
