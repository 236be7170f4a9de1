"""Bytes to events: the same events however the bytes are cut, and the bytes kept."""

import random

import pytest

from guard.sse import Event, EventTooLargeError, LineDecoder, SSEDecoder

RAW = (
    b"\xef\xbb\xbfdata: one\n\n: a comment\r\n\r\nevent: x\rdata: two\rdata: lines\r\r"
    + 'data: {"a":"b\u2028c"}\r\n\r\nid: 1\ndata\n\ndata: last'.encode()
)
DATA = [b"one", None, b"two\nlines", '{"a":"b\u2028c"}'.encode(), b"", b"last"]


@pytest.mark.parametrize("seed", range(200))
def test_every_cut_gives_the_same_events_and_all_the_bytes(seed: int) -> None:
    chance = random.Random(seed)
    decoder = SSEDecoder(limit_bytes=1000)
    events: list[Event] = []
    at = 0
    while at < len(RAW):
        size = chance.randint(1, 9)
        events += decoder.feed(RAW[at : at + size])
        at += size
    events += decoder.flush()
    assert [event.data for event in events] == DATA
    assert events[2].name == "x"
    assert b"".join(event.raw for event in events) == RAW


def test_an_event_beyond_the_limit_is_an_error() -> None:
    for decoder in (SSEDecoder(limit_bytes=10), LineDecoder(limit_bytes=10)):
        with pytest.raises(EventTooLargeError):
            list(decoder.feed(b"data: 12345678"))


def test_lines_are_events() -> None:
    decoder = LineDecoder(limit_bytes=100)
    events = [*decoder.feed(b'{"a"'), *decoder.feed(b":1}\n\n[2]"), *decoder.flush()]
    assert [event.data for event in events] == [b'{"a":1}', None, b"[2]"]
    assert b"".join(event.raw for event in events) == b'{"a":1}\n\n[2]'
