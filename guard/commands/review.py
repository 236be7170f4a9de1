"""`guard review …`, over HTTP; `replay` and `audit` work on files of this machine."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import secrets
import urllib.parse
from collections.abc import Callable

from guard.commands import Commands, review_files, show
from guard.commands.asking import Asking
from guard.errors import SettingsError

_DECIDING = ("approve", "edit", "reject", "skip")


def add(commands: Commands) -> None:
    """Adds the command."""
    review = commands.add_parser("review", help="the review queue, over HTTP")
    whats = review.add_subparsers(dest="what", required=True)

    def verb(
        name: str, run: Callable[[argparse.Namespace], int], help: str
    ) -> argparse.ArgumentParser:
        one = whats.add_parser(name, help=help)
        one.set_defaults(run=run)
        one.add_argument("--url", default="http://127.0.0.1:8080")
        one.add_argument("--token", default=os.environ.get("GUARD_TOKEN", ""))
        one.add_argument("--json", action="store_true")
        return one

    listed = verb("list", _list, "what is in the queue")
    listed.add_argument("--state", default="waiting")
    for name in ("route", "model", "category", "rule"):
        listed.add_argument(f"--{name}", default="")
    verb("show", _show, "one review, with everything").add_argument("id")
    claim = verb("claim", _claim, "take the most urgent reviews")
    claim.add_argument("-n", type=int, default=1)
    claim.add_argument("--reviewer", default=_me())
    for name in _DECIDING:
        one = verb(name, _decide, f"{name} a review")
        one.add_argument("id")
        one.add_argument("--reason", default="")
        one.add_argument("--reviewer", default=_me())
        one.add_argument("--undo-seconds", type=float, default=0.0)
        if name == "edit":
            one.add_argument("--text", required=True, help="what takes the text's place")
            one.add_argument("--channel", default="", help="where a reply has several texts")
    verb("undo", _undo, "take a decision back before it takes effect").add_argument("decision_id")
    verb("stats", _stats, "the queue in numbers")
    review_files.add(verb)


def _list(arguments: argparse.Namespace) -> int:
    names = ("state", "route", "model", "category", "rule")
    rows = list(Asking(arguments).pages(**{name: getattr(arguments, name) for name in names}))
    lines = [
        f"{row['id']}  {row['state']:<8} {row['route']:<12} {', '.join(row['rules'])}"
        for row in rows
    ]
    show(arguments, rows, "\n".join([*lines, f"{len(rows)} {arguments.state}"]))
    return 0


def _show(arguments: argparse.Namespace) -> int:
    found = Asking(arguments)(f"/guard/v1/reviews/{_quoted(arguments.id)}")
    print(json.dumps(found, indent=2, ensure_ascii=False))
    return 0


def _claim(arguments: argparse.Namespace) -> int:
    body = {"n": arguments.n, "reviewer": arguments.reviewer}
    found = Asking(arguments)("/guard/v1/claims", body)
    lines = [
        f"{one['id']}  token {one['token']}  {', '.join(one['item']['rules'])}"
        for one in found["claims"]
    ]
    if not lines:
        lines = [f"none to take: {found['waiting']} waiting, {found['claimed']} held by others"]
    show(arguments, found, "\n".join(lines))
    return 0


def _decide(arguments: argparse.Namespace) -> int:
    ask = Asking(arguments)
    whom = {"id": arguments.id, "reviewer": arguments.reviewer}
    claim = ask("/guard/v1/claims", whom)["claims"][0]
    body = {
        **whom,
        "token": claim["token"],
        "decision_id": secrets.token_hex(16),
        "outcome": arguments.what,
        "reason": arguments.reason,
        "undo_seconds": arguments.undo_seconds,
    }
    try:
        if arguments.what == "edit":
            texts = claim["item"]["texts"]
            if not arguments.channel and len(texts) != 1:
                raise SettingsError(f"name a text with --channel, one of: {', '.join(texts)}")
            body["edits"] = {arguments.channel or next(iter(texts)): arguments.text}
        answer = ask("/guard/v1/decisions", body)
    except SettingsError:
        given = {"token": claim["token"], "reviewer": arguments.reviewer}
        ask(f"/guard/v1/claims/{_quoted(arguments.id)}", given, method="DELETE")
        raise
    word = answer.get("outcome", "skipped")
    until = f"; undo with: guard review undo {body['decision_id']}" * bool(arguments.undo_seconds)
    show(arguments, answer, f"{answer['id']}: {word}{until}")
    return 0


def _undo(arguments: argparse.Namespace) -> int:
    path = f"/guard/v1/decisions/{_quoted(arguments.decision_id)}"
    answer = Asking(arguments)(path, method="DELETE")
    show(arguments, answer, f"{answer['id']}: undone, and yours again (token {answer['token']})")
    return 0


def _stats(arguments: argparse.Namespace) -> int:
    found = Asking(arguments)("/guard/v1/stats")
    lines = [f"{name:<14} {number}" for name, number in found["states"].items()]
    lines += [f"{name:<14} {number}  (among them)" for name, number in found["beside"].items()]
    lines += [f"{name:<14} {number}  (ever)" for name, number in found["totals"].items()]
    lines += [f"{'audit':<14} {found['audit']}  (steps)"]
    show(arguments, found, "\n".join(lines))
    return 0


def _me() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "token"


def _quoted(name: str) -> str:
    return urllib.parse.quote(name, safe="")
