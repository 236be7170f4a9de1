"""`guard users …`."""

from __future__ import annotations

import argparse
import getpass
import sys
from dataclasses import asdict
from pathlib import Path

from guard.commands import Commands, chosen_settings, show
from guard.errors import SettingsError
from guard.review.page.roles import Role
from guard.review.page.users import Users


def add(commands: Commands) -> None:
    """Adds the command."""
    users = commands.add_parser("users", help="the people who review, and what they may do")
    users.set_defaults(run=_users)
    users.add_argument("what", choices=("add", "list", "disable"))
    users.add_argument("name", nargs="?", default="")
    users.add_argument("--role", choices=[role.value for role in Role], default=Role.REVIEWER.value)
    users.add_argument("--data", help="the folder for what the program keeps")
    users.add_argument("--config", help="a guard.yaml")
    users.add_argument("--json", action="store_true")


def _users(arguments: argparse.Namespace) -> int:
    users = Users(Path(chosen_settings(arguments).data))
    if arguments.what == "list":
        rows = [asdict(user) for user in users.all()]
        lines = [
            f"{row['name']:<24} {row['role']:<10} {'disabled' if row['disabled'] else ''}".rstrip()
            for row in rows
        ]
        show(arguments, rows, "\n".join(lines) if lines else "nobody yet: guard users add NAME")
        return 0
    if not arguments.name:
        raise SettingsError(f"guard users {arguments.what} needs a name")
    if arguments.what == "disable":
        users.disable(arguments.name)
        show(arguments, {"name": arguments.name, "disabled": True}, f"{arguments.name} is disabled")
        return 0
    user = users.add(arguments.name, Role(arguments.role), _password(arguments.name))
    show(arguments, asdict(user), f"{user.name} may sign in at /guard/review as {user.role}")
    return 0


def _password(name: str) -> str:
    """Asked for twice on a terminal, else the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass(f"Password for {name}: ")
    if getpass.getpass("Again: ") != password:
        raise SettingsError("the two passwords differ; nothing was changed")
    return password
