"""Reviews as JSON: for anyone with an id, for the trusted, for who lost a race.

Rule of the file: what has not been released is in nothing that anyone may see.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.responses import Response

from guard import jsontext
from guard.answers import finding_row, told
from guard.edits import released_reply, texts_left
from guard.review import refusals
from guard.review.views import Row, StoredItem
from guard.types import Decision, State

_ONLY_WHERE_TRUE = (
    "copy_of", "reviewer", "outcome", "decision_id", "takes_effect_at", "decided_at",
)  # fmt: skip


def refused(error: refusals.Refused) -> Response:
    """A no of the store, with what the loser needs to know."""
    match error:
        case refusals.UnknownItem() | refusals.UnknownDecision():
            return told(404, "unknown", str(error))
        case refusals.Gone():
            return told(410, "expired", str(error), decision=_won(error.decision))
        case refusals.Settled():
            return told(409, "settled", str(error), decision=_won(error.decision))
        case refusals.Fenced():
            claim = {"reviewer": error.holder, "lease_until": error.until}
            return told(409, "not_held", str(error), claim=claim)
        case _:
            return told(409, "conflict", str(error))


def public(found: StoredItem) -> dict[str, Any]:
    """A review as anyone with its id may see it; the reply only once it is released."""
    state = State.CLAIMED if found.decision and not found.ended else found.state
    body: dict[str, Any] = {
        "id": found.item.id,
        "state": State.WAITING if state is State.ARRIVING else state,
        "deadline": found.item.deadline if found.decision else found.row.deadline,
    }
    if found.decision is not None and found.ended:
        body["outcome"] = found.decision.outcome
    if found.released:
        reply = released_reply(found.item, found.edits)
        body["reply"] = reply
        short = _short(reply)
        if short is not None:
            body["text"] = short
    return body


def decision_json(found: StoredItem) -> dict[str, Any]:
    """The decision on an item, for who made it."""
    if found.decision is None:
        return {}
    body: dict[str, Any] = {"decision_id": found.decision.id, "outcome": found.decision.outcome}
    if not found.ended:
        body |= {"state": State.DECIDED, "takes_effect_at": found.row.takes_effect_at}
    return body


def claim_json(found: StoredItem) -> dict[str, Any]:
    """A claim: the item, whole, with the token that its decision needs."""
    return {
        "id": found.item.id,
        "token": found.token,
        "lease_until": found.lease_until,
        "item": full_json(found),
    }


def row_json(row: Row) -> dict[str, Any]:
    """A line of the list: no text."""
    return {
        name: value for name, value in asdict(row).items() if value or name not in _ONLY_WHERE_TRUE
    }


def full_json(found: StoredItem) -> dict[str, Any]:
    """Everything there is about an item, with where it comes from."""
    item, decision = found.item, found.decision
    body = row_json(found.row) | {
        "dialect": item.exchange.dialect,
        "prompt": item.exchange.prompt,
        "sources": list(item.exchange.sources),
        "texts": dict(item.texts),
        "leaving": texts_left(item),  # what approval lets out: masked
        "released": dict(item.released),
        "findings": {
            channel: [finding_row(finding) for finding in findings]
            for channel, findings in item.findings.items()
        },
        "rules_digest": item.rules,
        "received_at": item.exchange.received_at,
        "on_deadline": item.on_deadline,
        "skips": [asdict(skip) for skip in found.skips],
    }
    if decision is not None:
        body |= {"reason": decision.reason, "decided_at": decision.decided_at}
        body |= {"edits": dict(found.edits)} if found.edits else {}
    return body


def _won(decision: Decision) -> dict[str, Any]:
    return {
        "decision_id": decision.id,
        "outcome": decision.outcome,
        "reviewer": decision.reviewer,
        "decided_at": decision.decided_at,
    }


def _short(reply: Any) -> str | None:
    """The one text of a reply that has only one."""
    if isinstance(reply, str):
        return reply
    choices = reply.get("choices") if isinstance(reply, dict) else None
    if isinstance(choices, list) and len(choices) == 1:
        message = choices[0].get("message") if isinstance(choices[0], dict) else None
        content = message.get("content") if isinstance(message, dict) else None
        return content if isinstance(content, str) else None
    texts = [text for _, text in jsontext.strings(reply)]
    return texts[0] if len(texts) == 1 else None
