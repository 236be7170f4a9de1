"""What processes were told, and whether the queue still knows it: for the tests that kill."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from guard.errors import StoreError
from guard.review.sealing import load_vault
from guard.review.spool import Spool
from guard.review.store import ReviewStore
from tests.queueing import eventually

CATCH_UP_SECONDS = 300.0  # for some hundred thousand calls of the last ten minutes
ROOT = Path(__file__).parent.parent


@dataclass
class Ledger:
    """Everything that was acknowledged."""

    items: set[str] = field(default_factory=set)
    decisions: dict[str, tuple[str, str]] = field(default_factory=dict)  # item: id, outcome
    twice: list[str] = field(default_factory=list)  # two acknowledged decisions on one item

    def note(self, line: str) -> None:
        words = line.split()
        if len(words) == 2 and words[0] == "item":
            self.items.add(words[1])
        elif len(words) == 4 and words[0] == "decision":
            if self.decisions.get(words[1], (words[2], ""))[0] != words[2]:
                self.twice.append(words[1])
            self.decisions[words[1]] = (words[2], words[3])


class Worker:
    """A process of `tests.queue_load`, or of `command` around it; its words go to the ledger."""

    def __init__(self, ledger: Ledger, *arguments: str, before: tuple[str, ...] = ()) -> None:
        line = [*before, sys.executable, "-m", "tests.queue_load", *arguments]
        self.process = subprocess.Popen(
            line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT, bufsize=0
        )
        self._ledger = ledger
        self._rest = b""
        self.heard = 0

    def listen(self, seconds: float) -> None:
        """Notes what it says for so long."""
        assert self.process.stdout is not None
        until = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while (left := until - time.monotonic()) > 0 and selector.select(left):
                if not self._read():
                    return

    def until_it_works(self, lines: int = 20) -> None:
        """Listens until it has said so much. Raises AssertionError after half a minute."""
        give_up = time.monotonic() + 30
        while self.heard < lines:
            assert time.monotonic() < give_up, "the worker does not work"
            self.listen(0.05)

    def kill(self) -> None:
        """Kills it hard, and notes what it still said."""
        self.process.send_signal(signal.SIGKILL)
        while self._read():
            pass
        self.process.wait()

    def _read(self) -> bool:
        assert self.process.stdout is not None
        chunk = os.read(self.process.stdout.fileno(), 65536)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        self.heard += len(lines)
        for line in lines:
            self._ledger.note(line.decode())
        return bool(chunk)


@dataclass(frozen=True)
class Found:
    """What the queue has not kept of a ledger."""

    lost: list[str]  # items that were acknowledged
    undecided: list[str]  # decisions that were acknowledged
    twice: list[str]  # items with two decisions, or two effects
    wrong: list[str]  # invariants


async def compare(ledger: Ledger, url: str, data: Path, *, spooled: bool = True) -> Found:
    """Lets the queue catch up from the spool in `data`, and looks for everything."""
    spool = Spool(data, limit_bytes=2**30) if spooled else None
    async with ReviewStore(url, vault=load_vault("", data), spool=spool) as store:

        async def caught_up() -> bool:
            try:
                return not store.behind and not await store.spooled() and await settled(store)
            except StoreError:
                return False

        await eventually(caught_up, seconds=CATCH_UP_SECONDS)
        known: dict[str, tuple[str, str]] = {}
        cursor = "0"
        while cursor:
            rows, cursor = await store.listing(state=None, cursor=cursor, limit=2000)
            known |= {row.id: (row.decision_id, str(row.outcome or "")) for row in rows}
        wrong = await store.check()
        async with Redis.from_url(url) as redis:
            entries: Any = await redis.xrange(store.run.effects)
            effects = [fields[b"item"].decode() for _, fields in entries]
    doubled = sorted(name for name, count in Counter(effects).items() if count > 1)
    undone = sorted(set(effects) - {name for name, (decision, _) in known.items() if decision})
    return Found(
        lost=sorted(ledger.items - set(known)),
        undecided=sorted(
            name for name, decision in ledger.decisions.items() if known.get(name) != decision
        ),
        twice=ledger.twice + doubled,
        wrong=wrong + [f"{name}: released before a decision" for name in undone],
    )


async def settled(store: ReviewStore) -> bool:
    await store.sweep()
    return (await store.stats()).beside["undoable"] == 0
