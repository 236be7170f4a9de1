"""A process that works on the queue and tells, a line each, what was acknowledged to it.

    python -m tests.queue_load URL DATA NAME ROLE…

URL is a Redis, or `own` / `own-everysec` for a private one in DATA. Roles: `enqueue`, `review`,
`tend`, and `nospool` to go without the spool. Lines: `item ID`, `decision ITEM DECISION OUTCOME`.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import sys
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from redis.asyncio import Redis

from guard.errors import StoreError
from guard.review.own_redis import kept
from guard.review.refusals import Refused
from guard.review.sealing import load_vault
from guard.review.spool import Spool
from guard.review.store import ReviewStore
from guard.types import Outcome
from tests.queueing import an_item

AT_ONCE = 4  # of each role
PAUSE_SECONDS = 0.01  # after a failure, and while there is nothing to do


def say(*words: str) -> None:
    os.write(1, (" ".join(words) + "\n").encode())


async def enqueue(store: ReviewStore, name: str) -> None:
    """Every third reply is a stream: it arrives, and is whole later."""
    for number in itertools.count():
        item = an_item(f"{name}.{number}")
        try:
            if number % 3:
                await store.enqueue(item)
            else:
                await store.enqueue(item, arriving=True)
                await store.complete(item)
            say("item", item.id)
        except (StoreError, Refused):
            await asyncio.sleep(PAUSE_SECONDS)


async def review(store: ReviewStore, name: str, chance: random.Random) -> None:
    for number in itertools.count():
        try:
            claims = await store.claim(2, reviewer=name, seconds=chance.choice([0.01, 5.0]))
        except StoreError:
            claims = []
        if not claims:
            await asyncio.sleep(PAUSE_SECONDS)
        for claim in claims:
            decision_id = f"{name}.{number}.{claim.item.id}"
            outcome = chance.choice([Outcome.APPROVE, Outcome.REJECT])
            with suppress(StoreError, Refused):
                await store.decide(
                    item=claim.item.id,
                    decision_id=decision_id,
                    outcome=outcome,
                    reviewer=name,
                    reason="",
                    token=claim.token,
                    undo_seconds=chance.choice([0, 0, 0.02]),
                )
                say("decision", claim.item.id, decision_id, outcome)


async def main(url: str, data: Path, name: str, roles: set[str]) -> None:
    async with AsyncExitStack() as stack:
        if url.startswith("own"):
            everysec = url.endswith("everysec")
            url = await asyncio.to_thread(stack.enter_context, kept(data))
            if everysec:
                async with Redis.from_url(url) as redis:
                    await redis.config_set("appendfsync", "everysec")
        spool = None if "nospool" in roles else Spool(data, limit_bytes=2**30)
        store = ReviewStore(url, vault=load_vault("", data), spool=spool)
        await stack.enter_async_context(store)
        chance = random.Random(name)
        work = [store.tend()]
        for number in range(AT_ONCE):
            if "enqueue" in roles:
                work.append(enqueue(store, f"{name}.{number}"))
            if "review" in roles:
                work.append(review(store, f"{name}.{number}", chance))
        say("ready")
        await asyncio.gather(*work)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], set(sys.argv[4:])))
