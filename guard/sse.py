"""Bytes to server-sent events and lines, each keeping its own bytes.

Rules of the file (WHATWG HTML, "Server-sent events"): lines end at CR, LF or CRLF and nowhere
else; an event ends at a blank line. Joined, the raw bytes of all events are the bytes that came.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from guard.jsontext import UnreadableError

_BOM = b"\xef\xbb\xbf"
_JSON_MARK = re.compile(rb'\\.|["\[\]{}]', re.S)


class EventTooLargeError(Exception):
    """One event is longer than the limit."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it came. `data` is None where there is none (a comment, a blank line)."""

    raw: bytes
    data: bytes | None
    name: str = ""


class SSEDecoder:
    """Cuts a byte stream into events, however the bytes arrive."""

    def __init__(self, *, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._raw = bytearray()
        self._read = 0  # bytes of `_raw` known to hold no end of an event
        self._first = True

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that are complete now. Raises EventTooLargeError."""
        self._raw += chunk
        start = 0
        while (end := self._event_end(start)) is not None:
            yield self._event(bytes(self._raw[start:end]))
            start = self._read = end
        del self._raw[:start]
        self._read -= start
        _check(self._raw, self._limit_bytes)

    def flush(self) -> Iterator[Event]:
        """What is left at the end of the stream: an event without its blank line."""
        if self._raw:
            yield self._event(bytes(self._raw))
            self._raw.clear()
            self._read = 0

    def _event_end(self, start: int) -> int | None:
        """Where the event that begins at `start` ends. A lone CR at the end waits for its LF."""
        raw = self._raw
        line = max(start, self._read)  # the start of a line
        while True:
            lf, cr = raw.find(b"\n", line), raw.find(b"\r", line)
            if lf < 0 and cr < 0:
                break
            at = lf if cr < 0 or 0 <= lf < cr else cr
            if raw[at : at + 1] == b"\r" and at + 1 == len(raw):
                break
            after = at + 2 if raw[at : at + 2] == b"\r\n" else at + 1
            if at == line:
                return after
            line = after
        self._read = line
        return None

    def _event(self, raw: bytes) -> Event:
        _check(raw, self._limit_bytes)
        body = raw
        if self._first:
            self._first = False
            body = raw.removeprefix(_BOM)
        data: list[bytes] = []
        name = ""
        for line in body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"):
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if field == b"data":
                data.append(value)
            elif field == b"event":
                name = value.decode("utf-8", "replace")
        return Event(raw, b"\n".join(data) if data else None, name)


class LineDecoder:
    """The same for newline-delimited JSON: an event is a line."""

    def __init__(self, *, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._raw = b""

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The lines that are complete now. Raises EventTooLargeError."""
        *lines, self._raw = (
            (self._raw + chunk).split(b"\n") if b"\n" in chunk else (self._raw + chunk,)
        )
        for line in lines:
            _check(line, self._limit_bytes)
            yield Event(line + b"\n", line.strip() or None)
        _check(self._raw, self._limit_bytes)

    def flush(self) -> Iterator[Event]:
        """The last line, where it has no line break."""
        if self._raw:
            yield Event(self._raw, self._raw.strip() or None)
            self._raw = b""


class ArrayDecoder:
    """The same for one JSON array that grows: an event is an entry, with what stands before it.

    Anything else than an array is one event.
    """

    def __init__(self, *, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._raw = b""
        self._read = 0  # bytes of `_raw` that were looked at
        self._depth = 0  # of brackets; 1 is inside the array
        self._quoted = False
        self._entry = -1  # where the entry in hand begins in `_raw`
        self._array: bool | None = None

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The entries that are complete now. Raises EventTooLargeError and UnreadableError."""
        self._raw += chunk
        if self._array is None and self._raw.strip():
            self._array = self._raw.lstrip().startswith(b"[")
        if self._array:
            yield from self._entries()
        _check(self._raw, self._limit_bytes)

    def flush(self) -> Iterator[Event]:
        """What is left at the end: the closing bracket, or what is no array."""
        raw, self._raw, self._read = self._raw, b"", 0
        if raw:
            data = raw.strip()
            yield Event(raw, None if self._array and data in (b"]", b"") else data)

    def _entries(self) -> Iterator[Event]:
        begin = 0
        for mark in _JSON_MARK.finditer(self._raw, self._read):
            sign = mark.group()
            if sign[:1] == b"\\":
                continue
            if sign == b'"':
                self._quoted = not self._quoted
            elif not self._quoted and sign in b"[{":
                self._depth += 1
                if self._depth == 2:
                    self._entry = mark.start()
            elif not self._quoted:
                self._depth -= 1
                if self._depth == 1:
                    raw = self._raw[begin : mark.end()]
                    _check(raw, self._limit_bytes)
                    if self._raw[begin : self._entry].strip() not in (b"[", b","):
                        raise UnreadableError("an entry of the array is no object")
                    yield Event(raw, self._raw[self._entry : mark.end()])
                    begin = mark.end()
        # A backslash at the end waits for what it escapes.
        held = len(self._raw) - 1 if self._raw.endswith(b"\\") else len(self._raw)
        self._raw = self._raw[begin:]
        self._read = max(0, held - begin)
        self._entry -= begin


Decoder = SSEDecoder | LineDecoder | ArrayDecoder


def _check(raw: bytes | bytearray, limit_bytes: int) -> None:
    if len(raw) > limit_bytes:
        raise EventTooLargeError
