"""Rules of kind `grounding`: does what the answer states stand in what the model was given?

Rules of the file: without sources it is silent; a figure of the question is known, not evidence;
`$1,200`, `1200` and `1.2k` are one figure, so are `12%`, `12.0 percent` and `0.12`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import lru_cache

import regex

from guard.folding import fold
from guard.rule import Rule
from guard.types import Finding, Passage, Reach

_DIGITS_MAX = (
    28  # Decimal's own precision; a longer numeral is compared as it is written, not as a figure
)
_MAGNITUDES = {
    "k": 3,
    "thousand": 3,
    "m": 6,
    "mn": 6,
    "million": 6,
    "bn": 9,
    "b": 9,
    "billion": 9,
    "trillion": 12,
    "tn": 12,
}
_UNITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
_MORE = "fifteen sixteen seventeen eighteen nineteen twenty"
_WORDS = {word: value for value, word in enumerate(f"{_UNITS} {_MORE}".split())} | {
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
    "hundred": 100,
    "dozen": 12,
}
_NUMBER = regex.compile(
    r"(?<![\w.,])(?P<int>\d{1,3}(?:,\d{3})+|\d+)(?P<fraction>\.\d+)?"
    r"(?:\s?(?P<unit>%|(?:percent|per cent|thousand|million|billion|trillion|[kmb]|mn|bn|tn)\b))?"
    r"(?:st|nd|rd|th|s)?(?![\w])",
    regex.IGNORECASE,
)
_LIST_MARKER = regex.compile(r"\s*(?:[*#>-]+\s*)?\(?\d{1,3}[.):](?!\S)")
_WORD = regex.compile(r"\b[a-z]{3,9}\b")


class GroundingDetector:
    """Looks up the figures of a passage in the exchange's sources."""

    name = "grounding"
    reach = Reach.PASSAGE

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = [rule for rule in rules if rule.kind == "grounding"]

    def detect(self, passage: Passage) -> Sequence[Finding]:
        exchange = passage.exchange
        if not exchange.sources or not self._rules:
            return ()
        rules = [rule for rule in self._rules if rule.covers(exchange.route, passage.channel)]
        known = _figures((*exchange.sources, exchange.prompt))
        findings = []
        for start, end, values in _numbers(passage.text, answer=True):
            if not values & known:
                findings += [
                    Finding(
                        rule.id,
                        rule.category,
                        rule.score,
                        passage.start + start,
                        passage.start + end,
                        rule.message,
                    )
                    for rule in rules
                ]
        return findings


@lru_cache(maxsize=64)
def _figures(texts: tuple[str, ...]) -> frozenset[Decimal | str]:
    known: set[Decimal | str] = set()
    for text in texts:
        for _, _, values in _numbers(text, answer=False):
            known |= values
        lower = text.lower()
        known |= {Decimal(_WORDS[word]) for word in _WORD.findall(lower) if word in _WORDS}
    return frozenset(known)


def _numbers(text: str, *, answer: bool) -> Iterator[tuple[int, int, set[Decimal | str]]]:
    """The figures of a text with their spans, and the values each may be written as."""
    folded = fold(text)
    marker = _LIST_MARKER.match(folded.text) if answer else None
    for match in _NUMBER.finditer(folded.text, marker.end() if marker else 0):
        digits = match["int"].replace(",", "") + (match["fraction"] or "")
        values: set[Decimal | str] = {digits}
        if len(digits) <= _DIGITS_MAX:
            value = Decimal(digits)
            unit = (match["unit"] or "").lower()
            if unit in _MAGNITUDES:
                values = {value.scaleb(_MAGNITUDES[unit]).normalize()}
            else:
                values = {value.normalize()}
            if unit in ("%", "percent", "per cent"):
                values.add((value / 100).normalize())
        yield *folded.to_original(*match.span()), values
