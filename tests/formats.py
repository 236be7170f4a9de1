"""Streams and plain replies of every dialect, made from texts by channel.

A channel's name is what the dialect calls it. Texts come in random pieces, those of choices in
random turns; `chance` None makes one event of each.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Texts = dict[str, str]
Value = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Format:
    """One dialect with some of its channels."""

    path: str
    channels: tuple[str, ...]
    json_channels: tuple[str, ...]
    events: Callable[[Texts, random.Random | None], Iterator[bytes]]
    plain: Callable[[Texts], Value]
    request: Value
    array: bool = False


def pieces(text: str, chance: random.Random | None) -> Iterator[str]:
    """A text in pieces."""
    while text:
        size = chance.randint(1, 25) if chance else len(text)
        yield text[:size]
        text = text[size:]


def turns(texts: Texts, chance: random.Random | None) -> Iterator[tuple[str, str]]:
    """Pieces of the texts of several choices in random turns; those of one choice in order."""
    left: dict[str, list[tuple[str, str]]] = {}
    for name, text in sorted(texts.items()):
        left.setdefault(name.split("/")[1], []).extend((name, p) for p in pieces(text, chance))
    while any(left.values()):
        choices = [choice for choice, waiting in left.items() if waiting]
        yield left[chance.choice(choices) if chance else choices[0]].pop(0)


def sse(value: Value, name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(value)}\n\n".encode()


# OpenAI chat: two choices, reasoning, a refusal, the arguments of a call.

_CHAT = ("choices/0/content", "choices/0/reasoning_content", "choices/1/content",
         "choices/1/refusal", "choices/0/tool_calls/0/arguments")  # fmt: skip


def _delta(name: str, text: str) -> Value:
    _, _, field, *rest = name.split("/")
    if rest:
        return {"tool_calls": [{"index": 0, "function": {"arguments": text}}]}
    return {field: text}


def _chat_events(texts: Texts, chance: random.Random | None) -> Iterator[bytes]:
    def event(index: int, delta: Value, reason: str | None = None) -> bytes:
        choice = {"index": index, "delta": delta, "finish_reason": reason}
        return sse({"id": "c", "created": 1, "model": "m", "choices": [choice]})

    for name, piece in turns(texts, chance):
        yield event(int(name.split("/")[1]), _delta(name, piece))
    for index in (0, 1):
        yield event(index, {}, "stop")
    yield b"data: [DONE]\n\n"


def _chat_plain(texts: Texts) -> Value:
    messages: list[Value] = [{"role": "assistant"}, {"role": "assistant"}]
    for name, text in texts.items():
        messages[int(name.split("/")[1])] |= _delta(name, text)
    choices = [
        {"index": index, "message": message, "finish_reason": "stop"}
        for index, message in enumerate(messages)
    ]
    return {"id": "c", "created": 1, "model": "m", "choices": choices}


def _completion_events(texts: Texts, chance: random.Random | None) -> Iterator[bytes]:
    for name, piece in turns(texts, chance):
        choice = {"index": int(name.split("/")[1]), "text": piece, "finish_reason": None}
        yield sse({"id": "c", "created": 1, "model": "m", "choices": [choice]})
    for index in (0, 1):
        choice = {"index": index, "text": "", "finish_reason": "stop"}
        yield sse({"id": "c", "created": 1, "model": "m", "choices": [choice]})
    yield b"data: [DONE]\n\n"


def _completion_plain(texts: Texts) -> Value:
    choices = [
        {"index": int(name.split("/")[1]), "text": text, "finish_reason": "stop"}
        for name, text in texts.items()
    ]
    return {"id": "c", "created": 1, "model": "m", "choices": choices}


# OpenAI Responses: reasoning, a text, the arguments of a call, each with its copies.

_RESPONSES = ("output/0/summary/0/text", "output/1/content/0/text", "output/2/arguments")


def _items(texts: Texts) -> list[Value]:
    reasoning, said, arguments = (texts.get(name, "") for name in _RESPONSES)
    part = {"type": "output_text", "text": said, "annotations": [], "logprobs": []}
    return [
        {"id": "r", "type": "reasoning", "summary": [{"type": "summary_text", "text": reasoning}]},
        {"id": "m", "type": "message", "role": "assistant", "content": [part]},
        {"id": "f", "type": "function_call", "call_id": "x", "name": "f", "arguments": arguments},
    ]


def _responses_events(texts: Texts, chance: random.Random | None) -> Iterator[bytes]:
    kinds = ("reasoning_summary_text", "output_text", "function_call_arguments")
    places: list[Value] = [{"summary_index": 0}, {"content_index": 0}, {}]
    fields = ("text", "text", "arguments")
    head = {"id": "resp", "object": "response", "status": "in_progress", "model": "m"}
    made: list[tuple[str, Value]] = [("created", {"response": {**head, "output": []}})]
    for index, (name, item) in enumerate(zip(_RESPONSES, _items(texts), strict=True)):
        place = {"item_id": item["id"], "output_index": index, **places[index]}
        for piece in pieces(texts.get(name, ""), chance):
            made.append((f"{kinds[index]}.delta", {**place, "delta": piece, "logprobs": []}))
        made.append((f"{kinds[index]}.done", {**place, fields[index]: texts.get(name, "")}))
        made.append(("output_item.done", {"output_index": index, "item": item}))
    made.append(("completed", {"response": _responses_plain(texts)}))
    for number, (kind, value) in enumerate(made):
        kind = f"response.{kind}"
        yield sse({"type": kind, "sequence_number": number, **value}, kind)


def _responses_plain(texts: Texts) -> Value:
    head = {"id": "resp", "object": "response", "status": "completed", "model": "m"}
    return {**head, "output": _items(texts)}


# Anthropic: thinking with its signature, a text, the input of a call.

_MESSAGE = ("content/0/thinking", "content/1/text", "content/2/input")


def _message_events(texts: Texts, chance: random.Random | None) -> Iterator[bytes]:
    message = {"id": "m", "type": "message", "role": "assistant", "content": [], "model": "m",
               "usage": {"input_tokens": 1, "output_tokens": 1}}  # fmt: skip
    made: list[Value] = [{"type": "message_start", "message": message}]
    blocks: list[Value] = [
        {"type": "thinking", "thinking": ""},
        {"type": "text", "text": ""},
        {"type": "tool_use", "id": "t", "name": "f", "input": {}},
    ]
    kinds = (("thinking_delta", "thinking"), ("text_delta", "text"),
             ("input_json_delta", "partial_json"))  # fmt: skip
    for index, (name, (kind, field)) in enumerate(zip(_MESSAGE, kinds, strict=True)):
        made.append({"type": "content_block_start", "index": index, "content_block": blocks[index]})
        for piece in pieces(texts.get(name, ""), chance):
            delta = {"type": kind, field: piece}
            made.append({"type": "content_block_delta", "index": index, "delta": delta})
        made.append({"type": "content_block_stop", "index": index})
    made.append({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}})
    made.append({"type": "message_stop"})
    for value in made:
        yield sse(value, value["type"])


def _message_plain(texts: Texts) -> Value:
    thinking, said, given = (texts.get(name, "") for name in _MESSAGE)
    content: list[Value] = [
        {"type": "thinking", "thinking": thinking, "signature": "s"},
        {"type": "text", "text": said},
        {"type": "tool_use", "id": "t", "name": "f", "input": json.loads(given or "{}")},
    ]
    return {"id": "m", "type": "message", "role": "assistant", "content": content, "model": "m"}


# Ollama.

_OLLAMA = ("message/thinking", "message/content")


def _ollama_events(texts: Texts, chance: random.Random | None) -> Iterator[bytes]:
    ordered = ((name, piece) for name in _OLLAMA for piece in pieces(texts.get(name, ""), chance))
    for name, piece in ordered:
        said = {"role": "assistant", "content": "", name.split("/")[1]: piece}
        yield json.dumps({"model": "m", "message": said, "done": False}).encode() + b"\n"
    said = {"role": "assistant", "content": ""}
    last = {"model": "m", "message": said, "done": True, "done_reason": "stop"}
    yield json.dumps(last).encode() + b"\n"


def _ollama_plain(texts: Texts) -> Value:
    said = {name.split("/")[1]: text for name, text in texts.items()}
    return {"model": "m", "message": {"role": "assistant", **said}, "done": True}


# Gemini: two candidates, a thought.

_GEMINI = ("candidates/0/thought", "candidates/0/text", "candidates/1/text")


def _gemini_part(name: str, text: str) -> Value:
    part: Value = {"text": text}
    return part | {"thought": True} if name.endswith("/thought") else part


def _gemini_values(texts: Texts, chance: random.Random | None) -> Iterator[Value]:
    for name, piece in turns(texts, chance):
        content = {"role": "model", "parts": [_gemini_part(name, piece)]}
        yield {"candidates": [{"index": int(name.split("/")[1]), "content": content}]}
    for index in (0, 1):
        yield {"candidates": [{"index": index, "finishReason": "STOP"}]}


def _gemini_sse(texts: Texts, chance: random.Random | None) -> Iterator[bytes]:
    return map(sse, _gemini_values(texts, chance))


def _gemini_array(texts: Texts, chance: random.Random | None) -> Iterator[bytes]:
    before = "["
    for value in _gemini_values(texts, chance):
        yield f"{before}{json.dumps(value)}".encode()
        before = ",\r\n"
    yield b"]"


def _gemini_plain(texts: Texts) -> Value:
    candidates = []
    for index in (0, 1):
        mine = [name for name in texts if name.startswith(f"candidates/{index}/")]
        parts = [_gemini_part(name, texts[name]) for name in mine]
        candidates.append({"index": index, "content": {"role": "model", "parts": parts}})
    return {"candidates": candidates}


_GEMINI_PATH = "/v1beta/models/m:streamGenerateContent"
_TWO = {"generationConfig": {"candidateCount": 2}}
FORMATS = {
    "chat": Format("/v1/chat/completions", _CHAT, _CHAT[-1:], _chat_events, _chat_plain, {"n": 2}),
    "completions": Format(
        "/v1/completions", ("choices/0/text", "choices/1/text"), (), _completion_events,
        _completion_plain, {"n": 2, "prompt": "p"},
    ),
    "responses": Format(
        "/v1/responses", _RESPONSES, _RESPONSES[-1:], _responses_events, _responses_plain, {}
    ),
    "anthropic": Format(
        "/v1/messages", _MESSAGE, _MESSAGE[-1:], _message_events, _message_plain, {}
    ),
    "ollama": Format("/api/chat", _OLLAMA, (), _ollama_events, _ollama_plain, {}),
    "gemini": Format(_GEMINI_PATH, _GEMINI, (), _gemini_sse, _gemini_plain, _TWO),
    "gemini-array": Format(
        _GEMINI_PATH, _GEMINI, (), _gemini_array, _gemini_plain, _TWO, array=True
    ),
}  # fmt: skip
