"""Power cuts: of what was acknowledged, everything that an honest disk kept is enough.

`OUTGUARD_POWER_CUTS` says how many, `OUTGUARD_SEED` when each comes; `make torture` makes 60.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

from guard.review.own_redis import OwnRedis
from tests import power
from tests.ledger import Found, Ledger, Worker, compare

CUTS = int(os.environ.get("OUTGUARD_POWER_CUTS", "2"))
SEED = int(os.environ.get("OUTGUARD_SEED", "1"))
LONGEST_SECONDS = 1.5  # of work before a cut

pytestmark = [
    pytest.mark.skipif(not power.works(), reason="this machine lets nobody trace a program"),
    pytest.mark.timeout(60 + 30 * CUTS),
]


async def after_a_cut(folder: Path, redis: str, *roles: str, seconds: float) -> tuple[int, Found]:
    """How much was acknowledged before a cut, and what of it is missing after it."""
    data, aside = folder / "data", folder / "aside"
    data.mkdir(parents=True)
    ledger = Ledger()
    shim = (sys.executable, "-m", "tests.power", str(data), str(aside), "--")
    worker = Worker(ledger, redis, str(data), "w", "enqueue", "review", *roles, before=shim)
    worker.until_it_works()
    worker.listen(seconds)
    worker.kill()  # and with the shim all that it traced
    with OwnRedis(aside) as url:
        found = await compare(ledger, url, aside, spooled="nospool" not in roles)
    return len(ledger.items) + len(ledger.decisions), found


@pytest.mark.parametrize("cut", range(CUTS))
@pytest.mark.parametrize("redis", ["own", "own-everysec"])
async def test_nothing_acknowledged_is_lost(tmp_path: Path, redis: str, cut: int) -> None:
    seconds = random.Random(f"{SEED} {cut}").uniform(0, LONGEST_SECONDS)
    acknowledged, found = await after_a_cut(tmp_path, redis, seconds=seconds)
    assert acknowledged >= 10
    assert found == Found([], [], [], [])


async def test_without_the_spool_a_lazy_redis_loses(tmp_path: Path) -> None:
    """The control: were nothing lost here, the test above would prove nothing."""
    lost = 0
    for cut in range(5):
        _, found = await after_a_cut(
            tmp_path / str(cut), "own-everysec", "nospool", seconds=0.3 + cut / 7
        )
        lost += len(found.lost)
        if lost:
            return
    pytest.fail("five cuts took nothing")
