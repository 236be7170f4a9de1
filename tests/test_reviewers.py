"""Many reviewers at once, whose leases lapse, who press twice and come back late: each item is
decided once, and each decision goes out once.

`OUTGUARD_ITEMS` says how many items, `OUTGUARD_SEED` who does what; `make torture` takes 100,000.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from guard.review.own_redis import OwnRedis
from guard.review.refusals import Refused
from guard.review.store import ReviewStore
from guard.types import Outcome
from tests.queueing import a_store, an_item, eventually

ITEMS = int(os.environ.get("OUTGUARD_ITEMS", "1000"))
REVIEWERS = 64
SEED = int(os.environ.get("OUTGUARD_SEED", "1"))


class Reviewers:
    """What they were told, all together."""

    def __init__(self) -> None:
        self.decided: dict[str, list[str]] = {}
        self.refused: Counter[str] = Counter()

    async def work(self, store: ReviewStore, name: str) -> None:
        chance = random.Random(f"{SEED} {name}")
        idle = 0
        while idle < 20:
            lease = chance.choice([0.001, 0.01, 30.0])
            claims = await store.claim(chance.randint(1, 3), reviewer=name, seconds=lease)
            idle = 0 if claims else idle + 1
            if not claims:
                await asyncio.sleep(0.02)
            for claim in claims:
                if chance.random() < 0.3:
                    await asyncio.sleep(0.015)  # wanders off: the shorter leases lapse
                await self.act(store, name, claim.item.id, claim.token, chance)

    async def act(
        self, store: ReviewStore, name: str, item: str, token: int, chance: random.Random
    ) -> None:
        decision_id = f"{name} {item} {token}"
        what = chance.choice(["decide"] * 6 + ["release", "renew", "undo", "leave"])
        try:
            if what == "release":
                await store.release(item, token=token, reviewer=name)
                return
            if what == "renew":
                await store.renew(item, token=token, reviewer=name, seconds=0.01)
            if what == "leave":
                return
            undo_seconds = 5.0 if what == "undo" else chance.choice([0.0, 0.01])
            for _ in range(chance.choice([1, 1, 2])):  # presses twice
                await store.decide(
                    item=item,
                    decision_id=decision_id,
                    outcome=chance.choice([Outcome.APPROVE]) if what != "undo" else Outcome.REJECT,
                    reviewer=name,
                    reason="",
                    token=token,
                    undo_seconds=undo_seconds,
                )
            if what == "undo":
                again = await store.undo(decision_id, seconds=0.01)
                await store.release(item, token=again.token, reviewer=name)
                return
            self.decided.setdefault(item, []).append(decision_id)
        except Refused as error:
            self.refused[type(error).__name__] += 1


@pytest.mark.timeout(60 + ITEMS // 20)
async def test_each_item_is_decided_once(tmp_path: Path) -> None:
    with OwnRedis(tmp_path) as url:
        async with a_store(url) as one, a_store(url) as other, Redis.from_url(url) as redis:
            tending = asyncio.create_task(one.tend())
            told = Reviewers()
            work = [
                asyncio.create_task(told.work(store, f"reviewer {number}"))
                for number, store in zip(range(REVIEWERS), [one, other] * REVIEWERS, strict=False)
            ]
            for start in range(0, ITEMS, 100):
                await asyncio.gather(
                    *(one.enqueue(an_item(f"{n}")) for n in range(start, min(start + 100, ITEMS)))
                )
            await asyncio.gather(*work)

            async def all_took_effect() -> bool:
                return (await one.stats()).beside["undoable"] == 0

            await eventually(all_took_effect)
            assert await one.check() == []
            effects: Any = await redis.xrange(one.run.effects)
            out = Counter(fields[b"item"].decode() for _, fields in effects)
            decided = (await one.stats()).states["decided"]
            left = (await one.stats()).states["waiting"] + (await one.stats()).states["claimed"]
            for name, decisions in told.decided.items():
                assert len(decisions) == 1, f"{name} was decided twice"
                found = await one.get(name)
                assert found is not None
                assert found.decision is not None
                assert [found.decision.id] == decisions
            tending.cancel()
    assert decided == len(told.decided)
    assert decided + left == ITEMS
    assert decided > ITEMS * 0.7  # the rest is held by who left, for half a minute
    if ITEMS <= 100_000:  # so many effects the stream holds
        assert set(out) == set(told.decided)
    assert set(out.values()) == {1}
    assert told.refused["Fenced"] > 0  # the leases did lapse
