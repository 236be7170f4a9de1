"""Presidio as a detector, with the real package: spans, entities, and no word to the network."""

import socket
from typing import Any, NoReturn

import pytest

from guard.detectors.own import load_own
from guard.errors import SettingsError
from guard.parts import Own
from guard.types import Exchange, Finding, Passage

pytest.importorskip("presidio_analyzer")
USE = "guard.detectors.presidio:Presidio"
CARD = "4111 1111 1111 1111"


def found(text: str, *, before: str = "", after: str = "", **options: Any) -> list[Finding]:
    detector = load_own(Own(USE, tuple(options.items())))
    passage = Passage(Exchange("x", 0.0), "text", 100, text, before, after)
    return list(detector.detect(passage))


def test_spans_are_in_the_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise AssertionError("it asks the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    text = f"Wörter: {CARD} and jane@contoso.com."
    rows = found(text, before="My card 🙂 ", entities=["CREDIT_CARD", "EMAIL_ADDRESS"])
    assert {(row.rule, row.category) for row in rows} == {
        ("presidio/CREDIT_CARD", "pii"),
        ("presidio/EMAIL_ADDRESS", "pii"),
    }
    assert {text[row.start - 100 : row.end - 100] for row in rows} == {CARD, "jane@contoso.com"}


def test_what_starts_beside_the_passage_is_not_of_it() -> None:
    assert not found("is mine.", before=f"{CARD} ", entities=["CREDIT_CARD"])
    assert not found("Mine is ", after=CARD, entities=["CREDIT_CARD"])


def test_wrong_options_are_told() -> None:
    with pytest.raises(SettingsError, match="does not know NOTHING"):
        found("", entities=["NOTHING"])
    with pytest.raises(SettingsError, match="no spaCy model"):
        found("", model="xx_none")
