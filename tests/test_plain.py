"""Any other endpoint: what its streams and replies are read and rewritten as."""

from guard import jsontext
from guard.dialects import Note, Request
from guard.dialects.plain import Plain
from guard.gate import Gate
from guard.passages import Cuts
from guard.sse import Event, LineDecoder, SSEDecoder
from guard.types import Exchange, Finding, Passage, Verdict

LIMIT_BYTES = 10_000
NOTE = Note("No.", {"verdict": "block"})


def _masked(passage: Passage) -> Verdict:
    at = passage.text.find("secret")
    if at < 0:
        return Verdict()
    start = passage.start + at
    return Verdict(masks=((start, start + 6),), findings=(Finding("r", "pii", 1.0, start, 0),))


def _through(events: list[Event]) -> bytes:
    """What a gate that masks `secret` lets out of a stream."""
    reply = Plain().reply(Request())
    gate = Gate(Cuts(8, 1), Exchange("x", 0.0), whole=True)
    for event in events:
        gate.take(event, reply.read_event(event))
    gate.end()
    for ticket, passage in gate.passages():
        gate.settle(ticket, passage, _masked(passage))
    return b"".join(reply.write(leaving) for leaving in gate.leave())


def test_a_word_over_two_events_is_masked_in_both() -> None:
    raw = b'event: d\ndata: {"delta":"a sec"}\n\ndata: {"delta":"ret b"}\n\n'
    out = _through(list(SSEDecoder(limit_bytes=LIMIT_BYTES).feed(raw)))
    assert out == b'event: d\ndata: {"delta":"a ***"}\n\ndata: {"delta":"*** b"}\n\n'


def test_lines_stay_lines() -> None:
    raw = b'{"response":"a secret"}\n{"response":" b"}\n'
    out = _through(list(LineDecoder(limit_bytes=LIMIT_BYTES).feed(raw)))
    assert out == b'{"response":"a ******"}\n{"response":" b"}\n'


def test_a_clean_stream_leaves_byte_for_byte() -> None:
    raw = b'data: {"a" : "x"}\r\n\r\n: note\r\n\r\ndata: [DONE]\r\n\r\n'
    assert _through(list(SSEDecoder(limit_bytes=LIMIT_BYTES).feed(raw))) == raw


def test_a_stream_of_lines_is_ended_by_a_line() -> None:
    reply = Plain().reply(Request())
    reply.read_event(next(LineDecoder(limit_bytes=LIMIT_BYTES).feed(b'{"a":"b"}\n')))
    ending = reply.end("", NOTE, nothing_left=True)
    assert jsontext.parse(ending) == {"refusal": "No.", "guard": {"verdict": "block"}}
    assert ending.endswith(b"}\n")


def test_structural_paths_hold_no_text() -> None:
    ways = (("data", "*", "id"), ("kind",))
    reply = Plain().reply(Request(structural=ways))
    value = {
        "kind": "k",
        "data": [{"id": "a", "text": "b", "in": {"id": "c"}}],
        "more": {"kind": "d"},
    }
    reading = reply.read_plain(value)
    assert [fragment.text for fragment in reading.fragments] == ["b", "c", "d"]


def test_every_string_of_a_plain_reply_is_a_channel() -> None:
    reading = Plain().reply(Request()).read_plain({"a": ["x", {"b c": "y"}], "n": 1})
    assert [(f.channel, f.text) for f in reading.fragments] == [
        ("a/0", "x"),
        ("a/1/b c/~key", "b c"),
        ("a/1/b c", "y"),
    ]
