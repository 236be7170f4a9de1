"""The loaded rules as the page shows them: what each is for, finds, lets pass and is known to miss.

Rule of the file: marks are spans in code points, as everywhere; nothing is marked up here.
"""

from __future__ import annotations

from guard.rule import Example, Rule
from guard.rules import Rulebook


def shown_rules(rulebook: Rulebook) -> list[dict[str, object]]:
    """One row per rule, in the order of their files."""
    return [_row(rule) for rule in rulebook.rules]


def _row(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.id,
        "category": rule.category,
        "kind": rule.kind,
        "score": rule.score,
        "shadow": rule.shadow,
        "message": rule.message,
        "place": f"{rule.file.rsplit('/', 1)[-1]}:{rule.line}",
        "examples": {
            "match": [_example(one) for one in rule.match],
            "pass": [_example(one) for one in rule.passes],
            "miss": [_example(one) for one in rule.miss],
        },
    }


def _example(example: Example) -> dict[str, object]:
    return {"text": example.text, "context": list(example.context), "marks": list(example.marks)}
