"""Redis's file cut at the bytes of its last script: it starts by itself, and nothing is lost.

`OUTGUARD_TORN_STEP` says how many bytes lie between two cuts; `make torture` leaves none out.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from guard.review.own_redis import OwnRedis
from guard.types import State
from tests.queueing import a_store, an_item, decide

STEP = int(os.environ.get("OUTGUARD_TORN_STEP", "409"))


def appended(folder: Path) -> Path:
    files = [*folder.glob("redis/appendonly.aof"), *folder.glob("redis/**/*.incr.aof")]
    return max(files, key=lambda file: file.stat().st_mtime_ns)


@pytest.mark.timeout(3600 if STEP == 1 else 120)
async def test_a_cut_at_any_byte(tmp_path: Path) -> None:
    source = tmp_path / "source"
    with OwnRedis(source) as url:
        async with a_store(url) as store:
            await store.enqueue(an_item("first"))
            await store.enqueue(an_item("second"))
            await decide(store, "first")
            start = appended(source).stat().st_size
            await decide(store, "second")
            end = appended(source).stat().st_size
    assert end - start > 500
    states = set()
    for cut in range(start, end, STEP):
        copy = tmp_path / "copy"
        shutil.copytree(source, copy, ignore=lambda *_: {"redis.sock"})
        os.truncate(appended(copy), cut)
        with OwnRedis(copy) as url:
            async with a_store(url) as store:
                assert await store.check() == [], f"cut at byte {cut}"
                first, second = await store.get("first"), await store.get("second")
                assert first is not None
                assert first.released
                assert second is not None
                states.add(second.state)
                await decide(store, "second")  # and it goes on from there
        with OwnRedis(copy) as url:
            async with a_store(url) as store:
                second = await store.get("second")
                assert second is not None
                assert second.released
        shutil.rmtree(copy)
    assert states <= {State.WAITING, State.DECIDED}
