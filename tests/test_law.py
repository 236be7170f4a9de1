"""The law: however an upstream cuts the same texts into chunks and interleaves its channels, the
client gets the same texts and the same verdict, and no character of a blocked or masked span.

`OUTGUARD_LAW_CUTS` says how many random cuts are tried; `make torture` tries a million.
"""

import json
import os
import random
from pathlib import Path

import pytest

from guard.detectors.loaded import detectors
from guard.inspector import Inspector
from guard.policy import Policy
from guard.rules import load
from guard.types import Action, Exchange
from tests.formats import FORMATS, Texts
from tests.streams import cuts, said, through

CUTS = int(os.environ.get("OUTGUARD_LAW_CUTS", "20000"))
CUTS_OF_ONE = 10  # random cuts of the same texts
BOOKS = 12
SEEDS = range(14)

LONGEST = 20  # of a rule without a greatest width
RULES = {
    "fruit": "phrases: [forbidden fruit, bad apple]",
    "maybe": "pattern: 'maybe [a-z ]{1,60} perhaps'",
    "number": "pattern: '\\b\\d{4}[. ]{1,2}\\d{4}\\b'",
    "ahead": "pattern: 'cat(?= sat on the)'",
    "behind": "pattern: '(?<=the )mat\\b'",
    "start": "pattern: '^Fine, [a-z]{1,9}'",
    "long": f"pattern: 'key-[a-z0-9-]+'\n    longest: {LONGEST}",
    "around": "pattern: 'see \\d{1,5}'\n    unless: {around: 'page'}\n    longest: 30",
    "upper": "pattern: '\\bNASA\\b'\n    case: true",
    "loop": "repetition: words\n    times: 3",
    "again": "repetition: sentences\n    times: 2",
    "sum": "consistency: sums",
    "end": "consistency: cut-off",
}
OF_REPLIES = {"loop", "again", "sum", "end"}
"""Rules of whole replies: outside `whole` they change how a choice ends, and take no text back."""
WORDS = ["The cat sat. ", "It is 1234. 5678 now. ", "a forbidden", " fruit! ", "maybe so it is ",
         "perhaps. ", "Fine, thanks… ", "see 99991234 5678", "\n", "好的。", "no\u200b ", "cat sat",
         " on the mat. ", "bad\u00adapple ", "Bad  apple", "key-", "a1b2c3d4e5f6g7h8i9j0k1l2m3n4 ",
         "ＮＡＳＡ ", "NASA nasa ", "on page 7 see 12", "\U0001f600\u200d\U0001f600 ",
         "\u200b" * 70, "so so so ", "A sum: 12 + 30 = 52. ", "We are all glad to help. ",
         "It stands by the old river and near it is the ", "x, ",
         "Dr. No went to St. Ives, 3.5 km away. ",
         "\u0645\u0631\u062d\u0628\u0627\u061f "]  # fmt: skip
Book = tuple[Inspector, Policy]
ACTIONS = ("redact", "redact", "review", "block")


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> list[Book]:
    """Random sets of rules, each with random actions."""
    found = []
    for seed in range(BOOKS):
        chance = random.Random(seed)
        folder: Path = tmp_path_factory.mktemp(f"book{seed}")
        names = chance.sample(sorted(RULES), k=chance.randint(1, len(RULES)))
        rules = [
            f"  - id: {name}\n    {RULES[name]}\n    category: {name}\n    score: 1\n"
            f"    examples: {{match: [x], pass: [y]}}\n"
            for name in names
        ]
        (folder / "a.yaml").write_text("category: house\nrules:\n" + "".join(rules))
        policy = {name: {chance.choice(ACTIONS): 1.0} for name in names}
        policy["degenerate"] = {"redact": 0.5}
        (folder / "policy.yaml").write_text(json.dumps({"routes": {"default": policy}}))
        book = load(folder)
        judge = Inspector(detectors(book.rules, budget_ms=10_000), book.policy, book.cuts)
        found.append((judge, book.policy))
    return found


def some_texts(name: str, chance: random.Random) -> Texts:
    """Texts for some channels of a format."""
    shape = FORMATS[name]
    texts = {}
    for channel in chance.sample(shape.channels, k=chance.randint(1, len(shape.channels))):
        text = "".join(chance.choices(WORDS, k=chance.randint(1, 9)))
        if channel in shape.json_channels:
            text = json.dumps({"note": text, "more": [chance.choice(WORDS)]}, ensure_ascii=False)
        texts[channel] = text
    return texts


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", FORMATS)
def test_the_law(books: list[Book], name: str, seed: int) -> None:
    shape = FORMATS[name]
    chance = random.Random(f"{name} {seed}")
    rounds = max(1, CUTS // (CUTS_OF_ONE * len(SEEDS) * len(FORMATS)))
    for number in range(rounds):
        judge, policy = chance.choice(books)
        release = chance.choice(["sentence", "sentence", "token", "whole"])
        texts = some_texts(name, chance)
        where = f"{name}, seed {seed}, round {number}, {release}"
        first = None
        for _ in range(CUTS_OF_ONE):
            events = list(shape.events(texts, chance if first else None))
            raw = b"".join(events)
            chunks = cuts(raw, chance, pieces=chance.choice([0, 5, 60]))
            got = through(
                judge, shape.path, shape.request, chunks, release=release, array=shape.array
            )
            if got.verdict.action is Action.ALLOW:
                assert got.raw == raw, where
            shown = said(got.raw, shape.path)
            if first is None:
                first = (shown, got.verdict.action)
                plain = {k: v for k, v in texts.items() if k not in shape.json_channels}
                action = None if release == "whole" else got.verdict.action
                _holds_back((judge, policy), plain, shown, where, action)
            assert (shown, got.verdict.action) == first, where


def _holds_back(book: Book, texts: Texts, shown: Texts, where: str, action: Action | None) -> None:
    """Nothing of what a rule stops or masks in a text was shown.

    `action`: of the reply, where text leaves before its end.
    """
    judge, policy = book
    for channel, text in texts.items():
        verdict = judge.judge_text(Exchange("x", 0.0), channel, text)
        seen = shown.get(channel, "").removesuffix("No.")
        for finding in verdict.findings:
            end = finding.end
            if finding.rule == "long":  # as far as it is looked at by token
                end = min(end, finding.start + LONGEST)
            alone = policy.judge("default", [finding])
            if finding.rule in OF_REPLIES and action is not None:
                assert action >= max(alone.action, Action.REVIEW), where
                continue
            assert alone.action < Action.REVIEW or len(seen) <= finding.start, where
            assert not alone.masks or set(seen[finding.start : end]) <= {"*"}, where
