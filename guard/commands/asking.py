"""A running guard, asked over HTTP by a command."""

from __future__ import annotations

import argparse
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

from guard.errors import SettingsError

TIMEOUT_SECONDS = 30  # more than any call waits


class Asking:
    """A guard, asked over HTTP."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._url = arguments.url.rstrip("/")
        self._token = arguments.token

    def __call__(self, path: str, body: Any = None, *, method: str | None = None) -> Any:
        """The answer of a call. Raises SettingsError."""
        request = urllib.request.Request(
            self._url + path,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"authorization": f"Bearer {self._token}"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise SettingsError(_told(error)) from error
        except (OSError, ValueError) as error:
            raise SettingsError(f"--url {self._url}: no guard answers there") from error

    def pages(self, **query: str) -> Iterator[dict[str, Any]]:
        """All rows of a list."""
        cursor = ""
        while True:
            words = {name: value for name, value in {**query, "cursor": cursor}.items() if value}
            page = self(f"/guard/v1/reviews?{urllib.parse.urlencode(words)}")
            yield from page["reviews"]
            cursor = page["cursor"]
            if not cursor:
                return


def _told(error: urllib.error.HTTPError) -> str:
    try:
        told = json.load(error)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        told = "no more is known"
    hint = "; give --token or GUARD_TOKEN" if error.code == 401 else ""
    return f"{error.code}: {told}{hint}"
