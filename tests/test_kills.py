"""kill -9, again and again, over everything that works on the queue, under load.

`OUTGUARD_KILLS` says how many, `OUTGUARD_SEED` whom and when; `make torture` makes 300.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from http.client import HTTPException
from pathlib import Path

import pytest
from redis import Redis

from guard.review.own_redis import OwnRedis
from guard.review.store import ReviewStore
from tests.ledger import Found, Ledger, Worker, compare
from tests.queueing import VAULT
from tests.servers import TOKEN, free_port

KILLS = int(os.environ.get("OUTGUARD_KILLS", "6"))
SERVER_KILLS = max(1, KILLS // 20)
SEED = int(os.environ.get("OUTGUARD_SEED", "1"))
LONGEST_SECONDS = 0.6  # of work before a kill

ROLES = {
    "proxy": ("enqueue",),
    "page": ("review",),
    "sweeper": (),
    "both": ("enqueue", "review"),
}


async def invariants(url: str) -> list[str]:
    store = ReviewStore(url, vault=VAULT)
    try:
        return await store.check()
    finally:
        await store.close()


@pytest.mark.timeout(120 + 5 * KILLS)
async def test_nothing_acknowledged_is_lost_whoever_is_killed(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    ledger, own = Ledger(), OwnRedis(tmp_path)
    url = own.start()
    starts = 0

    def worker(role: str) -> Worker:
        nonlocal starts
        starts += 1
        return Worker(ledger, url, str(tmp_path), f"{role}{starts}", *ROLES[role])

    workers = {role: worker(role) for role in ROLES}
    workers["both"].until_it_works()
    for kill in range(KILLS):
        for one in workers.values():
            one.listen(chance.uniform(0, LONGEST_SECONDS) / len(workers))
        victim = chance.choice([*ROLES, "redis"])
        if victim == "redis":
            with Redis.from_url(url) as client:
                os.kill(client.info("server")["process_id"], signal.SIGKILL)
            await asyncio.sleep(chance.uniform(0, 0.2))
            assert own.start() == url
        else:
            workers[victim].kill()
            workers[victim] = worker(victim)
            workers[victim].listen(0.3)
        assert await invariants(url) == [], f"after kill {kill}, of {victim}"
    for one in workers.values():
        one.kill()
    found = await compare(ledger, url, tmp_path)
    own.stop()
    assert found == Found([], [], [], [])
    assert len(ledger.items) > 20 * KILLS
    assert len(ledger.decisions) > 2 * KILLS


@pytest.mark.timeout(120 + 20 * SERVER_KILLS)
def test_a_guard_that_is_killed_loses_no_review(tmp_path: Path) -> None:
    """The whole program, its private Redis with it: every review id that a client got is there."""
    port, told = free_port(), set[str]()
    line = [sys.executable, "-m", "guard", "demo", "--port", str(port), "--workers", "1"]
    url = f"http://127.0.0.1:{port}"
    chance = random.Random(SEED)
    over = threading.Event()

    def ask() -> None:
        number = 0
        while not over.is_set():
            number += 1
            asked = {"role": "user", "content": f"doubt {number}"}
            body = json.dumps({"model": "m", "messages": [asked], "stream": number % 2 == 0})
            request = urllib.request.Request(f"{url}/v1/chat/completions", body.encode())
            try:
                with urllib.request.urlopen(request, timeout=5) as answer:
                    text = answer.read().decode()
            except (OSError, HTTPException):
                time.sleep(0.05)
                continue
            if '"review_id":"' in text:
                told.add(text.split('"review_id":"')[1].split('"')[0])

    def start() -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [*line, "--data", str(tmp_path)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "GUARD_TOKEN": TOKEN},
        )
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                with urllib.request.urlopen(f"{url}/guard/readyz", timeout=1):
                    return process
            except OSError:
                time.sleep(0.05)
        process.kill()
        raise AssertionError("the guard did not start")

    process = start()
    clients = [threading.Thread(target=ask) for _ in range(4)]
    for client in clients:
        client.start()
    try:
        for _ in range(SERVER_KILLS):
            time.sleep(chance.uniform(0.3, 1.5))
            process.kill()
            process.wait()
            process = start()
        before = len(told)
        until = time.monotonic() + 20
        while len(told) == before and time.monotonic() < until:
            time.sleep(0.05)
        over.set()
        for client in clients:
            client.join()
        missing = []
        for name in told:
            request = urllib.request.Request(f"{url}/guard/v1/reviews/{name}")
            try:
                with urllib.request.urlopen(request, timeout=5) as answer:
                    assert json.load(answer)["state"] == "waiting"
            except OSError:
                missing.append(name)
        assert len(told) > SERVER_KILLS
        assert missing == []
    finally:
        over.set()
        process.terminate()
        process.wait(30)
