"""Every example of docs/rules.md is run: its files are written, its commands give what it shows."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parent.parent / "docs" / "rules.md").read_text("utf-8")
FILES = re.findall(r"^```yaml\n# ([\w./-]+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^```console\n\$ guard (.*?)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("page")
    for name, body in FILES:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(f"# {name}\n{body}", "utf-8")
    return root


def test_every_block_is_a_file_or_a_command() -> None:
    assert PAGE.count("```") == 2 * (len(FILES) + len(COMMANDS))
    assert len(FILES) >= 8
    assert len(COMMANDS) >= 4


@pytest.mark.parametrize(("command", "shown"), COMMANDS, ids=[line for line, _ in COMMANDS])
def test_a_command_gives_what_the_page_shows(folder: Path, command: str, shown: str) -> None:
    root = str(Path(__file__).parent.parent)
    ran = subprocess.run(
        [sys.executable, "-m", "guard", *shlex.split(command)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.stdout + ran.stderr).rstrip() == shown.rstrip()
