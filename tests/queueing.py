"""Review items and stores for the tests of the queue."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ConnectionError

from guard.review.sealing import Vault
from guard.review.spool import Spool
from guard.review.store import ReviewStore
from guard.review.views import StoredItem
from guard.types import Exchange, Finding, Outcome, ReviewItem

VAULT = Vault.fresh()
RESTART_SECONDS = 5.0
PATIENCE_SECONDS = 10.0
HOUR_SECONDS = 3600.0


def an_item(name: str, **given: Any) -> ReviewItem:
    """An item that is nobody's copy. `seconds` until its deadline, `risk` of its one finding."""
    seconds, risk = given.pop("seconds", HOUR_SECONDS), given.pop("risk", 0.5)
    now = time.time()
    text = f"what the model said to {given.pop('text', name)}"
    item = ReviewItem(
        id=name,
        exchange=Exchange(name, now, route=given.pop("route", "default")),
        reply=text.encode(),
        content_type="text/plain",
        texts={"text": text},
        findings={"text": (Finding("rule", "toxicity", risk, 0, 4),)},
        released={},
        deadline=now + seconds,
    )
    return replace(item, **given)


def a_store(url: str, prefix: str = "{outguard}", **given: Any) -> ReviewStore:
    """A store; with `data` one behind a spool there."""
    data = given.pop("data", None)
    spool = Spool(data, limit_bytes=2**30) if isinstance(data, Path) else None
    return ReviewStore(url, prefix=prefix, vault=VAULT, spool=spool, **given)


async def decide(store: ReviewStore, item: str, **given: Any) -> StoredItem:
    """Approves an item, or what else is given."""
    words: dict[str, Any] = {
        "decision_id": f"decision on {item}",
        "outcome": Outcome.APPROVE,
        "reviewer": "ann",
        "reason": "",
    }
    return await store.decide(item=item, **words | given)


async def eventually(
    condition: Callable[[], Awaitable[object]], *, seconds: float = PATIENCE_SECONDS
) -> None:
    """Returns once the condition gives something true."""
    async with asyncio.timeout(seconds):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.01)


async def kill(url: str) -> None:
    """Kills a Redis hard, and returns once nobody answers there."""
    async with Redis.from_url(url) as client:
        os.kill((await client.info("server"))["process_id"], signal.SIGKILL)
        async with asyncio.timeout(RESTART_SECONDS):
            with suppress(ConnectionError):
                while await client.ping():
                    pass
