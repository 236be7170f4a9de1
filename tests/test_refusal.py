"""Refusals: a reply that is nothing else is found, an answer with one inside is not."""

import pytest

from guard.detectors.consistency.refusal import refusal
from guard.types import Exchange

EXCHANGE = Exchange("x", 0.0)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("I'm sorry, but I can't help with that.", ["I'm sorry, but I can't help with that."]),
        (" I cannot assist with this request. \n", ["I cannot assist with this request."]),
        (
            "As an AI language model, I am unable to provide that.",
            ["As an AI language model, I am unable to provide that."],
        ),
        ("Unfortunately, I won't be able to help.", ["Unfortunately, I won't be able to help."]),
    ],
)
def test_nothing_but_a_refusal_is_found(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in refusal(text, EXCHANGE)] == found


@pytest.mark.parametrize(
    "text",
    [
        "I can help with that.",
        "I'm sorry to hear that. Try to rest.",
        "I cannot help you with Monday. However, Tuesday is free.",
        "The bank cannot provide loans.",
        "I cannot recommend it enough.",
        "I cannot provide that. " + "It is long. " * 60,
    ],
)
def test_an_answer_is_not(text: str) -> None:
    assert list(refusal(text, EXCHANGE)) == []
