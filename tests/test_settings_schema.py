"""The schema of guard.yaml says what the program reads, and `guard config` shows it."""

import json
from typing import Any

import jsonschema
import pytest
import yaml

from guard.access import hashed
from guard.settings import LIVE, Settings, options
from guard.settings_schema import schema
from tests.test_cli import guard
from tests.test_parts import WHOLE


def is_valid(text: str) -> bool:
    try:
        jsonschema.validate(yaml.safe_load(text), schema())
    except jsonschema.ValidationError:
        return False
    return True


def test_what_is_read_is_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert is_valid(WHOLE.replace("2027-01-31", "'2027-01-31'"))
    assert set(schema()["properties"]) == {*(name for name, _, _ in options()), *LIVE}
    simple = {name: getattr(Settings(), name) for name, _, _ in options()}
    jsonschema.validate(simple, schema())


@pytest.mark.parametrize(
    "text",
    [
        "prot: 1",
        "port: many",
        "routes: [{}]",
        "routes: [{name: a, on_review: wait}]",
        "routes: [{name: a, match: {paths: b}}]",
        "routes: [{name: a, hold_seconds: 0}]",
        "keys: [{name: a, hash: secret}]",
        "judges: [{name: a, url: b}]",
        "judges: [{name: a, url: b, model: c, band: [1]}]",
        "detectors: [{with: {}}]",
        "prices: {m: {input: -1}}",
    ],
)
def test_what_is_not_read_is_not_valid(text: str) -> None:
    assert not is_valid(text)


def test_the_commands(tmp_path: Any) -> None:
    assert json.loads(guard("config", "schema").stdout) == schema()
    made = json.loads(guard("config", "key", "support", "--json").stdout)
    assert (made["name"], made["hash"]) == ("support", hashed(made["key"]))
    assert len(made["key"]) > 40
    config = tmp_path / "guard.yaml"
    config.write_text(f"keys: [{{name: support, hash: '{made['hash']}'}}]\n")
    ran = guard("config", "check", "--config", config)
    assert (ran.returncode, "0 routes, 1 keys" in ran.stdout) == (0, True)
    config.write_text("routes: [{name: a, on_reviw: hold}]\n")
    ran = guard("config", "check", "--config", config)
    assert (ran.returncode, f"{config}:1:30" in ran.stderr) == (2, True), ran.stderr
