"""What matching costs by number of rules: `python -m tests.bench_rules`, about 10 s.

Made-up rules that find nothing, on texts of 500 characters put together from the sentences of the
shipped examples, each text seen once. Then the shipped packs, rules of whole replies among them,
on the same texts; and a pattern that runs away, on a text made for it. Times are processor time of
this thread: what else the machine does is not counted.
"""

from __future__ import annotations

import random
import time

import regex

from guard import patterns
from guard.detectors.loaded import detectors
from guard.detectors.pattern import PatternDetector
from guard.rule import Rule
from guard.rule_bodies import phrases_pattern
from guard.rules import load
from guard.types import Exchange, Passage, Reach

TEXT_CHARS = 500
TEXTS = 4_000
EXCHANGE = Exchange("bench", 0.0)


def sentences() -> list[str]:
    """Plain sentences, none of them a match of anything."""
    examples = [one.text for rule in load().rules for one in rule.passes]
    return [text for text in examples if text.isascii() and " " in text]


def texts(source: list[str]) -> list[str]:
    lot = random.Random(5)
    made = []
    for _ in range(TEXTS):
        text = ""
        while len(text) < TEXT_CHARS:
            text += lot.choice(source) + " "
        made.append(text[:TEXT_CHARS])
    return made


def rules(count: int, source: list[str]) -> list[Rule]:
    """Seven patterns of three shapes to three lists of phrases, of words as texts have them."""
    lot = random.Random(7)
    words = sorted({word.lower() for text in source for word in text.split() if word.isalpha()})
    made = []
    for at in range(count):
        one, two, three = (lot.choice(words) + "q" for _ in range(3))
        if at % 10 < 3:
            phrases = [f"{one} {two}", f"{two} {three}", f"{three} {one}"]
            compiled, kind = phrases_pattern(phrases, case=False), "phrases"
        else:
            shapes = (
                rf"\b(?:{one}|{two}) (?:the |a )?{three}\b",
                rf"\b{one}-[A-Za-z0-9]{{10,40}}\b",
                rf"\b{one} (?:\w{{1,14}} ){{0,4}}{two}\b",
            )
            phrases, kind = [], "pattern"
            compiled = regex.compile(shapes[at % 3], patterns.flags(case=False))
        made.append(Rule(f"r{at}", "pii", "", kind, 0.5, compiled, 90, 1, phrases=(*phrases,)))
    return made


def per_text(detector: PatternDetector, several: list[str]) -> float:
    passages = [Passage(EXCHANGE, "text", 0, text) for text in several]
    started = time.thread_time()
    for passage in passages:
        detector.detect(passage)
    return (time.thread_time() - started) / len(several) * 1e6


def shipped(several: list[str], reach: Reach | None) -> float:
    """What the shipped packs cost a text: rules of one reach; None is all patterns and phrases."""
    made = [
        detector
        for detector in detectors(load().rules)
        if (reach is None) == isinstance(detector.reach, int) and reach in (None, detector.reach)
    ]
    exchange = Exchange("bench", 0.0, prompt=several[0], system=several[1])
    passages = [
        Passage(exchange, "text", 0, text, final=True, whole=reach is Reach.REPLY)
        for text in several
    ]
    started = time.thread_time()
    for passage in passages:
        for detector in made:
            detector.detect(passage)
    return (time.thread_time() - started) / len(several) * 1e6


def main() -> None:
    source = sentences()
    several = texts(source)
    for count in (50, 200, 1_000):
        detector = PatternDetector(rules(count, source))
        first = per_text(detector, several[: TEXTS // 2])
        later = per_text(detector, several[TEXTS // 2 :])
        print(f"{count:>5} rules: {first:>6.1f} µs a text at first, {later:>6.1f} µs after a while")
    some = several[: TEXTS // 4]
    print(f"shipped packs: {shipped(some, None):>6.1f} µs for patterns and phrases,", end=" ")
    print(f"{shipped(some, Reach.PASSAGE):.1f} for passages (no sources),", end=" ")
    print(f"{shipped(some, Reach.REPLY):.1f} for whole replies")
    bad = Rule("bad", "pii", "", "pattern", 0.5, regex.compile(r"(?:a|aa)+$"), 90, 1)
    started = time.thread_time()
    found = PatternDetector([bad]).detect(Passage(EXCHANGE, "text", 0, "a" * 60 + "!"))
    took = (time.thread_time() - started) * 1e3
    print(f"a runaway pattern: {took:.1f} ms, then {found[0].category}")


if __name__ == "__main__":
    main()
