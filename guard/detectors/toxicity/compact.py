"""Compact: a linear scorer over hashed words and letter groups, in numpy alone.

A text is folded (disguises taken off), its words, word pairs and groups of 3 to 5 characters are
hashed, each hash names a row of a small table, and the rows are added up: one column a category.

Rules of the file: nothing is truncated - a long text is read in overlapping windows, and its worst
window counts for each category. No text makes it raise, and time grows with length alone. Training
uses these same functions, so what is learnt is what is looked up; change one and train again.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from guard.errors import SettingsError

Codes = NDArray[np.uint32]  # folded code points
Hashes = NDArray[np.uint32]
Flags = NDArray[np.bool_]

WEIGHTS = Path(__file__).with_name("compact.npz")
CATEGORIES = (
    "toxicity", "severe_toxicity", "obscene", "threat", "insult", "identity_attack",
    "sexual_explicit",
)  # fmt: skip
COLUMNS = 8  # the categories and a spare one: eight bytes a row are fetched as one number
TABLE_BITS = 19  # 524,288 rows: one bit less costs 0.005 of AUC, one more gains nothing

WINDOW_CHARS = 1_000  # a long comment; one insult in more than this drowns among clean words
OVERLAP_CHARS = 200  # a sentence: what a border cuts is whole in the next window

_BLANK = ord(" ")
_DROPPED = 0  # no folded character: the code point is taken out
_FOLDED_CODES = 0x20000  # the scripts, emoji and styled letters; rare ideographs above are dropped
_INVISIBLE_KINDS = {"Mn", "Me", "Cf", "Cs", "Co", "Cn"}  # marks, formats, surrogates, nothing
_BLANK_KINDS = {"Cc", "Zs", "Zl", "Zp"}
_LETTER_BLOCKS = (0x1F150, 0x1F170, 0x1F1E6)  # A to Z in discs, in squares, as flag letters

_LOOK_ALIKES = {
    ord(look): ord(letter)
    for letter, looks in {
        "a": "аᴀɑα", "b": "вʙβь", "c": "сᴄϲ¢", "d": "ԁᴅ", "e": "еᴇєε€ё", "f": "ꜰƒ", "g": "ɡɢ",
        "h": "һʜн", "i": "іɪїι", "j": "јᴊ", "k": "кᴋκ", "l": "ʟӏ", "m": "мᴍ", "n": "ɴпη",
        "o": "оᴏοσø", "p": "рᴘρ", "r": "ʀг", "s": "ѕꜱ", "t": "тᴛτ", "u": "ᴜυμ", "v": "ѵᴠν",
        "w": "ԝᴡω", "x": "хχ", "y": "уʏγү", "z": "ᴢ",
    }.items()
    for look in looks
}  # fmt: skip
_LEET_BESIDE = {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s"}
_LEET_BETWEEN = {"!": "i", "|": "l"}  # at the end of a word they are what they seem

_FACTOR = 0x9E3779B1  # odd, so that its powers have inverses; 2**32 over the golden ratio
_WORD_SEED = np.uint32(0x7F4A7C15)  # words and letter groups of the same letters differ
_PAIR_FACTOR = np.uint32(0x85EBCA6B)


def _powers(factor: int) -> Hashes:
    return np.multiply.accumulate(np.full(WINDOW_CHARS + 1, factor, np.uint32), dtype=np.uint32)


_POWERS = _powers(_FACTOR)
_INVERSES = _powers(pow(_FACTOR, -1, 2**32))


@cache
def _tables() -> tuple[Codes, Flags]:
    """For each code point what it folds to, and whether that belongs to a word."""
    folded = np.zeros(_FOLDED_CODES, np.uint32)
    wordly = np.zeros(_FOLDED_CODES, np.bool_)
    for code in range(_FOLDED_CODES):
        char = chr(code)
        kind = unicodedata.category(char)
        wordly[code] = kind[0] in "LN" or kind == "So" or char in "*'"
        if kind in _BLANK_KINDS:
            folded[code] = _BLANK
        elif kind not in _INVISIBLE_KINDS:
            plain = unicodedata.normalize("NFKD", char).strip()[:1].lower()
            lower = ord(plain if plain.isascii() and plain else char.lower()[0])
            folded[code] = _LOOK_ALIKES.get(lower, lower)
    for first in _LETTER_BLOCKS:
        folded[first : first + 26] = np.arange(ord("a"), ord("z") + 1)
    return folded, wordly


def _leet_table(pairs: dict[str, str]) -> Codes:
    table = np.zeros(128, np.uint32)
    table[[ord(sign) for sign in pairs]] = [ord(letter) for letter in pairs.values()]
    return table


_BESIDE = _leet_table(_LEET_BESIDE)
_EITHER = _leet_table(_LEET_BESIDE | _LEET_BETWEEN)


def read(text: str) -> Codes:
    """The text as it is hashed: folded, without disguises, a blank before and after."""
    folded, _ = _tables()
    if text.isascii():
        codes = folded.take(np.frombuffer(f" {text} ".encode(), np.uint8))
    else:
        raw = np.frombuffer(f" {text} ".encode("utf-32-le", "surrogatepass"), "<u4")
        codes = folded.take(raw, mode="clip")
        codes = codes[codes != _DROPPED]
    _spell_out(codes)
    return _close_up(_shorten(codes))


def _letters(codes: Codes) -> Flags:
    return (codes - np.uint32(ord("a"))) < 26


def _spell_out(codes: Codes) -> None:
    """Writes digits and signs that stand for letters as letters."""
    at = _EITHER.take(codes, mode="clip").nonzero()[0]
    if at.size:
        letter = _letters(codes)
        before, after, signs = letter[at - 1], letter[at + 1], codes[at]
        spelt = np.where(_BESIDE[signs] != 0, before | after, before & after)
        codes[at[spelt]] = _EITHER[signs[spelt]]


def _shorten(codes: Codes) -> Codes:
    """Runs of blanks become one blank, runs of any other character two of it."""
    same = codes[1:] == codes[:-1]
    surplus = same & (codes[1:] == _BLANK)
    surplus[1:] |= same[1:] & same[:-1]
    return np.delete(codes, surplus.nonzero()[0] + 1) if surplus.any() else codes


def _close_up(codes: Codes) -> Codes:
    """Three or more single letters with a blank or sign between them become a word."""
    letter = _letters(codes)
    at = (letter[1:-1] & ~letter[:-2] & ~letter[2:]).nonzero()[0] + 1
    if at.size < 3:
        return codes
    paired = at[1:] - at[:-1] == 2
    spread = paired.copy()
    spread[1:] &= paired[:-1]
    spread[:-1] |= spread[1:]
    gaps = at[:-1][spread] + 1
    return np.delete(codes, gaps) if gaps.size else codes


def windows(codes: Codes) -> Iterator[Codes]:
    """The text in pieces of at most `WINDOW_CHARS`, which overlap and are cut at blanks."""
    if codes.size <= WINDOW_CHARS:
        yield codes
        return
    blanks = (codes == _BLANK).nonzero()[0]
    start = 0
    while codes.size - start > WINDOW_CHARS:
        limit = start + WINDOW_CHARS
        last = int(blanks[np.searchsorted(blanks, limit) - 1])
        end = last + 1 if last >= limit - OVERLAP_CHARS else limit
        yield codes[start:end]
        again = end - OVERLAP_CHARS
        first = int(blanks[np.searchsorted(blanks, again)])
        start = first if first < end - 1 else again
    yield codes[start:]


def rows_of(window: Codes) -> NDArray[np.intp]:
    """The table rows of everything in a window, repeats included."""
    factor = np.uint32(_FACTOR)
    two = window[:-1] * factor + window[1:]
    three = two[:-1] * factor + window[2:]
    four = three[:-1] * factor + window[3:]
    five = four[:-1] * factor + window[4:]
    _, wordly = _tables()
    inside = wordly.take(window)
    inside[0] = inside[-1] = False
    edges = (inside[1:] != inside[:-1]).nonzero()[0]
    # The sum up to each character, times a falling power, makes a word's hash one subtraction.
    sums = np.add.accumulate(window * _POWERS[: window.size], dtype=np.uint32)
    starts, ends = edges[::2], edges[1::2]
    words = (sums[ends] - sums[starts]) * _INVERSES[starts] + _WORD_SEED
    pairs = words[:-1] * _PAIR_FACTOR + words[1:]
    hashes = np.concatenate((three, four, five, words, pairs))
    hashes ^= hashes >> np.uint32(15)
    hashes *= np.uint32(0x2C1B3C6D)
    hashes ^= hashes >> np.uint32(13)
    return (hashes >> np.uint32(32 - TABLE_BITS)).astype(np.intp)


class Compact:
    """The engine. `table` holds a row of `COLUMNS` small numbers for each hash; a category's score
    is the logistic of `slope` times the sum of its column over the root of their number, plus
    `offset`."""

    name = "compact"
    categories = CATEGORIES

    def __init__(
        self,
        table: NDArray[np.int8],
        slope: NDArray[np.float32],
        offset: NDArray[np.float32],
    ) -> None:
        size = 1 << TABLE_BITS
        count = len(CATEGORIES)
        if table.shape != (size, COLUMNS) or slope.shape != (count,) or offset.shape != (count,):
            raise ValueError("the weights have another shape than this version reads")
        self._rows = np.ascontiguousarray(table, np.int8).view(np.uint64).ravel()
        self._slope = slope
        self._offset = offset

    @classmethod
    def load(cls, file: Path = WEIGHTS) -> Compact:
        """The engine with the weights of a file."""
        try:
            with np.load(file, allow_pickle=False) as weights:
                return cls(weights["table"], weights["slope"], weights["offset"])
        except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
            raise SettingsError(
                f"{file}: not weights of this version's compact scorer; "
                "install again or run `guard models train`"
            ) from error

    def save(self, file: Path) -> None:
        """Writes the weights: the same engine makes the same bytes."""
        with file.open("wb") as output:  # given a path, numpy would add an ending to it
            np.savez_compressed(output, table=self.table, slope=self._slope, offset=self._offset)

    @property
    def table(self) -> NDArray[np.int8]:
        return self._rows.view(np.int8).reshape(-1, COLUMNS)

    def margins(self, text: str) -> NDArray[np.float32]:
        """Before calibration: for each category, the strongest window's sum over the root."""
        found = [self._margins(rows_of(window)) for window in windows(read(text))]
        return found[0] if len(found) == 1 else np.max(found, axis=0)

    def _margins(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        count = max(rows.size, 1)
        each = self._rows.take(rows).view(np.int8).reshape(-1, COLUMNS).astype(np.float32)
        total: NDArray[np.float32] = np.full(rows.size, count**-0.5, np.float32) @ each
        return total[: len(CATEGORIES)]

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if not texts:
            return np.zeros((0, len(CATEGORIES)), np.float32)
        margins = np.array([self.margins(text) for text in texts], np.float32)
        logits = self._slope * margins + self._offset
        scores: NDArray[np.float32] = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
        return scores.astype(np.float32)
