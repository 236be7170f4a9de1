"""Patterns of tokens, as spaCy's Matcher takes them: what must be there, and what is wrong.

Rules of the file: spaCy takes more than a second to import, so only a pattern that is asked about
imports it; no trained pipeline, so a pattern can ask for words, shapes and flags, not for grammar.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

GRAMMAR = ("LEMMA", "POS", "TAG", "DEP", "MORPH", "ENT_TYPE", "ENT_IOB", "ENT_ID", "ENT_KB_ID")
"""What only a trained pipeline knows."""


@cache
def pipeline() -> Any:
    """spaCy's tokenizer for English, and nothing behind it."""
    import spacy

    return spacy.blank("en")


def anchors(pattern: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Words, in small letters, one of which stands in every match; empty where none must."""
    for token in pattern:
        if token.get("OP", "1") not in ("1", "+"):
            continue
        for key in ("LOWER", "ORTH", "TEXT"):
            asked = token.get(key)
            words = asked.get("IN") if isinstance(asked, dict) else [asked]
            if isinstance(words, list) and words and all(isinstance(one, str) for one in words):
                return frozenset(word.lower() for word in words)
    return frozenset()


def mistakes(pattern: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is wrong with a pattern, a line each."""
    found = [
        f"token {at + 1}: {key} needs a trained pipeline; ask for LOWER, ORTH, SHAPE or a flag"
        for at, token in enumerate(pattern)
        for key in token
        if key in GRAMMAR
    ]
    if found:
        return found
    from spacy.errors import MatchPatternError
    from spacy.matcher import Matcher

    try:
        Matcher(pipeline().vocab, validate=True).add("rule", [[dict(token) for token in pattern]])
    except MatchPatternError as error:
        return [line.strip("- ").strip() for line in str(error).split("\n")[1:] if line.strip()]
    except Exception as error:  # what its validation lets through, and its compiler does not
        return [f"spaCy refuses it ({type(error).__name__})"]
    return []
