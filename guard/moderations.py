"""`/guard/v1/moderations`: OpenAI's moderation endpoint, answered by our own scores and rules.

Source: OpenAI API reference, "Create moderation". All its categories are in every answer; those
that nobody here judges are 0.0 and false, and named in `guard.unscored`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

from guard.judging import Judging
from guard.policy import Policy
from guard.types import UNCHECKED, Exchange, Verdict

MAPPED: Mapping[str, tuple[str, ...]] = {
    "harassment": ("insult", "toxicity", "severe_toxicity", "obscene"),
    "harassment/threatening": ("threat",),
    "hate": ("identity_attack",),
    "self-harm": ("self_harm",),
    "sexual": ("sexual_explicit",),
    "violence": ("violence", "threat"),
}
"""OpenAI's categories, each with ours: the strongest counts."""

UNSCORED = (
    "hate/threatening", "illicit", "illicit/violent", "self-harm/instructions",
    "self-harm/intent", "sexual/minors", "violence/graphic",
)  # fmt: skip


class InputError(Exception):
    """What is asked for cannot be judged; says why, and the cure."""


class LateError(Exception):
    """Not all could be read in time."""


async def moderate(judging: Judging, engine: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a request. Raises InputError and LateError."""
    results = [await _result(judging, text) for text in _texts(body)]
    return {
        "id": f"modr-{secrets.token_hex(16)}",
        "model": engine,
        "results": results,
        "guard": {"mapped": MAPPED, "unscored": UNSCORED},
    }


def _texts(body: Mapping[str, Any]) -> list[str]:
    """The texts, each to be answered by itself; the parts of one input are one text."""
    given = body.get("input")
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list) or not given:
        raise InputError("`input` is a text, a list of texts, or a list of parts of type `text`")
    if all(isinstance(one, str) for one in given):
        return list(given)
    kinds = [one.get("type") if isinstance(one, dict) else None for one in given]
    if "image_url" in kinds:
        raise InputError("images are not judged here; send parts of type `text` only")
    texts = [one.get("text") for one in given if isinstance(one, dict)]
    if set(kinds) != {"text"} or not all(isinstance(text, str) for text in texts):
        raise InputError('a part of `input` is `{"type": "text", "text": "…"}`')
    return ["\n".join(map(str, texts))]


async def _result(judging: Judging, text: str) -> dict[str, Any]:
    exchange = Exchange(secrets.token_hex(16), time.time())
    policy = judging.inspector.policy
    verdict = await judging.text(exchange, "text", text)
    if UNCHECKED in verdict.categories:
        raise LateError
    scores = {
        name: max((verdict.scores.get(ours, 0.0) for ours in MAPPED.get(name, ())), default=0.0)
        for name in sorted([*MAPPED, *UNSCORED])
    }
    flags = {
        name: any(_flagged(policy, verdict, ours) for ours in MAPPED.get(name, ()))
        for name in scores
    }
    return {
        "flagged": any(flags.values()),
        "categories": flags,
        "category_scores": scores,
        "category_applied_input_types": {
            name: ["text"] if name in MAPPED else [] for name in scores
        },
    }


def _flagged(policy: Policy, verdict: Verdict, category: str) -> bool:
    """Whether the policy of the default route acts on the category's score."""
    threshold = policy.threshold("default", category)
    score = verdict.scores.get(category)
    if score is None or threshold.shadow:
        return False
    return any(score >= bound for _, bound in threshold.actions)
