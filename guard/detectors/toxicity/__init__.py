"""Toxicity: the contract of its engines, and the detector that turns their scores into findings.

Rules of the file: an engine is named, says which categories it knows, and scores any text without
raising. Only scores are passed on, never words; what a score leads to is the policy's business.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from guard.errors import SettingsError
from guard.types import Finding, Passage, Reach

FLOOR_SCORE = 0.05
"""Scores below it are not reported: no policy acts on them, and most passages have only such."""

_LETTER = re.compile(r"[^\W\d_]")


class Engine(Protocol):
    """What scores. Row i, column j of the result: how probably text i is `categories[j]`."""

    @property
    def name(self) -> str: ...

    @property
    def categories(self) -> tuple[str, ...]: ...

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]: ...


class ToxicityDetector:
    """One finding for each category whose score reaches the floor; it spans the passage."""

    name = "toxicity"
    reach = Reach.PASSAGE

    def __init__(self, engine: Engine, *, floor: float = FLOOR_SCORE) -> None:
        self._engine = engine
        self._floor = floor
        self._rule = f"{self.name}/{engine.name}"

    def detect(self, passage: Passage) -> Sequence[Finding]:
        if _LETTER.search(passage.text) is None:
            return []
        scores = self._engine.score([passage.text])[0].tolist()
        return [
            Finding(self._rule, category, score, passage.start, passage.end)
            for category, score in zip(self._engine.categories, scores, strict=True)
            if score >= self._floor
        ]


@cache
def _compact() -> Engine:
    from guard.detectors.toxicity.compact import Compact

    return Compact.load()


_ENGINES: dict[str, Callable[[], Engine]] = {"auto": _compact, "compact": _compact}


def load_engine(name: str) -> Engine:
    """The engine of that name, loaded once in a process; `auto` is the best one present."""
    if name not in _ENGINES:
        known = ", ".join(_ENGINES)
        raise SettingsError(f"toxicity engine {name!r} is not known; take one of: {known}")
    return _ENGINES[name]()
