"""Examples are tests of their rule, and a rule that fails on one proves nothing."""

from dataclasses import replace
from pathlib import Path

import pytest
import regex

from guard.examples import check, try_examples
from guard.rule import Rule
from guard.rules import read

PACK = """\
category: pii
rules:
  - id: code
    pattern: 'code-\\d{3}'
    unless: {in_context: true}
    examples:
      match: ['a <<code-123>>. And <<code-456>>', 'code-777']
      pass: [code-12, {text: code-123, context: [none, Code-123]}]
      miss: [code-one]
"""


@pytest.fixture
def rule(tmp_path: Path) -> Rule:
    (tmp_path / "a.yaml").write_text(PACK)
    (tmp_path / "policy.yaml").write_text("routes: {default: {pii: {redact: 0.5}}}\n")
    assert check(tmp_path)[1] == 5
    return read(tmp_path)[0].rules[0]


def told(rule: Rule) -> list[str]:
    return [message for _, message in try_examples(rule)]


def test_each_example_says_what_is_wrong(rule: Rule) -> None:
    assert told(rule) == [""] * 5
    blind = told(replace(rule, compiled=regex.compile("never")))
    assert blind == ["must match, but is not found"] * 2 + [""] * 3
    wide = told(replace(rule, compiled=regex.compile(r"code-\w{1,3}")))
    assert "must pass" in wide[2]
    assert "known gap is closed" in wide[4]
    short = told(replace(rule, compiled=regex.compile(r"code-\d{2}")))
    assert short[0].startswith("must be found at characters 2 to 10, characters 16 to 24, but")


def test_a_rule_that_runs_away_on_an_example_is_not_a_finding(rule: Rule) -> None:
    example = replace(rule.match[1], text="a" * 50 + "!")
    runs = replace(rule, compiled=regex.compile("(?:a|aa)+$"), match=(example,), passes=(), miss=())
    assert told(runs) == ["fails or runs out of time on this text; simplify the pattern"]
