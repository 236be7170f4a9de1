"""The law: however a reply is cut and interleaved, the client gets the same text and verdict."""

import json
import random
from pathlib import Path

import pytest

from guard import jsontext
from guard.detectors.pattern import PatternDetector
from guard.dialects import Note
from guard.dialects.openai_chat import OpenAIChat
from guard.gate import Gate
from guard.inspector import Inspector
from guard.passages import Cuts
from guard.rules import load
from guard.sse import SSEDecoder
from guard.types import Exchange, Verdict
from tests.streams import said, through

RULES = """
category: house
rules:
  - id: stop
    phrases: [forbidden fruit]
    category: stop
    score: 1
    examples: {match: [a forbidden fruit], pass: [fruit]}
  - id: doubt
    pattern: 'maybe [a-z ]{1,60} perhaps'
    category: doubt
    score: 1
    examples: {match: [maybe it is perhaps], pass: [maybe]}
  - id: hide
    pattern: '\\b\\d{4}[. ]{1,2}\\d{4}\\b'
    category: hide
    score: 1
    examples: {match: ['1234. 5678'], pass: ['1234']}
"""
POLICY = "routes: {default: {stop: {block: 1}, doubt: {review: 1}, hide: {redact: 1}}}"
WORDS = ["The cat sat. ", "It is 1234. 5678 now. ", "A forbidden", " fruit! ", "maybe so it is"]
WORDS += [" perhaps. ", "Fine, ", "thanks… ", "see 99991234 5678", "\n", "好的。", "no\u200b "]


@pytest.fixture(scope="module")
def inspector(tmp_path_factory: pytest.TempPathFactory) -> Inspector:
    folder: Path = tmp_path_factory.mktemp("rules")
    (folder / "house.yaml").write_text(RULES)
    (folder / "policy.yaml").write_text(POLICY)
    book = load(folder)
    cuts = Cuts(book.hold_back, book.look_back)
    return Inspector([PatternDetector(book.rules)], book.policy, cuts)


def _stream(texts: list[str], chance: random.Random | None) -> list[bytes]:
    """The events of a reply, in pieces of random size, choices in random turns."""
    left, events = list(texts), []
    while any(left):
        index = (
            chance.choice([i for i, text in enumerate(left) if text])
            if chance
            else next(i for i, text in enumerate(left) if text)
        )
        size = chance.randint(1, 30) if chance else len(left[index])
        events.append({"index": index, "delta": {"content": left[index][:size]}})
        left[index] = left[index][size:]
    for index in range(len(texts)):
        events.append({"index": index, "delta": {}, "finish_reason": "stop"})
    chunks = [{"id": "c", "created": 1, "model": "m", "choices": [event]} for event in events]
    return [b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks] + [
        b"data: [DONE]\n\n"
    ]


def _client(inspector: Inspector, raw: list[bytes], count: int) -> tuple[bytes, Verdict]:
    """What the client gets of a stream."""
    dialect = OpenAIChat()
    reply = dialect.reply(dialect.read_request("", {"n": count, "messages": []}))
    names = tuple(f"choices/{index}" for index in range(count))
    gate = Gate(inspector.cuts, Exchange("x", 0.0), choices=names)
    decoder = SSEDecoder(limit_bytes=100_000)
    out = b""

    def pump() -> None:
        nonlocal out
        for ticket, passage in gate.passages():
            gate.settle(ticket, passage, inspector.judge(passage))
        for leaving in gate.leave():
            out += reply.write(leaving)
            for name in leaving.endings:
                out += reply.end(name, Note("No.", {}), nothing_left=gate.choice(name).emitted == 0)

    for chunk in raw:
        for event in decoder.feed(chunk):
            gate.take(event, reply.read_event(event))
        pump()
    gate.end()
    pump()
    assert gate.over or gate.empty
    return out + (reply.last if gate.over else b""), gate.verdict


def _texts(out: bytes, count: int) -> list[tuple[str, str]]:
    """Each choice's text and how it ended."""
    texts, ends = [""] * count, [""] * count
    for line in out.split(b"\n\n"):
        if line.startswith(b"data: {"):
            for choice in json.loads(line[6:])["choices"]:
                texts[choice["index"]] += choice["delta"].get("content", "")
                ends[choice["index"]] += choice.get("finish_reason") or ""
    return list(zip(texts, ends, strict=True))


@pytest.mark.parametrize("seed", range(50))
def test_same_text_and_verdict_however_it_is_cut(inspector: Inspector, seed: int) -> None:
    chance = random.Random(seed)
    count = chance.randint(1, 3)
    texts = ["".join(chance.choices(WORDS, k=chance.randint(1, 14))) for _ in range(count)]
    out, verdict = _client(inspector, _stream(texts, None), count)
    expected = _texts(out, count)
    for text, (shown, _) in zip(texts, expected, strict=True):
        judged = inspector.judge_text(Exchange("x", 0.0), "t", text)
        stops = [f.start for f in judged.findings if f.category in ("stop", "doubt")]
        if shown != "No.":
            assert len(shown) <= min(stops, default=len(text))
            for start, end in judged.masks:
                assert set(shown[start:end]) <= {"*"}
    for _ in range(20):
        raw = _stream(texts, chance)
        out, again = _client(inspector, raw, count)
        assert _texts(out, count) == expected
        assert again.action == verdict.action
        if verdict.action == 0:
            assert out == b"".join(raw)
        assert out.count(b"[DONE]") == 1


def _event(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def _chat(text: str, *, index: int = 0, reason: str | None = None) -> bytes:
    return _event({"choices": [
        {"index": index, "delta": {"content": text}, "finish_reason": reason}
    ]})  # fmt: skip


def test_an_upstream_that_says_stop_with_each_event_hides_nothing(inspector: Inspector) -> None:
    pieces = ["I call 12", "34 567", "8 back."]
    chat = [*(_chat(piece, reason="stop") for piece in pieces), b"data: [DONE]\n\n"]
    gemini = [
        _event({"candidates": [{"content": {"parts": [{"text": piece}]}, "finishReason": "STOP"}]})
        for piece in pieces
    ]
    for path, events in (
        ("/v1/chat/completions", chat),
        ("/v1beta/models/m:streamGenerateContent", gemini),
    ):
        got = through(inspector, path, {}, events)
        assert "I call ********* back." in "".join(said(got.raw, path).values())


@pytest.mark.parametrize(
    ("request_value", "events"),
    [
        ({}, [_chat("a forb"), b"data: [DONE]\n\n", _chat("idden fruit")]),
        ({"n": 2}, [_chat("a forb", reason="stop"), _chat("idden fruit")]),
    ],
)
def test_a_text_that_goes_on_after_its_end_is_refused(
    inspector: Inspector, request_value: dict[str, int], events: list[bytes]
) -> None:
    with pytest.raises(jsontext.UnreadableError, match="goes on that has ended"):
        through(inspector, "/v1/chat/completions", request_value, events)


def test_a_text_that_begins_anew_is_another_text(inspector: Inspector) -> None:
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text"}}
    stop = _event({"type": "content_block_stop", "index": 0})
    events = []
    for text in ("Fine, 1234", " 5678 and 1234 5678."):
        delta = {"type": "text_delta", "text": text}
        events += [_event(start), _event({"type": "content_block_delta", "index": 0,
                                          "delta": delta}), stop]  # fmt: skip
    got = through(inspector, "/v1/messages", {}, events)
    assert list(got.texts.values()) == ["Fine, 1234", " 5678 and 1234 5678."]
    assert said(got.raw, "/v1/messages")["content/0/text"] == "Fine, 1234 5678 and *********."


def test_done_ends_a_text_though_the_connection_stays_open(inspector: Inspector) -> None:
    reply = OpenAIChat().reply(OpenAIChat().read_request("/v1/chat/completions", {}))
    gate = Gate(inspector.cuts, Exchange("x", 0.0), choices=("choices/0",))
    decoder = SSEDecoder(limit_bytes=1000)
    for event in decoder.feed(_chat("Short.", reason="stop") + b"data: [DONE]\n\n"):
        gate.take(event, reply.read_event(event))
    for ticket, passage in list(gate.passages()):
        gate.settle(ticket, passage, inspector.judge(passage))
    assert len(list(gate.leave())) == 2
