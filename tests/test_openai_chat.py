"""OpenAI chat completions: what is read from requests, replies and events."""

import json
from typing import Any

from guard.dialects import Note
from guard.dialects.openai_chat import OpenAIChat
from guard.sse import Event


def _request(**more: Any) -> Any:
    tagged = {"type": "grounding_source", "text": "A source."}
    messages = [
        {"role": "system", "content": "Be kind."},
        {"role": "tool", "content": "12 items"},
        {"role": "user", "content": [{"type": "text", "text": "How many?"}, tagged]},
    ]
    body = {"model": "m", "messages": messages, "documents": ["D", {"text": "E"}], "n": 2}
    return OpenAIChat().read_request("", body | more)


def test_a_request_is_read() -> None:
    request = _request(stream=True)
    assert (request.model, request.prompt, request.streamed) == ("m", "How many?", True)
    assert request.choices == ("choices/0", "choices/1")
    assert set(request.evidence) == {
        ("system", "Be kind."),
        ("tool", "12 items"),
        ("user", "How many?"),
        ("tagged", "A source."),
        ("documents", "D"),
        ("documents", "E"),
    }


def test_requests_of_any_shape_are_read() -> None:
    bodies: list[Any] = [
        None,
        [],
        "x",
        {"messages": 1, "n": "many"},
        {"messages": [1, {"role": 2}]},
    ]
    for body in bodies:
        assert OpenAIChat().read_request("", body).choices in ((), ("choices/0",))


def test_plain_and_streamed_replies_have_the_same_channels() -> None:
    calls = [{"index": 0, "id": "i", "function": {"name": "f", "arguments": "{}"}}]
    inside = {"role": "assistant", "content": "c", "reasoning_content": "r", "tool_calls": calls}
    reply = OpenAIChat().reply(_request())
    plain = reply.read_plain({"choices": [{"index": 1, "message": inside}], "model": "m"})
    event = json.dumps({"choices": [{"index": 1, "delta": inside}]}).encode()
    streamed = reply.read_event(Event(b"", event))
    names = {fragment.channel for fragment in plain.fragments}
    assert names == {fragment.channel for fragment in streamed.fragments}
    assert names == {
        "choices/1/content",
        "choices/1/reasoning_content",
        "choices/1/tool_calls/0/name",
        "choices/1/tool_calls/0/arguments",
    }
    assert streamed.whole == ("choices/1/tool_calls/0/arguments",)


def test_a_refused_choice_leaves_the_others_as_they_are() -> None:
    good, bad = ({"index": i, "message": {"content": text}} for i, text in ((0, "a"), (1, "b")))
    note = Note("No.", {"verdict": "block"})
    reply = OpenAIChat().reply(_request())
    value = reply.refuse({"choices": [good, bad], "usage": {}}, {"choices/1"}, note)
    assert value["choices"][0] == good
    assert value["choices"][1]["message"] == {"role": "assistant", "content": "No."}
    assert value["choices"][1]["finish_reason"] == "content_filter"
    assert value["guard"] == {"verdict": "block"}


def test_an_error_in_a_stream_is_text_of_its_own() -> None:
    reply = OpenAIChat().reply(_request())
    reading = reply.read_event(Event(b"", b'{"error": {"message": "bad", "code": "x"}}'))
    assert reading.fragments[0].channel == "event/1/error/message"
    assert "event/1/error/message" in reading.ended
