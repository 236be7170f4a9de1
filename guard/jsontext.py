"""The strings inside JSON: found, each with its path, and put back changed.

Rules of the file: every string is found, those of doubled keys among them, and keys too: those
with blanks in them, and all of them where a model wrote the JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

DEPTH_MAX = 200  # deeper JSON is refused; no honest reply nests so far

Path = tuple[str | int, ...]
"""Keys and list positions from the top. A key that is itself a text ends in KEY."""

KEY = "~key"


class UnreadableError(ValueError):
    """Not JSON, or JSON that nobody can judge."""


def parse(text: str | bytes) -> Any:
    """JSON to values. Values of a doubled key become a list, so that none of them hides.

    Raises UnreadableError.
    """
    try:
        value = json.loads(text, object_pairs_hook=_object)
        signs = (b"[", b"{") if isinstance(text, bytes) else ("[", "{")
        if sum(map(text.count, signs)) > DEPTH_MAX:  # type: ignore[arg-type]
            for _ in strings(value):  # raises where it is nested too deeply
                pass
    except (ValueError, RecursionError) as error:
        raise UnreadableError("not JSON, or nested too deeply") from error
    return value


def dump(value: Any) -> bytes:
    """Values to JSON, compact, in UTF-8; lone surrogates stay escaped."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def strings(value: Any, path: Path = (), *, keys: bool = False) -> Iterator[tuple[Path, str]]:
    """Every string below a value, with its path, in order; `keys`: and every key."""
    if len(path) > DEPTH_MAX:
        raise UnreadableError("nested too deeply")
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from strings(item, (*path, index), keys=keys)
    elif isinstance(value, dict):
        for key, item in value.items():
            if keys or " " in key:  # prose; a name has no blanks
                yield (*path, key, KEY), key
            yield from strings(item, (*path, key), keys=keys)


def replaced(value: Any, change: Callable[[Path, str], str], path: Path = ()) -> Any:
    """A copy of a value with every string and key changed as `change(path, text)` says."""
    if isinstance(value, str):
        return change(path, value)
    if isinstance(value, list):
        return [replaced(item, change, (*path, index)) for index, item in enumerate(value)]
    if isinstance(value, dict):
        return {
            change((*path, key, KEY), key): replaced(item, change, (*path, key))
            for key, item in value.items()
        }
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        for key in values:
            same = [value for name, value in pairs if name == key]
            if len(same) > 1:
                values[key] = same
    return values


def put(value: Any, path: Path, text: str) -> Any:
    """Puts a text in the place of the string that `path` leads to; returns the value."""
    if not path:
        return text
    if path[-1] == KEY:
        return replaced(value, lambda way, old: text if way == path else old)
    parent = value
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = text
    return value
