"""Text as rules see it, and the way back."""

import pytest

from guard.folding import IGNORABLE_RUN_MAX, fold, reach


def test_invisible_characters_go_and_spans_come_back() -> None:
    folded = fold("a\u200bb\u00adc")
    assert folded.text == "abc"
    assert folded.to_original(0, 2) == (0, 3)
    assert folded.from_original(2) == 1


def test_full_width_letters_become_plain_unless_width_matters() -> None:
    assert fold("ＡＢ１").text == "AB1"
    assert fold("ＡＢ１", width=False).text == "ＡＢ１"


def test_a_run_longer_than_any_script_needs_counts() -> None:
    run = "\u200b" * (IGNORABLE_RUN_MAX + 3)
    assert len(fold(f"a{run}b").text) == 5


@pytest.mark.parametrize(("text", "end"), [("abcdef", 4), ("a\u200bbcdef", 5), ("abc", None)])
def test_reach_counts_folded_characters(text: str, end: int | None) -> None:
    assert reach(text, 1, 3) == end
