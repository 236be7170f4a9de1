"""Which sentences of the sources come nearest to what is stated.

Rules of the file: rare words count for more; a word that stands everywhere says nothing of where;
equal sentences are taken in order.
"""

from __future__ import annotations

from collections.abc import Iterable

from guard.detectors.grounding.sources import Sources
from guard.detectors.grounding.vectors import rarity
from guard.detectors.grounding.words import STOP_WORDS

NEAREST = 6  # sentences looked at more closely
PLACES_MAX = 400  # a word in more sentences than this is looked up in the first ones only
_STOP_WEIGHT = 0.15


def nearest(sources: Sources, stems: Iterable[str]) -> list[int]:
    """The numbers of the sentences that have most of the stems, the best first."""
    scores: dict[int, float] = {}
    places = sources.places
    for one in dict.fromkeys(stems):
        where = places.get(one)
        if where is None:
            continue
        weight = _STOP_WEIGHT if one in STOP_WORDS else 0.5 + rarity(one)
        for number in where[:PLACES_MAX]:
            scores[number] = scores.get(number, 0.0) + weight
    sentences = sources.sentences
    # Long sentences have more words by chance.
    ranked = sorted(
        scores,
        key=lambda number: (-scores[number] / (12 + len(sentences[number].stems)) ** 0.25, number),
    )
    return ranked[:NEAREST]
