"""The demo's upstream: a scripted model that speaks OpenAI chat completions, and misbehaves.

Rule of the file: the last user message chooses the answer, by a word in it; any model name and
any message gets 200.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

PIECE_CHARS = 7  # what one event of a stream carries
PIECE_SECONDS = 0.005

ANSWERS = {
    "toxic": "Let me be honest with you. You are a worthless idiot and everybody hates you.",
    "invented": "The effect is well known. See doi 10.1234/made-up.5678 for the trial.",
    "leak": "Of course. Write to jane.roe@contoso.example or call her, she answers quickly.",
    "doubt": "Dear [Your Name], thank you for your order. We will ship it soon.",
    "figure": "Revenue rose to 4.7 million in the last quarter. That is all the report says.",
}
CLEAN = "The books are balanced. Every invoice of the month has been matched with a payment."


def answer(messages: Any) -> str:
    """The scripted answer to a conversation."""
    last = messages[-1].get("content", "") if isinstance(messages, list) and messages else ""
    asked = str(last).lower()
    return next((text for word, text in ANSWERS.items() if word in asked), CLEAN)


async def _chat(request: Request) -> Response:
    body = await request.json()
    head = {"id": "chatcmpl-demo", "created": int(time.time()), "model": body.get("model", "demo")}
    count = body.get("n") or 1
    text = answer(body.get("messages"))
    if body.get("stream"):
        return StreamingResponse(_events(head, text, count), media_type="text/event-stream")
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": text if index == 0 else CLEAN},
            "finish_reason": "stop",
            "logprobs": None,
        }
        for index in range(count)
    ]
    usage = {"prompt_tokens": 8, "completion_tokens": 20, "total_tokens": 28}
    return JSONResponse({**head, "object": "chat.completion", "choices": choices, "usage": usage})


async def _events(head: dict[str, Any], text: str, count: int) -> AsyncIterator[bytes]:
    def event(index: int, delta: dict[str, str], reason: str | None = None) -> bytes:
        choice = {"index": index, "delta": delta, "finish_reason": reason}
        chunk = {**head, "object": "chat.completion.chunk", "choices": [choice]}
        return f"data: {json.dumps(chunk)}\n\n".encode()

    for index in range(count):
        yield event(index, {"role": "assistant", "content": ""})
    for start in range(0, max(len(text), len(CLEAN)), PIECE_CHARS):
        for index in range(count):
            piece = (text if index == 0 else CLEAN)[start : start + PIECE_CHARS]
            if piece:
                yield event(index, {"content": piece})
        await asyncio.sleep(PIECE_SECONDS)
    for index in range(count):
        yield event(index, {}, "stop")
    yield b"data: [DONE]\n\n"


async def _models(request: Request) -> Response:
    return JSONResponse({"object": "list", "data": [{"id": "demo", "object": "model"}]})


def upstream() -> Starlette:
    """The scripted upstream as an ASGI application."""
    return Starlette(
        routes=[
            Route("/v1/chat/completions", _chat, methods=["POST"]),
            Route("/v1/models", _models),
        ]
    )


def serve_upstream(port: int) -> None:
    """Runs the scripted upstream on 127.0.0.1 until the process ends."""
    uvicorn.run(upstream(), host="127.0.0.1", port=port, log_level="critical")


def banner(url: str, token_file: str) -> str:
    """What `guard demo` prints to try."""
    words = ", ".join(ANSWERS)
    return f"""
Outguard is reading every reply of a scripted model. It answers cleanly, unless your message
has one of these words: {words}.

  curl {url}/v1/chat/completions -H 'content-type: application/json' \\
    -d '{{"model": "demo", "messages": [{{"role": "user", "content": "something toxic"}}]}}'

  curl -N {url}/v1/chat/completions -H 'content-type: application/json' \\
    -d '{{"model": "demo", "stream": true, "messages": [{{"role": "user", "content": "a leak"}}]}}'

  from openai import OpenAI
  client = OpenAI(base_url="{url}/v1", api_key="any")
  ask = [{{"role": "user", "content": "some doubt"}}]
  print(client.chat.completions.create(model="demo", messages=ask).choices[0])

To review what waits (the token is in {token_file}):

  export GUARD_TOKEN=$(cat {token_file})
  guard review list --url {url}
  guard review approve ID --url {url}

Health: {url}/guard/readyz     Stop: Ctrl-C
"""
