"""Ollama: what is read from requests, and the words it is kept alive and ended with."""

import json

from guard.dialects import Note
from guard.dialects.ollama import Ollama


def test_requests_are_read() -> None:
    messages = [{"role": "tool", "content": "12"}, {"role": "user", "content": "How many?"}]
    request = Ollama().read_request("/api/chat", {"model": "m", "messages": messages})
    assert (request.model, request.prompt, request.streamed) == ("m", "How many?", True)
    assert set(request.evidence) == {("tool", "12"), ("user", "How many?")}
    body = {"model": "m", "prompt": "Why?", "system": "Be kind.", "stream": False}
    request = Ollama().read_request("/api/generate", body)
    assert (request.prompt, request.streamed, request.task) == ("Why?", False, "generate")
    assert ("system", "Be kind.") in request.evidence


def test_lines_of_ours_are_of_the_dialect() -> None:
    for path, key in (("/api/chat", "message"), ("/api/generate", "response")):
        reply = Ollama().reply(Ollama().read_request(path, {"model": "m"}))
        alive = json.loads(reply.keep_alive)
        assert (alive["model"], alive["done"]) == ("m", False)
        assert not (alive[key]["content"] if key == "message" else alive[key])
        ending = json.loads(reply.end("", Note("No.", {}), nothing_left=True))
        assert (ending["done"], ending["done_reason"]) == (True, "content_filter")
        assert (ending[key]["content"] if key == "message" else ending[key]) == "No."


def test_errors_are_what_its_clients_read() -> None:
    reply = Ollama().reply(Ollama().read_request("/api/chat", {}))
    assert reply.error("timeout", "too late", 504, {})["error"] == "too late"
