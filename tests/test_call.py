"""What comes from the upstream, and what of its headers the client gets."""

from collections.abc import AsyncIterator

import pytest

from guard.call import Headers, Incoming


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


def _incoming(*headers: tuple[str, str]) -> Incoming:
    return Incoming(200, list(headers), _nothing())


@pytest.mark.parametrize(
    ("kind", "readable"),
    [
        ("application/json", True),
        ("text/plain; charset=UTF-8", True),
        ("text/plain; charset='us-ascii'", True),
        ("text/plain;charset=latin1", False),
        ("text/plain; charset=utf-8; charset=utf-16", False),
        ("text/html; Charset = utf-7", False),
    ],
)
def test_only_utf_8_is_read(kind: str, readable: bool) -> None:
    assert _incoming(("content-type", kind)).in_utf8 is readable


def test_two_types_are_none() -> None:
    kinds = [("content-type", "text/plain"), ("content-type", "text/plain")]
    assert not _incoming(*kinds).in_utf8


def test_headers_of_a_connection_or_of_the_old_body_stay_behind() -> None:
    headers: Headers = [
        ("connection", "close, X-Hop"),
        ("x-hop", "1"),
        ("x-guard-verdict", "allow"),
        ("etag", "e"),
        ("content-length", "3"),
        ("x-own", "2"),
        ("set-cookie", "a"),
        ("set-cookie", "b"),
    ]
    kept = [("x-own", "2"), ("set-cookie", "a"), ("set-cookie", "b")]
    incoming = _incoming(*headers)
    assert incoming.for_client(changed=True) == kept
    assert incoming.for_client(changed=False) == [("etag", "e"), ("content-length", "3"), *kept]
