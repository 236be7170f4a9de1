"""A changed pack beside the live one: judged, counted, logged, and never acted on.

Rules of the file: it works on replies that are done, in a thread, and gives the machine back for as
long as it took; what does not fit in its queue is skipped and counted. What is kept has no text.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from guard.inspector import Inspector
from guard.metrics import Metrics
from guard.rule_diff import difference
from guard.types import Exchange

WAITING_MAX = 64  # replies
CHARS_MAX = 1_000_000  # of one reply; a longer one is skipped
FILE = "shadow.jsonl"  # in the data folder: the decisions that differed, a line each
FILE_MAX_BYTES = 2**20  # then it is set aside as `.1`, and the one before is gone

log = logging.getLogger("guard")


class Shadow:
    """The pack that is tried beside the live one. `inspector` may be exchanged at any time."""

    def __init__(self, inspector: Inspector, folder: Path, metrics: Metrics) -> None:
        """`folder`: where the decisions that differed are kept."""
        self.inspector = inspector
        self._file = folder / FILE
        self._metrics = metrics
        self._waiting: asyncio.Queue[tuple[Inspector, Exchange, Mapping[str, str]]] = asyncio.Queue(
            WAITING_MAX
        )

    def offer(self, live: Inspector, exchange: Exchange, texts: Mapping[str, str]) -> None:
        """A reply is done: it is judged again when there is time."""
        if self._waiting.full() or sum(map(len, texts.values())) > CHARS_MAX:
            self._metrics.shadow_skipped()
            return
        self._waiting.put_nowait((live, exchange, texts))

    async def run(self) -> None:
        """Judges what is offered, until it is cancelled."""
        while True:
            live, exchange, texts = await self._waiting.get()
            started = time.perf_counter()
            try:
                row = await asyncio.to_thread(difference, live, self.inspector, exchange, texts)
                self._metrics.shadow(exchange.route, row["live"], row["other"])
                if row["differ"]:
                    row |= {"rules": live.digest, "shadow_rules": self.inspector.digest}
                    log.info("shadow", extra={"facts": {"verdict": row["live"], **_short(row)}})
                    await asyncio.to_thread(self._keep, row)
            except Exception as error:  # it must never harm what is live
                facts = {"id": exchange.id, "error": type(error).__name__}
                log.error("shadow", extra={"facts": facts})
            await asyncio.sleep(time.perf_counter() - started)

    def _keep(self, row: dict[str, Any]) -> None:
        line = json.dumps({"at": round(time.time(), 3), **row}) + "\n"
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._file.exists() and self._file.stat().st_size > FILE_MAX_BYTES:
            self._file.replace(self._file.with_suffix(".jsonl.1"))
        with self._file.open("a", encoding="utf-8") as out:  # one write: workers do not mix lines
            out.write(line)


def _short(row: dict[str, Any]) -> dict[str, Any]:
    rules = {version: set[str]() for version in ("live", "other")}
    for one in row["only"]:
        rules[one["version"]].add(one["rule"])
    return {
        "id": row["id"],
        "route": row["route"],
        "shadow_verdict": row["other"],
        "only_live": sorted(rules["live"]),
        "only_shadow": sorted(rules["other"]),
    }
