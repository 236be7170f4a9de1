"""A list that is announced with a number, and has another number of items.

Rule of the file: only a list in lines counts, right after the announcement; its inner lists do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from guard.types import Exchange

_COUNTED = "two three four five six seven eight nine ten eleven twelve"
_NUMBERS = {word: number for number, word in enumerate(_COUNTED.split(), 2)}
_NOUNS = (
    "reasons|ways|steps|tips|points|things|examples|types|kinds|factors|options|benefits|advantages|"
    "disadvantages|methods|items|ideas|features|rules|principles|stages|causes|categories|"
    "questions|strategies|facts|topics|elements|aspects|components|suggestions|recommendations|"
    "differences|similarities|roles|tools|phases|pillars|lessons|techniques|risks|challenges|"
    "symptoms|ingredients|names|titles|approaches|requirements|conditions|arguments|areas|practices"
)
_ANNOUNCED = re.compile(
    rf"(?<![\w-])(?P<count>{'|'.join(_NUMBERS)}|[2-9]|1[0-2]) (?:[a-z-]+ ){{0,3}}?(?:{_NOUNS})\b"
    r"(?P<rest>[^\n.!?;]{0,100}):[*_ ]*\Z",
    re.I,
)
_RANGE = re.compile(
    r"(?:\b(?:or|to|least|most|than|about|around|of(?: the| these| those)?(?: \w+)?)|[-–/]) ?\Z",
    re.I,
)
_BULLET = re.compile(r"(?P<indent>[ \t]*)(?:[-*•+]|(?P<number>\d{1,2})[.)])[ \t]+\S")
_NUMBERED_HEAD = re.compile(r"(?P<indent>)(?:#{1,6} |\*\*)(?P<number>\d{1,2})[.)][ \t]*\S")


def counts(text: str, exchange: Exchange) -> Iterator[tuple[int, int]]:
    """The announcements that are wrong."""
    if ":" not in text or "\n" not in text:
        return
    lines = text.split("\n")
    at = 0
    for place, line in enumerate(lines):
        match = _ANNOUNCED.search(line.rstrip())
        if match is not None and not _RANGE.search(line[: match.start()]):
            told = match["count"].lower()
            count = _NUMBERS.get(told) or int(told)
            items = _items(lines[place + 1 :])
            if items and items != count:
                yield at + match.start(), at + match.end()
        at += len(line) + 1


def _items(lines: list[str]) -> int:
    """How many items the list has that begins here; 0 if there is none, or no plain one."""
    first: re.Match[str] | None = None
    count, gap = 0, False
    for line in lines:
        if not line.strip():
            gap = True
            continue
        match = _BULLET.match(line) or _NUMBERED_HEAD.match(line)
        if first is None:
            if match is None:
                return 0
            first, count = match, 1
            if first["number"] not in (None, "1"):
                return 0
            continue
        if match is None:
            deeper = len(line) - len(line.lstrip()) > len(first["indent"])
            if not deeper and gap and first["number"] is None:
                break
            gap = False
            continue
        if match["indent"] != first["indent"] or bool(match["number"]) != bool(first["number"]):
            if len(match["indent"]) < len(first["indent"]):
                break
            gap = False
            continue
        if match["number"] is not None and int(match["number"]) != count + 1:
            if int(match["number"]) == 1:  # another list, or one that numbers every item 1
                return count if gap else 0
            return 0
        count, gap = count + 1, False
    return count if first is not None and (count > 1 or first["number"]) else 0
