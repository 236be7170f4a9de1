"""Engines by name: `compact`, `student`, `detoxify-…`, and cascades of them joined by `+`.

A name may end with the band inside which the next engine of its cascade is asked:
`student@0.1:0.95+detoxify-unbiased`. `guard models band` fits one.

Rule of the file: an engine is loaded whole, before the first text comes, once in a process.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from guard.detectors.toxicity import Engine
from guard.errors import SettingsError

if TYPE_CHECKING:
    from guard.detectors.toxicity.cascade import Band

AUTO = "compact+student"
UNFITTED: Band = (0.1, 0.95)  # where nobody fitted one: nearly all but what is plainly clean

_STAGE = re.compile(r"\+(?=(?:compact|student|detoxify)\b)")
_BAND = re.compile(r"@([01]?\.\d+|[01]):([01]?\.\d+|[01])\Z")
_OF_ONNX, _OF_FILE, _PUBLISHED = "detoxify-onnx:", "detoxify:", "detoxify-"


@cache
def load_engine(name: str) -> Engine:
    """The engine of that name. Raises SettingsError."""
    stages = [_parted(stage) for stage in _STAGE.split(AUTO if name == "auto" else name)]
    engines = [_single(stage) for stage, _ in stages]
    if len(engines) == 1:
        return engines[0]
    from guard.detectors.toxicity.cascade import Cascade
    from guard.detectors.toxicity.student import Student

    bands = []
    for (_, band), following in zip(stages[:-1], engines[1:], strict=True):
        fitted = following.band if isinstance(following, Student) else UNFITTED
        bands.append(band or fitted)
    try:
        return Cascade(engines, bands)
    except ValueError as error:
        raise SettingsError(f"engine {name!r}: {error}") from error


def fitted(name: str, texts: Sequence[str], *, agreement: float) -> tuple[str, float]:
    """Fits the band before the last engine of a cascade on texts of one's own: the name to use from
    then on, and the share of the texts that the last engine is asked about."""
    from guard.detectors.toxicity.cascade import Cascade, fit_band
    from guard.evaluate import score_all

    cascade = load_engine(name)
    if not isinstance(cascade, Cascade):
        raise SettingsError(f"engine {name!r} is no cascade: join engines by +, cheapest first")
    *cheaper, last = cascade.engines
    before = Cascade(cheaper, cascade.bands[:-1]) if len(cheaper) > 1 else cheaper[0]
    first, dear = score_all(before, texts), score_all(last, texts)
    low, high = fit_band(first, dear, agreement=agreement)
    strongest = first.max(axis=1, initial=0)
    asked = float(np.mean((strongest >= low) & (strongest < high)))
    *stages, final = _STAGE.split(AUTO if name == "auto" else name)
    stages[-1] = f"{_parted(stages[-1])[0]}@{low:.4f}:{high:.4f}"
    return "+".join([*stages, final]), asked


def _parted(stage: str) -> tuple[str, Band | None]:
    found = _BAND.search(stage)
    if found is None:
        return stage, None
    return stage[: found.start()], (float(found[1]), float(found[2]))


@cache
def _single(name: str) -> Engine:
    kind, _, file = name.partition(":")
    if kind in ("compact", "student"):
        return _ours(kind, file)
    from guard.detectors.toxicity.detoxify import PUBLISHED, DetoxifyEngine

    if name.startswith(_OF_ONNX):
        return DetoxifyEngine.of_onnx(Path(file))
    if name.startswith(_OF_FILE):
        return DetoxifyEngine.of_file(Path(file))
    variant = name.removeprefix(_PUBLISHED)
    if name.startswith(_PUBLISHED) and variant in PUBLISHED:
        return DetoxifyEngine.published(variant)
    known = [
        "auto", "compact", "student", "compact:FILE", "student:FILE", f"{_OF_FILE}FILE",
        f"{_OF_ONNX}FILE", *(_PUBLISHED + each for each in PUBLISHED),
    ]  # fmt: skip
    raise SettingsError(
        f"toxicity engine {name!r} is not known; take one of: {', '.join(known)}; "
        "or several joined by +, the cheapest first"
    )


def _ours(kind: str, file: str) -> Engine:
    """One of the two shipped, with its own weights or those of a file."""
    from guard.detectors.toxicity import compact, student

    if kind == "compact":
        engine: Engine = compact.Compact.load(Path(file) if file else compact.WEIGHTS)
    else:
        engine = student.Student.load(Path(file) if file else student.WEIGHTS)
    if file:
        engine.name = f"{kind}:{Path(file).name}"  # type: ignore[misc]
    return engine
