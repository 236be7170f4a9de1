"""Sentences of our own to learn from, made of the forms in `own_texts.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import yaml

from guard.detectors.toxicity.compact import CATEGORIES
from guard.detectors.toxicity.learning import SEED, UNKNOWN, Rows
from guard.evaluate import SCORED

FORMS = Path(__file__).with_suffix(".yaml")
OWN_SET = "own texts"
EACH = 20  # sentences of a form: fewer would not be heard among a quarter of a million

_PLACE = re.compile(r"\{(\w+)\}")


def add_own(rows: Rows, *, each: int = EACH) -> None:
    """Adds `each` sentences of every form: for learning alone."""
    found = yaml.safe_load(FORMS.read_text("utf-8"))
    chance = np.random.default_rng(SEED)
    for category, forms in found["bad"].items():
        truth = [1 if name in (SCORED, category) else UNKNOWN for name in CATEGORIES]
        _add(rows, forms, truth, found["fill"], each, chance)
    _add(rows, found["good"], [0] * len(CATEGORIES), found["fill"], each, chance)


def _add(
    rows: Rows,
    forms: Sequence[str],
    truth: Sequence[float],
    fill: Mapping[str, Sequence[str]],
    each: int,
    chance: np.random.Generator,
) -> None:
    for form in forms:
        for _ in range(each):
            text = _PLACE.sub(lambda place: chance.choice(fill[place[1]]), form)
            rows.add(text[0].upper() + text[1:], OWN_SET, truth)
