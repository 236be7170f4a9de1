"""The strings inside JSON: none hides, and each goes back to its place."""

import pytest

from guard import jsontext


def test_values_of_a_doubled_key_are_all_found() -> None:
    value = jsontext.parse('{"a": "one", "a": {"b": "two"}}')
    assert [text for _, text in jsontext.strings(value)] == ["one", "two"]


def test_keys_with_blanks_are_texts() -> None:
    value = jsontext.parse('{"a b": [1, "c"]}')
    assert [text for _, text in jsontext.strings(value)] == ["a b", "c"]


@pytest.mark.parametrize("text", ["", "{", "[" * 5000, "[" * 300 + "]" * 300, b"\xff"])
def test_what_cannot_be_judged_is_refused(text: str | bytes) -> None:
    with pytest.raises(jsontext.UnreadableError):
        jsontext.parse(text)


def test_lone_surrogates_survive() -> None:
    assert jsontext.parse(jsontext.dump(jsontext.parse('["\\ud800"]'))) == ["\ud800"]


def test_a_text_is_put_in_its_place() -> None:
    value = {"a": [{"b": "x"}], "k k": 1}
    assert jsontext.put(value, ("a", 0, "b"), "y")["a"] == [{"b": "y"}]
    assert jsontext.put(value, ("k k", jsontext.KEY), "z") == {"a": [{"b": "y"}], "z": 1}
    assert jsontext.put("old", (), "new") == "new"
