"""docs/operate.md and the README name what there is: settings, metrics, commands, files."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from guard.cli import _parser
from guard.detectors.toxicity.loading import load_engine
from guard.metrics import Metrics
from guard.settings import Settings, options, read

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/operate.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```yaml\n# guard\.yaml.*?\n(.*?)^```$", PAGE + README, re.M | re.S)
ROWS = [line.split("|")[1:4] for line in PAGE.splitlines() if line.startswith("| `")]
NAMED = {name for row in ROWS for name in re.findall(r"`([\w.]+)`", row[0])}
SIZES = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "Mi": 2**20}


def test_every_setting_is_told() -> None:
    missing = {name for name, _, _ in options()} - NAMED
    assert not missing, f"add a line for {missing} to the table of docs/operate.md"


def _told(text: str) -> list[Any]:
    """The numbers of a cell with defaults."""
    found: list[Any] = []
    for number, unit in re.findall(r"([\d,.]+\d|\d)`?\s*([KMG]iB|Mi)?", text):
        found.append(float(number.replace(",", "")) * SIZES.get(unit, 1))
    return found


def test_defaults_are_as_told() -> None:
    kinds = {name: kind for name, kind, _ in options()}
    looked = 0
    for row in ROWS:
        names = [name for name in re.findall(r"`(\w+)`", row[0]) if name in kinds]
        numbers = [name for name in names if kinds[name] is not str]
        if numbers:
            told = _told(row[1].replace("127.0.0.1", ""))
            assert told == [float(getattr(Settings(), name)) for name in numbers], row
            looked += len(numbers)
    assert looked >= 18


def test_every_metric_is_told_and_there() -> None:
    metrics = Metrics(load_engine("compact"))
    there = {
        found.name + ("_total" if found.type == "counter" else "")
        for found in metrics._registry.collect()
    }
    told = {name for name in NAMED if name.startswith("guard_")}
    assert there == told, f"docs/operate.md tells of other metrics: {there ^ told}"


@pytest.mark.parametrize("block", BLOCKS)
def test_every_guard_yaml_is_read(block: str, tmp_path: Path) -> None:
    (tmp_path / "guard.yaml").write_text(block)
    assert read({}, config=tmp_path / "guard.yaml", environment={}).config


def test_every_yaml_block_is_yaml() -> None:
    for block in re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S):
        assert yaml.safe_load(block)
    assert len(BLOCKS) >= 3


def test_every_file_is_there() -> None:
    for page, folder in ((PAGE, ROOT / "docs"), (README, ROOT)):
        for target in re.findall(r"\]\(([^)#]+)\)", page):
            assert (folder / target).exists(), target


def test_every_command_is_there() -> None:
    known = next(one for one in _parser()._actions if one.dest == "command").choices
    assert known is not None
    named = set(re.findall(r"(?:^|`|\$ )guard ([a-z]+)", PAGE + README, re.M))
    assert named <= {*known, "is"}, named - set(known)
    assert {"serve", "config", "doctor"} <= named


def test_every_option_of_a_command_is_there() -> None:
    sub: Any = next(one for one in _parser()._actions if one.dest == "command")
    given = {text for one in sub.choices.values() for text in one._option_string_actions}
    lines = re.findall(r"guard (?:serve|check|config|doctor|demo)\b[^`\n]*", PAGE + README)
    used = {option for line in lines for option in re.findall(r"--[a-z-]+", line)}
    assert used <= given, used - given
