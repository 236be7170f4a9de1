"""Anthropic Messages: what is read from requests, and what must not outlive a mask."""

import json
from typing import Any

from guard.dialects import Note
from guard.dialects.anthropic import Anthropic
from guard.gate import Leaving
from guard.sse import Event

REQUEST = {
    "model": "m",
    "system": [{"type": "text", "text": "Be kind."}],
    "messages": [
        {"role": "user", "content": "First."},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "input": {"a": "b"}}]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t", "content": "12 items"},
                {"type": "tool_result", "content": [{"type": "text", "text": "and 3"}]},
                {
                    "type": "document",
                    "title": "Report",
                    "source": {"type": "text", "media_type": "text/plain", "data": "It rose."},
                },
                {"type": "search_result", "content": [{"type": "text", "text": "Found."}]},
                {"type": "text", "text": "How many?"},
            ],
        },
    ],
}


def test_a_request_is_read() -> None:
    request = Anthropic().read_request("/v1/messages", REQUEST | {"stream": True})
    assert (request.model, request.prompt, request.streamed) == ("m", "How many?", True)
    assert {
        ("system", "Be kind."),
        ("user", "First."),
        ("user", "How many?"),
        ("tool", "12 items"),
        ("tool", "and 3"),
        ("documents", "It rose."),
        ("documents", "Report"),
        ("documents", "Found."),
    } <= set(request.evidence)


def test_requests_of_any_shape_are_read() -> None:
    bodies: list[Any] = [None, [], "x", {"messages": 1}]
    bodies.append({"messages": [1, {"content": [1]}], "system": 3})
    for body in bodies:
        assert Anthropic().read_request("", body).choices == ()


def _event(value: object) -> Event:
    data = json.dumps(value).encode()
    return Event(b"data: " + data + b"\n\n", data)


def test_a_signature_of_masked_thinking_is_dropped() -> None:
    reply = Anthropic().reply(Anthropic().read_request("", REQUEST))
    thought = {"type": "thinking_delta", "thinking": "a secret"}
    signed = {"type": "signature_delta", "signature": "abc"}
    events = [
        _event({"type": "content_block_delta", "index": 0, "delta": delta})
        for delta in (thought, signed)
    ]
    readings = [reply.read_event(event) for event in events]
    assert b"a ******" in reply.write(Leaving(events[0], readings[0], ("a ******",)))
    assert reply.write(Leaving(events[1], readings[1], None)) == b""
    again = Anthropic().reply(Anthropic().read_request("", REQUEST))
    again.read_event(events[1])
    assert again.write(Leaving(events[1], readings[1], None)) == events[1].raw


def test_a_stream_that_is_stopped_before_it_began_is_whole() -> None:
    reply = Anthropic().reply(Anthropic().read_request("", REQUEST))
    raw = reply.end("", Note("No.", {"verdict": "block"}), nothing_left=True).decode()
    kinds = [line[7:] for line in raw.split("\n") if line.startswith("event: ")]
    assert kinds == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert '"guard":{"verdict":"block"}' in raw
