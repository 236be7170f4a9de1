"""Masks: one `*` for each code point of a span."""

from __future__ import annotations

from collections.abc import Iterable

MASK = "*"


def mask(text: str, spans: Iterable[tuple[int, int]], *, start: int = 0) -> str:
    """A text with spans masked. Spans count from the channel's start, where `text` is at `start`.

    >>> mask("call 555", [(5, 8)])
    'call ***'
    """
    end = start + len(text)
    for first, last in spans:
        first, last = max(first, start), min(last, end)
        if first < last:
            text = text[: first - start] + MASK * (last - first) + text[last - start :]
    return text
