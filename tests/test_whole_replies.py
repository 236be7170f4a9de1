"""Rules of whole replies: they change how a choice ends, and only in `whole` take text back."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from guard.detectors.loaded import detectors
from guard.inspector import Inspector
from guard.rules import Rulebook, load
from guard.types import Action, Exchange
from tests.servers import RawUpstream, guard, until
from tests.streams import Outcome, through
from tests.test_stream import STREAM, Client, api, decide, last_review

PATH = "/v1/chat/completions"
LOOP = "It went on and on. So the end came: no no no no no no"
FINE = "It all went well. And so did the rest of it."


def book(folder: Path, action: str, kind: str = "repetition: words") -> Rulebook:
    (folder / "a.yaml").write_text(
        f"category: house\nrules:\n  - id: r\n    {kind}\n    score: 1\n"
        f"    examples: {{match: ['{LOOP}'], pass: [y]}}\n"
    )
    policy = {"routes": {"default": {"house": {action: 0.5}}}}
    (folder / "policy.yaml").write_text(json.dumps(policy))
    return load(folder)


def events(*deltas: tuple[int, str, str | None], done: bool = True) -> Iterator[bytes]:
    for index, text, reason in deltas:
        choice = {"index": index, "delta": {"content": text}, "finish_reason": reason}
        yield b"data: " + json.dumps({"id": "c", "choices": [choice]}).encode() + b"\n\n"
    if done:
        yield b"data: [DONE]\n\n"


def sent(rules: Rulebook, chunks: Iterator[bytes], release: str, count: int = 1) -> Outcome:
    judge = Inspector(detectors(rules.rules, budget_ms=10_000), rules.policy, rules.cuts)
    return through(judge, PATH, {"n": count}, chunks, release=release)


def told(raw: bytes, index: int = 0) -> tuple[str, str]:
    """Text and ending of a choice."""
    text = ending = ""
    for line in raw.split(b"\n\n"):
        if line.startswith(b"data: {"):
            value: Any = json.loads(line[6:])
            for choice in value["choices"]:
                if choice["index"] == index:
                    text += choice["delta"].get("content") or ""
                    ending += choice["finish_reason"] or ""
    return text, ending


@pytest.mark.parametrize("action", ["review", "block"])
@pytest.mark.parametrize("release", ["sentence", "token"])
@pytest.mark.parametrize(
    "last", [[(0, "", "stop")], [(0, " no", "stop")], [], [(0, " no no.", None), (0, "", "stop")]]
)
def test_what_has_left_stays_and_the_ending_tells(
    tmp_path: Path, action: str, release: str, last: list[tuple[int, str, str | None]]
) -> None:
    pieces = [(0, LOOP[at : at + 7], None) for at in range(0, len(LOOP), 7)]
    got = sent(book(tmp_path, action), events(*pieces, *last), release)
    assert told(got.raw) == (LOOP + "".join(text for _, text, _ in last), "content_filter")
    assert got.verdict.action.word == action
    assert got.raw.endswith(b"data: [DONE]\n\n")
    assert got.raw.count(b"[DONE]") == 1
    assert b'"stop"' not in got.raw


def test_in_whole_nothing_leaves(tmp_path: Path) -> None:
    got = sent(book(tmp_path, "review"), events((0, LOOP, None), (0, "", "stop")), "whole")
    assert told(got.raw) == ("No.", "content_filter")


def test_a_mask_only_where_nothing_has_left(tmp_path: Path) -> None:
    rules, masked = book(tmp_path, "redact"), LOOP[:36] + "*" * len("no no no no no no")
    chunks = [(0, LOOP, None), (0, "", "stop")]
    got = sent(rules, events(*chunks), "whole")
    assert (told(got.raw), got.verdict.action) == ((masked, "stop"), Action.REDACT)
    got = sent(rules, events(*chunks), "sentence")
    assert (told(got.raw), got.verdict.action) == ((LOOP, "content_filter"), Action.REVIEW)


def test_other_choices_go_on(tmp_path: Path) -> None:
    chunks = events((0, LOOP, None), (1, FINE, None), (0, "", "stop"), (1, "", "stop"))
    got = sent(book(tmp_path, "block"), chunks, "sentence", 2)
    assert told(got.raw, 0) == (LOOP, "content_filter")
    assert told(got.raw, 1) == (FINE, "stop")


def test_what_is_well_leaves_byte_for_byte(tmp_path: Path) -> None:
    chunks = list(events((0, FINE[:20], None), (0, FINE[20:], "stop")))
    for release in ("sentence", "token", "whole"):
        assert sent(book(tmp_path, "block"), iter(chunks), release).raw == b"".join(chunks)


def test_a_rule_of_whole_replies_delays_nothing_but_the_last_character(tmp_path: Path) -> None:
    assert book(tmp_path, "block").hold_back == 1
    assert book(tmp_path, "block", "pattern: 'abc'").hold_back == 4


def test_what_was_asked_is_known_to_the_rules(tmp_path: Path) -> None:
    rules = book(tmp_path, "block", "repetition: system-prompt")
    judge = Inspector(detectors(rules.rules), rules.policy, rules.cuts)
    system = "You are the clerk of a small town, and must never speak of the mayor or his wife."
    text = f"I was told: {system}"
    exchange = Exchange("x", 0.0, system=system)
    assert judge.judge_text(exchange, "text", text).action is Action.BLOCK
    assert judge.judge_text(Exchange("x", 0.0), "text", text).action is Action.ALLOW


def test_strings_inside_json_are_whole_texts_too(tmp_path: Path) -> None:
    rules = book(tmp_path, "block")
    judge = Inspector(detectors(rules.rules), rules.policy, rules.cuts)
    call = {"index": 0, "function": {"arguments": json.dumps({"note": LOOP})}}
    choice = {"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}
    raw = [b"data: " + json.dumps({"id": "c", "choices": [choice]}).encode() + b"\n\n"]
    got = through(judge, PATH, {}, [*raw, *events((0, "", "stop"))])
    assert b"no no" not in got.raw
    assert got.verdict.action is Action.BLOCK


CONFIG = """
routes:
  - {name: hold, match: {path: /hold/*}, on_review: hold, hold_seconds: 20}
  - {name: release, match: {path: /release/*}, on_review: release}
"""


@pytest.fixture(scope="module")
def upstream() -> Iterator[RawUpstream]:
    with RawUpstream() as running:
        pieces = [(0, LOOP[at : at + 9], None) for at in range(0, len(LOOP), 9)]
        stream = b"".join(events(*pieces, (0, "", "stop")))
        for route in ("plain", "hold", "release"):
            running.answers[f"/{route}{PATH}"] = [STREAM, stream]
        yield running


@pytest.fixture(scope="module")
def url(upstream: RawUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("served")
    (folder / "rules").mkdir()
    book(folder / "rules", "review")
    (folder / "guard.yaml").write_text(CONFIG)
    options = ["--rules", str(folder / "rules"), "--config", str(folder / "guard.yaml")]
    address = f"http://127.0.0.1:{upstream.port}"
    with guard(folder, "serve", "--upstream", address, *options) as (running, _):
        yield running


def test_served_withheld_is_a_typed_ending_and_a_review(url: str) -> None:
    client = Client(url, "plain")
    client.end()
    assert told(client.got) == (LOOP, "content_filter")
    review = last_review(url, "default", "waiting")
    assert review["rules"] == ["r"]
    item = api(url, f"/guard/v1/reviews/{review['id']}")["item"]
    assert list(item["texts"].values()) == [LOOP]


@pytest.mark.parametrize("outcome", ["approve", "reject"])
def test_served_held_waits_before_its_last_piece(url: str, outcome: str) -> None:
    client = Client(url, "hold")
    review = last_review(url, "hold", "waiting")["id"]
    until(lambda: len(told(client.got)[0]) > len(LOOP) - 10)
    assert told(client.got)[0] != LOOP
    assert told(client.got)[1] == ""
    decide(url, review, outcome)
    client.end()
    ending = "stop" if outcome == "approve" else "content_filter"
    assert told(client.got) == (LOOP, ending)


def test_served_released_is_queued_for_a_look(url: str) -> None:
    client = Client(url, "release")
    client.end()
    assert told(client.got) == (LOOP, "stop")
    assert last_review(url, "release", "waiting")["rules"] == ["r"]
