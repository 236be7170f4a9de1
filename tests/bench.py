"""What the guard costs, measured in one run: `python -m tests.bench`. Loopback only, about 30 s."""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from guard import demo, jsontext
from tests.prose import prose

CONNECTIONS = 16
SECONDS = 4.0  # of each measurement under load
ALONE = 300  # requests one after another
STREAMS = 40
ROUNDS = 2  # bare and guarded in turn, so that a slow moment hits both
ASK = {"model": "bench", "messages": [{"role": "user", "content": "How are the books?"}]}
PLAIN, CHAT = "/bench/v1/chat/completions", "/v1/chat/completions"


def serve(port: int) -> None:
    """The demo's upstream and a plain endpoint that answers about 800 bytes at once."""
    message = {"role": "assistant", "content": prose(550)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    head = {"id": "chatcmpl-bench", "object": "chat.completion", "created": 0, "model": "bench"}
    body = jsontext.dump({**head, "choices": [choice]})

    async def plain(request: Request) -> Response:
        await request.body()
        return Response(body, media_type="application/json")

    app = demo.upstream()
    app.routes.insert(0, Route(PLAIN, plain, methods=["POST"]))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="critical")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


async def up(session: aiohttp.ClientSession, url: str) -> None:
    """Waits until a server answers."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            async with session.post(url + PLAIN, json=ASK) as response:
                await response.read()
                if response.status == 200:
                    return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(0.1)
    raise SystemExit(f"{url} does not answer")


async def once(session: aiohttp.ClientSession, url: str) -> float:
    started = time.perf_counter()
    async with session.post(url + PLAIN, json=ASK) as response:
        await response.read()
        assert response.status == 200
    return time.perf_counter() - started


async def load(session: aiohttp.ClientSession, url: str) -> float:
    """Requests per second with all connections busy."""
    until = time.perf_counter() + SECONDS / ROUNDS
    count = 0

    async def client() -> None:
        nonlocal count
        while time.perf_counter() < until:
            await once(session, url)
            count += 1

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
    return count / (time.perf_counter() - started)


async def stream(session: aiohttp.ClientSession, url: str) -> tuple[float, int, float]:
    """Seconds to the first event with text, events, and seconds in all."""
    started = time.perf_counter()
    first, events = 0.0, 0
    async with session.post(url + CHAT, json={**ASK, "stream": True}) as response:
        async for line in response.content:
            events += line.startswith(b"data: {")
            if not first and b'"content": "T' in line.replace(b'":"', b'": "'):
                first = time.perf_counter() - started
    return first, events, time.perf_counter() - started


async def measure(urls: dict[str, str]) -> dict[str, dict[str, float]]:
    rows: dict[str, dict[str, float]] = {name: {} for name in urls}
    times: dict[str, list[float]] = {name: [] for name in urls}
    rates: dict[str, list[float]] = {name: [] for name in urls}
    streams: dict[str, list[tuple[float, int, float]]] = {name: [] for name in urls}
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector) as session:
        for url in urls.values():
            await up(session, url)
            for _ in range(30):
                await once(session, url)
        for _ in range(ROUNDS):
            for name, url in urls.items():
                times[name] += [await once(session, url) for _ in range(ALONE // ROUNDS)]
                rates[name].append(await load(session, url))
                streams[name] += [await stream(session, url) for _ in range(STREAMS // ROUNDS)]
    for name, row in rows.items():
        cuts = statistics.quantiles(times[name], n=100)
        row["requests/s, 16 at once"] = statistics.mean(rates[name])
        row["p50 alone, ms"] = cuts[49] * 1000
        row["p99 alone, ms"] = cuts[98] * 1000
        row["first streamed text, ms"] = statistics.median(s[0] for s in streams[name]) * 1000
        row["whole stream, ms"] = statistics.median(s[2] for s in streams[name]) * 1000
        row["events/s, one stream"] = statistics.median(s[1] / s[2] for s in streams[name])
    return rows


def table(rows: dict[str, Any]) -> str:
    bare, guarded = rows["bare"], rows["guarded"]
    lines = [f"{'':<26}{'bare':>10}{'guarded':>10}{'ratio':>8}{'added':>10}"]
    for name, before in bare.items():
        after = guarded[name]
        added = f"{after - before:>7.2f} ms" if name.endswith("ms") else ""
        ratio = after / before if before else float("nan")
        lines.append(f"{name:<26}{before:>10.2f}{after:>10.2f}{ratio:>8.2f}{added:>10}")
    return "\n".join(lines)


def main() -> None:
    upstream, port = free_port(), free_port()
    model = multiprocessing.get_context("spawn").Process(
        target=serve, args=(upstream,), daemon=True
    )
    model.start()
    bare = f"http://127.0.0.1:{upstream}"
    command = [sys.executable, "-m", "guard", "serve", "--upstream", bare]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        guarded = subprocess.Popen(
            [*command, "--port", str(port), "--data", folder],
            cwd=Path(__file__).parent.parent,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            urls = {"bare": bare, "guarded": f"http://127.0.0.1:{port}"}
            print(table(asyncio.run(measure(urls))))
        finally:
            guarded.terminate()
            guarded.wait(20)
            model.terminate()
            model.join()


if __name__ == "__main__":
    main()
