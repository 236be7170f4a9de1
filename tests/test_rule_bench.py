"""The cost of rules is told, the most costly first."""

from dataclasses import replace
from pathlib import Path

from guard.rule_bench import TEXTS_MAX, costs, costs_told, measure, told
from guard.rules import load

PACK = """\
category: pii
rules:
  - id: rare
    pattern: 'code-\\d{3}'
    examples: {match: [code-123], pass: [one, two, three]}
  - id: open
    pattern: 'key-[a-z]+!'
    longest: 20
    examples: {match: ['key-abc!'], pass: [four]}
"""


def test_the_figures_add_up(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(PACK)
    (tmp_path / "policy.yaml").write_text("routes: {default: {pii: {redact: 0.6}}}\n")
    rulebook = load(tmp_path)
    cost = measure(rulebook)
    assert (cost["rules"], cost["texts"]) == (2, 6)
    by_id = {row["id"]: row for row in cost["by_rule"]}
    assert by_id["rare"]["let_through"] == round(1 / 6, 4)
    assert by_id["open"]["let_through"] == 1  # it may still grow: no sieve for it
    assert all(row["microseconds"] > 0 for row in cost["by_rule"])
    assert cost["by_rule"][0]["id"] == "open"
    assert told(cost, rows=1).count("\n") == 1
    many = replace(rulebook.rules[0], passes=rulebook.rules[0].passes * TEXTS_MAX)
    assert measure(replace(rulebook, rules=(many,)))["texts"] <= TEXTS_MAX


def test_the_cost_of_each_rule_says_when_it_is_tried(tmp_path: Path) -> None:
    more = (
        "  - id: again\n    repetition: lines\n    examples: {match: [a], pass: [b]}\n"
        "  - id: unit\n    consistency: units\n    examples: {match: [a], pass: [b]}\n"
        "  - id: figure\n    grounding: numbers\n    examples: {match: [a], pass: [b]}\n"
    )
    (tmp_path / "a.yaml").write_text(PACK + more)
    (tmp_path / "policy.yaml").write_text("routes: {default: {pii: {redact: 0.6}}}\n")
    rows = costs(load(tmp_path))
    assert {row["id"]: row["tried"] for row in rows} == {
        "rare": "where the sieve lets it through",
        "open": "always",
        "again": "once a reply",
        "unit": "on every passage",
        "figure": "where there are sources",
    }
    assert {row["id"]: row["hold_back"] for row in rows}["open"] == 21
    assert all(row["microseconds"] > 0 for row in rows)
    lines = costs_told(rows, most=2)
    assert len(lines) == 2
    assert "open" in lines[0]
    assert "holds 21 characters back" in lines[0]
    assert any("needs the whole reply" in line for line in costs_told(rows, most=9))
