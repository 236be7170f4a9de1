"""One reply that gives two figures for the same thing.

Rule of the file: the same thing is the same words, twice, without anything that tells the two
apart (a year, a condition, a comparison). Most contradictions are not found; what is found is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from guard.detectors.consistency.figures import Figure, figures
from guard.types import Exchange

NAME_MIN_WORDS = 2  # `the price` may be anybody's, `the price of the ticket` is not

_SAYS = re.compile(
    r"(?<![\w'’-])(?:[Tt]he|[Ii]ts|[Tt]heir|[Hh]is|[Hh]er|[Oo]ur|[Yy]our) "
    r"(?P<name>[A-Za-z][\w'’-]*(?: [\w'’-]+){1,7}?)"
    r" (?:is|was|are|were|has|had|stands at|stood at|amounts to|amounted to|came to|equals)"
    r" (?:about |approximately |around |roughly |exactly |a total of |over |nearly )?"
    r"(?=[-−$€£¥]?\d)"
)
_SENTENCE = re.compile(r"[^.!?\n]*(?:\.(?=\d)[^.!?\n]*)*[.!?\n]?")
_APART = re.compile(
    r"\b(?:1[5-9]\d\d|20\d\d|if|when|before|after|now|today|later|earlier|originally|initially|"
    r"previous(?:ly)?|then|first|second|third|last|next|former|latter|estimate[sd]?|according|"
    r"compared|versus|vs|instead|not|example|suppose|assum\w+|scenario|case|option|january|february|"
    r"march|april|june|july|august|september|october|november|december|quarter|month|week|"
    r"per|each|every|another|other|between|from|actually|correct\w*|mistake|wrong|sorry|claims?|"
    r"says|some|others|becomes?|new|step|increase[sd]?|decrease[sd]?|minimum|maximum|least|most)\b",
    re.I,
)
_DIGITS = re.compile(r"\d.*\d", re.S)
_UNIT_WORD = re.compile(r"[ -]?([A-Za-z°%]+)")


def contradiction(text: str, exchange: Exchange) -> Iterator[tuple[int, int]]:
    """The second of two figures that cannot both be."""
    if not _DIGITS.search(text) or len(_SAYS.findall(text)) < 2:
        return
    known: dict[tuple[str, str], Figure] = {}
    for sentence in _SENTENCE.finditer(text):
        if not sentence[0] or _APART.search(sentence[0]) or "|" in sentence[0]:
            continue
        for match in _SAYS.finditer(sentence[0]):
            name = " ".join(match["name"].lower().split())
            found = figures(sentence[0][match.end() :], start=sentence.start() + match.end())
            if len(name.split()) < NAME_MIN_WORDS or not found:
                continue
            figure = found[0]
            if figure.start != sentence.start() + match.end():
                continue
            unit = _UNIT_WORD.match(text, figure.end)
            key = (name, figure.unit + (unit[1].lower().rstrip("s") if unit else ""))
            first = known.setdefault(key, figure)
            if abs(first.value - figure.value) > max(first.step, figure.step):
                yield figure.start, figure.end
