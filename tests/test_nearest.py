"""The nearest sentences: rare words decide, in a bounded number of steps."""

from guard.detectors.grounding.nearest import NEAREST, nearest
from guard.detectors.grounding.sources import Sources
from guard.detectors.grounding.words import stem


def test_rare_words_decide_and_ties_stay_in_order() -> None:
    sources = Sources(("The town is big. The harbour is big. The harbour is old. So it is.",))
    assert nearest(sources, [stem("harbour"), "the", "i"])[:2] == [1, 2]
    assert nearest(sources, ["zalm"]) == []


def test_no_more_than_a_few_are_given() -> None:
    sources = Sources(("The harbour is big. " * 5_000,))
    assert len(nearest(sources, [stem("harbour")])) == NEAREST
