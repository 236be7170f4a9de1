"""What guarding a stream costs, measured in one run: `python -m tests.bench_streams`.

Loopback only, about 90 s. Three ways side by side: the bare upstream, the default policy by
sentence, and the pattern and phrase rules by token.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import aiohttp
import uvicorn
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from guard.rules import shipped_folder
from tests.prose import prose
from tests.servers import free_port

PIECE_CHARS = 7
BATCH_EVENTS = 50  # what a busy upstream writes at once
FLAT_OUT_CHARS = 100_000
PACED_EVENTS, PACE_SECONDS = 200, 0.005
SIZES = (1_000, 10_000, 100_000, 1_000_000)
OPEN_STREAMS, OPEN_CHARS = 1_000, 2_000
ROUNDS = 3
WAYS = {"bare": "", "sentence": "", "token": "/token"}


def _events(chars: int) -> Iterator[bytes]:
    text = prose(chars)
    for start in range(0, chars, PIECE_CHARS):
        choice = {"index": 0, "delta": {"content": text[start : start + PIECE_CHARS]}}
        yield f"data: {json.dumps({'id': 'c', 'model': 'm', 'choices': [choice]})}\n\n".encode()


async def _stream(request: Request) -> Response:
    chars = int(request.query_params["chars"])
    pause = float(request.query_params.get("pause", 0))
    stall = float(request.query_params.get("stall", 0))

    async def body() -> AsyncIterator[bytes]:
        batch: list[bytes] = []
        for event in _events(chars):
            batch.append(event)
            if pause or len(batch) == BATCH_EVENTS:
                yield b"".join(batch)
                batch = []
                await asyncio.sleep(pause)
        yield b"".join(batch)
        await asyncio.sleep(stall)
        yield b"data: [DONE]\n\n"

    return StreamingResponse(body(), media_type="text/event-stream")


def serve(port: int) -> None:
    """An upstream that streams as many characters as it is asked for."""
    routes = [Route("/{path:path}", _stream, methods=["POST"])]
    uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=port, log_level="critical")


def _settings(folder: Path) -> list[str]:
    """The shipped rules; those that a route by token cannot have are for the other alone."""
    rules = folder / "rules"
    shutil.copytree(shipped_folder(), rules)
    policy = (rules / "policy.yaml").read_text()
    (rules / "policy.yaml").write_text(f"{policy}\n  token:\n    toxicity: {{shadow: true}}\n")
    for file in rules.rglob("*.yaml"):
        book = yaml.safe_load(file.read_text())
        for rule in book.get("rules", []):
            if {"grounding", "consistency"} & rule.keys():
                rule.setdefault("scope", {})["routes"] = ["default"]
                file.write_text(json.dumps(book))
    config = "routes: [{name: token, match: {path: '/token/*'}, release: token}]\n"
    (folder / "guard.yaml").write_text(config)
    return ["--rules", str(rules), "--config", str(folder / "guard.yaml")]


@contextmanager
def servers() -> Iterator[tuple[dict[str, str], int]]:
    """The addresses of each way, and the guard's process."""
    upstream, port = free_port(), free_port()
    model = multiprocessing.get_context("spawn").Process(
        target=serve, args=(upstream,), daemon=True
    )
    model.start()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        command = [sys.executable, "-m", "guard", "serve", "--port", str(port)]
        command += ["--upstream", f"http://127.0.0.1:{upstream}", "--data", str(folder / "data")]
        guarded = subprocess.Popen(
            [*command, *_settings(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            ports = {"bare": upstream, "sentence": port, "token": port}
            urls = {
                way: f"http://127.0.0.1:{ports[way]}{prefix}/v1/chat/completions"
                for way, prefix in WAYS.items()
            }
            yield urls, guarded.pid
        finally:
            guarded.terminate()
            guarded.wait(60)
            model.terminate()
            model.join()


def _cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_kib(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    return int(next(line for line in status.split("\n") if line.startswith("VmRSS")).split()[1])


async def _read(session: aiohttp.ClientSession, url: str) -> list[float]:
    """When each piece of a stream came, in seconds from its beginning."""
    started = time.perf_counter()
    times = []
    async with session.post(url, json={"stream": True, "messages": []}) as response:
        assert response.status == 200
        async for _ in response.content.iter_any():
            times.append(time.perf_counter() - started)
    return times


async def _up(session: aiohttp.ClientSession, url: str) -> None:
    for _ in range(300):
        try:
            await _read(session, f"{url}?chars=700")
            return
        except (aiohttp.ClientError, AssertionError):
            await asyncio.sleep(0.1)
    raise SystemExit(f"{url} does not answer")


async def _flat_out(session: aiohttp.ClientSession, urls: dict[str, str], process: int) -> None:
    events = FLAT_OUT_CHARS // PIECE_CHARS
    rates: dict[str, list[float]] = {way: [] for way in urls}
    cores: dict[str, list[float]] = {way: [] for way in urls}
    for _ in range(ROUNDS):
        for way, url in urls.items():
            cpu = _cpu_seconds(process)
            took = (await _read(session, f"{url}?chars={FLAT_OUT_CHARS}"))[-1]
            rates[way].append(events / took)
            cores[way].append(events / max(_cpu_seconds(process) - cpu, 1e-9))
    print(f"\n{'one stream, flat out':<28}{'events/s':>12}{'ratio':>8}{'per core':>12}")
    for way in urls:
        rate = statistics.median(rates[way])
        core = "" if way == "bare" else f"{statistics.median(cores[way]):,.0f}"
        ratio = rate / statistics.median(rates["bare"])
        print(f"{way:<28}{rate:>12,.0f}{ratio:>8.2f}{core:>12}")


async def _paced(session: aiohttp.ClientSession, urls: dict[str, str]) -> None:
    query = f"?chars={PACED_EVENTS * PIECE_CHARS}&pause={PACE_SECONDS}"
    head = f"an event each {PACE_SECONDS * 1000:.0f} ms"
    print(f"\n{head:<28}{'first, ms':>12}{'added':>8}{'gap p50':>12}{'gap p99':>12}{'whole':>10}")
    firsts: dict[str, float] = {}
    for way, url in urls.items():
        runs = [await _read(session, url + query) for _ in range(ROUNDS)]
        gaps = sorted(after - before for run in runs for before, after in pairwise(run))
        firsts[way] = statistics.median(run[0] for run in runs) * 1000
        p50, p99 = gaps[len(gaps) // 2] * 1000, gaps[int(len(gaps) * 0.99)] * 1000
        whole = statistics.median(run[-1] for run in runs)
        print(
            f"{way:<28}{firsts[way]:>12.1f}{firsts[way] - firsts['bare']:>8.1f}{p50:>9.1f} ms"
            f"{p99:>9.1f} ms{whole:>8.2f} s"
        )


async def _sizes(session: aiohttp.ClientSession, urls: dict[str, str], process: int) -> None:
    print(f"\n{'guard, CPU µs a character':<28}" + "".join(f"{size:>12,}" for size in SIZES))
    for way in ("sentence", "token"):
        cells = []
        for size in SIZES:
            times = max(1, 20_000 // size)  # short streams take less than a tick of the clock
            cpu = _cpu_seconds(process)
            for _ in range(times):
                await _read(session, f"{urls[way]}?chars={size}")
            cells.append((_cpu_seconds(process) - cpu) / times / size * 1e6)
        print(f"{way:<28}" + "".join(f"{cell:>12.1f}" for cell in cells))


async def _open(urls: dict[str, str], process: int) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        before = _resident_kib(process)
        query = f"?chars={OPEN_CHARS}&stall=20"
        asked = [
            asyncio.create_task(_read(session, urls["sentence"] + query))
            for _ in range(OPEN_STREAMS)
        ]
        await asyncio.sleep(12)
        each = (_resident_kib(process) - before) / OPEN_STREAMS
        done = await asyncio.gather(*asked)
        assert all(done)
    print(f"\n{OPEN_STREAMS:,} open streams of {OPEN_CHARS:,} characters: {each:.0f} KiB each")


async def measure(urls: dict[str, str], process: int) -> None:
    """Prints all tables."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
        for url in urls.values():
            await _up(session, url)
        await _flat_out(session, urls, process)
        await _paced(session, urls)
        await _sizes(session, urls, process)
    await _open(urls, process)


def main() -> None:
    """Starts everything, measures, and stops it."""
    with servers() as (urls, process):
        asyncio.run(measure(urls, process))


if __name__ == "__main__":
    main()
