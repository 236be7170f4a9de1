"""The door, tried on a running guard: what a session opens, for each role, and for other sites."""

import http.client
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from guard.review.page.roles import Role
from guard.review.page.users import Users
from tests.browser import PASSWORD, add_user, call, queue
from tests.servers import TOKEN, guard
from tests.test_roles import CELLS

Answer = tuple[int, dict[str, str], bytes]


class Client:
    """A browser's part in HTTP, without a browser."""

    def __init__(self, url: str) -> None:
        self.host = urlsplit(url).netloc
        self.cookie = self.csrf = ""

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        origin: str | None = "",
        csrf: str | None = "",
        form: dict[str, str] | None = None,
        token: str = "",
    ) -> Answer:
        """`origin`, `csrf`: another one than ours, or None for none."""
        connection = http.client.HTTPConnection(self.host, timeout=20)
        sent = {"cookie": f"guard_session={self.cookie}"}
        if token:
            sent["authorization"] = f"Bearer {token}"
        if origin is not None:
            sent["origin"] = origin or f"http://{self.host}"
        if csrf is not None:
            sent["x-guard-csrf"] = csrf or self.csrf
        raw = None if body is None else json.dumps(body)
        if form is not None:
            raw, sent["content-type"] = urlencode(form), "application/x-www-form-urlencoded"
        connection.request(method, path, raw, sent)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        streamed = found.get("content-type", "").startswith("text/event-stream")
        content = b"" if streamed else answer.read()
        connection.close()
        return answer.status, found, content

    def sign_in(self, name: str, password: str) -> Answer:
        answer = self.send("POST", "/guard/login", form={"name": name, "password": password})
        if found := re.match(r"guard_session=([^;]+)", answer[1].get("set-cookie", "")):
            self.cookie = found[1]
            page = self.send("GET", "/guard/review")[2].decode()
            self.csrf = re.findall(r'data-csrf="([^"]+)"', page)[0]
        return answer


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("door")
    with guard(folder, "demo") as (url, _):
        first = Client(url)  # nobody has an account yet
        assert first.sign_in("admin", "wrong")[0] == 401
        assert first.sign_in("somebody", TOKEN)[0] == 401
        assert first.sign_in("admin", TOKEN)[0] == 303
        assert first.send("GET", "/guard/v1/stats")[0] == 200
        for role in Role:
            add_user(folder, role.value, role)
        assert first.send("GET", "/guard/v1/stats")[0] == 401, "the first session goes"
        assert first.sign_in("admin", TOKEN)[0] == 401, "and the token signs nobody in"
        yield url, folder


@pytest.fixture(scope="module")
def clients(place: tuple[str, Path]) -> dict[Role, Client]:
    found = {role: Client(place[0]) for role in Role}
    for role, client in found.items():
        assert client.sign_in(role.value, PASSWORD)[0] == 303
    return found


@pytest.fixture(scope="module")
def url(place: tuple[str, Path]) -> str:
    return place[0]


@pytest.mark.parametrize(("role", "method", "path", "allowed"), CELLS)
def test_every_cell_on_the_wire(
    clients: dict[Role, Client], role: Role, method: str, path: str, allowed: bool
) -> None:
    if path == "/guard/logout":
        pytest.skip("signs out: tried below")
    status, _, body = clients[role].send(method, path, None if method == "GET" else {})
    assert (status == 403) is not allowed, body


def test_the_page_needs_a_session(url: str) -> None:
    for path in ("/guard", "/guard/", "/guard/review", "/guard/review?view=queue"):
        status, headers, _ = Client(url).send("GET", path)
        assert (status, headers["location"]) == (303, "/guard/login")
    for path in ("/guard/review/rules", "/guard/v1/reviews", "/guard/v1/events"):
        assert Client(url).send("GET", path)[0] == 401


def test_a_review_shows_its_texts_to_a_session_alone(url: str, clients: dict[Role, Client]) -> None:
    queue(url, "seen-or-not", "Dear [Your Name], a held text.", prompt="a prompt")
    seen = clients[Role.AUDITOR].send("GET", "/guard/v1/reviews/seen-or-not")[2]
    unseen = Client(url).send("GET", "/guard/v1/reviews/seen-or-not")[2]
    assert b"a held text" in seen and b"a prompt" in seen
    assert b"held" not in unseen and b"prompt" not in unseen


@pytest.mark.parametrize(
    ("origin", "csrf"),
    [
        ("http://elsewhere.example", ""),
        ("null", ""),
        (None, ""),
        ("", "wrong"),
        ("", None),
        ("http://elsewhere.example", None),
    ],
)
def test_a_change_needs_our_origin_and_our_secret(
    url: str, clients: dict[Role, Client], origin: str | None, csrf: str | None
) -> None:
    for method, path, body in (
        ("POST", "/guard/v1/claims", {"n": 1}),
        ("POST", "/guard/v1/reviews", {"id": "forged", "text": "forged"}),
        ("POST", "/guard/logout", None),
    ):
        answer = clients[Role.ADMIN].send(method, path, body, origin=origin, csrf=csrf)
        assert answer[0] == 403
    assert call(url, "/guard/v1/stats")["states"]["claimed"] == 0
    assert clients[Role.ADMIN].send("GET", "/guard/v1/reviews/forged")[0] == 404
    assert clients[Role.ADMIN].send("GET", "/guard/v1/stats")[0] == 200


def test_nobody_is_signed_in_by_another_site(url: str) -> None:
    form = {"name": "admin", "password": PASSWORD}
    for origin in ("http://elsewhere.example", "null", None):
        status, headers, _ = Client(url).send("POST", "/guard/login", form=form, origin=origin)
        assert status == 403 and "set-cookie" not in headers


def test_what_a_person_decides_bears_their_name(url: str, clients: dict[Role, Client]) -> None:
    queue(url, "whose", "Dear [Your Name], whose?")
    reviewer, auditor = clients[Role.REVIEWER], clients[Role.AUDITOR]
    claim = {"id": "whose", "reviewer": "somebody-else", "senior": True}
    token = json.loads(reviewer.send("POST", "/guard/v1/claims", claim)[2])["claims"][0]["token"]
    words = {"id": "whose", "token": token, "outcome": "approve", "reviewer": "somebody-else",
             "decision_id": "whose-1", "undo_seconds": 60}  # fmt: skip
    assert reviewer.send("POST", "/guard/v1/decisions", words)[0] == 200
    item = json.loads(auditor.send("GET", "/guard/v1/reviews/whose")[2])["item"]
    assert item["reviewer"] == "reviewer"


def test_a_decision_is_undone_by_who_made_it_or_a_senior(
    place: tuple[str, Path], clients: dict[Role, Client]
) -> None:
    url, folder = place
    add_user(folder, "other", Role.REVIEWER)
    other = Client(url)
    other.sign_in("other", PASSWORD)
    for number, (undoer, status) in enumerate(
        ((other, 404), (clients[Role.REVIEWER], 200), (clients[Role.SENIOR], 200))
    ):
        name = f"undo-{number}"
        queue(url, name, f"Dear [Your Name], number {number}")
        answer = clients[Role.REVIEWER].send("POST", "/guard/v1/claims", {"id": name})
        token = json.loads(answer[2])["claims"][0]["token"]
        words = {"id": name, "token": token, "outcome": "reject", "decision_id": f"d-{name}",
                 "undo_seconds": 60}  # fmt: skip
        assert clients[Role.REVIEWER].send("POST", "/guard/v1/decisions", words)[0] == 200
        assert undoer.send("DELETE", f"/guard/v1/decisions/d-{name}")[0] == status


def test_the_disabled_are_out_at_once(place: tuple[str, Path]) -> None:
    url, folder = place
    add_user(folder, "leaver", Role.SENIOR)
    client = Client(url)
    client.sign_in("leaver", PASSWORD)
    assert client.send("GET", "/guard/v1/stats")[0] == 200
    Users(folder / "data").disable("leaver")
    assert client.send("GET", "/guard/v1/stats")[0] == 401
    assert client.sign_in("leaver", PASSWORD)[0] == 401


def test_who_signs_out_is_out(place: tuple[str, Path]) -> None:
    client = Client(place[0])
    client.sign_in("auditor", PASSWORD)
    status, headers, _ = client.send("POST", "/guard/logout")
    assert status == 200 and "Max-Age=0" in headers["set-cookie"]
    assert client.send("GET", "/guard/v1/stats")[0] == 401


def test_the_cookie_and_the_headers(url: str) -> None:
    client = Client(url)
    _, headers, _ = client.sign_in("auditor", PASSWORD)
    for word in ("HttpOnly", "SameSite=strict", "Path=/guard", "Max-Age"):
        assert word in headers["set-cookie"]
    assert "Secure" not in headers["set-cookie"]
    _, headers, _ = client.send("GET", "/guard/review")
    policy = headers["content-security-policy"]
    for word in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert word in policy
    assert "unsafe" not in policy and "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    _, headers, _ = client.send("GET", "/guard/v1/reviews")
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


def test_the_token_is_not_hindered_by_a_cookie(url: str, clients: dict[Role, Client]) -> None:
    answer = clients[Role.AUDITOR].send("POST", "/guard/v1/check", {"text": "x"}, token=TOKEN)
    assert answer[0] == 200
    assert clients[Role.AUDITOR].send("GET", "/guard/v1/stats", token="no")[0] == 401


def test_guessing_is_slowed_down(place: tuple[str, Path]) -> None:
    add_user(place[1], "guessed", Role.REVIEWER)
    client = Client(place[0])
    statuses = [client.sign_in("guessed", f"wrong {n}")[0] for n in range(11)]
    assert statuses == [401] * 10 + [429]
    assert client.sign_in("guessed", PASSWORD)[0] == 429
