"""OpenAI chat completions, plain and streamed, and the endpoints that speak like it.

Channels are named `choices/<index>/…` with `message`, `delta` and `function` left out, so that a
streamed and a plain reply have the same ones. Source: the OpenAI API reference, "Chat".
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from guard import jsontext
from guard.dialects import Note, Request
from guard.gate import Leaving, Reading
from guard.sse import Event
from guard.types import Fragment

OPAQUE = frozenset({
    "id", "object", "model", "system_fingerprint", "service_tier", "provider", "role", "type",
    "finish_reason", "native_finish_reason", "stop_reason", "logprobs", "signature",
    "encrypted_content", "obfuscation", "usage", "format", "data",
})  # fmt: skip
"""Structural or opaque: names, ids, signatures, copies. Any other string is a channel."""

_LEFT_OUT = {"message", "delta", "function"}
_DONE = b"[DONE]"
_EVIDENCE_ROLES = {"tool": "tool", "function": "tool", "system": "system", "developer": "system",
                   "user": "user"}  # fmt: skip
_DOCUMENT_FIELDS = ("text", "content", "page_content", "snippet", "title")


class OpenAIChat:
    """The dialect."""

    name = "openai_chat"

    def read_request(self, value: Any) -> Request:
        """Reads prompt, evidence and shape of a request; what is not there is empty."""
        if not isinstance(value, dict):
            return Request()
        messages = [entry for entry in _list(value.get("messages")) if isinstance(entry, dict)]
        evidence = [*_message_evidence(messages), *_documents(value.get("documents"))]
        users = [message for message in messages if message.get("role") == "user"]
        count = value.get("n")
        form = value.get("response_format")
        return Request(
            model=str(value.get("model") or ""),
            prompt="\n".join(_plain_parts(users[-1].get("content"))) if users else "",
            streamed=value.get("stream") is True,
            choices=tuple(
                f"choices/{index}"
                for index in range(min(count, 128) if type(count) is int and count > 0 else 1)
            ),
            structured=isinstance(form, dict) and form.get("type") != "text",
            evidence=tuple(evidence),
        )

    def reply(self, request: Request) -> ChatReply:
        """A fresh reader for one reply."""
        return ChatReply(request)


class ChatReply:
    """One reply, plain or streamed."""

    keep_alive = b": waiting\n\n"
    last = b"data: [DONE]\n\n"

    def __init__(self, request: Request) -> None:
        self._request = request
        self._head: dict[str, Any] = {"id": "chatcmpl-guard", "created": 0, "model": request.model}
        self._events = 0

    def read_plain(self, value: Any) -> Reading:
        fragments, paths = self._fragments(value)
        names = {f"choices/{_index(choice, at)}" for at, choice in enumerate(_choices(value))}
        return Reading(fragments, tuple(names), (), self._json_channels(fragments), paths)

    def _fragments(self, value: Any) -> tuple[tuple[Fragment, ...], list[jsontext.Path]]:
        found = list(_strings(value))
        names: set[str] = set()
        fragments = []
        for path, text in found:
            name = _channel(value, path)
            while name in names:  # two entries of one index: never one text
                name += "'"
            names.add(name)
            fragments.append(Fragment(name, text))
        return tuple(fragments), [path for path, _ in found]

    def _json_channels(self, fragments: tuple[Fragment, ...]) -> tuple[str, ...]:
        ends = ("/arguments", "/content") if self._request.structured else ("/arguments",)
        return tuple(f.channel for f in fragments if f.channel.endswith(ends))

    def read_event(self, event: Event) -> Reading:
        if event.data is None or event.data.strip() in (b"", _DONE):
            return Reading()
        value = jsontext.parse(event.data)
        self._events += 1
        if not isinstance(value, dict):
            value = {"value": value}
        self._head |= {key: value[key] for key in self._head if value.get(key)}
        found, paths = self._fragments(value)
        fragments, alone = [], []
        for fragment, path in zip(found, paths, strict=True):
            if path[0] != "choices":  # not a delta: whole in this event
                fragment = Fragment(f"event/{self._events}/{fragment.channel}", fragment.text)
                alone.append(fragment.channel)
            fragments.append(fragment)
        choices, ended = [], []
        for position, choice in enumerate(_choices(value)):
            name = f"choices/{_index(choice, position)}"
            choices.append(name)
            if isinstance(choice, dict) and choice.get("finish_reason"):
                ended.append(name)
        return Reading(
            tuple(fragments),
            tuple(choices),
            (*ended, *alone),
            self._json_channels(found),
            (value, paths),
        )

    def rewrite(self, leaving: Leaving) -> bytes:
        value, paths = leaving.reading.parsed
        value = copy.deepcopy(value)
        over = {*leaving.dropped, *leaving.endings}
        texts = leaving.texts or ()
        kept: set[str] = set()
        for path, fragment, text in zip(paths, leaving.reading.fragments, texts, strict=True):
            jsontext.put(value, path, text or "")
            name = "/".join(fragment.channel.split("/")[:2])
            if text:
                kept.add(name)
            if text != fragment.text and path[0] == "choices":
                value["choices"][path[1]].pop("logprobs", None)
        choices = []
        for position, choice in enumerate(_list(value.get("choices"))):
            name = f"choices/{_index(choice, position)}"
            if name in leaving.endings and name in kept:
                choice["finish_reason"] = None
                choices.append(choice)
            elif name not in over:
                choices.append(choice)
        if "choices" in value:
            value["choices"] = choices
            if not choices and not value.get("usage"):
                return b""
        return b"data: " + jsontext.dump(value) + b"\n\n"

    def end(self, choice: str, note: Note, *, nothing_left: bool) -> bytes:
        names = [choice] if choice else self._request.choices or ("choices/0",)
        delta = {"role": "assistant", "content": note.refusal} if nothing_left else {}
        chunk = {
            **self._head,
            "object": "chat.completion.chunk",
            "choices": [
                {"index": int(name.split("/")[1]), "delta": delta, "logprobs": None,
                 "finish_reason": "content_filter"}
                for name in names
            ],
            "guard": dict(note.facts),
        }  # fmt: skip
        return b"data: " + jsontext.dump(chunk) + b"\n\n"

    def refuse(self, value: Any, choices: set[str], note: Note) -> Any:
        value = copy.deepcopy(value) if isinstance(value, dict) else {}
        entries = [entry for entry in _list(value.get("choices")) if isinstance(entry, dict)]
        if "" in choices or not entries:
            value = {**self._head, "object": "chat.completion"}
            entries = [{"index": 0}]
            choices = {"choices/0"}
        for position, entry in enumerate(entries):
            if f"choices/{_index(entry, position)}" in choices:
                entry.pop("logprobs", None)
                for key in [key for key in entry if key not in ("index", "message")]:
                    del entry[key]
                entry["message"] = {"role": "assistant", "content": note.refusal}
                entry["finish_reason"] = "content_filter"
        value["choices"] = entries
        value["guard"] = dict(note.facts)
        return value

    def whole(self, texts: Mapping[str, str]) -> Any:
        choices: dict[int, dict[str, Any]] = {}
        for channel, text in texts.items():
            kind, index, *rest = channel.split("/")
            if kind != "choices" or not rest:
                continue
            message = choices.setdefault(int(index), {"role": "assistant", "content": None})
            if rest[0] == "tool_calls" and len(rest) == 3:
                calls = message.setdefault("tool_calls", [])
                while len(calls) <= int(rest[1]) and len(calls) < 128:
                    call = {"id": f"call_{len(calls)}", "type": "function"}
                    calls.append(call | {"function": {"name": "", "arguments": ""}})
                calls[int(rest[1])]["function"][rest[2]] = text
            else:
                message["/".join(rest)] = text
        return {
            **self._head,
            "object": "chat.completion",
            "choices": [
                {"index": index, "message": message, "finish_reason": "stop"}
                for index, message in sorted(choices.items())
            ],
        }


def _strings(value: Any) -> Iterator[tuple[jsontext.Path, str]]:
    for path, text in jsontext.strings(value, skip=OPAQUE):
        if path[-1] != jsontext.KEY:
            yield path, text


def _channel(value: Any, path: jsontext.Path) -> str:
    """The name of the channel a path leads to; list positions become the entries' own indexes."""
    names: list[str] = []
    for step in path:
        value = value[step]
        if isinstance(step, int):
            names.append(str(_index(value, step)))
        elif path[0] != "choices" or step not in _LEFT_OUT:
            names.append(step)
    return "/".join(names)


def _choices(value: Any) -> list[Any]:
    return _list(value.get("choices")) if isinstance(value, dict) else []


def _index(entry: Any, position: int) -> int:
    index = entry.get("index") if isinstance(entry, dict) else None
    return index if type(index) is int and 0 <= index < 10_000 else position


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _plain_parts(content: Any) -> Iterator[str]:
    """The texts of a message's content, tagged blocks of evidence left out."""
    if isinstance(content, str):
        yield content
    for part in _list(content):
        if isinstance(part, dict) and isinstance(part.get("text"), str) and not _tagged(part):
            yield part["text"]


def _tagged(part: dict[str, Any]) -> bool:
    qualifiers = part.get("qualifiers")
    return part.get("type") == "grounding_source" or (
        isinstance(qualifiers, list) and "grounding_source" in qualifiers
    )


def _message_evidence(messages: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for message in messages:
        content = message.get("content")
        kind = _EVIDENCE_ROLES.get(str(message.get("role")))
        if kind:
            yield from ((kind, text) for text in _plain_parts(content))
        for part in _list(content):
            inner = part.get("guardContent", {}).get("text", part) if isinstance(part, dict) else {}
            if isinstance(inner, dict) and _tagged(inner) and isinstance(inner.get("text"), str):
                yield "tagged", inner["text"]


def _documents(documents: Any) -> Iterator[tuple[str, str]]:
    for document in _list(documents):
        if isinstance(document, str):
            yield "documents", document
        elif isinstance(document, dict):
            for key in _DOCUMENT_FIELDS:
                if isinstance(document.get(key), str):
                    yield "documents", document[key]
