"""Cascade: a cheap engine decides what is plain, a dear one what is not.

The first engine scores every text. Only where its strongest score lies inside the band is the text
shown to the last engine, whose scores then stand alone; both speak in probabilities, so the answer
is on one scale whoever gave it.

Rules of the file: the band is fitted on texts neither engine learnt from, so that decisions agree
with those of the last engine at a stated rate. Who decided is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from guard.detectors.toxicity import Engine
from guard.evaluate import SCORED, THRESHOLDS

AGREEMENT = 0.99  # of the cascade's decisions with its last engine's, on the texts of the fit

Band = tuple[float, float]  # inside: the last engine decides; from the second number on, not


class Cascade:
    """The engine. `decided` counts the texts that each of the two has decided."""

    def __init__(self, first: Engine, last: Engine, band: Band) -> None:
        if first.categories != last.categories:
            raise ValueError("the engines of a cascade must know the same categories")
        self.name = f"{first.name}+{last.name}"
        self.categories = first.categories
        self.decided = {first.name: 0, last.name: 0}
        self.band = band
        self._counting = Lock()  # scores are asked for in several threads
        self._first = first
        self._last = last

    def look(self, texts: Sequence[str]) -> NDArray[np.float32]:
        scores = self._first.score(texts)
        strongest = scores.max(axis=1, initial=0)
        low, high = self.band
        doubtful = (strongest >= low) & (strongest < high)
        scores[doubtful] = np.nan
        self._count(self._first, len(texts) - int(doubtful.sum()))
        return scores

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        scores = self.look(texts)
        doubtful = np.isnan(scores[:, 0]).nonzero()[0].tolist()
        if doubtful:
            scores[doubtful] = self._last.score([texts[at] for at in doubtful])
            self._count(self._last, len(doubtful))
        return scores

    def _count(self, engine: Engine, texts: int) -> None:
        with self._counting:
            self.decided[engine.name] += texts


def decisions(scores: NDArray[np.float32]) -> NDArray[np.intp]:
    """For each text 0, 1 or 2: below review, review, block, by the default thresholds."""
    found: NDArray[np.intp] = np.digitize(scores.max(axis=1), THRESHOLDS[SCORED])
    return found


def fit_band(
    first: NDArray[np.float32], last: NDArray[np.float32], *, agreement: float = AGREEMENT
) -> Band:
    """The narrowest band, below and above, with which decisions agree at that rate: half of the
    difference that is allowed goes to either side. The arrays are both engines' scores."""
    strongest = first.max(axis=1)
    order = strongest.argsort(kind="stable")
    strongest, differ = strongest[order], (decisions(first) != decisions(last))[order]
    allowed = (1 - agreement) / 2 * len(order)
    rising = np.flatnonzero(np.cumsum(differ) > allowed)
    falling = np.flatnonzero(np.cumsum(differ[::-1]) > allowed)
    if not rising.size or not falling.size:
        return 1.0, 1.0
    low, high = strongest[rising[0]], strongest[len(order) - 1 - falling[0]]
    return float(low), float(np.nextafter(high, np.float32(2)))
