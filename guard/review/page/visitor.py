"""Who sent a request, as the door noted it, and whether our own page did.

Rule of the file: only the door writes what `person` and `session` read; nothing a client sends
gets there.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from guard.review.page.sessions import Session
from guard.review.page.users import User

PERSON = "guard.person"
SESSION = "guard.session"


def person(scope: Scope) -> User | None:
    """Who sent a request that came in by a session."""
    found: User | None = scope.get(PERSON)
    return found


def session(scope: Scope) -> Session | None:
    """The session it came in by."""
    found: Session | None = scope.get(SESSION)
    return found


def same_origin(headers: Headers) -> bool:
    """Whether a browser says that our own page sent this. All say so with each change."""
    origin = urlsplit(headers.get("origin", "")).netloc
    return bool(origin) and origin.lower() == headers.get("host", "").lower()
