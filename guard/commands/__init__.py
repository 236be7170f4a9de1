"""The commands, a module for each room of the house; `guard.cli` puts them together."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any, TypeAlias

from guard import settings

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def chosen_settings(arguments: argparse.Namespace) -> settings.Settings:
    """The settings that a command's arguments, the environment and guard.yaml make."""
    given = {name: getattr(arguments, name, None) for name, _, _ in settings.options()}
    config = getattr(arguments, "config", None) or os.environ.get("GUARD_CONFIG")
    return settings.read(given, config=Path(config) if config else None)


def show(arguments: argparse.Namespace, data: Any, text: str) -> None:
    """Prints what a command found: for programs with `--json`, else for people."""
    print(json.dumps(data, ensure_ascii=False) if arguments.json else text)
