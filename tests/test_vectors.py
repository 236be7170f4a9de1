"""The table of words: likeness and rarity."""

from guard.detectors.grounding.vectors import UNKNOWN_RARITY, likeness, rarity, row


def test_like_words_are_liker_than_others() -> None:
    buy, purchase, happy = row("buy"), row("purchase"), row("happy")
    same, other = likeness([buy], [purchase, happy])[0]
    assert same > 0.7 > 0.4 > other


def test_rarity_and_words_that_the_table_lacks() -> None:
    assert rarity("the") < 1 < rarity("harbour") < UNKNOWN_RARITY
    assert row("zaltbommelish") == -1
    assert rarity("zaltbommelish") == UNKNOWN_RARITY
