"""One text of a streamed reply, and the choice it belongs to: read, judged, let go.

Rules of the file: no await, no I/O. JSON inside a string is judged once it is whole, each string
of it decoded, and leaves whole. `cleared` never passes what every detector has seen.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from guard import jsontext
from guard.masking import mask
from guard.passages import Cuts, whole_passage
from guard.policy import strongest
from guard.types import Action, Exchange, Passage, Verdict

_JSON_HEAD = re.compile(r"\s*(?:\{|\[\s*[\[{\"])")
_UNDECIDED_HEAD = re.compile(r"\s*(?:\[\s*)?\Z")


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


class Channel:
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


def _inner(channel: str, path: jsontext.Path) -> str:
    """The channel of a string inside a channel's JSON."""
    return f"{channel}#/{'/'.join(map(str, path))}"
