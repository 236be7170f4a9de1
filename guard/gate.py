"""Holds the events of one streamed reply, and lets go in order only what has been cleared.

Rules of the file: no await, no I/O. The caller takes events in, judges the passages that are
ready, settles them, and sends what may leave. What leaves depends on the texts alone, never on
how they were cut or timed. JSON inside a string leaves whole. Emitted never exceeds cleared.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from guard import jsontext
from guard.channel import Channel, Choice
from guard.passages import Cuts
from guard.policy import strongest
from guard.sse import Event
from guard.types import Action, Exchange, Fragment, Passage, Verdict


class GateError(Exception):
    """More would have left than was cleared. The stream must be closed at once."""


class ReplyTooLongError(Exception):
    """The reply has more text than the limit, or its held events take too much memory."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a dialect reads from one event. Channels of a choice begin with its name and `/`."""

    fragments: tuple[Fragment, ...] = ()
    choices: tuple[str, ...] = ()  # the choices the event speaks of
    ended: tuple[str, ...] = ()  # channels, or what their names begin with, that are over with it
    begun: tuple[str, ...] = ()  # those that begin anew with it, if they have ended before
    whole: tuple[str, ...] = ()  # channels that hold JSON, and leave whole
    parsed: Any = None  # the value and each fragment's path in it; None where nothing was read


@dataclass(frozen=True, slots=True)
class Leaving:
    """An event that leaves. `texts`: None leaves it byte for byte; else a new text for each
    fragment, None where its choice is over. `dropped` are the choices that are over;
    `endings` those whose typed ending comes right after it."""

    event: Event
    reading: Reading
    texts: tuple[str | None, ...] | None
    dropped: tuple[str, ...] = ()
    endings: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class _Held:
    event: Event
    reading: Reading
    spans: tuple[tuple[Channel, int, int], ...]


class Gate:
    """The gate of one reply.

    `stop_from` is the action from which text stays in (BLOCK where a route releases what is to be
    reviewed). `whole`: nothing leaves before the end, and findings of a whole text count as others
    do; else they change how a choice ends, and take no text back. `loose`: text leaves as soon as
    no match can begin in it. `choices`: the names of the choices that were asked for.
    """

    def __init__(
        self,
        cuts: Cuts,
        exchange: Exchange,
        *,
        choices: Sequence[str] = (),
        stop_from: Action = Action.REVIEW,
        whole: bool = False,
        loose: bool = False,
        hold: bool = False,
        limit_chars: int = 16 * 1024 * 1024,
        limit_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        self._cuts = cuts
        self._exchange = exchange
        self._stop_from = stop_from
        self._whole = whole
        self._loose = loose
        self.hold = hold
        self._limit_chars = limit_chars
        self._limit_bytes = limit_bytes  # of held events, as they came
        self._expected = tuple(choices)
        self._queue: deque[_Held] = deque()
        self._channels: dict[str, Channel] = {}
        self._choices: dict[str, Choice] = {}
        self._dirty: dict[Channel, None] = {}
        self._late: list[tuple[Channel, Passage]] = []  # passages that an end made ready
        self._ended = False
        self._chars = 0
        self._bytes = 0

    # In.

    def take(self, event: Event, reading: Reading) -> None:
        """Takes an event in. Raises ReplyTooLongError, and UnreadableError where a text that has
        ended goes on."""
        self._begin_anew(reading.begun)
        spans = []
        for fragment in reading.fragments:
            copied = self._copied(fragment, reading)
            if copied is not None:
                spans.append((copied, 0, copied.length))
                continue
            channel = self._channel(fragment, reading)
            start = channel.length
            if fragment.text:
                channel.feed(fragment.text)
                self._chars += len(fragment.text)
                self._dirty[channel] = None
            spans.append((channel, start, channel.length))
        self._queue.append(_Held(event, reading, tuple(spans)))
        self._bytes += len(event.raw)
        if self._chars > self._limit_chars or self._bytes > self._limit_bytes:
            raise ReplyTooLongError
        for channel in self._named(reading.ended):
            self._end(channel)

    def end(self) -> None:
        """The upstream has ended: all texts are whole."""
        self._ended = True
        for channel in self._channels.values():
            self._end(channel)

    # Judged.

    def passages(self) -> Iterator[tuple[object, Passage]]:
        """What may be judged now. Each is to be given to `settle`, in this order."""
        dirty, self._dirty = self._dirty, {}
        for channel in dirty:
            for passage in channel.ready():
                if not channel.choice.decided:
                    yield channel, passage
        while self._late:
            late, self._late = self._late, []
            for channel, passage in late:
                if not channel.choice.decided:
                    yield channel, passage

    def settle(self, ticket: object, passage: Passage, verdict: Verdict) -> None:
        """Notes the verdict on a passage."""
        assert isinstance(ticket, Channel)
        choice = ticket.choice
        at_end = passage.whole and passage.channel == ticket.name and not self._whole
        if at_end and verdict.masks:  # what has left cannot be masked
            action = max(verdict.action, Action.REVIEW)
            verdict = replace(verdict, action=action, masks=())
        choice.verdicts.append(verdict)
        choice.action = max(choice.action, verdict.action)
        stops = verdict.action >= self._stop_from
        if at_end:
            ticket.settle_end(verdict, stops=stops)
        else:
            ticket.settle(passage, verdict, stops=stops)
        choice.stopped = choice.stopped or stops

    # Out.

    def leave(self) -> Iterator[Leaving]:
        """The events that may leave now, in the order they came; none once it is over.

        Raises GateError.
        """
        if self._whole and not self._ended:
            return
        while self._queue and not self.over:
            leaving = self._try(self._queue[0])
            if leaving is None:
                return
            self._bytes -= len(self._queue.popleft().event.raw)
            yield leaving

    @property
    def over(self) -> bool:
        """Nothing more can leave: every choice that was asked for has had its typed ending."""
        whole = self._choices.get("")
        if whole is not None and whole.closed:
            return True
        names = self._expected or tuple(name for name in self._choices if name)
        closed = [name in self._choices and self._choices[name].closed for name in names]
        return bool(closed) and all(closed)

    @property
    def verdict(self) -> Verdict:
        """The strongest verdict so far, over all choices."""
        return strongest(choice.verdict for choice in self._choices.values())

    @property
    def action(self) -> Action:
        """The strongest action so far."""
        return max((choice.action for choice in self._choices.values()), default=Action.ALLOW)

    @property
    def empty(self) -> bool:
        """Nothing is held."""
        return not self._queue

    @property
    def choices(self) -> list[Choice]:
        """The choices seen so far."""
        return list(self._choices.values())

    def choice(self, name: str) -> Choice:
        """A choice by name."""
        return self._choices[name]

    def texts(self, *, redacted: bool) -> dict[str, str]:
        """Every channel's text so far."""
        return {
            name: channel.redacted() if redacted else channel.text
            for name, channel in self._channels.items()
        }

    def findings(self) -> dict[str, Verdict]:
        """Every channel's verdict so far."""
        return {name: strongest(channel.verdicts) for name, channel in self._channels.items()}

    def released(self) -> dict[str, int]:
        """Code points of every channel that left."""
        return {name: channel.emitted for name, channel in self._channels.items()}

    def masked(self) -> Leaving:
        """The first event with its masks, whatever else must become of it: a plain reply is one."""
        held = self._queue[0]
        texts = (
            channel.shown(start, end, fragment.text)
            for (channel, start, end), fragment in zip(
                held.spans, held.reading.fragments, strict=True
            )
        )
        return Leaving(held.event, held.reading, tuple(texts))

    def close(self) -> list[Choice]:
        """Closes every choice that is open, and returns them: nothing more of them may leave."""
        for name in self._expected or ("",):
            self._choices.setdefault(name, Choice(name))
        found = [
            choice
            for choice in self._choices.values()
            if not choice.closed and (choice.name or not self._expected)
        ]
        for choice in found:
            choice.closed = True
        return found

    def approve(self, edits: Mapping[str, str]) -> None:
        """A person let the whole reply out: what was stopped may leave, masked where it must be.

        `edits`: channels with another text, which begins with what has left.
        """
        for name, channel in self._channels.items():
            channel.stop, channel.ends_stopped = None, False
            channel.cleared = channel.length
            if name in edits:
                channel.edited = (channel.emitted, edits[name][channel.emitted :])
        for choice in self._choices.values():
            choice.stopped = False

    def _try(self, held: _Held) -> Leaving | None:
        """How an event leaves now; None if something of it is not cleared."""
        endings: list[Choice] = []
        texts: list[str | None] = []
        changed = False
        fragments = held.reading.fragments
        for (channel, start, end), fragment in zip(held.spans, fragments, strict=True):
            if channel.choice.closed or channel.choice in endings:
                texts.append(None)
                changed = True
            elif end <= channel.cleared:
                text = channel.shown(start, end, fragment.text)
                changed = changed or text != fragment.text
                texts.append(text)
                if channel.ends_stopped and end == channel.stop:
                    if self.hold and channel.choice.action is not Action.BLOCK:
                        return None
                    changed = True
                    channel.choice.ended_by = channel.stopped_by
                    endings.append(channel.choice)
            elif channel.stop is not None and channel.cleared == channel.stop:
                if self.hold and channel.choice.action is not Action.BLOCK:
                    return None
                text = channel.shown(start, end, fragment.text)[: max(0, channel.stop - start)]
                texts.append(text)
                changed = True
                channel.choice.ended_by = channel.stopped_by
                endings.append(channel.choice)
            else:
                return None
        for (channel, start, _), shown in zip(held.spans, texts, strict=True):
            if shown:
                channel.emitted = min(start + len(shown), channel.length)
                channel.choice.emitted += 0 if channel.alone else len(shown)
                rewritten = channel.replacement is not None or channel.edited is not None
                if channel.emitted > channel.cleared and not rewritten:
                    raise GateError
        dropped = tuple(
            name
            for name in held.reading.choices
            if name in self._choices and self._choices[name].closed
        )
        for choice in endings:
            choice.closed = True
        return Leaving(
            held.event,
            held.reading,
            tuple(texts) if changed or dropped else None,
            dropped,
            tuple(choice.name for choice in endings),
        )

    def _is_closed(self, name: str) -> bool:
        choice = self._choices.get(name)
        return choice is not None and choice.closed

    def _named(self, names: Sequence[str]) -> Iterator[Channel]:
        """The channels of these names, or whose names begin with them."""
        for name in names:
            if name in self._channels:
                yield self._channels[name]
            else:
                begin = name + "/"
                yield from [one for key, one in self._channels.items() if key.startswith(begin)]

    def _begin_anew(self, names: Sequence[str]) -> None:
        """What ended stays as it was, under another name."""
        for channel in self._named(names):
            if channel.ended and self._channels.get(channel.name) is channel:
                self._channels[f"{channel.name}~{len(self._channels)}"] = channel
                del self._channels[channel.name]

    def _end(self, channel: Channel) -> None:
        for passage in channel.end():
            self._late.append((channel, passage))
        self._dirty[channel] = None

    def _channel(self, fragment: Fragment, reading: Reading) -> Channel:
        name = fragment.channel
        channel = self._channels.get(name)
        if channel is not None and channel.ended and fragment.text:
            # A client would read on where the text had ended, and the gate can not.
            raise jsontext.UnreadableError("a text goes on that has ended")
        if channel is None:
            owner = _owner(name, reading)
            choice = self._choices.setdefault(owner, Choice(owner))
            channel = Channel(name, choice, self._cuts, self._exchange, loose=self._loose)
            if name in reading.whole:
                channel.whole = True
            channel.alone = name in reading.ended
            self._channels[name] = channel
        return channel

    def _copied(self, fragment: Fragment, reading: Reading) -> Channel | None:
        """The channel that a string repeats whole, if it does; both are masked alike."""
        text, name = fragment.text, fragment.channel
        if not text or name not in reading.ended or name in self._channels:
            return None
        owner = _owner(name, reading)
        for channel in self._channels.values():
            if (
                channel.length == len(text)
                and channel.choice.name == owner
                and channel.text == text
            ):
                return channel
        return None


def _owner(name: str, reading: Reading) -> str:
    """The choice that a channel belongs to; "" where it belongs to none."""
    return next((choice for choice in reading.choices if name.startswith(choice + "/")), "")
