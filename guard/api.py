"""`/guard/…`: health, metrics, check, moderations, reviews and decisions.

Rule of the file: everything of ours needs the bearer token, but health, readiness and one review
by its unguessable id, which without the token never shows prompt, findings or held text.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from guard import jsontext
from guard.detectors.toxicity import Engine
from guard.edits import EditError, check_edits, released_reply
from guard.errors import StoreError
from guard.judging import Judging
from guard.masking import mask
from guard.metrics import CONTENT_TYPE, Metrics
from guard.moderations import InputError, LateError, moderate
from guard.review.page.visitor import person
from guard.review.store import Gone, NotWhole, ReviewStore, Settled, StoredItem, UnknownItem
from guard.settings import Settings
from guard.types import Action, Exchange, Finding, Outcome, State, Verdict

BODY_LIMIT_BYTES = 16 * 2**20
WAIT_MAX_SECONDS = 60.0  # a poll may wait so long; proxies in front cut longer ones off
LIST_MAX = 200
ARRIVING_SECONDS = 3.0  # a decision waits so long for the end of a reply
ARRIVING_LOOK_SECONDS = 0.05
_OPEN = {"/guard/healthz", "/guard/readyz"}

log = logging.getLogger("guard")

Handler = Callable[[Request], Awaitable[Response]]


class _BadRequestError(Exception):
    """The client's mistake, told with status and cure."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class API:
    """The handlers, over what the roof built."""

    def __init__(
        self,
        settings: Settings,
        judging: Judging,
        engine: Engine,
        store: ReviewStore,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._judging = judging
        self._engine = engine
        self._store = store
        self._metrics = metrics

    def app(self) -> Starlette:
        """The application to mount at `/guard`."""
        table: list[tuple[str, str, Handler]] = [
            ("/guard/healthz", "GET", self.healthz),
            ("/guard/readyz", "GET", self.readyz),
            ("/guard/metrics", "GET", self.metrics),
            ("/guard/v1/check", "POST", self.check),
            ("/guard/v1/moderations", "POST", self.moderations),
            ("/guard/v1/reviews", "GET", self.reviews),
            ("/guard/v1/reviews/{id}", "GET", self.review),
            ("/guard/v1/decisions", "POST", self.decide),
        ]
        return Starlette(
            routes=[Route(path, self._safe(handler), methods=[way]) for path, way, handler in table]
        )

    def _safe(self, handler: Handler) -> Handler:
        async def handle(request: Request) -> Response:
            path = request.url.path
            one_review = request.path_params.get("id") is not None
            if path not in _OPEN and not one_review and not self._is_known(request):
                return _error(401, "token_needed", "send `Authorization: Bearer` and the token")
            try:
                return await handler(request)
            except _BadRequestError as error:
                return _error(error.status, "bad_request", str(error))
            except StoreError as error:
                return _error(503, "review_unavailable", str(error))
            except Exception as error:  # a mistake of ours: told, and logged without any text
                facts = {"path": request.scope["route"].path, "error": type(error).__name__}
                log.error("failure", extra={"facts": facts})
                return _error(500, "guard_failure", "the guard failed; its log says where")

        return handle

    def _is_known(self, request: Request) -> bool:
        """Whether a person with a session sent it, or somebody with the token."""
        if person(request.scope) is not None:
            return True
        given = request.headers.get("authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {self._settings.token}".encode())

    async def healthz(self, request: Request) -> Response:
        return _json({"status": "ok"})

    async def readyz(self, request: Request) -> Response:
        state, problem = "ok", ""
        try:
            await self._store.ready()
        except StoreError as error:
            state, problem = "unavailable", str(error)
        body = {
            "status": "ok" if not problem else "not ready",
            "engine": self._engine.name,
            "rules": self._judging.inspector.digest,
            "redis": state,
        }
        return _json(body | ({"problem": problem} if problem else {}), 503 if problem else 200)

    async def metrics(self, request: Request) -> Response:
        return Response(self._metrics.text(), media_type=CONTENT_TYPE)

    async def check(self, request: Request) -> Response:
        body = await _body(request)
        text, context = body.get("text"), body.get("context", [])
        if not isinstance(text, str):
            raise _BadRequestError("`text` is the text to check, a string")
        if not isinstance(context, list) or not all(isinstance(one, str) for one in context):
            raise _BadRequestError("`context` is a list of strings")
        name = body.get("route", "default")
        known = ["default", *(route.name for route in self._settings.routes)]
        if name not in known:
            raise _BadRequestError("`route` is not in guard.yaml; leave it out for the default")
        exchange = Exchange(secrets.token_hex(16), time.time(), route=name, sources=tuple(context))
        verdict = await self._judging.text(exchange, "text", text)
        self._metrics.verdict(name, verdict)
        return _json(checked(exchange.id, text, verdict))

    async def moderations(self, request: Request) -> Response:
        try:
            return _json(await moderate(self._judging, self._engine.name, await _body(request)))
        except InputError as error:
            raise _BadRequestError(str(error)) from error
        except LateError:
            return _error(503, "late", "the text could not be read in time; try again later")

    async def reviews(self, request: Request) -> Response:
        state = request.query_params.get("state")
        try:
            wanted = State(state) if state else None
            limit = int(request.query_params.get("limit", "50"))
        except ValueError as error:
            states = ", ".join(State)
            raise _BadRequestError(f"`state` is one of {states}; `limit` a number") from error
        try:
            items, cursor = await self._store.listing(
                state=wanted,
                cursor=request.query_params.get("cursor", ""),
                limit=max(1, min(limit, LIST_MAX)),
            )
        except ValueError as error:
            raise _BadRequestError("`cursor` is one that an earlier page gave") from error
        return _json({"reviews": [_row(item) for item in items], "cursor": cursor})

    async def review(self, request: Request) -> Response:
        name = request.path_params["id"]
        try:
            seconds = min(float(request.query_params.get("wait", "0")), WAIT_MAX_SECONDS)
        except ValueError as error:
            raise _BadRequestError("`wait` is a number of seconds") from error
        found = await (self._store.wait(name, seconds) if seconds > 0 else self._store.get(name))
        if found is None:
            return _error(404, "unknown_review", "no review has this id, or it is past retention")
        body = public(found)
        if self._is_known(request):
            body["item"] = _row(found) | {
                "prompt": found.item.exchange.prompt,
                "sources": list(found.item.exchange.sources),
                "texts": dict(found.item.texts),
                "findings": {
                    channel: [finding_row(finding) for finding in findings]
                    for channel, findings in found.item.findings.items()
                },
            }
        return _json(body)

    async def decide(self, request: Request) -> Response:
        body = await _body(request)
        outcome = body.get("outcome")
        if outcome not in (Outcome.APPROVE, Outcome.EDIT, Outcome.REJECT):
            raise _BadRequestError("`outcome` in this version is approve, edit or reject")
        texts = {key: body.get(key, "") for key in ("id", "decision_id", "reason", "reviewer")}
        if not all(isinstance(value, str) for value in texts.values()) or not texts["id"]:
            raise _BadRequestError("`id` is the review's id; decision_id, reason are strings")
        edits = body.get("edits", {})
        if not isinstance(edits, dict) or not all(isinstance(v, str) for v in edits.values()):
            raise _BadRequestError("`edits` is an object of texts by channel")
        if bool(edits) != (outcome == Outcome.EDIT):
            raise _BadRequestError("`edits` belongs to the outcome edit, which needs it")
        until = time.monotonic() + ARRIVING_SECONDS
        try:
            if edits:
                await self._check_edits(texts["id"], edits)
            found = await self._decided(texts, Outcome(outcome), edits, until)
        except UnknownItem as error:
            raise _BadRequestError("no review has this id", 404) from error
        except NotWhole as error:
            raise _BadRequestError("the reply is still arriving; try again", 409) from error
        except Settled as error:
            status = 410 if isinstance(error, Gone) else 409
            decision = {"outcome": error.decision.outcome, "reviewer": error.decision.reviewer}
            return _json({"error": {"code": "settled"}, "decision": decision}, status)
        return _json(public(found))

    async def _check_edits(self, name: str, edits: dict[str, str]) -> None:
        """An edit is judged as the reply was: what would be blocked is not let out by a person."""
        found = await self._store.get(name)
        if found is None:
            raise _BadRequestError("no review has this id", 404)
        try:
            check_edits(found.item, edits)
        except EditError as error:
            raise _BadRequestError(str(error), 422) from error
        for channel, text in edits.items():
            verdict = await self._judging.text(found.item.exchange, channel, text)
            if verdict.action is Action.BLOCK:
                seen = ", ".join(verdict.categories)
                raise _BadRequestError(f"the edited text would be blocked: {seen}", 422)

    async def _decided(
        self, texts: dict[str, str], outcome: Outcome, edits: dict[str, str], until: float
    ) -> StoredItem:
        """Decides; waits a little for a reply that is still arriving. Raises Refused."""
        name = texts["decision_id"] or secrets.token_hex(16)
        while True:
            try:
                return await self._store.decide(
                    item=texts["id"],
                    decision_id=name,
                    outcome=outcome,
                    reviewer=texts["reviewer"] or "token",
                    reason=texts["reason"],
                    edits=edits,
                )
            except NotWhole:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(ARRIVING_LOOK_SECONDS)


def checked(name: str, text: str, verdict: Verdict) -> dict[str, Any]:
    """One checked text, as the API and `guard check` tell it."""
    row = {
        "id": name,
        "verdict": verdict.action.word,
        "findings": [finding_row(finding) for finding in verdict.findings],
        "scores": {category: round(score, 4) for category, score in verdict.scores.items()},
    }
    return row | ({"text": mask(text, verdict.masks)} if verdict.masks else {})


def finding_row(finding: Finding) -> dict[str, Any]:
    """A finding as JSON: spans and scores, never the text."""
    row = {
        name: getattr(finding, name)
        for name in ("rule", "category", "score", "start", "end", "message")
    }
    row["score"] = round(finding.score, 4)
    return row


def public(found: StoredItem) -> dict[str, Any]:
    """A review as anyone with its id may see it; the reply only once it is released."""
    decision = found.decision
    arriving = found.state is State.ARRIVING
    body: dict[str, Any] = {
        "id": found.item.id,
        "state": State.WAITING if arriving else found.state,
        "deadline": found.item.deadline,
    }
    if decision is not None:
        body["outcome"] = decision.outcome
    if found.released:
        reply = released_reply(found.item, found.edits)
        body["reply"] = reply
        short = _short(reply)
        if short is not None:
            body["text"] = short
    return body


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


def _row(found: StoredItem) -> dict[str, Any]:
    findings = [finding for one in found.item.findings.values() for finding in one]
    row: dict[str, Any] = {
        "id": found.item.id,
        "state": found.state,
        "route": found.item.exchange.route,
        "model": found.item.exchange.model,
        "created_at": found.created_at,
        "deadline": found.item.deadline,
        "categories": sorted({finding.category for finding in findings}),
        "rules": sorted({finding.rule for finding in findings}),
        "ended": found.item.ended,
    }
    if found.decision is not None:
        row["outcome"] = found.decision.outcome
        row["reviewer"] = found.decision.reviewer
    return row


async def _body(request: Request) -> dict[str, Any]:
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > BODY_LIMIT_BYTES:
            raise _BadRequestError(f"the body is larger than {BODY_LIMIT_BYTES} bytes", 413)
    try:
        value = jsontext.parse(bytes(raw))
    except jsontext.UnreadableError as error:
        raise _BadRequestError("the body is not JSON") from error
    if not isinstance(value, dict):
        raise _BadRequestError("the body is a JSON object")
    return value


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return Response(jsontext.dump(body), status, media_type="application/json")


def _error(status: int, code: str, message: str) -> Response:
    return _json({"error": {"code": code, "message": message}}, status)
