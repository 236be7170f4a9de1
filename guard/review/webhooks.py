"""Tells another program what was decided: at least once, signed as Standard Webhooks say.

Rules of the file: an id stays the same however often it is sent; what does not arrive is tried
again later and later, for three days, and then put aside until somebody asks for it; addresses
inside our own network are refused, whatever a name resolves to; no word of a text is sent.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import ipaddress
import logging
import socket
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver

from guard.errors import SettingsError, StoreError
from guard.review.store import ReviewStore
from guard.review.views import Row

AGAIN_SECONDS = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""After the first try, the second and so on: what Standard Webhooks propose."""
ANSWER_SECONDS = 15.0  # they propose 15 to 30
LEASE_SECONDS = 60.0  # so long nobody else sends what one of us is sending
LOOK_SECONDS = 1.0  # between two looks for what is due
AT_ONCE = 16
_GONE = 410  # the receiver says: never again

_log = logging.getLogger(__name__)


class _Public(AbstractResolver):
    """Resolves names to public addresses only; the connection goes to what was looked at."""

    def __init__(self) -> None:
        self._inner = DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        public = [one for one in found if is_public(one["host"])]
        if not public:
            raise OSError("the name resolves to a private address")
        return public

    async def close(self) -> None:
        await self._inner.close()


class Webhooks:
    """Sends what takes effect to one address."""

    def __init__(self, store: ReviewStore, url: str, key: bytes, *, private: bool) -> None:
        """`private`: whether the address may be of our own network."""
        self._store = store
        self._url = url
        self._key = key
        self._private = private

    async def run(self) -> None:
        """Sends for ever, whatever fails."""
        resolver = None if self._private else _Public()
        connector = aiohttp.TCPConnector(resolver=resolver, limit=AT_ONCE)
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            while True:
                sent = 0
                try:
                    due = await self._due()
                    sent = len(due)
                    await asyncio.gather(*(self._tell(session, row, tries) for row, tries in due))
                except StoreError as error:
                    _log.debug("no webhooks: %s", error)
                if sent < AT_ONCE:
                    await asyncio.sleep(LOOK_SECONDS)

    async def _due(self) -> list[tuple[Row, int]]:
        answer = await self._store.run("hooks_due", AT_ONCE, round(LEASE_SECONDS * 1000))
        views = zip(answer[1::3], answer[2::3], answer[3::3], strict=True)
        return [(self._store.views.row(name, meta), int(tries)) for name, meta, tries in views]

    async def _tell(self, session: aiohttp.ClientSession, row: Row, tries: int) -> None:
        status = 0
        try:
            headers, body = signed(self._key, row, at=int(time.time()))
            async with session.post(
                self._url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                status = answer.status
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            _log.info("a webhook did not arrive: %s", type(error).__name__)
        arrived = 200 <= status < 300
        again_ms = -1
        if status != _GONE and tries <= len(AGAIN_SECONDS):
            again_ms = AGAIN_SECONDS[tries - 1] * 1000
        if not arrived and again_ms < 0:
            _log.error("a webhook is given up", extra={"facts": {"id": row.id, "status": status}})
        await self._store.run("hook_done", row.id, "01"[arrived], again_ms)


def signed(key: bytes, row: Row, *, at: int) -> tuple[dict[str, str], bytes]:
    """A message as Standard Webhooks want it: its headers and its body."""
    name = f"msg_{row.id}"
    body = orjson.dumps({
        "type": f"review.{row.state}",
        "timestamp": datetime.fromtimestamp(at, UTC).isoformat(),
        "data": {
            "id": row.id,
            "state": row.state,
            "outcome": row.outcome,
            "reviewer": row.reviewer,
            "route": row.route,
            "review_url": f"/guard/v1/reviews/{row.id}",
        },
    })  # fmt: skip
    code = hmac.digest(key, f"{name}.{at}.".encode() + body, hashlib.sha256)
    return {
        "content-type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(code).decode()}",
    }, body


def is_public(address: str) -> bool:
    """Whether an address is one of the open internet."""
    try:
        found: Any = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = getattr(found, "ipv4_mapped", None) or found
    return bool(inner.is_global) and not inner.is_multicast


def check_address(url: str, *, private: bool) -> None:
    """Raises SettingsError for what is no address, or one of our own network."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError("webhook_url: give a URL that begins with http:// or https://")
    try:
        ipaddress.ip_address(parts.hostname)
        literal = True
    except ValueError:
        literal = False
    local = parts.hostname == "localhost" or (literal and not is_public(parts.hostname))
    if local and not private:
        raise SettingsError(
            "webhook_url: the address is private; give a public one, or set "
            "webhook_private: allow where every sender of settings is trusted"
        )


def key_of(secret: str) -> bytes:
    """The key in a secret as Standard Webhooks write it. Raises SettingsError."""
    try:
        if not secret.startswith("whsec_"):
            raise ValueError("another beginning")
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        if not 24 <= len(key) <= 64:
            raise ValueError("too short or too long")
    except (ValueError, binascii.Error) as error:
        raise SettingsError(
            "webhook_secret: give `whsec_` and the base64 of 24 to 64 random bytes"
        ) from error
    return key
