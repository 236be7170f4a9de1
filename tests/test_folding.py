"""Text as rules see it, and the way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from guard.folding import IGNORABLE_RUN_MAX, fold, reach, reach_back


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


_PIECES = some.sampled_from(["a", "bc", "\u200b", "\u00ad" * 30, "\u2060" * 100, "好"])


@given(some.lists(_PIECES, max_size=20), some.integers(0, 400), some.integers(1, 12))
def test_reading_from_reach_back_on_shows_what_the_whole_text_shows(
    pieces: list[str], start: int, characters: int
) -> None:
    text = "".join(pieces)
    start = min(start, len(text))
    begin = reach_back(text, start, characters)
    whole = fold(text[:start]).text
    assert fold(text[begin:start]).text[-characters:] == whole[-characters:]
