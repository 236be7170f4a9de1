"""What the script answers, as objects: whole items, rows of lists, counters.

Rule of the file: only a whole item opens what is sealed; rows and counters stand on facts alone.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from guard.errors import StoreError
from guard.masking import mask
from guard.review.packing import unpack_item, unpack_words
from guard.review.sealing import Vault
from guard.types import Decision, Outcome, ReviewItem, State

LISTED = (State.ARRIVING, State.WAITING, State.CLAIMED, State.DECIDED, State.EXPIRED)
_BESIDE = ("senior", "copies", "undoable", "webhooks", "dead_webhooks")


@dataclass(frozen=True, slots=True)
class Row:
    """An item in a list: facts, no text."""

    id: str
    state: State
    created_at: float  # seconds since the epoch
    deadline: float
    seq: int  # of the item's last change; rises with each change in the whole store
    route: str
    model: str
    risk: float
    categories: tuple[str, ...]
    rules: tuple[str, ...]
    ended: str
    copy_of: str = ""  # the item that stands for this one too
    escalated: bool = False
    reviewer: str = ""  # who has it, or decided
    outcome: Outcome | None = None
    decision_id: str = ""
    takes_effect_at: float = 0.0  # while the decision may be undone; else 0
    decided_at: float = 0.0  # 0 while it is undecided


@dataclass(frozen=True, slots=True)
class Skip:
    """Who gave an item back, and why."""

    reviewer: str
    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An item as the store has it."""

    item: ReviewItem
    state: State
    decision: Decision | None  # whenever `state` is decided or expired
    created_at: float  # seconds since the epoch
    seq: int  # of the item's last change; rises with each change in the whole store
    row: Row
    edits: Mapping[str, str] = field(default_factory=dict)  # channel -> what leaves in its place
    token: int = 0  # of whoever had it last
    lease_until: float = 0.0  # while it is claimed; else 0
    skips: tuple[Skip, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether it was decided, for good."""
        return self.decision is not None and not self.row.takes_effect_at

    @property
    def released(self) -> bool:
        """Whether the reply may leave, as it is or changed."""
        return self.ended and self.decision is not None and self.decision.outcome.lets_out


@dataclass(frozen=True, slots=True)
class Stats:
    """The queue in numbers."""

    states: Mapping[str, int]
    beside: Mapping[str, int]  # parts of the states: escalated, copies, still to be undone …
    totals: Mapping[str, int]  # since the queue began
    oldest_at: float  # when the oldest that waits was made; 0 where none does
    seq: int
    payload_bytes: int
    audit: int  # steps in the audit trail


class Views:
    """Opens what the script answers, and seals for it."""

    def __init__(self, vault: Vault, prefix: str) -> None:
        self._vault = vault
        self._prefix = prefix

    def seal_item(self, name: str, packed: bytes) -> bytes:
        return self._vault.seal(packed, f"{self._prefix} item {name}")

    def seal_words(self, decision_id: str, packed: bytes) -> bytes:
        return self._vault.seal(packed, f"{self._prefix} decision {decision_id}")

    def seal_reason(self, name: str, reason: str) -> str:
        plain = reason.encode("utf-8", "surrogatepass")
        return b64encode(self._vault.seal(plain, f"{self._prefix} skip {name}")).decode()

    def row(self, name: bytes, packed: bytes) -> Row:
        """An item in a list."""
        return _row(name.decode(), orjson.loads(packed))

    def stored(self, view: list[bytes | None]) -> StoredItem:
        """A whole item. Raises StoreError where its key is not here."""
        sealed, packed, words_sealed, skips_packed = view
        if sealed is None or packed is None:
            raise StoreError(
                "a review item is kept in part: its keys were changed by another program"
            )
        meta = orjson.loads(packed)
        name = meta["id"]
        item = unpack_item(self._vault.open(sealed, f"{self._prefix} item {name}"))
        row = _row(name, meta)
        words: dict[str, Any] = {}
        if words_sealed:
            place = f"{self._prefix} decision {row.decision_id}"
            words = unpack_words(self._vault.open(words_sealed, place))
        decision = row.outcome and Decision(
            id=row.decision_id,
            item=name,
            outcome=row.outcome,
            reviewer=row.reviewer,
            reason=words.get("reason", ""),
            decided_at=meta["decided"] / 1000,
        )
        edits = words.get("edits", {})
        if row.outcome is Outcome.REDACT:
            edits = _masked(item)
        return StoredItem(
            item=item,
            state=row.state,
            decision=decision or None,
            created_at=row.created_at,
            seq=row.seq,
            row=row,
            edits=edits,
            token=meta.get("token", 0),
            lease_until=meta.get("lease_until", 0) / 1000,
            skips=tuple(self._skip(name, one) for one in orjson.loads(skips_packed or b"[]")),
        )

    def _skip(self, name: str, fields: dict[str, Any]) -> Skip:
        sealed = b64decode(fields["why"])
        reason = self._vault.open(sealed, f"{self._prefix} skip {name}")
        return Skip(fields["by"], fields["at"] / 1000, reason.decode("utf-8", "surrogatepass"))


def settled(stored: StoredItem) -> Decision:
    """The decision that stands."""
    if stored.decision is None:
        raise StoreError(
            f"review item {stored.item.id} has ended without a decision: "
            "its keys were changed by another program"
        )
    return stored.decision


def stats(answer: list[Any]) -> Stats:
    """The answer of `stats`."""
    pairs = zip(answer[2][::2], answer[2][1::2], strict=True)
    counters = {name.decode(): int(value) for name, value in pairs}
    numbers = answer[3:]
    return Stats(
        states={
            state.value: number
            for state, number in zip(LISTED, numbers[: len(LISTED)], strict=True)
        },
        beside=dict(zip(_BESIDE, numbers[len(LISTED) :], strict=True)),
        totals={
            name.removeprefix("total_"): value
            for name, value in sorted(counters.items())
            if name.startswith("total_")
        },
        oldest_at=answer[1] / 1000,
        seq=counters.get("seq", 0),
        payload_bytes=counters.get("bytes", 0),
        audit=counters.get("audit", 0),
    )


def _masked(item: ReviewItem) -> dict[str, str]:
    """Every finding masked; one that has no span of its own masks the whole text."""
    return {
        channel: mask(
            text,
            [
                (found.start, found.end) if found.start < found.end else (0, len(text))
                for found in item.findings[channel]
            ],
        )
        for channel, text in item.texts.items()
        if item.findings.get(channel)
    }


def _row(name: str, meta: dict[str, Any]) -> Row:
    return Row(
        id=name,
        state=State(meta["state"]),
        created_at=meta["created"] / 1000,
        deadline=meta["deadline"] / 1000,
        seq=meta["seq"],
        route=meta["route"],
        model=meta["model"],
        risk=meta["risk"] / 1_000_000,
        categories=tuple(meta["categories"]),
        rules=tuple(meta["rules"]),
        ended=meta["ended"],
        copy_of=meta.get("leader", ""),
        escalated=meta.get("escalated", False),
        reviewer=meta.get("by") or meta.get("reviewer", ""),
        outcome=Outcome(meta["outcome"]) if "outcome" in meta else None,
        decision_id=meta.get("decision_id", ""),
        takes_effect_at=meta.get("commits", 0) / 1000,
        decided_at=meta.get("decided", 0) / 1000,
    )
