"""The cost of rules is told, the most costly first."""

from dataclasses import replace
from pathlib import Path

from guard.rule_bench import TEXTS_MAX, measure, told
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
