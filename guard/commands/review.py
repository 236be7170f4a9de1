"""`guard review …`, over HTTP."""

from __future__ import annotations

import argparse
import json
import os
import urllib.error
import urllib.request
from typing import Any

from guard.commands import Commands
from guard.errors import SettingsError


def add(commands: Commands) -> None:
    """Adds the command."""
    review = commands.add_parser("review", help="the review queue, over HTTP")
    review.set_defaults(run=_review)
    review.add_argument("what", choices=("list", "show", "approve", "edit", "reject"))
    review.add_argument("id", nargs="?", default="")
    review.add_argument("--url", default="http://127.0.0.1:8080")
    review.add_argument("--token", default=os.environ.get("GUARD_TOKEN", ""))
    review.add_argument("--reason", default="")
    review.add_argument("--text", default="", help="of an edit: what takes the text's place")
    review.add_argument("--channel", default="", help="of an edit, where a reply has several texts")
    review.add_argument("--state", default="waiting", help="of the items to list")
    review.add_argument("--json", action="store_true")


def _review(arguments: argparse.Namespace) -> int:
    def call(path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            arguments.url.rstrip("/") + path,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"authorization": f"Bearer {arguments.token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise SettingsError(_told(error)) from error
        except (OSError, ValueError) as error:
            raise SettingsError(f"--url {arguments.url}: no guard answers there") from error

    if arguments.what == "list":
        rows = call(f"/guard/v1/reviews?state={arguments.state}")["reviews"]
        if arguments.json:
            print(json.dumps(rows))
        else:
            for row in rows:
                print(
                    f"{row['id']}  {row['state']:<8} {row['route']:<12} {', '.join(row['rules'])}"
                )
            print(f"{len(rows)} {arguments.state}")
        return 0
    if not arguments.id:
        raise SettingsError(f"guard review {arguments.what} needs the id of a review")
    if arguments.what == "show":
        print(json.dumps(call(f"/guard/v1/reviews/{arguments.id}"), indent=2, ensure_ascii=False))
        return 0
    body = {"id": arguments.id, "outcome": arguments.what, "reason": arguments.reason}
    if arguments.what == "edit":
        texts = call(f"/guard/v1/reviews/{arguments.id}")["item"]["texts"]
        if not arguments.channel and len(texts) != 1:
            raise SettingsError(f"name a text with --channel, one of: {', '.join(texts)}")
        body["edits"] = {arguments.channel or next(iter(texts)): arguments.text}
    answer = call("/guard/v1/decisions", body)
    print(json.dumps(answer) if arguments.json else f"{answer['id']}: {answer['outcome']}")
    return 0


def _told(error: urllib.error.HTTPError) -> str:
    try:
        body = json.load(error)
        told = body["error"].get("message") or f"already decided: {body['decision']['outcome']}"
    except (ValueError, KeyError, TypeError, AttributeError):
        told = "no more is known"
    hint = "; give --token or GUARD_TOKEN" if error.code == 401 else ""
    return f"{error.code}: {told}{hint}"
