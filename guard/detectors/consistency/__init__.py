"""Rules of kind `consistency`: what contradicts itself, the calendar or arithmetic; no sources.

Rule of the file: a function each, pure, from a text to spans; some need no more than a passage, the
others see each channel once, whole, at its end. A false alarm costs more than a miss.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from guard.detectors.consistency.checksums import checksums
from guard.detectors.consistency.contradiction import contradiction
from guard.detectors.consistency.counts import counts
from guard.detectors.consistency.cut_off import cut_off
from guard.detectors.consistency.days import age_year, impossible_date, weekday_date
from guard.detectors.consistency.other_language import other_language
from guard.detectors.consistency.percentages import percentages
from guard.detectors.consistency.refusal import refusal
from guard.detectors.consistency.sums import sums
from guard.detectors.consistency.tables import tables
from guard.detectors.consistency.units import units
from guard.rule import Rule
from guard.types import Exchange, Finding, Passage, Reach

REPLY_MAX_CHARS = 200_000  # of a longer text its last ones are read

Find = Callable[[str, Exchange], Iterator[tuple[int, int]]]
FUNCTIONS: Mapping[str, Find] = {
    "age-year": age_year,
    "checksums": checksums,
    "contradiction": contradiction,
    "counts": counts,
    "cut-off": cut_off,
    "impossible-date": impossible_date,
    "language": other_language,
    "percentages": percentages,
    "refusal": refusal,
    "sums": sums,
    "tables": tables,
    "units": units,
    "weekday-date": weekday_date,
}
_DIGIT = re.compile(r"\d")
_OF_ANSWERS = frozenset({"cut-off", "language", "refusal"})
"""What can be asked of the answer alone, not of thoughts, calls and fields beside it."""
_BESIDE = ("#/", "event/", "reasoning", "thinking", "thought", "summary", "arguments", "input",
           "tool", "code", "refusal", "annotations", "quer", "result", "url", "grounding", "action",
           "citation", "logprobs")  # fmt: skip


class ConsistencyDetector:
    """Tries the rules of one reach: those of a passage, or those of a whole reply."""

    name = "consistency"

    def __init__(self, rules: Sequence[Rule], reach: Reach) -> None:
        self.reach = reach
        self._rules = [r for r in rules if r.kind == "consistency" and r.reach is reach]

    def detect(self, passage: Passage) -> Sequence[Finding]:
        if self.reach is Reach.PASSAGE and not _DIGIT.search(passage.text):
            return ()  # every one of them is about figures
        exchange, channel = passage.exchange, passage.channel
        base = max(0, len(passage.text) - REPLY_MAX_CHARS)
        text = passage.text[base:]
        findings = []
        for rule in self._rules:
            beside = rule.value in _OF_ANSWERS and any(part in channel for part in _BESIDE)
            if beside or not rule.covers(exchange.route, channel, text):
                continue
            for start, end in FUNCTIONS[rule.value](text, exchange):
                first = passage.start + base
                span = (first + start, first + end)
                findings.append(Finding(rule.id, rule.category, rule.score, *span, rule.message))
        return findings
