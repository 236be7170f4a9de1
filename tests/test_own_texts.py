"""Sentences of our own: what they are made of, and what they say."""

import numpy as np

from guard.detectors.toxicity.compact import CATEGORIES
from guard.detectors.toxicity.learning import UNKNOWN, Rows
from guard.detectors.toxicity.own_texts import add_own


def test_every_form_gives_as_many_sentences_as_asked_and_always_the_same() -> None:
    once, again = Rows(), Rows()
    add_own(once, each=3)
    add_own(again, each=3)
    assert once.texts == again.texts and len(once.texts) % 3 == 0
    assert len(set(once.texts)) > len(once.texts) / 2
    assert not any(sign in text for text in once.texts for sign in "{}")


def test_bad_ones_belong_to_a_category_and_good_ones_to_none() -> None:
    rows = Rows()
    add_own(rows, each=1)
    truths = np.array(rows.truths)
    bad = truths[:, 0] == 1
    assert 100 < bad.sum() < len(bad) - 100
    assert not truths[~bad].any()
    assert {row.count(1) for row in truths[bad].tolist()} == {1, 2}
    threat = truths[[text.startswith("I am going to kill ") for text in rows.texts]]
    assert (threat[:, CATEGORIES.index("threat")] != 0).all()
    assert UNKNOWN in truths
