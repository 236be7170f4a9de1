"""A gate driven by hand: what a client gets of a stream, cut any way, without a server."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from guard.dialects import Note, choose
from guard.gate import Gate
from guard.inspector import Inspector
from guard.sse import ArrayDecoder, Decoder, Event, LineDecoder, SSEDecoder
from guard.types import Action, Exchange, Verdict

LIMIT_BYTES = 2**24


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out of a gate."""

    raw: bytes
    verdict: Verdict
    texts: dict[str, str] = field(default_factory=dict)


def cuts(raw: bytes, chance: random.Random, *, pieces: int = 8) -> Iterator[bytes]:
    """Bytes in random pieces, single bytes among them."""
    marks = sorted(chance.randint(0, len(raw)) for _ in range(min(pieces, len(raw))))
    if chance.random() < 0.5 and marks:
        marks = sorted({*marks, *(mark + step for mark in marks for step in (1, 2))})
    for start, end in zip([0, *marks], [*marks, len(raw)], strict=True):
        if start < end:
            yield raw[start:end]


def through(
    inspector: Inspector,
    path: str,
    request: object,
    chunks: Iterable[bytes],
    *,
    release: str = "sentence",
    stop_from: Action = Action.REVIEW,
    array: bool = False,
) -> Outcome:
    """What a client gets of the chunks of a stream."""
    dialect = choose(path)
    asked = dialect.read_request(path, request)
    reply = dialect.reply(asked)
    decoder: Decoder = SSEDecoder(limit_bytes=LIMIT_BYTES)
    if dialect.name == "ollama":
        decoder = LineDecoder(limit_bytes=LIMIT_BYTES)
    elif array:
        decoder = ArrayDecoder(limit_bytes=LIMIT_BYTES)
    gate = Gate(
        inspector.cuts,
        Exchange("x", 0.0),
        choices=asked.choices,
        stop_from=stop_from,
        whole=release == "whole" or dialect.name == "plain",
        loose=release == "token",
    )
    out = bytearray()

    def pump() -> None:
        ready = list(gate.passages())
        for (ticket, _), seen in zip(ready, inspector.inspect([p for _, p in ready]), strict=True):
            for part, verdict in inspector.verdicts(seen):
                gate.settle(ticket, part, verdict)
        for leaving in gate.leave():
            out.extend(reply.write(leaving))
            for name in leaving.endings:
                choice = gate.choice(name)
                assert choice.ended_by is not None
                note = Note("No.", {"verdict": choice.ended_by.action.word})
                out.extend(reply.end(name, note, nothing_left=choice.emitted == 0))

    for chunk in chunks:
        for event in decoder.feed(chunk):
            gate.take(event, reply.read_event(event))
        pump()
        if gate.over and gate.action is not Action.REVIEW:
            break
    else:
        for event in decoder.flush():
            gate.take(event, reply.read_event(event))
        gate.end()
        pump()
        assert gate.over or gate.empty, "something was kept for ever"
    if gate.over:
        out.extend(reply.last)
    return Outcome(bytes(out), gate.verdict, gate.texts(redacted=False))


def said(raw: bytes, path: str) -> dict[str, str]:
    """Every text of a stream by its channel, as a client would put it together."""
    dialect = choose(path)
    reply = dialect.reply(dialect.read_request(path, {}))
    texts: dict[str, str] = {}
    if raw.lstrip()[:1] == b"[":
        values = [json.dumps(value).encode() for value in json.loads(raw)]
    elif dialect.name == "ollama":
        values = raw.split(b"\n")
    else:
        lines = re.split(rb"\r\n|\r|\n", raw)
        values = [line[5:].strip() for line in lines if line.startswith(b"data:")]
    for value in values:
        if value and value != b"[DONE]":
            for fragment in reply.read_event(Event(value, value)).fragments:
                name = re.sub(r"event/\d+", "event", fragment.channel)
                texts[name] = texts.get(name, "") + fragment.text
    return texts
