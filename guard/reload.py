"""Takes up rules that change while running; a broken change is told, the last good rules stay.

Rules of the file: the folder is looked at by size and time of its files, since that works on every
file system; reading, and running the examples, happens in a thread. A reply under way keeps the
rules it began with. What is told names places in rule files, never a matched text.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from guard.errors import RuleError, SettingsError
from guard.inspector import Inspector
from guard.rules import rule_files

LOOK_SECONDS = 0.5  # a change is read once it has stood still for one look: not while it is written
MISTAKES_SHOWN_MAX = 20  # in a log line or an answer; `guard rules lint` tells them all

Stamps = tuple[tuple[str, int, int, int], ...]

log = logging.getLogger("guard")


class Holder(Protocol):
    """Who has an inspector in force."""

    inspector: Inspector


class Reload:
    """Watches the folder of the rules in force, and puts a changed version of them in force."""

    def __init__(
        self,
        folder: Path,
        taken: Stamps,
        build: Callable[[], Inspector],
        holder: Holder,
        told: Callable[[int], None],
        *,
        event: str = "rules",
    ) -> None:
        """`taken`: the files as they were when the rules in force were read. `build` reads them
        anew, in a thread; it raises SettingsError. `told` hears the number of mistakes of each
        change, and the log tells of `event`."""
        self.mistakes: tuple[str, ...] = ()  # of a change that is not in force
        self._folder = folder
        self._taken = self._seen = taken
        self._build = build
        self._holder = holder
        self._count = told
        self._event = event

    async def run(self) -> None:
        """Looks for changes until it is cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Takes up a change, if there is one that stands still."""
        seen, self._seen = self._seen, await asyncio.to_thread(stamps, self._folder)
        if self._seen == self._taken or self._seen != seen:
            return
        self._taken = self._seen
        try:
            inspector = await asyncio.to_thread(self._build)
        except Exception as error:  # whatever it is, the rules in force stay
            self._refuse(_told(error))
            return
        self.mistakes = ()
        self._holder.inspector = inspector
        self._count(0)
        log.info(self._event, extra={"facts": {"rules": inspector.digest}})

    def _refuse(self, mistakes: tuple[str, ...]) -> None:
        self.mistakes = mistakes
        self._count(len(mistakes))
        facts = {
            "rules": self._holder.inspector.digest,
            "count": len(mistakes),
            "mistakes": mistakes[:MISTAKES_SHOWN_MAX],
        }
        log.error(self._event, extra={"facts": facts})


def stamps(folder: Path) -> Stamps:
    """Name, size and times of every file that the rules are read from."""
    found = []
    for file in rule_files(folder):
        try:
            stat = file.stat()
        except OSError:  # gone between two looks
            continue
        found.append((str(file), stat.st_size, stat.st_mtime_ns, stat.st_ino))
    return tuple(found)


def _told(error: Exception) -> tuple[str, ...]:
    if isinstance(error, RuleError):
        return error.mistakes
    if isinstance(error, SettingsError):
        return (str(error),)
    return (f"the rules cannot be read: {type(error).__name__}",)
