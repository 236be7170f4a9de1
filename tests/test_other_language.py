"""The language of a reply against that of the question."""

import pytest

from guard.detectors.consistency.other_language import other_language
from guard.types import Exchange

GERMAN = "Die Sitzung ist um zwölf, und Sie sollten mit allen Unterlagen nach oben kommen."
ENGLISH = "The meeting is at noon, and you have to be there with all of the papers that we have."
RUSSIAN = "Встреча в полдень, приходите вовремя и возьмите с собой все документы, пожалуйста."
QUESTION = "When is the meeting, and what do I have to bring to it?"


@pytest.mark.parametrize(
    ("prompt", "system", "text", "wrong"),
    [
        (QUESTION, "", GERMAN, True),
        (QUESTION, "", RUSSIAN, True),
        (GERMAN, "", ENGLISH, True),
        (QUESTION, "", ENGLISH, False),
        (QUESTION + " Say it in German.", "", GERMAN, False),
        (QUESTION, "Always answer in German.", GERMAN, False),
        ("Meeting?", "", GERMAN, False),
        ("", "", GERMAN, False),
        (QUESTION, "", "Das ist es, und nicht die.", False),
    ],
)
def test_only_a_clear_difference_counts(prompt: str, system: str, text: str, wrong: bool) -> None:
    exchange = Exchange("x", 0.0, prompt=prompt, system=system)
    assert list(other_language(text, exchange)) == ([(0, len(text))] if wrong else [])
