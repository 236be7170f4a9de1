"""Runs `store.lua`, the only writer of the review queue, and says what is wrong when it cannot.

Rules: every call is the same script with the same keys; a Redis that lost the script (a restart, a
new one) is given it again; whatever fails becomes a `StoreError` that names the Redis without its
password, and the cure. A call that failed may have been done: all of them are safe to repeat.
"""

from __future__ import annotations

import asyncio
from importlib.resources import files
from typing import Any

from redis import exceptions
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from guard.errors import SettingsError, StoreError

CONNECT_SECONDS = 2.0  # a host on the same network connects in milliseconds
ANSWER_SECONDS = 5.0  # one script takes 1 ms; a disk that syncs slowly may take a second
CALL_SECONDS = 10.0  # a whole call, the wait for its turn included
AT_ONCE_MAX = 16  # calls under way: Redis shares one sync among them; more gain nothing
RETRIES = 1  # a kept connection may have died with a Redis that is back by now

_KEYS = (
    "payload", "meta", "decisions", "arriving", "waiting", "decided", "expired", "deadlines",
    "retention", "effects", "counters",
)  # fmt: skip

# Part of Redis's own words -> what is wrong, and the cure. Inside a script its error codes are
# wrapped in other text, so the words are looked for anywhere.
_TROUBLES = (
    ("read only replica", "is a read-only replica: give the primary's address with --redis"),
    ("maxmemory", "is out of memory: raise its maxmemory, or keep decided items for less time"),
    ("MISCONF", "cannot write to its disk: make room there and look into its log"),
    ("loading the dataset", "is still loading its data: wait until it is done"),
)


class Scripts:
    """One Redis, and the script in it, for all keys under `prefix`."""

    def __init__(self, url: str, *, prefix: str, keep_ms: int) -> None:
        """Raises SettingsError for an address that is none."""
        self._keep_ms = keep_ms
        self._keys = [f"{prefix}:{name}" for name in _KEYS]
        self.effects = f"{prefix}:effects"
        self._turns = asyncio.Semaphore(AT_ONCE_MAX)  # fair, unlike the client's blocking pool
        self._client = client(url, answer_seconds=ANSWER_SECONDS)
        source = files("guard.review").joinpath("store.lua").read_text("utf-8")
        self._script = self._client.register_script(source)

    async def __call__(self, verb: str, *arguments: str | bytes | int) -> list[Any]:
        """The script's answer: a word, then what the verb gives. Raises StoreError."""
        task = asyncio.current_task()
        cancels = task.cancelling() if task else 0
        try:
            async with asyncio.timeout(CALL_SECONDS), self._turns:
                answer: list[Any] = await self._script(
                    keys=self._keys, args=[verb, self._keep_ms, *arguments]
                )
        except (exceptions.RedisError, OSError) as error:
            raise StoreError(f"the review store at {self._place} {_trouble(error)}") from error
        if task and task.cancelling() > cancels:
            # The client sends with asyncio.wait_for, which can lose a cancellation in Python 3.11.
            raise asyncio.CancelledError
        return answer

    async def close(self) -> None:
        await self._client.aclose()

    @property
    def _place(self) -> str:
        known = self._client.connection_pool.connection_kwargs
        return str(known.get("path") or f"{known.get('host')}:{known.get('port')}")


def client(url: str, *, answer_seconds: float) -> Redis:
    """A client that connects when it is used. Raises SettingsError for an address that is none."""
    try:
        pool: ConnectionPool = ConnectionPool.from_url(
            url,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=answer_seconds,
            retry=Retry(NoBackoff(), RETRIES, (exceptions.ConnectionError,)),
            protocol=2,  # the answers of which look the same in every version of the client
        )
    except ValueError as error:
        raise SettingsError(
            "the address of the review store is none that Redis has: "
            "give redis://HOST:PORT, rediss://HOST:PORT or unix://PATH with --redis"
        ) from error
    return Redis.from_pool(pool)


def _trouble(error: exceptions.RedisError | OSError) -> str:
    text = str(error)
    for words, trouble in _TROUBLES:
        if words in text:
            return trouble
    match error:
        case exceptions.AuthenticationError() | exceptions.NoPermissionError():
            return "refuses our name or password, or our rights: correct them in --redis"
        case exceptions.TimeoutError() | TimeoutError():
            return "did not answer in time: look whether it, its disk or the network is stuck"
        case exceptions.ConnectionError() | OSError():
            return "cannot be reached: start it, or give another one with --redis"
        case _:
            return "answers with an error: look into its log; it must be Redis 6.0 or newer"
