"""Words and stems, and whether a text may be English."""

import pytest

from guard.detectors.grounding.words import WORD, in_english, stem


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cities", "city"), ("makes", "making"), ("stopped", "stop"), ("grew", "grown"),
        ("wishes", "wish"), ("boxes", "box"), ("children", "child"), ("quickly", "quick"),
        ("anna's", "anna"), ("went", "go"),
    ],
)  # fmt: skip
def test_forms_of_one_word_have_one_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


@pytest.mark.parametrize(("one", "other"), [("bus", "bust"), ("thing", "thin"), ("news", "newt")])
def test_other_words_have_other_stems(one: str, other: str) -> None:
    assert stem(one) != stem(other)


def test_words_of_any_script() -> None:
    assert WORD.findall("it's 1,200.5 naïve 東京は") == [
        "it's",
        "1,200.5",
        "naïve",
        "東",
        "京",
        "は",
    ]


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("the ship left the harbour in the morning and came back at night to its place", True),
        ("Johannesburg", True),
        ("der hafen ist nicht offen und die stadt hat das schiff mit dem kapitän", False),
        ("il porto non è aperto e la nave della città", False),
        ("東京は日本の首都です", False),
        ("порт закрыт, и корабль ушёл", False),
    ],
)
def test_the_language_is_guessed(text: str, english: bool) -> None:
    assert in_english(text, WORD.findall(text.lower())) is english
