"""What the loaded rules cost, measured here and now: all together, and each alone.

Rule of the file: the texts are the rules' own examples, so that every rule has something to find;
on a reply of everyday text the sieve lets fewer rules through, and all is faster than shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from guard.detectors.loaded import detectors
from guard.detectors.pattern import PatternDetector
from guard.detectors.sieve import Sieve
from guard.rule import Rule
from guard.rules import Rulebook
from guard.types import Exchange, Passage, Reach

EXAMPLES_MAX = 12  # of one rule
ROUNDS = 3  # the best of them counts: a loaded machine only ever makes it slower
TEXTS_MAX = 400  # enough for a steady figure; with 200 rules about two seconds in all

Row = dict[str, Any]


def measure(rulebook: Rulebook) -> Row:
    """Microseconds per passage: of all pattern rules together, and of each without the sieve."""
    rules = [rule for rule in rulebook.rules if rule.compiled is not None]
    texts = _texts(rules)
    detector = PatternDetector(rules)
    passages = [Passage(Exchange("bench", 0.0), "text", 0, text, final=True) for text in texts]
    sieve = Sieve(rules)
    through = [0] * len(rules)
    for text in texts:
        for at in sieve.rules(text):
            through[at] += 1
    rows = [
        {
            "id": rule.id,
            "microseconds": _per_text(partial(_try, rule, texts), len(texts)),
            "let_through": round(count / max(len(texts), 1), 4),
            "hold_back": rule.reach,
        }
        for rule, count in zip(rules, through, strict=True)
    ]
    return {
        "rules": len(rules),
        "texts": len(texts),
        "characters": sum(map(len, texts)),
        "microseconds": _per_text(partial(_detect, detector, passages), len(texts)),
        "by_rule": sorted(rows, key=lambda row: -row["microseconds"] * row["let_through"]),
    }


def costs(rulebook: Rulebook) -> list[Row]:
    """What each rule costs where a text reaches it: its own examples; and when that is."""
    compiled = [rule for rule in rulebook.rules if rule.compiled is not None]
    skipping = {compiled[at].id for at in Sieve(compiled).skipped_by}
    return [
        {
            "id": rule.id,
            "kind": rule.kind,
            "hold_back": rule.reach,
            "tried": _tried(rule, skipping),
            "microseconds": _alone(rule),
            "file": f"{rule.file}:{rule.line}",
        }
        for rule in rulebook.rules
    ]


def costs_told(rows: list[Row], *, most: int) -> list[str]:
    """The costs for people: the most costly first, and those that are always tried."""
    ordered = sorted(rows, key=lambda row: (row["tried"] != "always", -row["microseconds"]))
    return [
        f"  {row['id']:<36} {row['microseconds']:>7} µs {row['tried']}, {_delay(row['hold_back'])}"
        for row in ordered[:most]
    ]


def _delay(reach: int | Reach) -> str:
    if isinstance(reach, Reach):
        return {Reach.PASSAGE: "needs a passage", Reach.REPLY: "needs the whole reply"}[reach]
    return f"holds {reach} characters back"


def _tried(rule: Rule, skipping: set[str]) -> str:
    """On which texts a rule is tried."""
    if rule.compiled is not None:
        return "always" if rule.id in skipping else "where the sieve lets it through"
    if rule.kind == "tokens":
        return "where one of its words stands"
    if rule.kind == "grounding":
        return "where there are sources"
    return "once a reply" if rule.reach is Reach.REPLY else "on every passage"


def _alone(rule: Rule) -> float:
    """Microseconds a text of the rule's own examples."""
    made = detectors([rule], budget_ms=1_000)
    passages = [
        Passage(
            Exchange("bench", 0.0, prompt=one.prompt, system=one.system, sources=one.context),
            "text",
            0,
            one.text,
            final=True,
            whole=rule.reach is Reach.REPLY,
        )
        for one in (*rule.match, *rule.passes)[:EXAMPLES_MAX]
    ]

    def work() -> None:
        for detector in made:
            for passage in passages:
                detector.detect(passage)

    return _per_text(work, len(passages))


def told(answer: Row, *, rows: int = 10) -> str:
    """The figures for people, the most costly rules first."""
    lines = [
        f"{answer['rules']} rules: {answer['microseconds']} µs a text of "
        f"{answer['characters'] // max(answer['texts'], 1)} characters"
    ]
    lines += [
        f"  {row['id']:<36} {row['microseconds']:>7} µs on {row['let_through']:>6.1%} of the texts"
        for row in answer["by_rule"][:rows]
    ]
    return "\n".join(lines)


def _texts(rules: list[Rule]) -> list[str]:
    texts = [one.text for rule in rules for one in (*rule.match, *rule.passes)]
    return texts[:: max(1, -(-len(texts) // TEXTS_MAX))]


def _try(rule: Rule, texts: list[str]) -> None:
    assert rule.compiled is not None
    for text in texts:
        rule.compiled.search(text)


def _detect(detector: PatternDetector, passages: list[Passage]) -> None:
    for passage in passages:
        detector.detect(passage)


def _per_text(work: Callable[[], None], texts: int) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return round(best / max(texts, 1) * 1e6, 2)
