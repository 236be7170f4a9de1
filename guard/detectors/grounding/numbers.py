"""Grounding of figures: is what is counted, measured or priced in the sources?

Rules of the file: `$1,200`, `1200` and `1.2k` are one figure, so are `12%`, `12.0 percent` and
`0.12`, `fourteen` and `14`, `1.200,5` and `1,200.5`. A round figure stands for one that rounds to
it; what follows from two figures by a sum, a difference or a share is doubted less. A figure of
the question is known. Dates and times are not judged here, years are.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from guard.detectors.grounding.dates import spans as date_spans
from guard.detectors.grounding.sources import Sources
from guard.detectors.grounding.statements import Claim, Spotted

DIGITS_MAX = 15  # a longer numeral is compared as it is written: floats cannot tell it from others
DERIVED_FIGURES_MAX = 60  # sums and shares of more figures than this would explain anything
FIGURES_MAX = 60_000  # of the sources; some hundred pages of tables take half a second
DERIVED_SURE = 0.4
SMALL_SURE = 0.6  # a count up to ten may be counted from what the sources list
ROUND_SURE = 0.5

Value = float | str

_MAGNITUDES = {
    "k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "mm": 1e6, "mio": 1e6, "mil": 1e6,
    "mln": 1e6, "million": 1e6,
    "millions": 1e6, "bn": 1e9, "b": 1e9, "billion": 1e9, "billions": 1e9, "tn": 1e12, "t": 1e12,
    "trillion": 1e12, "hundred": 1e2, "dozen": 12.0, "lakh": 1e5, "crore": 1e7,
}  # fmt: skip
_SMALL = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ORDINALS = [
    "zeroth",
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
]
_CARDINAL = {word: float(n) for n, word in enumerate(_SMALL)} | {
    word: 20.0 + 10 * n for n, word in enumerate(_TENS)
}
_ORDINAL = {word: float(n) for n, word in enumerate(_ORDINALS)} | {
    "twentieth": 20.0, "thirtieth": 30.0, "fortieth": 40.0, "fiftieth": 50.0, "sixtieth": 60.0,
    "seventieth": 70.0, "eightieth": 80.0, "ninetieth": 90.0, "hundredth": 100.0,
}  # fmt: skip
_POWERS = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_PARTS = {
    "half": 0.5, "halves": 0.5, "quarter": 0.25, "quarters": 0.25, "third": 1 / 3, "thirds": 1 / 3,
    "fifth": 0.2, "fifths": 0.2, "quarterly": 4.0,
}  # fmt: skip
_TIMES = {
    "once": 1.0, "twice": 2.0, "double": 2.0, "doubled": 2.0, "doubles": 2.0, "thrice": 3.0,
    "triple": 3.0, "tripled": 3.0, "quadruple": 4.0, "pair": 2.0, "couple": 2.0, "both": 2.0,
    "dozen": 12.0, "dozens": 12.0, "trio": 3.0, "duo": 2.0, "decade": 10.0, "century": 100.0,
    "single": 1.0, "sole": 1.0, "biweekly": 2.0, "fortnight": 14.0, "score": 20.0,
}  # fmt: skip
_NUMBER_WORD = "|".join(
    sorted({*_CARDINAL, *_ORDINAL, *_POWERS, "and", "a", "half", "dozen"}, key=len, reverse=True)
)
_SPELLED = re.compile(
    rf"\b(?:{'|'.join(sorted({*_CARDINAL, *_ORDINAL, *_POWERS}, key=len, reverse=True))})"
    rf"(?:(?:\s|-|,\s)+(?:{_NUMBER_WORD}))*\b"
)
_VULGAR = {
    "½": 0.5, "⅓": 1 / 3, "⅔": 2 / 3, "¼": 0.25, "¾": 0.75, "⅕": 0.2, "⅖": 0.4, "⅗": 0.6, "⅘": 0.8,
    "⅙": 1 / 6, "⅚": 5 / 6, "⅛": 0.125, "⅜": 0.375, "⅝": 0.625, "⅞": 0.875,
}  # fmt: skip
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", "01234567890123456789")
_NUMERAL = re.compile(
    r"(?<![^\W_])(?<![\d.,][.,])(?P<digits>"
    r"\d{1,3}(?: , \d{3})+(?!\d)|\d{1,3}(?: \d{3})+,\d{1,2}(?!\d)"
    r"|\d{1,3}(?:[\u00a0\u2009\u202f'’]\d{3})+(?:[.,]\d+)?"
    r"|\d+(?:[.,]\d+)*|[.](?<!\w[.])\d+)"
    r"(?P<vulgar>\s?[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞])?"
    r"(?P<over>/\d{1,4}(?![\d/]))?"
    r"(?:[\s-]?(?P<unit>%|percent\b|per\s?cent\b|pct\b|percentage\b|(?:thousand|millions?"
    r"|billions?|trillion"
    r"|hundred|dozen|lakh|crore|[kmbt]|mn|mm|mio|mil|mln|bn|tn)\b))?"
    r"(?P<tail>(?:st|nd|rd|th|s|[’']s)\b)?",
    re.IGNORECASE,
)
_LONE_VULGAR = re.compile("[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞]")
_DIGIT = re.compile(r"\d")
_ABOUT = re.compile(
    r"\b(?:about|around|approximately|approx\.?|roughly|nearly|almost|some|over|more than|less than"
    r"|under|below|above|up to|at least|at most|close to|just|circa|ca\.?|upwards? of|as many as"
    r"|between|exceeding|estimated)\s+(?:[$€£¥]\s?)?$|[~≈><≥≤±]\s?[$€£¥]?$",
    re.IGNORECASE,
)
_YEAR_FROM, _YEAR_TO = 1000, 2100


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a text. `values` are those it may be; `tail` the word that follows."""

    start: int
    end: int
    values: frozenset[Value]
    value: float | None  # the likeliest; None where it is only digits
    digits: int  # of its meaning: 2 in `1.2 million`
    spelled: bool
    share: bool
    bare: bool  # neither unit, nor sign of money, nor fraction
    tail: str


def missing(claim: Claim) -> Iterator[Spotted]:
    """The figures that neither the sources nor the question have."""
    sources = claim.sources
    if not sources.whole:
        return
    known = sources.keep(_known)
    if len(known.places) >= FIGURES_MAX:
        return  # a table of tables: not all of it is known
    asked = claim.question.keep(_known) if claim.prompt else None
    for figure in claim.keep(stated):
        if figure.values & known.values or (asked is not None and figure.values & asked.values):
            continue
        sure = _sure(claim, figure, known)
        if sure <= 0:
            continue
        place = _nearest(claim, figure, known)
        if place is None:
            yield Spotted(figure.start, figure.end, sure, claim.near())
            continue
        source, other = place
        if figure.tail and other.tail == figure.tail and sure == SMALL_SURE:
            sure = 1.0  # five days, where the sources have seven of them
        evidence = sources.evidence(source, other.start, other.end)
        yield Spotted(figure.start, figure.end, sure, evidence)


def stated(claim: Claim) -> list[Figure]:
    """The figures of the passage that say something."""
    taken = date_spans(claim.lower)
    return [
        figure
        for figure in figures(claim.text, claim.lower)
        if not claim.is_silent(figure.start)
        and not any(first <= figure.start < last for first, last in taken)
        and not (figure.spelled and figure.value in (0.0, 1.0, 2.0))
    ]


@dataclass(frozen=True, slots=True)
class Known:
    """The figures of some texts: where they stand, and their values."""

    places: tuple[tuple[int, Figure], ...]
    values: frozenset[Value]
    sorted: tuple[float, ...]

    def within(self, source: int, start: int, end: int) -> Iterator[Figure]:
        """The figures in a span of a folded source, in order."""
        at = bisect_left(self.places, (source, start), key=lambda one: (one[0], one[1].start))
        while at < len(self.places):
            place, figure = self.places[at]
            if place != source or figure.start >= end:
                return
            yield figure
            at += 1


def _known(sources: Sources) -> Known:
    every = (
        (at, figure)
        for at, one in enumerate(sources.folded)
        for figure in figures(one.text, sources.lower[at])
    )
    places = list(islice(every, FIGURES_MAX))
    values = {value for _, figure in places for value in figure.values}
    words = sources.words
    values |= {_TIMES[word] for word in words & _TIMES.keys()}
    values |= {_PARTS[word] for word in words & _PARTS.keys()}
    values |= {round(_PARTS[word] * 100, 9) for word in words & _PARTS.keys()}
    numbers = sorted(value for value in values if isinstance(value, float))
    places.sort(key=lambda place: (place[0], place[1].start))
    return Known(tuple(places), frozenset(values), tuple(numbers))


def values_in(sources: Sources, source: int, start: int, end: int) -> set[Value]:
    """The values of the figures in a span of a folded source."""
    within = sources.keep(_known).within(source, start, end)
    return {value for figure in within for value in figure.values}


def _sure(claim: Claim, figure: Figure, known: Known) -> float:
    """How sure it is that a figure whose value is not known has no ground; 0: it has one."""
    value = figure.value
    if value is None:
        return 1.0
    hedged = _ABOUT.search(claim.text, max(0, figure.start - 20), figure.start) is not None
    year = figure.bare and figure.digits == 4 and _YEAR_FROM <= value <= _YEAR_TO
    if not year and _rounds(value, figure.digits, known.sorted, loosely=hedged):
        return 0.0 if figure.digits >= 2 or hedged else ROUND_SURE
    if not year and _derived(value, known.sorted, share=figure.share):
        return DERIVED_SURE
    if figure.bare and value <= 10 and value == int(value):
        return SMALL_SURE
    return 1.0


def _rounds(value: float, digits: int, numbers: Sequence[float], *, loosely: bool) -> bool:
    """Whether a known figure, rounded to as many digits, is this one."""
    if value == 0 or digits > 6:
        return False
    slack = 0.12 if loosely else 0.05
    first = bisect_left(numbers, value * (1 - slack))
    last = bisect_right(numbers, value * (1 + slack))
    if loosely and digits <= 2:
        return first < last
    form = f"%.{digits - 1}e"
    wanted = form % value
    return any(form % number == wanted for number in numbers[first : min(last, first + 200)])


def _derived(value: float, numbers: Sequence[float], *, share: bool) -> bool:
    """Whether a sum, a difference or a share of two known figures gives this one."""
    some = [number for number in numbers if number > 0]
    if not 2 <= len(some) <= DERIVED_FIGURES_MAX or value <= 0:
        return False
    have = {round(number, 6) for number in some}
    for one in some:
        if round(value - one, 6) in have or round(value + one, 6) in have:
            return True
    if share:
        return any(
            (one != other and abs(abs(one - other) / other * 100 - value) < 0.6)
            or abs(one / other * 100 - value) < 0.6
            for one in some
            for other in some
        )
    return False


def _nearest(claim: Claim, figure: Figure, known: Known) -> tuple[int, Figure] | None:
    """The figure that stands where this one would, in the nearest sentences, with its source."""
    best: tuple[float, int, Figure] | None = None
    for rank, number in enumerate(claim.nearest):
        sentence = claim.sources.sentences[number]
        for other in known.within(sentence.source, sentence.start, sentence.end):
            alike = (
                (other.tail == figure.tail)
                + (other.bare == figure.bare)
                + (other.share == figure.share)
            )
            score = rank - 1.5 * alike
            if best is None or score < best[0]:
                best = (score, sentence.source, other)
    return None if best is None else (best[1], best[2])


def figures(text: str, lower: str) -> Iterator[Figure]:
    """The figures of a folded text, in digits and in words."""
    ends: set[int] = set()
    if _DIGIT.search(text):
        plain = text if text.isascii() else text.translate(_SUPERSCRIPTS)
        for match in _NUMERAL.finditer(plain):
            if (found := _numeral(plain, match)) is not None:
                ends.add(found.end)
                yield found
    if not text.isascii():
        for match in _LONE_VULGAR.finditer(text):
            if match.start() == 0 or not text[match.start() - 1].isdigit():
                value = _VULGAR[match[0]]
                values = frozenset[Value]({value, value * 100})
                yield Figure(*match.span(), values, value, 1, False, False, False, "")
    for match in _SPELLED.finditer(lower):
        if match.end() not in ends and (found := _spelled(lower, match)) is not None:
            yield found


def _numeral(text: str, match: re.Match[str]) -> Figure | None:
    start, end = match.span()
    if end < len(text) and text[end].isalnum() and match["tail"] is None and match["unit"] is None:
        after = re.match(r"[^\W_]+", text[end : end + 24])
        if after is None or any(c.isdigit() for c in after[0]) or len(after[0]) > 4:
            return None  # part of a name: 4chan, 3d5f
    joined = start > 1 and text[start - 1] in "-#/_.@" and text[start - 2].isalnum()
    if joined and not (text[start - 1] == "-" and text[start - 2].isdigit()):
        return None  # part of a name: COVID-19, v1.2
    digits = re.sub(r"[ \u00a0\u2009\u202f'’]", "", match["digits"])
    readings = _readings(digits)
    unit = re.sub(r"\s", "", (match["unit"] or "").lower())
    money = bool(re.search(r"[$€£¥₹]\s?$", text[max(0, start - 2) : start]))
    plain = re.sub(r"\D", "", digits)
    if not readings:
        return Figure(
            start,
            end,
            frozenset({plain.lstrip("0") or "0"}),
            None,
            len(plain),
            False,
            False,
            not unit,
            "",
        )
    value, others = readings[0], list(readings)
    if match["vulgar"]:
        value += _VULGAR[match["vulgar"].strip()]
        others = [value]
    if match["over"]:
        below = float(match["over"][1:])
        if below and not unit:
            others += [value / below, value / below * 100]
            others.append(below)
    share = unit in ("%", "percent", "pct", "percentage")
    if unit in _MAGNITUDES:
        value *= _MAGNITUDES[unit]
        others = [one * _MAGNITUDES[unit] for one in others]
    elif share:
        others += [one / 100 for one in readings]
    elif value < 1 and not money:
        others += [one * 100 for one in readings]
    significant = len(plain.lstrip("0").rstrip("0") or "0")
    if "." in digits and not unit:
        significant = len(plain.lstrip("0") or "0")
    if (match["tail"] or "").endswith("s") and len(plain) == 2 and plain[1] == "0":
        others += [1900 + value, 2000 + value]  # the 70s
    if text[max(0, start - 1) : start] in ("-", "–") and len(plain) == 2 and start > 4:
        century = re.search(r"(?<!\d)(1\d|20)\d\d$", text[start - 5 : start - 1])
        others += [float(century[1]) * 100 + value] if century else []  # 2018-19
    year = len(plain) == 4 and not unit and "." not in digits
    after = re.match(r"[\s-]{0,2}([^\W\d_]+)", text[end : end + 30])
    return Figure(
        start,
        end,
        frozenset(_key(one) for one in others),
        value,
        4 if year else significant,
        False,
        share,
        not unit and not money and not match["over"] and "." not in digits,
        after[1].lower() if after else "",
    )


def _key(value: float) -> Value:
    return float(f"{value:.10g}")


@lru_cache(maxsize=4096)
def _readings(digits: str) -> tuple[float, ...]:
    """What a numeral may be: `1,200` is twelve hundred, `1.200,5` is European, `1,5` is either."""
    if sum(c.isdigit() for c in digits) > DIGITS_MAX:
        return ()
    groups = re.split("[.,]", digits)
    marks = [c for c in digits if c in ".,"]
    whole = all(len(group) == 3 for group in groups[1:]) and 1 <= len(groups[0]) <= 3
    if not marks:
        return (float(digits),)
    if len(set(marks)) == 1 and len(marks) > 1:
        return (float("".join(groups)),) if whole else ()
    if len(marks) == 1:
        decimal = float(f"{groups[0] or '0'}.{groups[1]}")
        if not whole or groups[0] in ("", "0"):
            return (decimal,)
        joined = float("".join(groups))
        return (joined, decimal) if marks[0] == "," else (decimal, joined)
    if marks[-1] not in marks[:-1]:
        return (float(f"{''.join(groups[:-1])}.{groups[-1]}"),)
    return ()


def _spelled(text: str, match: re.Match[str]) -> Figure | None:
    words = re.findall(r"[a-z]+", match[0])
    while words and words[-1] in ("and", "a"):
        words.pop()
    if not words:
        return None
    if len(words) == 1 and words[0] in _POWERS:
        return None  # millions of anything: no figure
    end = match.start() + match[0].rfind(words[-1]) + len(words[-1])
    start = match.start()
    values: set[Value] = set()
    total, part, last_small = 0.0, 0.0, False
    share = False
    for word in words:
        if word in _POWERS:
            power = _POWERS[word]
            if power == 100:
                part = (part or 1.0) * 100
            else:
                total += (part or 1.0) * power
                part = 0.0
        elif word in _CARDINAL or word in _ORDINAL:
            number = _CARDINAL.get(word, _ORDINAL.get(word, 0.0))
            if (
                last_small
                and part
                and not (part >= 20 and part % 10 == 0 and number < 10)
                and part % 100
            ):
                values.add(_key(total + part))  # nineteen ninety: also 1990
                values.add(_key(part + number / 100))  # twelve fifty: also 12.50
                part = part * 100 + number if number >= 10 else number
            else:
                part += number
        elif word == "half":
            part += 0.5
        elif word == "dozen":
            part = (part or 1.0) * 12
        last_small = word in _CARDINAL
    value = total + part
    values.add(_key(value))
    tail = re.match(r"[\s-]{0,2}([a-z]+|%)", text[end : end + 30])
    after = tail[1] if tail else ""
    if (
        len(words) == 1
        and words[0] in _PARTS
        and re.search(r"\b(?:a|one|two) $", text[max(0, start - 4) : start])
    ):
        value = _PARTS[words[0]]
        values |= {_key(value), _key(value * 100)}
    elif after in _PARTS and len(words) == 1 and after not in ("quarter", "third"):
        value *= _PARTS[after]
        values = {_key(value), _key(value * 100), *values}
    elif after in ("percent", "per", "%"):
        share = True
        values.add(_key(value / 100))
    if len(words) == 1 and words[0] in _ORDINAL and words[0] == "second" and after in ("", "s"):
        return None
    return Figure(
        start,
        end,
        frozenset(values),
        value,
        len(f"{value:.10g}".rstrip("0")),
        True,
        share,
        not share,
        after,
    )
