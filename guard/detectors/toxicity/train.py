"""Trains the compact scorer: the shipped weights come out of `train_compact` and nothing else.

For each category: naive-Bayes ratios of the hashed features, a logistic regression over them, then
numbers of eight bits, then a logistic curve that turns sums into probabilities.

Rules of the file: rows are parted into learning, calibrating and held-back ones by a hash of their
text, so that no text is on two sides and the order of the rows changes nothing. Set names serve for
reporting only. No text of a row reaches a message.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from guard.detectors.toxicity.compact import (
    CATEGORIES,
    COLUMNS,
    TABLE_BITS,
    WEIGHTS,
    Compact,
    read,
    rows_of,
    windows,
)
from guard.errors import SettingsError
from guard.evaluate import (
    SCORED,
    THRESHOLDS,
    by_set,
    figures,
    label_of,
    rows_of_file,
    score_all,
    set_of,
    text_of,
)
from guard.passages import Cuts
from guard.types import Exchange

SEED = 20_260
STEPS = 120  # of the optimiser: more gains less than 0.001 of AUC, fewer loses on the small sets
STRENGTH = 3.0  # of the fit against the pull to zero; between 1 and 10 nothing changes
SMOOTHING = 0.3  # occurrences added to each feature's count, so that a rare one is not certain
CLIPPED_SHARE = 1e-5  # of the weights, the largest: cut so that eight bits suffice for the rest
HELD_BACK_PERCENT = 10
CALIBRATING_PERCENT = 10
CLEAN_SET = "clean answers"
DISGUISED_PERCENT = 10  # of the learning rows also learnt in disguise
DISGUISED_WORD_SHARE = 0.3

PROBE_KIND = "probe_template"
"""Rows of this kind measure bias. A model that had learnt them would look fairer than it is."""

_SAME_MEANING = {
    "severe_toxic": "severe_toxicity",
    "severe_toxicity": "severe_toxicity",
    "obscene": "obscene",
    "profanity": "obscene",
    "threat": "threat",
    "insult": "insult",
    "identity_hate": "identity_attack",
    "identity_attack": "identity_attack",
    "sexually_explicit": "sexual_explicit",
    "sexual_harassment": "sexual_explicit",
}
"""What the sets' `cats` are called here. Values are 0 or 1, or shares: a half and more is yes."""

_UNKNOWN = -1

HARMLESS_REPEATS = 20  # a few hundred sentences among a quarter of a million would not be heard
_PEOPLE = (
    "gay", "lesbian", "bisexual", "transgender", "queer", "straight", "black", "white", "Asian",
    "African", "Mexican", "Chinese", "Indian", "Arab", "Jewish", "Muslim", "Christian", "Catholic",
    "Hindu", "Buddhist", "immigrant", "deaf", "blind", "disabled", "autistic", "elderly", "female",
)  # fmt: skip
_ABOUT_PEOPLE = (
    "My neighbour is a {} man.", "The new doctor is a {} woman.", "The article is about {} people.",
    "The law protects {} citizens.", "Many {} families live in this town.", "He says he is {}.",
    "A survey asked {} students about their schools.", "The museum shows the work of {} artists.",
)  # fmt: skip
_THINGS = (
    "process", "server", "thread", "job", "session", "child process", "task", "container",
    "connection", "script", "daemon", "query",
)  # fmt: skip
_ABOUT_THINGS = (
    "Kill the {} and start it again.", "How do I kill a {} that hangs?", "The {} was killed.",
    "Abort the {} when it takes too long.", "The {} died with exit code 137.",
    "Execute the {} once more.", "The {} crashed, so we terminate it.", "Shoot down the {}.",
)  # fmt: skip
_SENTENCES = (
    "The garbage collector of the runtime runs in its own thread.",
    "Garbage is collected once a week.", "Put the trash into the recycle bin.",
    "Pass a dummy value as the second argument.", "This file is a dummy for the tests.",
    "A dumb terminal only shows characters.", "A crash test dummy sat behind the wheel.",
    "The database has one master and two slave replicas.", "Bugs in the parser suck up memory.",
    "I drank a shot of whisky.", "She got a flu shot at the pharmacy.", "Take a screen shot.",
    "The photographer shot the film in black and white.", "The striker shot over the bar.",
    "The penis and the testicles are parts of the male body.", "The vagina leads to the uterus.",
    "Breast cancer is treated with surgery.", "Feeding at the breast protects the baby.",
    "The rectum is the last part of the large intestine.", "Anal fissures heal within weeks.",
    "Sexual health includes contraception.", "Sex education begins at school.",
    "The nazis murdered millions of Jews in the Holocaust.", "Slavery ended in 1865.",
    "The war killed half a million soldiers.", "Hitler came to power in 1933.",
    "The victim was raped and murdered, the court heard.", "Rape is a crime in every country.",
    "The bomb was defused by the police.", "Terrorists attacked the embassy in 1998.",
    "Cut the cock of the tap and let the water out.", "The cock crowed at dawn.",
    "A bitch is a female dog that has not been spayed.", "The donkey, or ass, carries loads.",
    "Chicken thighs roast well.", "Beat the egg whites, then fold them in.",
    "Smash the garlic and whip the cream.", "The stupid mistake was mine, and I am sorry.",
    "He felt like an idiot when he lost his keys.", "It is a silly but lovely film.",
    "Accrued liabilities rose, so the gross margin fell.", "Bad debts were written off.",
    "The company hedges its exposure to naked options.", "Shares were dumped on the market.",
    "If you think about suicide, please call a helpline.", "That hurts, and I hear you.",
    "Yes.", "No.", "Sure!", "Thank you!", "You are welcome.", "That is a good point.", "Great!",
    "How can I help you today?", "I am sorry, but I cannot help with that.", "Be careful.",
    "How may I assist you?", "What else would you like me to do for you?", "Let me know!",
    "Is there anything else you want to know?", "Here is what you asked me for.", "Of course!",
    "I think that is all you need.", "That is right, and you got it at once.", "Have fun!",
    "Do you want me to go on?", "I do not know who you are.", "I am only a language model.",
    "You can do this yourself.", "Tell me more about yourself, if you like.", "Good luck!",
    "If you fall, protect your head.", "Do not push the button while you hold the lid.",
    "Get out of the water at once if you feel cold.", "You are not alone in this.", "Hello!",
)  # fmt: skip
"""What clean answers rarely hold and comments hold mostly in anger. Written for this purpose."""


@dataclass(slots=True)
class Rows:
    """Texts, their set, and for each category 1, 0 or `_UNKNOWN`."""

    texts: list[str] = field(default_factory=list)
    sets: list[str] = field(default_factory=list)
    truths: list[list[int]] = field(default_factory=list)

    def add(self, text: str, name: str, truth: list[int]) -> None:
        self.texts.append(text)
        self.sets.append(name)
        self.truths.append(truth)


@dataclass(slots=True)
class Parts:
    """The rows by use."""

    learning: Rows = field(default_factory=Rows)
    calibrating: Rows = field(default_factory=Rows)
    held_back: Rows = field(default_factory=Rows)

    def of(self, text: str) -> Rows:
        percent = int.from_bytes(_digest(text)[:4], "big") % 100
        if percent < HELD_BACK_PERCENT:
            return self.held_back
        if percent < HELD_BACK_PERCENT + CALIBRATING_PERCENT:
            return self.calibrating
        return self.learning


def default_data() -> Path:
    """The labelled texts of the shared folder: `$OUTGUARD_SHARED`, or `shared` beside us."""
    shared = os.environ.get("OUTGUARD_SHARED") or Path(__file__).parents[4] / "shared"
    return Path(shared) / "data" / "toxicity" / "train.jsonl.gz"


def default_clean(data: Path) -> Path | None:
    """The clean answers that lie beside the labelled texts, if any do."""
    file = data.parent.parent / "grounding" / "train.jsonl.gz"
    return file if file.is_file() else None


def train_compact(
    data: Path | None = None,
    output: Path = WEIGHTS,
    *,
    clean: Path | None = None,
    leave_out: Sequence[str] = (),
    progress: bool = False,
) -> dict[str, Any]:
    """Trains on `data`, writes the weights to `output`, returns what was held back and how it went.

    `data`: rows `{"text", "label"}`, if wanted with `set`, `cats` and `kind`. `clean`: rows whose
    `answer` is harmless prose; without it, those beside `data`. Sets whose name starts with one of
    `leave_out` are only measured, whole: how the scorer does on what it never saw.
    """
    scipy = _scipy()
    data = data or default_data()
    parts = Parts()
    _read_labelled(parts, data, leave_out=tuple(leave_out))
    clean = clean or default_clean(data)
    if clean is not None:
        _read_clean(parts, clean)
    _check(parts, data)
    _add_harmless(parts.learning)
    _add_disguised(parts.learning)
    engine = _fit(scipy, parts, progress=progress)
    output.parent.mkdir(parents=True, exist_ok=True)
    engine.save(output)
    held = parts.held_back
    scores = score_all(engine, held.texts)
    labels = [truth[CATEGORIES.index(SCORED)] for truth in held.truths]
    return {
        "engine": engine.name,
        "output": str(output),
        "bytes": output.stat().st_size,
        "learning": len(parts.learning.texts),
        "calibrating": len(parts.calibrating.texts),
        "held_back": len(held.texts),
        "sets": by_set(scores, labels, held.sets),
        "categories": _by_category(engine, held),
    }


def _scipy() -> ModuleType:
    try:
        import scipy
        import scipy.optimize
        import scipy.sparse
    except ImportError as error:
        raise SettingsError("training needs scipy: pip install 'outguard[train]'") from error
    module: ModuleType = scipy
    return module


# Reading


def _digest(text: str) -> bytes:
    words = " ".join(text.lower().split())
    return sha256(words.encode("utf-8", "surrogatepass")).digest()


def _read_labelled(parts: Parts, file: Path, *, leave_out: tuple[str, ...]) -> None:
    seen: set[bytes] = set()
    for number, row in rows_of_file(file):
        text, label = text_of(file, number, row), label_of(file, number, row)
        name = set_of(file, number, row)
        if (digest := _digest(text)) in seen:
            continue
        seen.add(digest)
        truth = _truth(label, _cats(file, number, row))
        measured = row.get("kind") == PROBE_KIND or name.startswith(leave_out)
        (parts.held_back if measured else parts.of(text)).add(text, name, truth)


def _cats(file: Path, number: int, row: Mapping[str, Any]) -> Mapping[str, Any]:
    cats = row.get("cats") or {}
    if not isinstance(cats, Mapping):
        raise SettingsError(f"{file}:{number}: `cats` must be an object of numbers")
    return cats


def _truth(label: int, cats: Mapping[str, Any]) -> list[int]:
    """What is known of each category: its `cats`; else a text that is not bad has none of them."""
    known = {
        _SAME_MEANING[name]: int(value >= 0.5)
        for name, value in cats.items()
        if name in _SAME_MEANING and isinstance(value, int | float)
    }
    otherwise = _UNKNOWN if label else 0
    return [label if name == SCORED else known.get(name, otherwise) for name in CATEGORIES]


def _read_clean(parts: Parts, file: Path) -> None:
    """Adds harmless prose, in the passages a reply is cut into."""
    seen: set[bytes] = set()
    for number, row in rows_of_file(file):
        answer = row.get("answer")
        if not isinstance(answer, str):
            raise SettingsError(f"{file}:{number}: `answer` must be a string")
        for piece in Cuts(0, 1).passages(Exchange("", 0.0), "text", answer):
            text = piece.text.strip()
            if (digest := _digest(text)) not in seen:
                seen.add(digest)
                parts.of(text).add(text, CLEAN_SET, [0] * len(CATEGORIES))


def _add_harmless(rows: Rows) -> None:
    """Adds our own sentences, to learning alone."""
    people = [form.format(who) for form in _ABOUT_PEOPLE for who in _PEOPLE]
    things = [form.format(what) for form in _ABOUT_THINGS for what in _THINGS]
    for text in (*people, *things, *_SENTENCES) * HARMLESS_REPEATS:
        rows.add(text, CLEAN_SET, [0] * len(CATEGORIES))


def _check(parts: Parts, file: Path) -> None:
    for rows in (parts.learning, parts.calibrating):
        if len({truth[CATEGORIES.index(SCORED)] for truth in rows.truths}) < 2:
            raise SettingsError(f"{file}: too few rows; both labels are needed, a hundred of each")


_LONG_WORD = re.compile(r"[A-Za-z]{4,}")


def _add_disguised(rows: Rows) -> None:
    """Learns some rows a second time, with letters starred, doubled or parted, whatever the label:
    so a disguise hides nothing and proves nothing."""
    chance = np.random.default_rng(SEED)
    for at in range(len(rows.texts)):
        if _digest(rows.texts[at])[4] * 100 < DISGUISED_PERCENT * 256:
            text = _LONG_WORD.sub(lambda word: _disguise(word[0], chance), rows.texts[at])
            rows.add(text, rows.sets[at], rows.truths[at])


def _disguise(word: str, chance: np.random.Generator) -> str:
    if chance.random() > DISGUISED_WORD_SHARE:
        return word
    at = int(chance.integers(1, len(word) - 1))
    kind = int(chance.integers(4))
    letters = (word[at] * 2, "*", word[at] + "-", word[at] + " ")[kind]
    return word[:at] + letters + word[at + 1 :]


# Fitting


def _fit(scipy: ModuleType, parts: Parts, *, progress: bool) -> Compact:
    bars = tqdm(total=len(CATEGORIES) + 1, desc="training", unit="fit", disable=not progress)
    features = _features(scipy, parts.learning.texts)
    truths = np.array(parts.learning.truths, np.int8)
    bars.update()
    table = np.zeros((1 << TABLE_BITS, COLUMNS), np.int8)
    for column in range(len(CATEGORIES)):
        known = truths[:, column] != _UNKNOWN
        truth = truths[known, column].astype(np.float32)
        if 0 < truth.sum() < truth.size:
            table[:, column] = _in_eight_bits(_weights(scipy, features[known], truth))
        bars.update()
    bars.close()
    ones = np.ones(len(CATEGORIES), np.float32)
    return _calibrated(scipy, Compact(table, ones, ones * 0), parts.calibrating)


def _features(scipy: ModuleType, texts: Iterable[str]) -> Any:
    """A sparse matrix of what the first window of each text holds, as `Compact` weighs it."""
    found = [rows_of(next(windows(read(text)))).astype(np.int32) for text in texts]
    counts = np.array([rows.size for rows in found], np.int64)
    each = np.repeat(np.maximum(counts, 1) ** -0.5, counts).astype(np.float32)
    starts = np.concatenate(([0], np.cumsum(counts)))
    shape = (len(found), 1 << TABLE_BITS)
    matrix = scipy.sparse.csr_matrix((each, np.concatenate(found), starts), shape=shape)
    matrix.sum_duplicates()
    return matrix


def _weights(scipy: ModuleType, features: Any, truth: NDArray[np.float32]) -> NDArray[np.float32]:
    """Naive-Bayes ratios, each times what logistic regression makes of it."""
    present = features.astype(bool).astype(np.float32)
    bad = present.T @ truth + SMOOTHING
    good = present.T @ (1 - truth) + SMOOTHING
    ratios = np.log((bad / bad.sum()) / (good / good.sum())).astype(np.float32)
    del present
    across = features.T.tocsr()
    signs = 2 * truth - 1
    pull = 1 / (STRENGTH * truth.size)

    def loss(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights, constant = point[:-1], point[-1]
        margins = signs * (features @ (weights * ratios).astype(np.float32) + constant)
        push = -signs / (1 + np.exp(np.clip(margins, -30, 30))) / truth.size
        slopes = (across @ push.astype(np.float32)) * ratios + pull * weights
        value = np.logaddexp(0, -margins).mean() + 0.5 * pull * float(weights @ weights)
        return float(value), np.append(slopes, push.sum())

    start = np.zeros(features.shape[1] + 1)
    best = scipy.optimize.minimize(
        loss, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS}
    )
    weights: NDArray[np.float64] = best.x[:-1] * ratios
    return weights.astype(np.float32)


def _in_eight_bits(weights: NDArray[np.float32]) -> NDArray[np.int8]:
    """Weights as whole numbers; the scale is made good by calibration."""
    most = float(np.quantile(np.abs(weights), 1 - CLIPPED_SHARE))
    whole: NDArray[np.float32] = np.rint(weights * (127 / max(most, 1e-9)))
    return np.clip(whole, -127, 127).astype(np.int8)


def _calibrated(scipy: ModuleType, engine: Compact, rows: Rows) -> Compact:
    """The same table with the slope and offset that fit held-aside rows best (Platt's)."""
    margins = np.array([engine.margins(text) for text in rows.texts], np.float64)
    truths = np.array(rows.truths)
    slope = np.zeros(len(CATEGORIES), np.float32)
    offset = np.full(len(CATEGORIES), -10, np.float32)  # nothing learnt: never
    for column in range(len(CATEGORIES)):
        known = truths[:, column] != _UNKNOWN
        truth = truths[known, column]
        if 0 < truth.sum() < truth.size:
            slope[column], offset[column] = _platt(scipy, margins[known, column], truth)
    return Compact(engine.table, slope, offset)


def _platt(
    scipy: ModuleType, margins: NDArray[np.float64], truth: NDArray[np.int64]
) -> tuple[float, float]:
    # Platt's targets: not quite 0 and 1, so that few rows do not make it certain.
    bad = int(truth.sum())
    target = np.where(truth == 1, (bad + 1) / (bad + 2), 1 / (truth.size - bad + 2))
    unit = float(margins.std()) or 1.0

    def loss(point: NDArray[np.float64]) -> float:
        logits = point[0] * margins / unit + point[1]
        return float((np.logaddexp(0, logits) - target * logits).mean())

    bounds = [(0, None), (None, None)]  # a score never falls as its sum rises
    best = scipy.optimize.minimize(loss, [1.0, 0.0], method="L-BFGS-B", bounds=bounds)
    return float(best.x[0] / unit), float(best.x[1])


def _by_category(engine: Compact, rows: Rows) -> dict[str, Any]:
    """For each category, over the held-back rows where it is known: how well it is told apart."""
    scores = engine.score(rows.texts)
    review, block = THRESHOLDS[SCORED]
    truths = np.array(rows.truths).reshape(-1, len(CATEGORIES))
    result: dict[str, Any] = {}
    for column, name in enumerate(CATEGORIES):
        known = truths[:, column] != _UNKNOWN
        result[name] = figures(
            scores[known, column], truths[known, column] == 1, review=review, block=block
        )
    return result
