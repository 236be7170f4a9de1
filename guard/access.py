"""Who may ask, and how much at once: client keys, their limits, and what keeps a process alive.

Rules of the file: a request is refused before its body is read, with the status and the seconds
after which to try again; under pressure those who ask most are refused first. A client's key never
goes to the upstream. Limits of a key are shared out evenly between the worker processes.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping

from guard.errors import UpstreamError
from guard.parts import HASH_PREFIX, Key
from guard.settings import Route, Settings

CREDENTIALS = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
"""The headers in which clients of the dialects send a key."""

BURST_SECONDS = 10.0  # of a key's rate: what it may ask at once after a rest
LAG_LOOK_SECONDS = 0.05
ALONE_SHARE = 0.75  # of the room: the most for one client, so that another finds some at once
RETRY_SECONDS = 1.0  # what a refused client is told where nothing better is known

_BEARER = "Bearer "


def hashed(secret: str) -> str:
    """A client's key as guard.yaml holds it."""
    return HASH_PREFIX + hashlib.sha256(secret.encode()).hexdigest()


class Access:
    """Who is in, and what each may still ask. One for a process."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.lag_seconds = 0.0
        self._clock = clock
        self._now = now
        self._total = 0
        self._flight: Counter[str] = Counter()
        self._bodies_bytes = 0
        self._buckets: dict[str, tuple[float, float]] = {}  # what is left, and since when
        self.use(settings)

    def use(self, settings: Settings) -> None:
        """Takes up changed keys; who is in stays in."""
        self._settings = settings
        self._keys = {one: key for key in settings.keys for one in key.hashes}

    def who(self, headers: Mapping[str, str]) -> tuple[Key | None, str]:
        """The key of ours that a client sent, and the header it stood in."""
        for name in CREDENTIALS if self._keys else ():
            given = headers.get(name, "")
            secret = given[len(_BEARER) :] if given[: len(_BEARER)] == _BEARER else given
            key = self._keys.get(hashed(secret)) if secret else None
            if key is not None and key.expires_at > self._now():
                return key, name
        return None, ""

    def enter(self, key: Key | None, peer: str) -> Ticket:
        """Lets a request in. Raises UpstreamError."""
        client = f"key {key.name}" if key else peer
        if key is not None:
            self._pay(key)
            shared = math.ceil(key.at_once / self._settings.workers)
            if key.at_once and self._flight[client] >= shared:
                raise _refused(429, "too_many_at_once", "this key has too many requests in flight")
        if self._is_full(client):
            raise _refused(503, "overloaded", "the guard is overloaded; try again")
        self._total += 1
        self._flight[client] += 1
        return Ticket(self, client)

    def _pay(self, key: Key) -> None:
        rate = key.requests_per_minute / 60 / self._settings.workers
        if not rate:
            return
        most = max(1.0, rate * BURST_SECONDS)
        left, since = self._buckets.get(key.name, (most, self._clock()))
        left = min(most, left + (self._clock() - since) * rate)
        if left < 1:
            self._buckets[key.name] = left, self._clock()
            raise _refused(429, "rate_limited", "this key asks too often", (1 - left) / rate)
        self._buckets[key.name] = left - 1, self._clock()

    def _is_full(self, client: str) -> bool:
        settings = self._settings
        if self._total >= settings.at_once_max:
            return True
        if self._flight[client] >= ALONE_SHARE * settings.at_once_max:
            return True
        late = self.lag_seconds * 1000 > settings.lag_max_ms
        if not late and self._total * 2 < settings.at_once_max:
            return False
        clients = len(self._flight) + (client not in self._flight)
        return self._flight[client] * clients > self._total

    def grow(self, size: int) -> None:
        """A request's body takes more memory. Raises UpstreamError."""
        if self._bodies_bytes + size > self._settings.bodies_max_bytes:
            raise _refused(503, "overloaded", "the guard holds too many bodies; try again")
        self._bodies_bytes += size

    def leave(self, client: str, size: int) -> None:
        """A request is done."""
        self._total -= 1
        self._bodies_bytes -= size
        self._flight[client] -= 1
        if not self._flight[client]:
            del self._flight[client]

    async def watch(self) -> None:
        """Measures how late the process is, for ever."""
        while True:
            asked = self._clock()
            await asyncio.sleep(LAG_LOOK_SECONDS)
            self.lag_seconds = max(0.0, self._clock() - asked - LAG_LOOK_SECONDS)


class Ticket:
    """One request that is in, and the memory of its body."""

    def __init__(self, access: Access, client: str) -> None:
        self._access = access
        self._client = client
        self._size = 0

    def grow(self, size: int) -> None:
        """The body takes so many bytes more. Raises UpstreamError."""
        self._access.grow(size)
        self._size += size

    def leave(self) -> None:
        """The request is done."""
        self._access.leave(self._client, self._size)


def check_route(route: Route, key: Key | None) -> None:
    """Whether a client may use a route. Raises UpstreamError."""
    if key is None and route.keys:
        raise UpstreamError(
            "this route needs a key of the guard, as `Authorization: Bearer` or `x-api-key`",
            status=401,
            code="key_needed",
            unpaid=True,
        )
    if key is not None and key.scopes and route.name not in key.scopes:
        raise UpstreamError(
            "this key is not for this route", status=403, code="out_of_scope", unpaid=True
        )


def secret_from(settings: Settings, route: Route, key: Key | None) -> str:
    """The environment variable with the upstream's key for a request; "" for none.

    Once clients have keys, the upstream's key is spent for those that sent one, and no others.
    """
    if settings.keys and key is None:
        return ""
    return route.upstream_key_from or settings.upstream_key_from


def outgoing(
    headers: list[tuple[str, str]],
    *,
    key_header: str,
    secret_from: str,
    environment: Mapping[str, str] = os.environ,
) -> list[tuple[str, str]]:
    """The headers for the upstream: our key taken out, and the upstream's own put in.

    A credential of the client's own goes on as it came.
    """
    if key_header:
        headers = [pair for pair in headers if pair[0] != key_header]
    secret = environment.get(secret_from, "") if secret_from else ""
    if not secret or (not key_header and any(name in CREDENTIALS for name, _ in headers)):
        return headers
    name = key_header or "authorization"
    return [*headers, (name, _BEARER + secret if name == "authorization" else secret)]


def _refused(
    status: int, code: str, message: str, retry_seconds: float = RETRY_SECONDS
) -> UpstreamError:
    return UpstreamError(
        message, status=status, code=code, unpaid=True, retry_seconds=retry_seconds
    )
