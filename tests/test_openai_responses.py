"""OpenAI Responses: what is read from requests and events, and what a mask takes with it."""

import json
from typing import Any

from guard.dialects.openai_responses import OpenAIResponses
from guard.gate import Leaving
from guard.sse import Event


def test_a_request_is_read() -> None:
    body = {
        "model": "m",
        "instructions": "Be kind.",
        "stream": True,
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "How many?"}]},
            {"type": "function_call_output", "call_id": "c", "output": "12 items"},
            {"type": "mcp_call_output", "output": [{"text": "and 3"}]},
        ],
    }
    request = OpenAIResponses().read_request("/v1/responses", body)
    assert (request.model, request.prompt, request.streamed) == ("m", "How many?", True)
    assert set(request.evidence) == {
        ("system", "Be kind."),
        ("user", "How many?"),
        ("tool", "12 items"),
        ("tool", "and 3"),
    }
    assert OpenAIResponses().read_request("", {"input": "Why?"}).prompt == "Why?"


def _event(value: Any) -> Event:
    data = json.dumps(value).encode()
    return Event(b"data: " + data + b"\n\n", data)


def test_images_and_echoes_of_the_request_are_no_text() -> None:
    reply = OpenAIResponses().reply(OpenAIResponses().read_request("", {}))
    drawn = {"type": "image_generation_call", "result": "iVBORw0KGgo=", "revised_prompt": "a cat"}
    response = {"output": [drawn], "instructions": "Be kind.", "tools": [{"description": "d"}]}
    reading = reply.read_event(_event({"type": "response.completed", "response": response}))
    assert [fragment.text for fragment in reading.fragments] == ["a cat"]


def test_log_probabilities_do_not_outlive_a_mask() -> None:
    reply = OpenAIResponses().reply(OpenAIResponses().read_request("", {}))
    delta = {"output_index": 0, "content_index": 0, "delta": "secret", "logprobs": [{"token": "s"}]}
    event = _event({"type": "response.output_text.delta", **delta})
    reading = reply.read_event(event)
    assert reading.fragments[0].channel == "output/0/content/0/text"
    value = json.loads(reply.write(Leaving(event, reading, ("******",)))[6:])
    assert (value["delta"], value["logprobs"]) == ("******", [])
