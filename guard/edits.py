"""A reviewer's edits: put into the reply in its dialect.

Rules of the file: only texts that the reply has can be edited, and what the client has got already
stays as it is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from guard import jsontext
from guard.dialects import Request, named, text_reading
from guard.gate import Leaving, Reading
from guard.sse import Event
from guard.types import ReviewItem


class EditError(ValueError):
    """An edit that cannot be made; the message says why, and what can."""


def released_reply(item: ReviewItem, edits: Mapping[str, str]) -> Any:
    """The reply that a decision lets out, as a value of its dialect: masked, and edited."""
    value, reading, reply = _read(item)
    if not edits:
        return value
    left = dict(edits)
    texts = tuple(
        left.pop(fragment.channel, "") if fragment.channel in edits else fragment.text
        for fragment in reading.fragments
    )
    if isinstance(value, str):
        return texts[0]
    return reply.rewritten(Leaving(Event(b"", None), reading, texts))


def texts_left(item: ReviewItem) -> dict[str, str]:
    """The text of each channel as approval lets it out: masked."""
    _, reading, _ = _read(item)
    texts: dict[str, str] = {}
    for fragment in reading.fragments:
        texts[fragment.channel] = texts.get(fragment.channel, "") + fragment.text
    return texts


def check_edits(item: ReviewItem, edits: Mapping[str, str]) -> None:
    """Raises EditError for a text that the reply does not have, or whose start has left."""
    texts = texts_left(item)
    for channel, text in edits.items():
        if channel not in texts:
            raise EditError(f"no text {channel!r} in this reply; it has: {', '.join(texts)}")
        gone = item.released.get(channel, 0)
        if text[:gone] not in (texts[channel][:gone], item.texts.get(channel, "")[:gone]):
            raise EditError(f"the client has the first {gone} characters of {channel!r}: keep them")


def _read(item: ReviewItem) -> tuple[Any, Reading, Any]:
    reply = named(item.exchange.dialect).reply(Request(model=item.exchange.model))
    if not item.content_type.startswith("text/"):
        with contextlib.suppress(jsontext.UnreadableError):
            value = jsontext.parse(item.reply)
            return value, reply.read_plain(value), reply
    text = item.reply.decode("utf-8", "replace")
    return text, text_reading(text), reply
