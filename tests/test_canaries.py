"""Strings planted in every input never come out in a log, a metric or an error of ours."""

import json
import socket
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.servers import TOKEN, RawUpstream, guard, until

CANARY = "CANARY"
RULES = """\
category: secret
rules:
  - id: planted
    pattern: 'CANARY-MATCH-\\d'
    examples: {match: [CANARY-MATCH-1], pass: [x]}
"""
POLICY = "routes: {default: {secret: {block: 0.5}, toxicity: {block: 0.85}}}\n"
CHAT = "/v1/chat/completions"
JSON, EVENTS = "application/json", "text/event-stream"


def _answer(body: bytes, kind: str, status: int = 200) -> list[Any]:
    head = (
        f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\nx-canary: CANARY-UPSTREAM-HEADER\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return [head.encode() + body]


def _reply(text: str) -> bytes:
    message = {"role": "assistant", "content": text}
    return json.dumps({"choices": [{"index": 0, "message": message}]}).encode()


def _event(text: str) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


ANSWERS = {
    "blocked": _answer(_reply("Look: CANARY-MATCH-1"), JSON),
    "allowed": _answer(_reply("Look: CANARY-PLAIN"), JSON),
    "an error": _answer(b'{"error": {"message": "CANARY-ERROR key sk-CANARY"}}', JSON, 500),
    "broken JSON": _answer(b'{"choices": [{"CANARY-BROKEN', JSON),
    "a broken type": _answer(b"CANARY-BYTES", "application/x-canary-CANARY"),
    "compressed": [
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: CANARY\r\n"
        b"content-length: 2\r\nconnection: close\r\n\r\n{}"
    ],
    "no HTTP": [b"CANARY-NOT-HTTP\r\n\r\n"],
    "cut off": [
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\nCANARY"
    ],
    "a stream": _answer(_event("Say CANARY-MATCH-2 now. ") + b"data: [DONE]\n\n", EVENTS),
    "a broken stream": _answer(_event("So. ") + b"data: {CANARY-EVENT\n\n", EVENTS),
}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, list[str]]:
    """The log, the metrics and our errors, after everything was asked."""
    folder = tmp_path_factory.mktemp("canaries")
    (folder / "rules").mkdir()
    (folder / "rules/planted.yaml").write_text(RULES)
    (folder / "rules/policy.yaml").write_text(POLICY)
    errors: list[str] = []
    with RawUpstream() as upstream:
        options = ["--upstream", f"http://127.0.0.1:{upstream.port}"]
        more = ["--rules", str(folder / "rules"), "--request-limit-bytes", "10000"]
        with guard(folder, "serve", *options, *more) as (url, log):
            for answer in ANSWERS.values():
                upstream.answers[CHAT] = answer
                errors.append(_ask(url))
            errors.append(_ask(url, size=20_000))
            errors += [_ours(url, path) for path in ("check", "moderations", "decisions")]
            errors.append(_detector(url))
            _raw(url)
            until(lambda: log.read_text().count('"event"') >= len(ANSWERS))
            request = urllib.request.Request(
                f"{url}/guard/metrics", headers={"authorization": f"Bearer {TOKEN}"}
            )
            with urllib.request.urlopen(request) as answer:
                metrics = answer.read().decode()
        return log.read_text(), metrics, errors


def _ask(url: str, *, size: int = 0) -> str:
    """Asks with a canary wherever a client can put one; gives the answer if it is an error."""
    body = {
        "model": "CANARY-MODEL",
        "user": "CANARY-USER",
        "messages": [{"role": "user", "content": "CANARY-PROMPT" + "x" * size}],
    }
    headers = {
        "authorization": "Bearer CANARY-KEY",
        "x-canary": "CANARY-HEADER",
        "x-guard-workflow": "CANARY-WORKFLOW",
        "x-guard-context": "CANARY-CONTEXT",
        "traceparent": "CANARY-TRACE",
        "cookie": "CANARY-COOKIE",
    }
    address = f"{url}{CHAT}?q=CANARY-QUERY"
    request = urllib.request.Request(address, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        text = error.read().decode()
        # The upstream's own error is a reply: it goes on, judged like any other.
        return "" if error.code == 500 else text
    except OSError:
        return ""
    return ""


def _ours(url: str, path: str) -> str:
    body = {"text": ["CANARY-TEXT"], "input": {"CANARY": 1}, "outcome": "CANARY", "route": "CANARY"}
    return _posted(f"{url}/guard/v1/{path}", body, {})


def _detector(url: str) -> str:
    headers = {"detector-id": "CANARY-DETECTOR"}
    address = f"{url}/guard/detectors/api/v1/text/contents"
    return _posted(address, {"contents": ["CANARY-CONTENT"]}, headers)


def _posted(address: str, body: Any, headers: dict[str, str]) -> str:
    headers = {"authorization": f"Bearer {TOKEN}", **headers}
    request = urllib.request.Request(address, json.dumps(body).encode(), headers)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    return caught.value.read().decode()


def _raw(url: str) -> None:
    """What is no HTTP at all."""
    port = int(url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), 5) as raw:
        raw.sendall(b"CANARY-RAW / HTTP/9\r\nCANARY\r\n\r\n")
        raw.recv(1000)


def test_no_log_holds_one(seen: tuple[str, str, list[str]]) -> None:
    log, _, _ = seen
    assert '"rules": ["planted"]' in log
    assert CANARY.lower() not in log.lower()


def test_no_metric_holds_one(seen: tuple[str, str, list[str]]) -> None:
    _, metrics, _ = seen
    assert 'rule="planted"' in metrics
    assert CANARY.lower() not in metrics.lower()


def test_no_error_of_ours_holds_one(seen: tuple[str, str, list[str]]) -> None:
    _, _, errors = seen
    told = [error for error in errors if error]
    assert len(told) >= 8
    assert all(CANARY.lower() not in error.lower() for error in told)
