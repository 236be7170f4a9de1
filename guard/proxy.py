"""Forwards the request, and sends the reply whole or through the gate.

Rules of the file: whatever goes wrong, text that was not cleared stays in. What is allowed leaves
byte for byte. A client that leaves ends the upstream's work, unless the reply is under review.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import copy
import json
import logging
import re
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from starlette.types import Receive, Scope, Send
from yarl import URL

from guard import jsontext
from guard.dialects import Note, Reply, Request, choose, error_body, text_reading
from guard.errors import StoreError, UpstreamError
from guard.gate import Choice, Gate, Leaving, ReplyTooLongError
from guard.inspector import Inspector
from guard.metrics import Metrics
from guard.review.store import Refused, ReviewStore
from guard.settings import Route, Settings
from guard.sse import Event, EventTooLargeError, LineDecoder, SSEDecoder
from guard.types import Action, Exchange, Outcome, ReviewItem, Verdict

INLINE_CHARS = 16_000  # longer plain replies are judged in a thread, so that others go on
CONTEXT_HEADER_LIMIT_BYTES = 8 * 1024
KEEP_ALIVE_SECONDS = 5.0
POOLED_SECONDS = 4.0  # an idle connection is kept: shorter than servers do (5 s and more), so that
# none is used that the upstream is just closing; a lost POST must not be sent twice

_HOP_BY_HOP = frozenset({
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection",
    "te", "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip
"""RFC 9110, section 7.6.1."""
_OURS = ("x-guard-workflow", "x-guard-context")
_OF_THE_BODY = ("content-length", "etag", "digest", "content-digest", "repr-digest", "content-md5")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([^\s;\"']*)", re.I)
_JSON, _TEXT = "json", "text"

log = logging.getLogger("guard")


class _GoneError(Exception):
    """The client has left."""


@dataclass(slots=True)
class _Call:
    """One request on its way: who asked, what for, and where the answer goes."""

    exchange: Exchange
    route: Route
    request: Request
    reply: Reply
    scope: Scope
    receive: Receive
    send: Send
    started: float
    guard_seconds: float = 0.0
    status: int = 0
    begun: bool = False  # the answer's head has left
    client_gone: bool = False
    finished: bool = False  # the answer's last byte has left
    review_id: str = ""
    stored: bool = False  # the review item is whole in the store: only the client waits


class Proxy:
    """The ASGI application for everything outside `/guard/`."""

    def __init__(
        self, settings: Settings, inspector: Inspector, store: ReviewStore, metrics: Metrics
    ) -> None:
        self._settings = settings
        self._inspector = inspector
        self._store = store
        self._metrics = metrics
        self._upstream = URL(settings.upstream)
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        timeout = aiohttp.ClientTimeout(
            total=None,
            sock_connect=self._settings.connect_timeout_seconds,
            sock_read=self._settings.read_timeout_seconds,
        )
        self._session = aiohttp.ClientSession(
            timeout=timeout,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=POOLED_SECONDS),
            read_bufsize=2**16,
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        headers = _decoded(scope["headers"])
        try:
            if "upgrade" in _tokens(headers.get("connection", "")) and headers.get("upgrade"):
                raise UpstreamError("upgrades are not served", status=501, code="upgrade")
            body = await self._body(receive, headers)
        except UpstreamError as error:
            await _answer_error(send, error)
            return
        except _GoneError:
            return
        call = self._call(scope, receive, send, body, headers, started)
        work = asyncio.create_task(self._serve(call, body))
        watch = asyncio.create_task(_disconnected(receive))
        try:
            await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                call.client_gone = True
                if not call.finished and (call.stored or not call.review_id):
                    work.cancel()
            with contextlib.suppress(asyncio.CancelledError, _GoneError):
                await work
        finally:
            watch.cancel()
            work.cancel()
            self._metrics.exchange(
                call.exchange.route, call.guard_seconds, sources=bool(call.exchange.sources)
            )

    # The request.

    async def _body(self, receive: Receive, headers: Mapping[str, str]) -> bytes:
        limit = self._settings.request_limit_bytes
        told = headers.get("content-length", "0")
        parts: list[bytes] = []
        size = int(told) if told.isdigit() else 0
        while size <= limit:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _GoneError
            parts.append(message.get("body", b""))
            size = max(size, sum(map(len, parts)) if len(parts) < 64 else 0)
            if len(parts) >= 64:
                parts = [b"".join(parts)]
                size = max(size, len(parts[0]))
            if not message.get("more_body", False) and size <= limit:
                return b"".join(parts)
        raise UpstreamError(
            f"the request is larger than request_limit_bytes ({limit})",
            status=413,
            code="too_large",
        )

    def _call(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        body: bytes,
        headers: Mapping[str, str],
        started: float,
    ) -> _Call:
        dialect = choose(scope["path"])
        try:
            value = jsontext.parse(body) if body else None
        except jsontext.UnreadableError:
            value = None
        request = dialect.read_request(value)
        route = self._settings.route(scope["path"], request.model, headers)
        sources = [text for kind, text in request.evidence if kind in route.sources]
        if route.trust_context:
            sources += _context(headers.get("x-guard-context", ""))
        exchange = Exchange(
            id=secrets.token_hex(16),
            received_at=time.time(),
            route=route.name,
            dialect=dialect.name,
            model=request.model,
            prompt=request.prompt,
            sources=tuple(filter(None, sources)),
            streamed=request.streamed,
        )
        reply = dialect.reply(request)
        return _Call(exchange, route, request, reply, scope, receive, send, started)

    def _upstream_headers(self, scope: Scope) -> list[tuple[str, str]]:
        try:
            pairs = [(name.decode("latin-1"), value.decode()) for name, value in scope["headers"]]
        except UnicodeDecodeError as error:
            raise UpstreamError(
                "a header of the request is not UTF-8", status=400, code="bad_request"
            ) from error
        dropped = _HOP_BY_HOP | {"host", "content-length", "accept-encoding", "expect", *_OURS}
        for name, value in pairs:
            if name == "connection":
                dropped = dropped | set(_tokens(value))
        kept = [(name, value) for name, value in pairs if name not in dropped]
        return [*kept, ("accept-encoding", "identity")]

    def _url(self, scope: Scope) -> URL:
        raw = scope.get("raw_path") or scope["path"].encode()
        query = scope["query_string"].decode("latin-1")
        path = self._upstream.raw_path.rstrip("/") + raw.decode("latin-1").split("?")[0]
        text = f"{self._upstream.origin()}{path}" + (f"?{query}" if query else "")
        return URL(text, encoded=True)

    @contextlib.asynccontextmanager
    async def _ask(self, call: _Call, body: bytes) -> AsyncIterator[aiohttp.ClientResponse]:
        assert self._session is not None
        late = UpstreamError("the upstream took too long", status=504, code="timeout")
        try:
            async with self._session.request(
                call.scope["method"],
                self._url(call.scope),
                headers=self._upstream_headers(call.scope),
                data=body or None,
                allow_redirects=False,
                skip_auto_headers=("User-Agent", "Accept", "Content-Type"),
            ) as response:
                yield response
        except aiohttp.ConnectionTimeoutError as error:
            late.unpaid = True
            raise late from error
        except TimeoutError as error:
            raise late from error
        except aiohttp.ClientConnectorError as error:
            raise UpstreamError("the upstream cannot be reached", unpaid=True) from error
        except aiohttp.ClientError as error:
            raise UpstreamError("the upstream broke off") from error

    # The reply.

    async def _serve(self, call: _Call, body: bytes) -> None:
        try:
            async with self._ask(call, body) as response:
                await self._reply(call, response)
        except (UpstreamError, StoreError) as error:
            if not call.begun:
                await _answer_error(call.send, error, call)
            else:
                await _truncate(call)
        except (_GoneError, ConnectionAbortedError):
            raise
        except Exception as error:  # a mistake of ours: nothing more leaves, and no text is logged
            facts = {"id": call.exchange.id, "error": type(error).__name__}
            log.error("failure", extra={"facts": facts})
            if call.begun:
                await _truncate(call)
            else:
                failure = UpstreamError(
                    "the guard failed; its log says where", status=500, code="guard_failure"
                )
                await _answer_error(call.send, failure, call)

    async def _reply(self, call: _Call, response: aiohttp.ClientResponse) -> None:
        call.status = response.status
        kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
        empty = call.scope["method"] == "HEAD" or response.status in (204, 304)
        if empty or not call.route.guard:
            await self._pass(call, response)
            return
        if not _in_utf8(response):
            raise UpstreamError(
                "the upstream's reply is not in UTF-8; only UTF-8 can be read", code="unreadable"
            )
        if response.headers.get("content-encoding", "identity").lower() not in ("identity", ""):
            raise UpstreamError(
                "the upstream compressed its reply though `identity` was asked for; "
                "turn compression off there, or set `guard: off` for this route",
                code="unreadable",
            )
        limit = self._settings.event_limit_bytes
        if kind == "text/event-stream":
            await self._stream(call, response, SSEDecoder(limit_bytes=limit))
        elif kind in ("application/x-ndjson", "application/jsonl", "application/ndjson"):
            await self._stream(call, response, LineDecoder(limit_bytes=limit))
        elif kind == "application/json" or kind.endswith("+json"):
            await self._plain(call, response, _JSON)
        elif kind.startswith("text/"):
            await self._plain(call, response, _TEXT)
        else:
            await self._plain(call, response, "")

    async def _pass(self, call: _Call, response: aiohttp.ClientResponse) -> None:
        """A reply that holds no generated text: as it comes."""
        await _begin(call, response.status, _client_headers(response, changed=False))
        async for chunk in response.content.iter_any():
            await _send(call, chunk)
        await _finish(call)

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        limit = self._settings.reply_limit_bytes
        told = response.headers.get("content-length", "0")
        body = bytearray()
        if not (told.isdigit() and int(told) > limit):
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > limit:
                    break
            else:
                return bytes(body)
        raise UpstreamError(
            f"the upstream's reply is larger than reply_limit_bytes ({limit})", code="too_large"
        )

    async def _plain(self, call: _Call, response: aiohttp.ClientResponse, kind: str) -> None:
        body = await self._read(response)
        headers = _client_headers(response, changed=False)
        if not body:
            await _answer(call, response.status, headers, body, "allow")
            return
        if not kind:
            raise UpstreamError(
                "the upstream's reply has a type that cannot be read; "
                "set `guard: off` for this route to let it pass",
                code="unreadable",
            )
        value: Any
        try:
            value = jsontext.parse(body) if kind == _JSON else body.decode("utf-8")
        except (jsontext.UnreadableError, UnicodeDecodeError) as error:
            raise UpstreamError(
                "the upstream's reply is not what its content-type says", code="unreadable"
            ) from error
        gate = await self._judge_plain(call, value, kind)
        verdict = gate.verdict
        self.count(call, verdict)
        out = self._redacted(call, value, kind, gate)
        if out is not None:
            headers = _client_headers(response, changed=True)
        if verdict.action is Action.BLOCK:
            await self._refused(call, response, kind, value, gate)
        elif verdict.action is Action.REVIEW:
            await self._review_plain(call, response, kind, value, gate, out or body)
        else:
            await _answer(call, response.status, headers, out or body, verdict.action.word)

    async def _judge_plain(self, call: _Call, value: Any, kind: str) -> Gate:
        """A plain reply is a stream of one event: the same gate judges it."""
        gate = Gate(self._inspector.cuts, call.exchange)
        reading = call.reply.read_plain(value) if kind == _JSON else text_reading(value)
        gate.take(Event(b"", None), reading)
        gate.end()
        if sum(len(fragment.text) for fragment in reading.fragments) > INLINE_CHARS:
            await asyncio.to_thread(self.judge_ready, call, gate)
        else:
            self.judge_ready(call, gate)
        return gate

    def _redacted(self, call: _Call, value: Any, kind: str, gate: Gate) -> bytes | None:
        """The reply with its masks; None if there are none."""
        plain, masked = gate.texts(redacted=False), gate.texts(redacted=True)
        changed = {name: text for name, text in masked.items() if text != plain[name]}
        if not changed:
            return None
        if kind == _TEXT:
            return masked["text"].encode()
        value = copy.deepcopy(value)
        reading = call.reply.read_plain(value)
        for path, fragment in zip(reading.parsed, reading.fragments, strict=True):
            if fragment.channel in changed:
                value = jsontext.put(value, path, changed[fragment.channel])
        return jsontext.dump(value)

    async def _refused(
        self,
        call: _Call,
        response: aiohttp.ClientResponse,
        kind: str,
        value: Any,
        gate: Gate,
    ) -> None:
        """Answers with the route's refusal in place of what must not leave."""
        verdict = gate.verdict
        note = self.note(call, verdict)
        headers = _client_headers(response, changed=True)
        if call.route.on_block == "error":
            body = error_body("content_filter", note.refusal, facts=note.facts)
            headers = [("content-type", "application/json")]
            await _answer(call, 400, headers, jsontext.dump(body), verdict.action.word)
            return
        if kind == _TEXT:
            out = note.refusal.encode()
        else:
            stopped = {choice.name for choice in gate.choices if choice.stopped}
            out = jsontext.dump(call.reply.refuse(value, stopped, note))
        status = response.status if response.status >= 400 else 200
        await _answer(call, status, headers, out, verdict.action.word)

    async def _review_plain(
        self,
        call: _Call,
        response: aiohttp.ClientResponse,
        kind: str,
        value: Any,
        gate: Gate,
        out: bytes,
    ) -> None:
        call.review_id = call.exchange.id
        released = call.route.on_review == "release"
        kind_told = response.headers.get("content-type", "application/json")
        item = self._item(call, out, kind_told, gate, released=released)
        await self._store.enqueue(item)
        call.stored = True
        self._metrics.queued(call.exchange.route)
        allowed = released
        if call.route.on_review == "hold":
            with contextlib.suppress(StoreError):
                allowed = await self.decided(call)
        if allowed:
            headers = _client_headers(response, changed=True)
            await _answer(call, response.status, headers, out, "review")
        else:
            await self._refused(call, response, kind, value, gate)

    def _item(
        self,
        call: _Call,
        reply: bytes,
        content_type: str,
        gate: Gate,
        *,
        released: bool = False,
        ended: str = "",
    ) -> ReviewItem:
        texts = gate.texts(redacted=False)
        return ReviewItem(
            id=call.exchange.id,
            exchange=call.exchange,
            reply=reply,
            content_type=content_type,
            texts=texts,
            findings={
                name: verdict.findings
                for name, verdict in gate.findings().items()
                if verdict.findings
            },
            released={name: len(text) for name, text in texts.items()}
            if released
            else gate.released(),
            deadline=call.exchange.received_at + call.route.deadline_seconds,
            ended=ended,
        )

    def note(self, call: _Call, verdict: Verdict) -> Note:
        """What a stopped reply tells the client."""
        facts: dict[str, Any] = {
            "verdict": verdict.action.word,
            "id": call.exchange.id,
            "categories": verdict.categories,
        }
        if call.review_id:
            facts["review_id"] = call.review_id
            facts["review_url"] = f"/guard/v1/reviews/{call.review_id}"
        return Note(call.route.refusal, facts)

    # Streams.

    async def _stream(
        self, call: _Call, response: aiohttp.ClientResponse, decoder: SSEDecoder | LineDecoder
    ) -> None:
        gate = Gate(
            self._inspector.cuts,
            call.exchange,
            choices=call.request.choices,
            stop_from=Action.BLOCK if call.route.on_review == "release" else Action.REVIEW,
            whole=call.route.release == "whole" or call.exchange.dialect == "plain",
            hold=call.route.on_review == "hold",
            limit_chars=self._settings.stream_limit_chars,
        )
        headers = _client_headers(response, changed=True)
        await _begin(call, response.status, headers, verdict="pending")
        stream = _Stream(self, call, gate)
        alive = asyncio.create_task(stream.keep_alive())
        try:
            await stream.finish(await self._pump(call, response, decoder, gate, stream))
        finally:
            alive.cancel()

    async def _pump(
        self,
        call: _Call,
        response: aiohttp.ClientResponse,
        decoder: SSEDecoder | LineDecoder,
        gate: Gate,
        stream: _Stream,
    ) -> str:
        """Reads the upstream to its end; why it ended, if it was too early."""
        ended = ""
        try:
            async for chunk in response.content.iter_any():
                for event in decoder.feed(chunk):
                    gate.take(event, call.reply.read_event(event))
                await stream.advance()
                if stream.done and not call.review_id:
                    break
            else:
                for event in decoder.flush():
                    gate.take(event, call.reply.read_event(event))
        except (aiohttp.ClientError, TimeoutError):
            ended = "the upstream broke off"
        except EventTooLargeError:
            ended = "an event was larger than event_limit_bytes"
        except jsontext.UnreadableError:
            ended = "the upstream sent an event that cannot be read"
        except ReplyTooLongError:
            ended = "the reply was longer than stream_limit_chars"
        gate.end()
        return ended

    def judge_ready(self, call: _Call, gate: Gate) -> None:
        """Judges what the gate has ready."""
        started = time.perf_counter()
        for ticket, passage in gate.passages():
            gate.settle(ticket, passage, self._inspector.judge(passage))
        call.guard_seconds += time.perf_counter() - started

    async def keep(self, call: _Call, gate: Gate, *, whole: bool, ended: str = "") -> None:
        """Puts the reply under review as far as it came; `whole`: completes what is there.

        Raises StoreError and Refused.
        """
        reply = jsontext.dump(call.reply.whole(gate.texts(redacted=True)))
        item = self._item(call, reply, "application/json", gate, ended=ended)
        if whole:
            await self._store.complete(item, blocked=gate.action is Action.BLOCK)
            call.stored = True
            return
        call.review_id = item.id  # from here on the client may leave, and the reply is read on
        try:
            await self._store.enqueue(item, arriving=True)
        except StoreError:
            call.review_id = ""
            raise
        self._metrics.queued(call.exchange.route)

    async def decided(self, call: _Call) -> bool:
        """Waits for the decision, up to the route's `hold_seconds`. Raises StoreError."""
        if call.client_gone:
            return False
        found = await self._store.wait(call.review_id, call.route.hold_seconds)
        decision = found.decision if found is not None else None
        return decision is not None and decision.outcome is Outcome.APPROVE

    def count(self, call: _Call, verdict: Verdict) -> None:
        """Counts and logs the verdict on a reply."""
        self._metrics.verdict(call.exchange.route, verdict)
        _log(call, verdict)


class _Stream:
    """One streamed reply on its way to the client."""

    def __init__(self, proxy: Proxy, call: _Call, gate: Gate) -> None:
        self._proxy = proxy
        self._call = call
        self._gate = gate
        self._lost = False  # the store could not keep what is to be reviewed
        self._sent_at = time.monotonic()
        self.done = False  # the client has had its ending

    async def keep_alive(self) -> None:
        """While something is held, tells the client every few seconds that the stream lives."""
        while not self.done:
            await asyncio.sleep(self._sent_at + KEEP_ALIVE_SECONDS - time.monotonic())
            if time.monotonic() - self._sent_at >= KEEP_ALIVE_SECONDS:
                await self._send(b"" if self._gate.empty else self._call.reply.keep_alive)

    async def advance(self) -> None:
        """Judges what is ready, stores what is to be reviewed, sends what may leave."""
        call, gate = self._call, self._gate
        self._proxy.judge_ready(call, gate)
        if gate.action is Action.REVIEW and not call.review_id and not self._lost:
            await self._keep(whole=False)
        if call.client_gone and not call.review_id:
            raise _GoneError
        out: list[bytes] = []
        for leaving in gate.leave() if not self._given_up else ():
            out += self._bytes(leaving)
        if self._given_up:
            out += [self._ending(choice) for choice in gate.choices if not choice.closed]
        over = gate.over or self._given_up
        if over and not self.done:
            out.append(call.reply.last)
        await self._send(b"".join(out))
        if over and not self.done:
            self.done = True
            await _finish(call)

    @property
    def _given_up(self) -> bool:
        """A route that releases what is to be reviewed does so only once it is stored."""
        return self._lost and self._call.route.on_review == "release"

    async def _keep(self, *, whole: bool, ended: str = "") -> None:
        try:
            await self._proxy.keep(self._call, self._gate, whole=whole, ended=ended)
        except (StoreError, Refused) as error:
            self._lost = True
            self._gate.hold = False
            facts = {"id": self._call.exchange.id, "error": type(error).__name__}
            log.error("review", extra={"facts": facts})

    def _bytes(self, leaving: Leaving) -> list[bytes]:
        out = [
            leaving.event.raw
            if leaving.texts is None and not leaving.dropped
            else self._call.reply.rewrite(leaving)
        ]
        out += [self._ending(self._gate.choice(name)) for name in leaving.endings]
        return out

    def _ending(self, choice: Choice) -> bytes:
        note = self._proxy.note(self._call, choice.verdict)
        if self._lost:
            note = Note(note.refusal, {**note.facts, "error": "review_unavailable"})
        return self._call.reply.end(choice.name, note, nothing_left=choice.emitted == 0)

    async def _send(self, chunk: bytes) -> None:
        self._sent_at = time.monotonic()
        if chunk and not self.done:
            await _send(self._call, chunk)

    async def finish(self, ended: str) -> None:
        """The upstream has ended: the rest is judged, the item completed, the client answered."""
        call, gate = self._call, self._gate
        await self.advance()
        if call.review_id:
            await self._keep(whole=True, ended=ended)
        self._proxy.count(call, gate.verdict)
        if gate.hold and call.review_id and not gate.empty and not self.done:
            await self._hold()
        if self.done:
            return
        if ended or not gate.empty:
            await _truncate(call)
        else:
            await _finish(call)

    async def _hold(self) -> None:
        """Keeps the client waiting for a person."""
        with contextlib.suppress(StoreError):
            if await self._proxy.decided(self._call):
                self._gate.approve()
        self._gate.hold = False
        await self.advance()


def _decoded(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}


def _tokens(value: str) -> list[str]:
    return [token.strip().lower() for token in value.split(",")]


def _context(header: str) -> list[str]:
    """The sources in an X-Guard-Context header; nothing where it cannot be read."""
    if not header or len(header) > CONTEXT_HEADER_LIMIT_BYTES:
        return []
    try:
        raw = base64.urlsafe_b64decode(header + "=" * (-len(header) % 4))
        value = json.loads(raw)
    except ValueError:
        return []
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _client_headers(response: aiohttp.ClientResponse, *, changed: bool) -> list[tuple[str, str]]:
    dropped = set(_HOP_BY_HOP)
    for value in response.headers.getall("connection", []):
        dropped |= set(_tokens(value))
    if changed:
        dropped |= set(_OF_THE_BODY)
    return [
        (name.lower(), value)
        for name, value in response.headers.items()
        if name.lower() not in dropped and not name.lower().startswith("x-guard-")
    ]


def _raw(header: str) -> bytes:
    """A part of a header as it came: aiohttp decodes them so."""
    return header.encode("utf-8", "surrogateescape")


def _in_utf8(response: aiohttp.ClientResponse) -> bool:
    kinds = response.headers.getall("content-type", [])
    told = _CHARSET.findall(kinds[0]) if len(kinds) == 1 else []
    return len(kinds) <= 1 and {name.lower() for name in told} <= {"utf-8", "utf8", "us-ascii"}


async def _begin(
    call: _Call, status: int, headers: list[tuple[str, str]], *, verdict: str = ""
) -> None:
    if verdict:
        headers = [*headers, ("x-guard-id", call.exchange.id), ("x-guard-verdict", verdict)]
        if call.review_id:
            headers.append(("x-guard-review-id", call.review_id))
    raw = [(_raw(name), _raw(value)) for name, value in headers]
    call.begun = True
    await call.send({"type": "http.response.start", "status": status, "headers": raw})


async def _send(call: _Call, chunk: bytes) -> None:
    if not call.client_gone:
        await call.send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _finish(call: _Call) -> None:
    call.finished = True
    if not call.client_gone:
        await call.send({"type": "http.response.body", "body": b"", "more_body": False})


async def _truncate(call: _Call) -> None:
    """Ends the client's stream so that it sees a truncation, never a clean end."""
    if not call.client_gone:
        raise ConnectionAbortedError


async def _answer(
    call: _Call, status: int, headers: list[tuple[str, str]], body: bytes, verdict: str
) -> None:
    headers = [pair for pair in headers if pair[0] != "content-length"]
    await _begin(call, status, [*headers, ("content-length", str(len(body)))], verdict=verdict)
    call.finished = True
    if not call.client_gone:
        await call.send({"type": "http.response.body", "body": body, "more_body": False})


async def _answer_error(
    send: Send, error: UpstreamError | StoreError, call: _Call | None = None
) -> None:
    status = error.status if isinstance(error, UpstreamError) else 503
    code = error.code if isinstance(error, UpstreamError) else "review_unavailable"
    body = jsontext.dump(error_body(code, str(error)))
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    if status >= 500 and not (isinstance(error, UpstreamError) and error.unpaid):
        headers.append((b"x-should-retry", b"false"))
    if call is not None:
        call.begun = True
        headers.append((b"x-guard-id", call.exchange.id.encode()))
        log.warning(
            "error", extra={"facts": {"id": call.exchange.id, "status": status, "code": code}}
        )
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _log(call: _Call, verdict: Verdict) -> None:
    log.info(
        "exchange",
        extra={
            "facts": {
                "id": call.exchange.id,
                "route": call.exchange.route,
                "dialect": call.exchange.dialect,
                "verdict": verdict.action.word,
                "categories": verdict.categories,
                "rules": sorted({finding.rule for finding in verdict.findings}),
                "status": call.status,
                "guard_ms": round(call.guard_seconds * 1000, 2),
                "review_id": call.review_id or None,
            }
        },
    )
