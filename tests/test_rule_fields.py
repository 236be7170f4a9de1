"""The JSON Schema says of rule files what the loader says of them."""

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from guard import rule_fields
from guard.rule_fields import KINDS
from guard.rules import read, schema, shipped_folder
from guard.strict_yaml import Document

GOOD = {"id": "a", "pattern": "x", "examples": {"match": ["x"], "pass": ["y"]}}


def test_the_shipped_packs_fit() -> None:
    Draft202012Validator.check_schema(schema())
    validator = Draft202012Validator(schema())
    files = [file for file in shipped_folder().rglob("*.yaml") if file.name != "policy.yaml"]
    assert len(files) > 10
    for file in files:
        data = Document(file.read_text("utf-8"), str(file)).data
        assert [error.message for error in validator.iter_errors(data)] == [], file


@pytest.mark.parametrize(
    "change",
    [
        {"id": "A!"},
        {"score": 2},
        {"phrases": ["x"]},
        {"colour": "red"},
        {"unless": {"near": "x"}},
        {"near": [{"words": ["x"]}]},
        {"near": [{"words": ["x"], "add": 0.5, "within": 201}]},
        {"examples": {"match": ["x"]}},
        {"scope": {"language": ["en"]}},
        {"scope": {"languages": ["english"]}},
        {"consistency": "sums"},
        {"times": "many"},
        {"examples": {"match": [{"text": "x", "question": "y"}], "pass": ["y"]}},
        {"case": "yes"},
    ],
)
def test_what_the_loader_refuses_the_schema_refuses(tmp_path: Path, change: Any) -> None:
    validator = Draft202012Validator(schema())
    pack = {"category": "pii", "rules": [GOOD]}
    assert validator.is_valid(pack)
    broken = {"category": "pii", "rules": [{**GOOD, **change}]}
    assert not validator.is_valid(broken)
    (tmp_path / "a.yaml").write_text(str(broken).replace("True", "true"))
    _, documents = read(tmp_path)
    assert documents[str(tmp_path / "a.yaml")].problems


def test_every_kind_is_a_field_and_told_of() -> None:
    assert set(KINDS) <= rule_fields.RULE.keys()
    assert all(field["description"] for field in rule_fields.RULE.values())
