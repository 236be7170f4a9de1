"""Holds the events of one streamed reply, and lets go in order only what has been cleared.

Rules of the file: no await, no I/O. The caller takes events in, judges the passages that are
ready, settles them, and sends what may leave. What leaves depends on the texts alone, never on
how they were cut or timed. JSON inside a string leaves whole. Emitted never exceeds cleared.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from guard import jsontext
from guard.masking import mask
from guard.passages import Cuts, whole_passage
from guard.policy import strongest
from guard.sse import Event
from guard.types import Action, Exchange, Fragment, Passage, Verdict

_JSON_HEAD = re.compile(r"\s*(?:\{|\[\s*[\[{\"])")
_UNDECIDED_HEAD = re.compile(r"\s*(?:\[\s*)?\Z")


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
class Choice:
    """One choice of the reply, or (named "") what belongs to none."""

    name: str
    verdicts: list[Verdict] = field(default_factory=list)
    action: Action = Action.ALLOW  # the strongest of them
    stopped: bool = False  # something in it must not leave
    closed: bool = False  # its typed ending has left
    emitted: int = 0  # code points of what it says that left
    ended_by: Verdict | None = None  # what stopped it: the same, whatever was read beyond it

    @property
    def verdict(self) -> Verdict:
        return strongest(self.verdicts)

    @property
    def decided(self) -> bool:
        """Nothing more of it can leave, and no worse can be found."""
        return self.closed and self.action is Action.BLOCK


class _Channel:
    """One text of the reply, as far as it was read, judged and let go."""

    def __init__(
        self, name: str, choice: Choice, cuts: Cuts, exchange: Exchange, *, loose: bool
    ) -> None:
        self.name = name
        self.choice = choice
        self.length = 0
        self.cleared = 0
        self.emitted = 0
        self.stop: int | None = None
        self.stopped_by: Verdict | None = None
        self.masks: list[tuple[int, int]] = []
        self.whole: bool | None = None  # JSON; None while its first characters do not tell
        self.replacement: str | None = None  # masked JSON, serialised again
        self.edited: tuple[int, str] | None = None  # from where on a person's text takes its place
        self.verdicts: list[Verdict] = []
        self.ended = False
        self.ends_stopped = False  # all of its text leaves, but its end is told otherwise
        self.alone = False  # whole in its event: a name, a note; not what the reply says
        self._cuts = cuts
        self._exchange = exchange
        self._parts: list[str] = []
        self._cutter = cuts.cutter(loose=loose)
        self._shown_whole = False  # to the rules that need it
        self._widest = 0  # the longest mask
        self._paths: dict[str, jsontext.Path] = {}
        self._open = 0  # passages of JSON strings not settled yet
        self._value: Any = None
        self._value_masks: dict[jsontext.Path, list[tuple[int, int]]] = {}

    @property
    def text(self) -> str:
        if len(self._parts) > 1:
            self._parts = ["".join(self._parts)]
        return self._parts[0] if self._parts else ""

    def feed(self, text: str) -> None:
        self.length += len(text)
        self._parts.append(text)
        if self.whole is False:
            self._cutter.feed(text)
        elif self.whole is None:
            self._tell_json()

    def _tell_json(self) -> None:
        head = self.text
        if _JSON_HEAD.match(head):
            self.whole = True
        elif self.ended or not _UNDECIDED_HEAD.match(head):
            self.whole = False
            self._cutter.feed(head)

    def end(self) -> Iterator[Passage]:
        """The channel has ended: what could not be judged before."""
        if self.ended:
            return
        self.ended = True
        if self.whole is None:
            self._tell_json()
        if self.whole:
            yield from self._json()
        self._cutter.end()

    def ready(self) -> Iterator[Passage]:
        for piece in self._cutter.ready():
            yield piece.passage(self._exchange, self.name)
        if self.ended and self._cuts.whole and self.whole is False and not self._shown_whole:
            self._shown_whole = True
            if self.length:
                yield whole_passage(self._exchange, self.name, self.text)

    def _json(self) -> Iterator[Passage]:
        try:
            self._value = jsontext.parse(self.text)
        except jsontext.UnreadableError:
            self.whole = False
            self._cutter.feed(self.text)
            return
        passages = [
            passage
            for path, text in jsontext.strings(self._value, keys=True)
            for passage in self._cuts.passages(self._exchange, _inner(self.name, path), text)
        ]
        found = jsontext.strings(self._value, keys=True)
        self._paths = {_inner(self.name, path): path for path, _ in found}
        self._open = len(passages)
        if not passages:
            self.cleared = self.length
        yield from passages

    def settle_end(self, verdict: Verdict, *, stops: bool) -> None:
        """Notes what was found in the whole text, of which much may have left."""
        self.verdicts.append(verdict)
        if stops and self.stop is None:
            self.stop, self.stopped_by, self.ends_stopped = self.length, verdict, True

    def settle(self, passage: Passage, verdict: Verdict, *, stops: bool) -> None:
        self.verdicts.append(verdict)
        inside = passage.channel != self.name
        if inside:
            self._open -= 1
            path = self._paths[passage.channel]
            self._value_masks.setdefault(path, []).extend(verdict.masks)
        else:
            self.masks.extend(verdict.masks)
            if passage.whole:  # the last of them, over all that came before
                self.masks.sort()
            self._widest = max([self._widest, *(last - first for first, last in verdict.masks)])
        if stops:
            stop = 0 if inside else passage.start
            if self.stop is None or stop < self.stop:  # the whole text comes last
                self.stop, self.stopped_by = stop, verdict
                self.cleared = min(self.cleared, stop)
        elif self.stop is None and not inside:
            self.cleared = passage.end
        if inside and self._open == 0:
            self._serialise()
            if self.stop is None:
                self.cleared = self.length

    def _serialise(self) -> None:
        if any(self._value_masks.values()):
            masks = self._value_masks
            masked = jsontext.replaced(
                self._value, lambda path, text: mask(text, masks.get(path, ()))
            )
            self.replacement = jsontext.dump(masked).decode()

    def shown(self, start: int, end: int, text: str) -> str:
        """What leaves for the piece of the text from `start` to `end`."""
        if self.edited is not None and end > self.edited[0]:
            at, rest = self.edited
            if start == at:
                return rest
            return self.shown(0, at, self.text[:at]) + rest if start < at else ""
        if self.replacement is not None:
            return self.replacement if start == 0 and end > 0 else ""
        if not self.masks:
            return text
        first = bisect_left(self.masks, (start - self._widest, 0))
        return mask(text, self.masks[first : bisect_left(self.masks, (end, 0))], start=start)

    def redacted(self) -> str:
        """The whole text with its masks."""
        return self.shown(0, self.length, self.text)


@dataclass(slots=True, eq=False)
class _Held:
    event: Event
    reading: Reading
    spans: tuple[tuple[_Channel, int, int], ...]


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
        self._channels: dict[str, _Channel] = {}
        self._choices: dict[str, Choice] = {}
        self._dirty: dict[_Channel, None] = {}
        self._late: list[tuple[_Channel, Passage]] = []  # passages that an end made ready
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
        assert isinstance(ticket, _Channel)
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

    def _named(self, names: Sequence[str]) -> Iterator[_Channel]:
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

    def _end(self, channel: _Channel) -> None:
        for passage in channel.end():
            self._late.append((channel, passage))
        self._dirty[channel] = None

    def _channel(self, fragment: Fragment, reading: Reading) -> _Channel:
        name = fragment.channel
        channel = self._channels.get(name)
        if channel is not None and channel.ended and fragment.text:
            # A client would read on where the text had ended, and the gate can not.
            raise jsontext.UnreadableError("a text goes on that has ended")
        if channel is None:
            owner = _owner(name, reading)
            choice = self._choices.setdefault(owner, Choice(owner))
            channel = _Channel(name, choice, self._cuts, self._exchange, loose=self._loose)
            if name in reading.whole:
                channel.whole = True
            channel.alone = name in reading.ended
            self._channels[name] = channel
        return channel

    def _copied(self, fragment: Fragment, reading: Reading) -> _Channel | None:
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


def _inner(channel: str, path: jsontext.Path) -> str:
    """The channel of a string inside a channel's JSON."""
    return f"{channel}#/{'/'.join(map(str, path))}"
