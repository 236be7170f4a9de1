"""The wire formats: one file each, and the table that chooses.

| dialect       | chosen by                     | channels                                    |
|---------------|-------------------------------|---------------------------------------------|
| `openai_chat` | a path `…/chat/completions`   | all choices: content, reasoning, tool calls |
| `plain`       | everything else               | every string of JSON, NDJSON or SSE; text   |

A dialect makes one object per reply. It reads, rewrites and ends in the format's own words; it
never judges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from guard.gate import Leaving, Reading
from guard.sse import Event
from guard.types import Fragment


@dataclass(frozen=True, slots=True)
class Request:
    """What a dialect reads from a request. `evidence` by kind: tool, documents, tagged, system,
    user; the route says which kinds are sources."""

    model: str = ""
    prompt: str = ""
    streamed: bool = False
    choices: tuple[str, ...] = ()
    structured: bool = False  # the answer was asked for as JSON
    evidence: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """What a stopped reply tells the client: `facts` go out as `guard`."""

    refusal: str
    facts: Mapping[str, Any]


class Reply(Protocol):
    """One reply in one dialect."""

    last: bytes  # what ends a stream; empty where the format has nothing

    @property
    def keep_alive(self) -> bytes:
        """What may be sent while a stream waits for a person."""

    def read_plain(self, value: Any) -> Reading:
        """What a plain reply carries; `parsed` is the path of each fragment."""

    def read_event(self, event: Event) -> Reading:
        """What an event of a stream carries. Raises jsontext.UnreadableError."""

    def rewrite(self, leaving: Leaving) -> bytes:
        """The bytes of an event whose texts changed."""

    def end(self, choice: str, note: Note, *, nothing_left: bool) -> bytes:
        """The typed ending of a choice ("" ends the reply) in a stream."""

    def refuse(self, value: Any, choices: set[str], note: Note) -> Any:
        """A plain reply with the stopped choices replaced by the refusal."""

    def whole(self, texts: Mapping[str, str]) -> Any:
        """A streamed reply put together as a plain one, from the text of each channel."""


class Dialect(Protocol):
    """One wire format."""

    name: str

    def read_request(self, value: Any) -> Request: ...

    def reply(self, request: Request) -> Reply: ...


def choose(path: str) -> Dialect:
    """The dialect of a path."""
    from guard.dialects.openai_chat import OpenAIChat
    from guard.dialects.plain import Plain

    return OpenAIChat() if path.rstrip("/").endswith("/chat/completions") else Plain()


def text_reading(text: str) -> Reading:
    """What a reply of plain text carries: one channel."""
    return Reading((Fragment("text", text),), parsed=[()])


def error_body(
    code: str, message: str, *, facts: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The error shape that OpenAI's clients read; others find `error.message` in it too."""
    error = {"message": message, "type": "guard_error", "param": None, "code": code}
    return {"error": error, "guard": dict(facts)} if facts else {"error": error}
