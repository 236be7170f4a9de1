"""Keys and their limits, and who is refused first when there is too much."""

from typing import Any

import pytest

from guard.access import Access, Ticket, check_route, hashed, outgoing, secret_from
from guard.errors import UpstreamError
from guard.parts import Key
from guard.settings import Route, Settings


def access(*keys: Key, now: float = 0.0, **given: Any) -> tuple[Access, list[float]]:
    """An access and its clock."""
    clock = [0.0]
    settings = Settings(keys=keys, **given)
    return Access(settings, clock=lambda: clock[0], now=lambda: now), clock


def key(secret: str = "s", **given: Any) -> Key:
    return Key("app", (hashed(secret),), **given)


def refused(found: Access, who: Key | None, peer: str = "p") -> tuple[int, str, float]:
    with pytest.raises(UpstreamError) as caught:
        found.enter(who, peer)
    return caught.value.status, caught.value.code, caught.value.retry_seconds


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer s"},
        {"x-api-key": "s"},
        {"x-goog-api-key": "s"},
        {"authorization": "Bearer other", "x-api-key": "s"},
    ],
)
def test_a_key_is_known_wherever_its_dialect_sends_it(headers: dict[str, str]) -> None:
    found, _ = access(key())
    known, header = found.who(headers)
    assert known is not None
    assert headers[header].endswith("s")


def test_strangers_and_expired_keys_are_nobody() -> None:
    found, _ = access(key(expires_at=10.0), now=11.0)
    assert found.who({"authorization": "Bearer s"}) == (None, "")
    found, _ = access(key())
    for value in ("Bearer t", "", "Bearer ", "Basic s", hashed("s")):
        assert found.who({"authorization": value}) == (None, "")


def test_a_key_is_exchanged_while_both_hold() -> None:
    both = Key("app", (hashed("old"), hashed("new")))
    found, _ = access(both)
    assert found.who({"x-api-key": "old"}) == found.who({"x-api-key": "new"}) == (both, "x-api-key")
    found.use(Settings(keys=(Key("app", (hashed("new"),)),)))
    assert found.who({"x-api-key": "old"}) == (None, "")


def test_a_rate_has_a_burst_and_says_when_to_come_back() -> None:
    app = key(requests_per_minute=60)
    found, clock = access(app)
    for _ in range(10):
        found.enter(app, "p").leave()
    status, code, seconds = refused(found, app)
    assert (status, code, round(seconds, 3)) == (429, "rate_limited", 1.0)
    clock[0] += 2.0
    for _ in range(2):
        found.enter(app, "p").leave()
    assert refused(found, app)[0] == 429
    found.enter(None, "p").leave()  # others are not its concern


def test_workers_share_a_rate_and_a_number() -> None:
    app = key(requests_per_minute=60, at_once=4)
    found, _ = access(app, workers=2)
    tickets = [found.enter(app, "p") for _ in range(2)]
    assert refused(found, app)[:2] == (429, "too_many_at_once")
    tickets.pop().leave()
    found.enter(app, "p")


def test_the_most_in_flight_is_a_wall() -> None:
    found, _ = access(at_once_max=2)
    for peer in ("a", "b"):
        found.enter(None, peer)
    assert refused(found, None, "c") == (503, "overloaded", 1.0)


def test_nobody_takes_all_the_room() -> None:
    found, _ = access(at_once_max=20)
    for _ in range(15):
        found.enter(None, "flood")
    assert refused(found, None, "flood")[1] == "overloaded"
    found.enter(None, "good")


def test_half_full_who_has_most_is_refused_first() -> None:
    found, _ = access(at_once_max=20)
    flood: list[Ticket] = [found.enter(None, "flood") for _ in range(11)]  # alone it may
    found.enter(None, "good")
    assert refused(found, None, "flood")[1] == "overloaded"
    found.enter(None, "good")
    for ticket in flood[:4]:
        ticket.leave()
    found.enter(None, "flood")


def test_late_who_has_most_is_refused_first() -> None:
    found, _ = access(lag_max_ms=50)
    for _ in range(3):
        found.enter(None, "flood")
    found.lag_seconds = 0.06
    found.enter(None, "good")
    assert refused(found, None, "flood")[0] == 503
    found.lag_seconds = 0.04
    found.enter(None, "flood")


def test_bodies_take_room_until_they_are_gone() -> None:
    found, _ = access(bodies_max_bytes=100)
    first, second = found.enter(None, "a"), found.enter(None, "b")
    first.grow(60)
    with pytest.raises(UpstreamError) as caught:
        second.grow(50)
    assert caught.value.status == 503
    first.leave()
    second.grow(100)


def test_a_route_may_need_a_key_and_a_key_may_be_for_some_routes() -> None:
    check_route(Route("a"), None)
    check_route(Route("a", keys=True), key())
    for route, who, status in (
        (Route("a", keys=True), None, 401),
        (Route("a"), key(scopes=("b",)), 403),
    ):
        with pytest.raises(UpstreamError) as caught:
            check_route(route, who)
        assert caught.value.status == status


@pytest.mark.parametrize(
    ("headers", "key_header", "sent"),
    [
        ([("authorization", "Bearer ours")], "authorization", [("authorization", "Bearer up")]),
        ([("x-api-key", "ours")], "x-api-key", [("x-api-key", "up")]),
        ([("x-api-key", "theirs")], "", [("x-api-key", "theirs")]),
        ([("accept", "a")], "", [("accept", "a"), ("authorization", "Bearer up")]),
    ],
)
def test_the_upstream_gets_its_own_key_and_never_ours(
    headers: list[tuple[str, str]], key_header: str, sent: list[tuple[str, str]]
) -> None:
    found = outgoing(headers, key_header=key_header, secret_from="UP", environment={"UP": "up"})
    assert found == sent
    without = outgoing(headers, key_header=key_header, secret_from="", environment={})
    assert "ours" not in str(without)


def test_the_upstreams_key_is_spent_for_clients_with_a_key_once_there_are_keys() -> None:
    open_to_all = Settings(upstream_key_from="UP")
    assert secret_from(open_to_all, Route("a"), None) == "UP"
    assert secret_from(open_to_all, Route("a", upstream_key_from="OTHER"), None) == "OTHER"
    keyed = Settings(upstream_key_from="UP", keys=(key(),))
    assert secret_from(keyed, Route("models", guard=False), None) == ""
    assert secret_from(keyed, Route("models", guard=False), key()) == "UP"
