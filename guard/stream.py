"""One streamed reply on its way to the client, through the gate.

Rules of the file: an event leaves only when the gate lets it go; what must stay in ends its choice
in the dialect's own words; an upstream that breaks off is a truncation for the client too. A reply
under review is read to its end, whether its client stays or not.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace

from guard import jsontext
from guard.call import Call, GoneError, Incoming
from guard.channel import Choice
from guard.errors import StoreError, UpstreamError
from guard.gate import Gate, GateError, Leaving, ReplyTooLongError
from guard.reply import Replies
from guard.review.refusals import Refused
from guard.sse import Decoder, EventTooLargeError
from guard.types import Action

KEEP_ALIVE_SECONDS = 5.0  # proxies in front cut a silent connection off after a minute or less
UNAVAILABLE = "review_unavailable"  # a problem that is told: the queue did not take the reply

log = logging.getLogger("guard")


async def send_stream(replies: Replies, call: Call, incoming: Incoming, decoder: Decoder) -> None:
    """Sends a streamed reply."""
    await call.begin(incoming.status, incoming.for_client(changed=True), verdict="pending")
    stream = _Stream(replies, call)
    alive = asyncio.create_task(stream.keep_alive())
    try:
        await stream.run(incoming, decoder)
    except GateError:
        replies.metrics.gate_error()
        log.error("gate", extra={"facts": {"id": call.exchange.id}})
        call.truncate()
    finally:
        alive.cancel()
        call.emitted = stream.emitted


class _Stream:
    """The reply's gate, and what the client was told of it."""

    def __init__(self, replies: Replies, call: Call) -> None:
        route = call.route
        self._replies = replies
        self._call = call
        self._gate = Gate(
            call.inspector.cuts,
            call.exchange,
            choices=call.request.choices,
            stop_from=Action.BLOCK if route.on_review == "release" else Action.REVIEW,
            whole=route.release == "whole" or call.exchange.dialect == "plain",
            loose=route.release == "token",
            hold=route.on_review == "hold",
            limit_chars=call.stream_limit_chars or replies.settings.stream_limit_chars,
        )
        self._problem = ""  # told to the client beside the verdict
        self._sent_at = time.monotonic()
        self._done = False  # the client has had its ending

    @property
    def emitted(self) -> int:
        """How many characters have left."""
        return sum(self._gate.released().values())

    async def run(self, incoming: Incoming, decoder: Decoder) -> None:
        """Reads the upstream to its end, and sends what may leave."""
        ended = await self._pump(incoming, decoder)
        self._gate.end()
        await self._advance()
        if self._call.review_id:
            await self._keep(whole=True, ended=ended)
        self._replies.count(self._call, self._gate)
        if self._gate.hold and self._call.review_id and not self._gate.empty and not self._done:
            found = await self._replies.decided(self._call)
            if found is not None:
                self._gate.approve(found.edits)
            self._gate.hold = False
        await self._advance()
        if self._done:
            return
        if self._problem:
            await self._give_up()
        elif ended or not self._gate.empty:
            self._call.truncate()
        else:
            await self._call.finish()

    async def _pump(self, incoming: Incoming, decoder: Decoder) -> str:
        """Takes all events in; why they ended, if it was too early."""
        gate, reply = self._gate, self._call.reply
        try:
            async for chunk in incoming.chunks:
                for event in decoder.feed(chunk):
                    gate.take(event, reply.read_event(event))
                await self._advance()
                if self._done and not self._call.review_id:
                    return ""
            for event in decoder.flush():
                gate.take(event, reply.read_event(event))
        except UpstreamError:
            return "the upstream broke off"
        except EventTooLargeError:
            self._problem = "too_large"
            return "an event was larger than event_limit_bytes"
        except ReplyTooLongError:
            self._problem = "too_large"
            return "the reply was longer than stream_limit_chars"
        except jsontext.UnreadableError:
            self._problem = "unreadable"
            return "the upstream sent an event that cannot be read"
        return ""

    async def keep_alive(self) -> None:
        """While something is held, tells the client every few seconds that the stream lives."""
        while not self._done:
            await asyncio.sleep(self._sent_at + KEEP_ALIVE_SECONDS - time.monotonic())
            if time.monotonic() - self._sent_at >= KEEP_ALIVE_SECONDS:
                await self._send(b"" if self._gate.empty else self._call.reply.keep_alive)

    async def _advance(self) -> None:
        """Judges what is ready, stores what is to be reviewed, sends what may leave."""
        call, gate = self._call, self._gate
        await self._replies.judge_ready(call, gate)
        lost = self._problem == UNAVAILABLE
        if gate.action is Action.REVIEW and not call.review_id and not lost:
            await self._keep(whole=False)
            if self._problem == UNAVAILABLE and call.route.on_review == "release":
                await self._give_up()  # such a route lets out only what is stored
                return
        if call.client_gone and not call.review_id:
            raise GoneError
        if self._done:
            return
        out = b"".join(self._bytes(leaving) for leaving in gate.leave())
        if gate.over:
            await self._end(out)
        else:
            await self._send(out)

    async def _keep(self, *, whole: bool, ended: str = "") -> None:
        """Puts the reply under review as far as it came; `whole`: completes what is there."""
        call, gate = self._call, self._gate
        reply = jsontext.dump(call.reply.whole(gate.texts(redacted=True)))
        released = call.route.on_review == "release"
        item = call.item(gate, reply, "application/json", released=released, ended=ended)
        call.review_id = item.id  # from here on the client may leave, and the reply is read on
        try:
            with self._replies.metrics.trouble():
                if whole:
                    await self._replies.store.complete(item, blocked=gate.action is Action.BLOCK)
                    call.stored = True
                else:
                    await self._replies.store.enqueue(item, arriving=True)
                    self._replies.metrics.queued(call.exchange.route)
        except (StoreError, Refused) as error:
            if not whole:
                call.review_id = ""
            if gate.hold or not whole:
                self._problem, gate.hold = UNAVAILABLE, False
            facts = {"id": call.exchange.id, "error": type(error).__name__}
            log.error("review", extra={"facts": facts})

    def _bytes(self, leaving: Leaving) -> bytes:
        out = self._call.reply.write(leaving)
        for name in leaving.endings:
            out += self._ending(self._gate.choice(name))
        return out

    def _ending(self, choice: Choice) -> bytes:
        note = self._call.note(choice.ended_by or choice.verdict)
        if self._problem:
            note = replace(note, facts={**note.facts, "error": self._problem})
        return self._call.reply.end(choice.name, note, nothing_left=choice.emitted == 0)

    async def _give_up(self) -> None:
        """Ends every choice that is still open: what follows cannot be judged or kept."""
        await self._end(b"".join(self._ending(choice) for choice in self._gate.close()))

    async def _end(self, out: bytes) -> None:
        await self._send(out + self._call.reply.last)
        self._done = True
        await self._call.finish()

    async def _send(self, chunk: bytes) -> None:
        self._sent_at = time.monotonic()
        if not self._done:
            await self._call.write(chunk)
