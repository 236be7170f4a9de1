"""What is measured of a passage beside its sources, for the sentence-support score.

Rules of the file: cheap counts only, in a fixed order (`NAMES`); nothing depends on anything but
the passage, the question and the sources. A passage that states nothing has no features.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from guard.detectors.grounding import names as names_kind
from guard.detectors.grounding import numbers as numbers_kind
from guard.detectors.grounding.contradictions import flipped
from guard.detectors.grounding.relations import NEGATIONS, QUANTIFIERS, opposites
from guard.detectors.grounding.sources import Sentence, pair
from guard.detectors.grounding.statements import Claim, Word
from guard.detectors.grounding.vectors import likeness, rarity, row, vectors_of
from guard.detectors.grounding.words import STOP_WORDS

FACT_WEIGHT = 6.0  # of a figure or a date among the words: as much as a rare one
COMMON_WEIGHT = 5.5  # of a word in one text of 150
LIKE_LOW, LIKE_HIGH = 0.35, 0.6  # cosines below which words are strangers, from which they are kin
WORDS_MAX = 120  # of a passage: it has 500 characters at most

NAMES = (
    "content", "covered", "covered_all", "stop_missing", "covered_rare", "covered_soft",
    "known_rare", "best", "best_soft", "pair", "triple", "reverse", "mean_like", "bigrams",
    "longest", "runs", "worst_like", "worst_rare", "second_like", "missing", "missing_rare",
    "missing_common", "missing_asked", "asked", "asked_only", "inserted", "inserted_stop",
    "replaced", "replaced_like", "replaced_rare", "replaced_least", "descents",
    "figures_missing", "dates_missing", "figures_elsewhere", "repeated", "names_missing",
    "names_elsewhere", "names_sure", "negated", "denied_flip", "negation_flip", "negation_best",
    "opposite", "opposite_best", "opposite_known", "quantifiers_new", "first_person",
    "question", "exclaims", "hedge", "covered_far", "like_low", "like_mid",
)  # fmt: skip

_WORDS_1 = """
covered covered_all covered_rare covered_soft known_rare best best_soft pair triple mean_like
bigrams longest worst_like second_like
"""
_FALL = _WORDS_1.split()
_WORDS_2 = """
worst_rare missing missing_rare missing_common inserted replaced descents figures_missing
figures_elsewhere dates_missing repeated names_missing names_elsewhere names_sure opposite
opposite_best denied_flip opposite_known quantifiers_new like_low like_mid first_person covered_far
stop_missing
"""
_RISE = _WORDS_2.split()
SIGNS = tuple(-1 if name in _FALL else 1 if name in _RISE else 0 for name in NAMES)
"""Which way the chance of no ground may go with each measure: 1 up, -1 down, 0 either."""

_WORDS_3 = """
i me my mine we us our ours i'm i've i'll i'd im ive we're we've myself
"""
_FIRST = frozenset(_WORDS_3.split())
_WORDS_4 = """
maybe perhaps probably might may could think believe guess suppose seem appear likely heard
sure wonder hope know
"""
_HEDGES = frozenset(_WORDS_4.split())


def features(
    claim: Claim,
    figures: Sequence[numbers_kind.Figure],
    dates: Sequence[tuple[int, int]],
    lost: frozenset[tuple[int, int]],
    names: Sequence[names_kind.Name],
) -> list[float] | None:
    """The measures of a passage; None if it has no words. `figures` and `dates` are all of them,
    `lost` the spans of those that are not known."""
    words = claim.words[:WORDS_MAX]
    if not words:
        return None
    content = [word for word in words if word.lower not in STOP_WORDS] or words
    sources = claim.sources
    places, sentences = sources.places, sources.sentences
    asked = claim.question.places if claim.prompt else {}
    near = claim.nearest
    best = _Best(sentences[near[0]]) if near else _NO_BEST
    around = _around([sentences[number] for number in near[:3]])
    second = _companion(content, best, [sentences[number] for number in near[1:]])

    weights = [0.5 + rarity(word.lower) for word in content]
    total = sum(weights)
    in_source = [word.stem in places or word.lower in places for word in content]
    in_best = [word.stem in best.stems for word in content]
    elsewhere = _elsewhere_figures(claim, figures, lost, near)
    facts = [(one.start, one.end) for one in figures] + list(dates)
    if facts:
        for at, word in enumerate(content):
            span = next(((a, b) for a, b in facts if a <= word.start < b), None)
            if span is not None:
                weights[at] = FACT_WEIGHT
                in_source[at] = span not in lost
                in_best[at] = span not in lost and span not in elsewhere
        total = sum(weights)
    in_two = [there or word.stem in second for word, there in zip(content, in_best, strict=True)]
    in_three = [there or word.stem in around for word, there in zip(content, in_two, strict=True)]
    in_question = [word.stem in asked for word in content]

    like_all, like_best = _likes(content, in_source, in_best, sources.rows, best.rows)
    missing = [at for at, there in enumerate(in_source) if not there]
    missing_free = [at for at in missing if not in_question[at]]
    worst = sorted(like_all[at] for at in missing_free)
    rarest = max((weights[at] for at in missing_free), default=0.0)

    covered_soft = sum(
        weight * (1.0 if there else max(0.0, like))
        for weight, there, like in zip(weights, in_source, like_all, strict=True)
    )
    best_soft = sum(
        weight * (1.0 if there else max(0.0, like))
        for weight, there, like in zip(weights, in_best, like_best, strict=True)
    )
    stems = [word.stem for word in words]
    pairs = sources.pairs
    joined = [pair(one, other) in pairs for one, other in pairwise(stems)]
    longest, runs = _runs(stems, joined, places)
    changed = _changes(words, best, places)
    negated = sum(word.lower in NEGATIONS for word in words)
    denied = best.negations
    against = _opposed(content, best, places)
    quantifiers = [word for word in words if word.lower in QUANTIFIERS]
    known_words = sources.words
    absent = [word for word in words if word.lower not in known_words]
    stop_absent = sum(word.lower in STOP_WORDS for word in absent)
    mean_like = _mean_like(content, best)
    lost_dates = sum(span in lost for span in dates)
    counts = Counter(word.stem for word in content)
    repeated = sum(n > max(1, best.order.count(one)) for one, n in counts.items())
    lacking = [name for name in names if name.lacking]
    names_elsewhere = sum(
        any(word.stem not in best.stems and word.stem not in second for word in name.words)
        for name in names
        if not name.lacking
    )
    reverse_total = sum(best.weights)
    stem_set = set(stems)
    reverse = sum(
        weight for one, weight in zip(best.order, best.weights, strict=True) if one in stem_set
    )
    n, k = len(words), len(content)
    asked_only = [at for at in missing if in_question[at]]
    measured = {
        "content": math.log1p(k),
        "covered": sum(in_source) / k,
        "covered_all": (n - len(absent)) / n,
        "stop_missing": stop_absent / n,
        "covered_rare": _share(weights, in_source, total),
        "covered_soft": covered_soft / total,
        "known_rare": _share(weights, list(map(max, in_source, in_question)), total),
        "best": _share(weights, in_best, total),
        "best_soft": best_soft / total,
        "pair": _share(weights, in_two, total),
        "triple": _share(weights, in_three, total),
        "reverse": reverse / reverse_total if reverse_total else 0.0,
        "mean_like": mean_like,
        "bigrams": sum(joined) / len(joined) if joined else 0.5,
        "longest": longest / n,
        "runs": runs / n,
        "worst_like": worst[0] if worst else 1.0,
        "worst_rare": rarest,
        "second_like": worst[1] if len(worst) > 1 else 1.0,
        "missing": len(missing_free) / k,
        "missing_rare": sum(weights[at] for at in missing_free) / total,
        "missing_common": sum(weights[at] < COMMON_WEIGHT for at in missing_free) / k,
        "missing_asked": len(asked_only) / k,
        "asked": sum(in_question) / k,
        "asked_only": sum(weights[at] for at in asked_only) / total,
        **changed,
        "descents": best.descents(stems),
        "figures_missing": len(lost) - lost_dates,
        "dates_missing": lost_dates,
        "figures_elsewhere": len(elsewhere),
        "repeated": repeated,
        "names_missing": len(lacking),
        "names_elsewhere": names_elsewhere,
        "names_sure": max((name.sure for name in lacking), default=0.0),
        "negated": negated,
        "denied_flip": bool(near) and bool(flipped(claim, sentences[near[0]])),
        "negation_flip": (negated > 0) - (denied > 0),
        "negation_best": denied,
        "opposite": against[0],
        "opposite_best": against[1],
        "opposite_known": against[2],
        "quantifiers_new": sum(word.lower not in best.lowers for word in quantifiers),
        "first_person": sum(word.lower in _FIRST for word in words) / n,
        "question": "?" in claim.text,
        "exclaims": "!" in claim.text,
        "hedge": sum(word.stem in _HEDGES for word in words),
        "covered_far": _share(weights, in_source, total) - _share(weights, in_three, total),
        "like_low": sum(like_all[at] < LIKE_LOW for at in missing_free),
        "like_mid": sum(LIKE_LOW <= like_all[at] < LIKE_HIGH for at in missing_free),
    }
    return [float(measured[name]) for name in NAMES]


class _Best:
    """The sentence that comes nearest, in the forms that are asked for."""

    def __init__(self, sentence: Sentence | None) -> None:
        self.order = sentence.stems if sentence else ()
        self.lowers = frozenset(sentence.words if sentence else ())
        self.stems = frozenset((*self.order, *self.lowers))
        self.content = [
            word for word in (sentence.words if sentence else ()) if word not in STOP_WORDS
        ]
        self.rows = sorted({row(word) for word in self.content} - {-1})
        self.weights = [
            0.0 if word in STOP_WORDS else 0.5 + rarity(word)
            for word in (sentence.words if sentence else ())
        ]
        self.negations = sum(word in NEGATIONS for word in (sentence.words if sentence else ()))
        self.where: dict[str, list[int]] = {}
        for at, one in enumerate(self.order):
            self.where.setdefault(one, []).append(at)

    def descents(self, stems: Sequence[str]) -> float:
        """How often two words that stand here too, once each, stand in the other order."""
        seen = [
            self.where[one][0]
            for one in stems
            if one in self.where and len(self.where[one]) == 1 and one not in STOP_WORDS
        ]
        if len(seen) < 2:
            return 0.0
        return sum(b < a for a, b in pairwise(seen)) / (len(seen) - 1)


_NO_BEST = _Best(None)


def _share(weights: Sequence[float], there: Sequence[bool], total: float) -> float:
    return sum(weight for weight, one in zip(weights, there, strict=True) if one) / total


def _around(sentences: Sequence[Sentence]) -> frozenset[str]:
    return frozenset(one for sentence in sentences for one in sentence.stems)


def _companion(content: Sequence[Word], best: _Best, others: Sequence[Sentence]) -> frozenset[str]:
    """The stems of the sentence that says most of what the best one does not."""
    wanted = {word.stem: rarity(word.lower) for word in content if word.stem not in best.stems}
    gains = [sum(wanted.get(one, 0.0) for one in set(other.stems)) for other in others]
    if not gains or max(gains) <= 0:
        return frozenset()
    return frozenset(others[gains.index(max(gains))].stems)


def _likes(
    content: Sequence[Word],
    in_source: Sequence[bool],
    in_best: Sequence[bool],
    rows: Sequence[int],
    best_rows: Sequence[int],
) -> tuple[list[float], list[float]]:
    """How like each word is to the likest word of the sources, and of the best sentence."""
    own = [row(word.lower) for word in content]
    overall = [1.0 if there else 0.0 for there in in_source]
    best = [1.0 if there else 0.0 for there in in_best]
    ask = [at for at, there in enumerate(in_source) if not there and own[at] >= 0]
    if ask and rows:
        found = likeness([own[at] for at in ask], rows).max(1)
        for at, like in zip(ask, found.tolist(), strict=True):
            overall[at] = like
    ask = [at for at, there in enumerate(in_best) if not there and own[at] >= 0]
    if ask and best_rows:
        found = likeness([own[at] for at in ask], best_rows).max(1)
        for at, like in zip(ask, found.tolist(), strict=True):
            best[at] = like
    return overall, best


def _mean_like(content: Sequence[Word], best: _Best) -> float:
    """The cosine of the weighted mean vectors of passage and best sentence."""
    own = [(row(word.lower), rarity(word.lower)) for word in content]
    own = [(at, weight) for at, weight in own if at >= 0]
    other = [(row(word), rarity(word)) for word in best.content]
    other = [(at, weight) for at, weight in other if at >= 0]
    if not own or not other:
        return 0.0
    one = np.array([w for _, w in own]) @ vectors_of([at for at, _ in own])
    two = np.array([w for _, w in other]) @ vectors_of([at for at, _ in other])
    size = float(np.sqrt(one @ one) * np.sqrt(two @ two))
    return float(one @ two) / size if size else 0.0


def _runs(
    stems: Sequence[str], joined: Sequence[bool], places: dict[str, list[int]]
) -> tuple[int, int]:
    """The longest run of neighbours that are neighbours in the sources, and how many runs."""
    longest = run = runs = 0
    for at, one in enumerate(stems):
        if one not in places:
            run = 0
            continue
        if at and run and joined[at - 1]:
            run += 1
        else:
            run, runs = 1, runs + 1
        longest = max(longest, run)
    return longest, runs


def _changes(words: Sequence[Word], best: _Best, places: dict[str, list[int]]) -> dict[str, float]:
    """What was put into, or put in place of a word of, what is otherwise the best sentence."""
    inserted = inserted_stop = replaced = 0
    like, rare, least = 0.0, 0.0, 1.0
    where = best.where
    for at in range(1, len(words) - 1):
        one = words[at]
        if one.stem in where:
            continue
        before, after = where.get(words[at - 1].stem), where.get(words[at + 1].stem)
        if not before or not after:
            continue
        if any(place + 1 in after for place in before):
            if one.lower in STOP_WORDS:
                inserted_stop += 1
            else:
                inserted += 1
        spots = [place + 1 for place in before if place + 2 in after]
        if spots and one.lower not in STOP_WORDS:
            replaced += 1
            own, other = row(one.lower), row(best.order[spots[0]])
            alike = float(likeness([own], [other])[0, 0]) if own >= 0 and other >= 0 else 0.0
            like, least = max(like, alike), min(least, alike)
            rare = max(rare, rarity(one.lower))
    return {
        "inserted": inserted,
        "inserted_stop": inserted_stop,
        "replaced": replaced,
        "replaced_like": like,
        "replaced_rare": rare,
        "replaced_least": least,
    }


def _opposed(
    content: Sequence[Word], best: _Best, places: dict[str, list[int]]
) -> tuple[int, int, int]:
    """Words whose opposite the sources have: and not themselves; in the best sentence; though
    the word itself is known elsewhere."""
    near = in_best = known = 0
    for word in content:
        if word.stem in best.stems:
            continue
        others = opposites(word.stem)
        if others & best.stems:
            in_best += 1
            known += word.stem in places
        if word.stem not in places and not others.isdisjoint(places):
            near += 1
    return near, in_best, known


def _elsewhere_figures(
    claim: Claim,
    figures: Sequence[numbers_kind.Figure],
    lost: frozenset[tuple[int, int]],
    near: Sequence[int],
) -> set[tuple[int, int]]:
    """The spans of figures that the sources have, but in none of the two nearest sentences."""
    if not figures:
        return set()
    values: set[numbers_kind.Value] = set()
    for number in near[:2]:
        sentence = claim.sources.sentences[number]
        values |= numbers_kind.values_in(
            claim.sources, sentence.source, sentence.start, sentence.end
        )
    return {
        (figure.start, figure.end)
        for figure in figures
        if not figure.values & values and (figure.start, figure.end) not in lost
    }
