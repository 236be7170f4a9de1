"""Review items and decisions, as bytes and back, and the facts about them that hold no text.

Rule of the file: what is text goes into the bytes, which are sealed; the facts are read by the
script and by lists, and stand open.
"""

from __future__ import annotations

import json
import math
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import orjson

from guard.review.sealing import Vault
from guard.types import Decision, Evidence, Exchange, Finding, ReviewItem

RISK_BOOST_SECONDS = 4 * 3600  # what the riskiest gains on its deadline: half a working day
RISK_STEPS = 1_000_000  # of a score, as a whole number


def pack_item(item: ReviewItem) -> bytes:
    """The whole item."""
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
        "rules": item.rules,
        "on_deadline": item.on_deadline,
        "budget": item.budget,
    })  # fmt: skip


def unpack_item(packed: bytes) -> ReviewItem:
    """The item again."""
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


def pack_words(decision: Decision, edits: Mapping[str, str]) -> bytes:
    """What a person said."""
    return _dumps({
        "id": decision.id,
        "outcome": decision.outcome,
        "reviewer": decision.reviewer,
        "reason": decision.reason,
        "edits": dict(edits),
    })  # fmt: skip


def unpack_words(packed: bytes) -> dict[str, Any]:
    """What a person said, by field."""
    return _loads(packed)


def facts(item: ReviewItem, vault: Vault, *, blocked: bool = False) -> bytes:
    """What the script and the lists need to know about an item."""
    seen = [finding for found in item.findings.values() for finding in found]
    risk = max((finding.score for finding in seen), default=0.0)
    deadline = math.ceil(item.deadline * 1000)
    known: dict[str, Any] = {
        "id": item.id,
        "deadline": deadline,
        "urgency": deadline - round(risk * RISK_BOOST_SECONDS * 1000),
        "risk": round(risk * RISK_STEPS),
        "on_deadline": item.on_deadline,
        "route": item.exchange.route,
        "model": item.exchange.model,
        "categories": sorted({finding.category for finding in seen}),
        "rules": sorted({finding.rule for finding in seen}),
        "ended": item.ended,
        "digest": _digest(item, vault) + (" blocked" if blocked else ""),
    }
    if any(item.texts.values()):
        known["twin"] = _twin(item, vault)
    if item.budget:
        known["budget"] = item.budget
    return orjson.dumps(_wellformed(known))


def _digest(item: ReviewItem, vault: Vault) -> str:
    """Of the content: when it came and when it expires differ when a client asks again."""
    timeless = replace(item, deadline=0.0, exchange=replace(item.exchange, received_at=0.0))
    return vault.digest("content", pack_item(timeless))


def _twin(item: ReviewItem, vault: Vault) -> str:
    """Equal for two answers that one decision may settle: the same texts, judged by the same rules
    of the same route with the same findings, before the same sources, and as far gone."""
    return vault.digest("twin", _dumps({
        "texts": dict(item.texts),
        "route": item.exchange.route,
        "dialect": item.exchange.dialect,
        "rules": item.rules,
        "sources": list(item.exchange.sources),
        "findings": {channel: list(found) for channel, found in item.findings.items()},
        "released": dict(item.released),
        "ended": item.ended,
        "on_deadline": item.on_deadline,
    }))  # fmt: skip


def _finding(fields: dict[str, Any]) -> Finding:
    evidence = fields.pop("evidence")
    return Finding(**fields, evidence=Evidence(**evidence) if evidence else None)


def _wellformed(value: Any) -> Any:
    """Half a surrogate pair in a model's name cannot be JSON that the script reads."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_wellformed(one) for one in value]
    if isinstance(value, dict):
        return {name: _wellformed(one) for name, one in value.items()}
    return value


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
