"""Any other endpoint: every string of JSON is text, and so is text.

Streams of this kind leave whole, at their end: nobody knows which strings belong together, so
strings of the same path are read as one text, and each event's strings must all be cleared.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from guard import jsontext
from guard.dialects import Note, Request
from guard.gate import Leaving, Reading
from guard.sse import Event
from guard.types import Fragment

_OPAQUE_IN_STREAMS = frozenset({
    "id", "object", "model", "role", "type", "index", "created", "created_at", "item_id",
    "event_id", "finish_reason", "stop_reason", "signature", "encrypted_content", "obfuscation",
})  # fmt: skip
"""Repeated with each event, and never text: read as one text they would be noise."""


class Plain:
    """The dialect."""

    name = "plain"

    def read_request(self, value: Any) -> Request:
        if not isinstance(value, dict):
            return Request()
        return Request(model=str(value.get("model") or ""), streamed=value.get("stream") is True)

    def reply(self, request: Request) -> PlainReply:
        return PlainReply()


class PlainReply:
    """One reply of any shape."""

    last = b""

    def __init__(self) -> None:
        self._lines = False  # newline-delimited JSON, not server-sent events

    @property
    def keep_alive(self) -> bytes:
        return b"\n" if self._lines else b": waiting\n\n"

    def read_plain(self, value: Any) -> Reading:
        found = list(jsontext.strings(value))
        fragments = (Fragment("/".join(map(str, path)) or "text", text) for path, text in found)
        return Reading(tuple(fragments), parsed=[path for path, _ in found])

    def read_event(self, event: Event) -> Reading:
        if event.data is None:
            return Reading()
        self._lines = event.raw.strip() == event.data  # an SSE event names its field
        try:
            value = jsontext.parse(event.data)
        except jsontext.UnreadableError:
            value = event.data.decode("utf-8", "replace")
        found = list(jsontext.strings(value, skip=_OPAQUE_IN_STREAMS))
        fragments = tuple(
            Fragment("/".join(map(str, path)) or "text", text) for path, text in found
        )
        return Reading(fragments, (), (), (), (value, [path for path, _ in found], event))

    def rewrite(self, leaving: Leaving) -> bytes:
        value, paths, event = leaving.reading.parsed
        value = copy.deepcopy(value)
        for path, text in zip(paths, leaving.texts or (), strict=True):
            if text is None:
                return b""
            value = jsontext.put(value, path, text)
        body = value.encode() if isinstance(value, str) else jsontext.dump(value)
        if self._lines:
            return bytes(body + b"\n")
        name = f"event: {event.name}\n".encode() if event.name else b""
        lines = b"".join(b"data: " + line + b"\n" for line in body.split(b"\n"))
        return bytes(name + lines + b"\n")

    def end(self, choice: str, note: Note, *, nothing_left: bool) -> bytes:
        body = jsontext.dump(self.refuse(None, {""}, note))
        return body + b"\n" if self._lines else b"event: error\ndata: " + body + b"\n\n"

    def refuse(self, value: Any, choices: set[str], note: Note) -> Any:
        return {"refusal": note.refusal, "guard": dict(note.facts)}

    def whole(self, texts: Mapping[str, str]) -> Any:
        return dict(texts)
