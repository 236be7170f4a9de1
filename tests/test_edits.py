"""A reviewer's edits, put into replies of every dialect."""

from typing import Any

import pytest

from guard import jsontext
from guard.dialects import choose
from guard.edits import EditError, check_edits, released_reply
from guard.types import Exchange, ReviewItem
from tests.formats import FORMATS


def _item(name: str, value: Any, released: dict[str, int] | None = None) -> ReviewItem:
    dialect = choose(FORMATS[name].path).name
    exchange = Exchange("x", 0.0, dialect=dialect)
    reply = jsontext.dump(value) if not isinstance(value, str) else value.encode()
    return ReviewItem("x", exchange, reply, "", {}, {}, released or {}, 0.0)


@pytest.mark.parametrize("name", FORMATS)
def test_an_edit_takes_the_place_of_its_text_alone(name: str) -> None:
    shape = FORMATS[name]
    spoken = [channel for channel in shape.channels if channel not in shape.json_channels]
    before = {channel: f"Text of {channel}." for channel in spoken}
    item = _item(name, shape.plain(before))
    edits = {spoken[0]: "Another."}
    check_edits(item, edits)
    expected = shape.plain(before | edits)
    if name == "anthropic":
        del expected["content"][0]["signature"]  # it signed what was there before
    assert released_reply(item, edits) == jsontext.parse(jsontext.dump(expected))
    assert released_reply(item, {}) == jsontext.parse(jsontext.dump(shape.plain(before)))


def test_a_text_that_is_not_there_cannot_be_edited() -> None:
    item = _item("chat", FORMATS["chat"].plain({"choices/0/content": "Hello."}))
    with pytest.raises(EditError, match="it has: choices/0/content"):
        check_edits(item, {"choices/3/content": "x"})


def test_what_has_left_stays() -> None:
    value = FORMATS["chat"].plain({"choices/0/content": "Hello. Bad."})
    item = _item("chat", value, {"choices/0/content": 7})
    check_edits(item, {"choices/0/content": "Hello. Good."})
    with pytest.raises(EditError, match="first 7 characters"):
        check_edits(item, {"choices/0/content": "Good."})


def test_plain_text_is_edited_too() -> None:
    item = _item("chat", "Hello, [name].")
    assert released_reply(item, {"text": "Hello."}) == "Hello."
