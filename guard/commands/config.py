"""`guard config …`: the schema of guard.yaml, a look at one, and new client keys."""

from __future__ import annotations

import argparse
import json
import secrets
from typing import Any

from guard.access import hashed
from guard.commands import Commands, chosen_settings, show
from guard.settings_schema import schema

KEY_PREFIX = "ogk_"  # so that a key in the wrong place is seen for what it is


def add(commands: Commands) -> None:
    """Adds the command."""
    config = commands.add_parser("config", help="the schema of guard.yaml, a check, client keys")
    config.set_defaults(run=_config)
    config.add_argument("what", choices=("schema", "check", "key"))
    config.add_argument("name", nargs="?", default="app", help="key: what the client is called")
    config.add_argument("--config", help="check: a guard.yaml")
    config.add_argument("--json", action="store_true")


def _config(arguments: argparse.Namespace) -> int:
    if arguments.what == "schema":
        print(json.dumps(schema(), indent=None if arguments.json else 2))
    elif arguments.what == "key":
        secret = KEY_PREFIX + secrets.token_urlsafe(32)
        data: dict[str, Any] = {"name": arguments.name, "key": secret, "hash": hashed(secret)}
        line = f"  - {{name: {arguments.name}, hash: '{data['hash']}'}}"
        show(arguments, data, f"for the client, shown this once: {secret}\nfor guard.yaml:\n{line}")
    else:
        chosen = chosen_settings(arguments)
        counted = {name: len(getattr(chosen, name)) for name in ("routes", "keys", "judges")}
        parts = ", ".join(f"{count} {name}" for name, count in counted.items())
        show(
            arguments, {"file": chosen.config, **counted}, f"{chosen.config or 'settings'}: {parts}"
        )
    return 0
