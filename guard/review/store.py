"""The review store: items that wait for a person, kept in Redis, and what was decided about them.

Rules: every change is one call of `store.lua`, so it happens whole or not at all, once, and is safe
to repeat; the time that counts is Redis's own. Nothing is held in this process: any number of
stores, in any number of processes, see the same. The store lives while Redis is away; calls fail
with a `StoreError` then and work again once Redis is back. Who waits for a decision is woken by
one listener a store, which reads the stream of effects; the stream is only the bell, what was
decided is always read from the store.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import math
from base64 import b64decode, b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import orjson
from redis.exceptions import RedisError

from guard.errors import GuardError, StoreError
from guard.review.scripts import ANSWER_SECONDS, Scripts, client
from guard.types import Decision, Evidence, Exchange, Finding, Outcome, ReviewItem, State

RETENTION_SECONDS = 7 * 86400  # long enough to look into last week's complaint
LISTEN_SECONDS = 5.0  # one blocking read of the listener: how soon a dead network is noticed
RECONNECT_SECONDS = 0.2  # between tries to reach a Redis that is away: soon, and no load on it
CANCEL_SECONDS = 0.1  # between two calls to the listener to end; nearly always it hears the first
EFFECTS_READ_MAX = 1000  # effects taken at once by the listener

_LISTED = (State.ARRIVING, State.WAITING, State.DECIDED, State.EXPIRED)

_log = logging.getLogger(__name__)


class Refused(GuardError):  # noqa: N818 - not a failure: the store is well and says no
    """The review store is well, and its answer is no. `item` is the id it was asked about."""

    def __init__(self, message: str, *, item: str) -> None:
        super().__init__(message)
        self.item = item


class UnknownItem(Refused):
    """No item has this id, or it was decided so long ago that it has been forgotten."""


class OtherContent(Refused):
    """The id is taken by an item with other content."""


class NotWhole(Refused):
    """The item's reply is still arriving: nobody may decide about a part of it."""


class Settled(Refused):
    """The item has ended already. `decision` is the one that stands."""

    def __init__(self, message: str, *, item: str, decision: Decision) -> None:
        super().__init__(message, item=item)
        self.decision = decision


class AlreadyDecided(Settled):
    """Somebody else's decision, or another one of the same person's, came first."""


class Gone(Settled):
    """The item's deadline passed before anybody decided."""


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An item as the store has it."""

    item: ReviewItem
    state: State
    decision: Decision | None  # whenever `state` is decided or expired
    created_at: float  # seconds since the epoch
    seq: int  # of the item's last change; rises with each change in the whole store
    edits: Mapping[str, str] = field(default_factory=dict)  # channel -> text, of an edit

    @property
    def released(self) -> bool:
        """Whether the reply may leave, as it is or edited."""
        let_out = (Outcome.APPROVE, Outcome.EDIT)
        return self.decision is not None and self.decision.outcome in let_out


class ReviewStore:
    """The queue of one deployment: all its keys stand under `prefix`, one hash tag in braces.

    Every method that talks to Redis raises StoreError when Redis cannot keep or answer.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "{outguard}",
        retention_seconds: float = RETENTION_SECONDS,
    ) -> None:
        """Raises SettingsError for an address that is none. Connects to nothing yet."""
        self._run = Scripts(url, prefix=prefix, keep_ms=round(retention_seconds * 1000))
        self._ear = client(url, answer_seconds=LISTEN_SECONDS + ANSWER_SECONDS)
        self._listener: asyncio.Task[None] | None = None
        self._bells: dict[str, set[asyncio.Event]] = {}

    async def open(self) -> None:
        """Starts to listen for decisions. Never fails, whether Redis is there or not."""
        self._listener = asyncio.create_task(self._listen(), name="review store listener")

    async def close(self) -> None:
        """Stops listening and closes the connections. What is kept stays kept."""
        while self._listener is not None and not self._listener.done():
            self._listener.cancel()  # again and again: see `Scripts` for where one may be lost
            await asyncio.wait([self._listener], timeout=CANCEL_SECONDS)
        await self._ear.aclose()
        await self._run.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def ready(self) -> None:
        """Writes something small. Raises StoreError when the store cannot keep things now."""
        await self._run("probe")

    async def enqueue(self, item: ReviewItem, *, arriving: bool = False) -> None:
        """Keeps an item; once this returns, it ends in exactly one outcome.

        `arriving`: the reply has not ended; nobody can decide before `complete`. Repeating it is
        safe: the deadline and the time of receipt of the first call stay. Raises OtherContent.
        """
        state = State.ARRIVING if arriving else State.WAITING
        answer = await self._run(
            "enqueue", item.id, _packed(item), _digest(item), _deadline_ms(item), state
        )
        if answer[0] == b"OTHER":
            raise _other_content(item.id)

    async def complete(self, item: ReviewItem, *, blocked: bool = False) -> None:
        """Replaces an arriving item by its whole reply, for a person to decide.

        `blocked`: a later part was blocked, so the policy decides at once. Raises UnknownItem,
        OtherContent (it was completed otherwise) and Gone.
        """
        digest = _digest(item)
        policy: list[str | bytes] = []
        if blocked:
            digest += " blocked"
            ruling = Decision(f"policy:{item.id}", item.id, Outcome.BLOCK, "policy")
            policy = [ruling.id, ruling.outcome, _decision_packed(ruling, {})]
        answer = await self._run(
            "complete", item.id, _packed(item), digest, _deadline_ms(item), *policy
        )
        match answer[0]:
            case b"UNKNOWN":
                raise _unknown(item.id)
            case b"OTHER":
                raise _other_content(item.id)
            case b"GONE":
                raise _gone(item.id, _stored(answer[1]))

    async def get(self, item: str) -> StoredItem | None:
        """The item, or None. One whose deadline has passed undecided is expired by looking."""
        return (await self._read(item))[0]

    async def listing(
        self, *, state: State | None, cursor: str, limit: int
    ) -> tuple[list[StoredItem], str]:
        """At most `limit` items, oldest first, and the cursor of the next page; "" starts and ends.

        Items that arrive or end meanwhile neither shift nor repeat a page. Raises ValueError for a
        cursor that no listing gave.
        """
        if not (cursor == "" or (cursor.isascii() and cursor.isdigit())):
            raise ValueError("the cursor must be one that a listing gave, or empty")
        await self.sweep()
        states = [one for one in _LISTED if state in (None, one)]
        views = (await self._run("list", cursor or "0", limit + 1, *states))[1:]
        more = len(views) > limit
        after = str(orjson.loads(views[limit - 1][1])["arrived"]) if more else ""
        return [_stored(view) for view in views[:limit]], after

    async def decide(
        self,
        *,
        item: str,
        decision_id: str,
        outcome: Outcome,
        reviewer: str,
        reason: str,
        edits: Mapping[str, str] | None = None,
    ) -> StoredItem:
        """Records a decision, once; repeating it with the same `decision_id` is safe.

        Raises UnknownItem, NotWhole, and, with the decision that stands, AlreadyDecided and Gone.
        """
        words = _decision_packed(
            Decision(decision_id, item, outcome, reviewer, reason), edits or {}
        )
        answer = await self._run("decide", item, decision_id, outcome, words)
        match answer[0]:
            case b"UNKNOWN":
                raise _unknown(item)
            case b"UNFINISHED":
                raise NotWhole(
                    f"review item {item} is still arriving: decide when its reply has ended",
                    item=item,
                )
            case b"GONE":
                raise _gone(item, _stored(answer[1]))
            case b"CONFLICT":
                decision = _settled(_stored(answer[1]))
                raise AlreadyDecided(
                    f"review item {item} is decided already: {decision.outcome} "
                    f"by {decision.reviewer}",
                    item=item,
                    decision=decision,
                )
        return _stored(answer[1])

    async def wait(self, item: str, seconds: float) -> StoredItem | None:
        """The item as soon as it has ended, wherever that was done; else as it is after `seconds`.

        None at once when no item has this id.
        """
        now = asyncio.get_running_loop().time
        until = now() + seconds
        bell = asyncio.Event()
        self._bells.setdefault(item, set()).add(bell)
        try:
            while True:
                bell.clear()
                stored, left_seconds = await self._read(item)
                patience = until - now()
                if stored is None or stored.decision is not None or patience <= 0:
                    return stored
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(patience, left_seconds)):
                        await bell.wait()
        finally:
            self._bells[item].discard(bell)
            if not self._bells[item]:
                del self._bells[item]

    async def sweep(self) -> int:
        """Expires whatever is due, forgets what was kept long enough; how many expired."""
        expired, word = 0, b"MORE"
        while word == b"MORE":
            word, count = await self._run("sweep")
            expired += count
        return expired

    async def counts(self) -> dict[str, int]:
        """How many items are in each state, by its word. Cheap, however many there are."""
        await self.sweep()
        numbers = (await self._run("counts"))[1:]
        return {state.value: number for state, number in zip(_LISTED, numbers, strict=True)}

    async def _read(self, item: str) -> tuple[StoredItem | None, float]:
        """The item and the seconds until its deadline, by Redis's clock."""
        answer = await self._run("get", item)
        if answer[0] == b"UNKNOWN":
            return None, 0.0
        return _stored(answer[1]), answer[2] / 1000

    async def _listen(self) -> None:
        """Rings the bell of each item that ends. After a lost connection it rings all of them."""
        stream, away = self._run.effects, False
        while True:
            try:
                latest: Any = await self._ear.xrevrange(stream, count=1)
                last = latest[0][0] if latest else b"0-0"
                for bells in self._bells.values():
                    for bell in bells:
                        bell.set()
                while True:
                    read: Any = await self._ear.xread(
                        {stream: last}, block=round(LISTEN_SECONDS * 1000), count=EFFECTS_READ_MAX
                    )
                    away = False
                    for mark, effect in read[0][1] if read else ():
                        last = mark
                        for bell in self._bells.get(effect[b"item"].decode(), ()):
                            bell.set()
            except (RedisError, OSError) as error:
                if not away:
                    _log.warning("the review store's listener lost Redis: %s", type(error).__name__)
                away = True
                await asyncio.sleep(RECONNECT_SECONDS)


def _unknown(item: str) -> UnknownItem:
    return UnknownItem(
        f"no review item has the id {item}: it never was, or is forgotten", item=item
    )


def _other_content(item: str) -> OtherContent:
    return OtherContent(
        f"review item {item} is here with other content: give this one another id", item=item
    )


def _gone(item: str, stored: StoredItem) -> Gone:
    decision = _settled(stored)
    return Gone(
        f"review item {item} expired undecided at its deadline: {decision.outcome}",
        item=item,
        decision=decision,
    )


def _settled(stored: StoredItem) -> Decision:
    if stored.decision is None:
        raise StoreError(
            f"review item {stored.item.id} has ended without a decision: "
            "its keys were changed by another program"
        )
    return stored.decision


def _deadline_ms(item: ReviewItem) -> int:
    return math.ceil(item.deadline * 1000)


def _packed(item: ReviewItem) -> bytes:
    return _dumps({
        "id": item.id,
        "exchange": item.exchange,
        "reply": b64encode(item.reply).decode("ascii"),
        "content_type": item.content_type,
        "texts": dict(item.texts),
        "findings": {channel: list(found) for channel, found in item.findings.items()},
        "released": dict(item.released),
        "deadline": item.deadline,
        "ended": item.ended,
    })  # fmt: skip


def _unpacked(packed: bytes) -> ReviewItem:
    fields = _loads(packed)
    exchange = fields.pop("exchange")
    return ReviewItem(
        exchange=Exchange(**exchange | {"sources": tuple(exchange["sources"])}),
        reply=b64decode(fields.pop("reply")),
        findings={
            channel: tuple(_finding(one) for one in found)
            for channel, found in fields.pop("findings").items()
        },
        **fields,
    )


def _finding(fields: dict[str, Any]) -> Finding:
    evidence = fields.pop("evidence")
    return Finding(**fields, evidence=Evidence(**evidence) if evidence else None)


def _digest(item: ReviewItem) -> str:
    """Of the content: when it came and when it expires differ when a client asks again."""
    timeless = replace(item, deadline=0.0, exchange=replace(item.exchange, received_at=0.0))
    return hashlib.sha256(_packed(timeless)).hexdigest()


def _decision_packed(decision: Decision, edits: Mapping[str, str]) -> bytes:
    return _dumps({
        "id": decision.id,
        "outcome": decision.outcome,
        "reviewer": decision.reviewer,
        "reason": decision.reason,
        "edits": dict(edits),
    })  # fmt: skip


def _stored(view: list[bytes | None]) -> StoredItem:
    packed, meta_packed, words_packed = view
    if packed is None or meta_packed is None:
        raise StoreError("a review item is kept in part: its keys were changed by another program")
    item, meta = _unpacked(packed), orjson.loads(meta_packed)
    words = _loads(words_packed) if words_packed else {}
    decision = words and Decision(
        id=words["id"],
        item=item.id,
        outcome=Outcome(words["outcome"]),
        reviewer=words["reviewer"],
        reason=words["reason"],
        decided_at=meta["decided"] / 1000,
    )
    return StoredItem(
        item=item,
        state=State(meta["state"]),
        decision=decision or None,
        created_at=meta["created"] / 1000,
        seq=meta["seq"],
        edits=words["edits"] if words else {},
    )


def _dumps(value: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # half of a surrogate pair: a model can write one, and orjson will not
        return json.dumps(value, sort_keys=True, default=asdict).encode("ascii")


def _loads(packed: bytes) -> dict[str, Any]:
    try:
        fields: dict[str, Any] = orjson.loads(packed)
    except orjson.JSONDecodeError:
        fields = json.loads(packed)
    return fields
