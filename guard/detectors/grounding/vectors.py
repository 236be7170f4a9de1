"""How alike two words are, and how rare a word is: a table of short vectors, numpy only.

Rule of the file: a word that the table lacks is rare and like nothing but itself.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WEIGHTS = Path(__file__).with_name("words.npz")
DIMENSIONS = 64  # of MiniLM's 384: what more of them add is lost in eight bits
RARITY_STEP = 0.05
UNKNOWN_RARITY = 9.0  # natural logarithm of one text in 8,000
_WORDS_KEPT = 50_000


@cache
def _table() -> tuple[dict[int, int], NDArray[np.float32], list[float]]:
    with np.load(WEIGHTS) as file:
        names = {int(name): row for row, name in enumerate(file["names"])}
        vectors = file["vectors"].astype(np.float32)
        rarity = (file["rarity"] * np.float32(RARITY_STEP)).tolist()
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return names, vectors, rarity


@lru_cache(maxsize=_WORDS_KEPT)
def row(word: str) -> int:
    """The word's row in the table; -1 if it has none."""
    return _table()[0].get(zlib.crc32(word.encode("utf-8", "surrogatepass")), -1)


@lru_cache(maxsize=_WORDS_KEPT)
def rarity(word: str) -> float:
    """0 for a word of every text, up to `UNKNOWN_RARITY`."""
    at = row(word)
    return UNKNOWN_RARITY if at < 0 else _table()[2][at]


def likeness(rows: Sequence[int], others: Sequence[int]) -> NDArray[np.float32]:
    """The cosine of each word of `rows` with each of `others`; both are rows of the table."""
    vectors = _table()[1]
    found: NDArray[np.float32] = vectors[list(rows)] @ vectors[list(others)].T
    return found


def vectors_of(rows: Sequence[int]) -> NDArray[np.float32]:
    """The vectors of rows of the table."""
    found: NDArray[np.float32] = _table()[1][list(rows)]
    return found
