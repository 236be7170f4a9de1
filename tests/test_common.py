"""What all dialects share: strings found, frames kept, and what must not outlive a mask."""

from typing import Any

from guard.dialects import Request
from guard.dialects.common import JSONReply, framed, reframed
from guard.gate import Leaving
from guard.sse import Event, SSEDecoder


def _found(value: Any) -> list[str]:
    return [fragment.text for fragment in JSONReply(Request()).read_plain(value).fragments]


def test_every_string_is_found_but_data_urls() -> None:
    assert _found({"a": ["x", 1, None, {"b": "y"}], "c d": "z"}) == ["x", "y", "c d", "z"]
    assert _found({"u": "data:image/png;base64,iVBO+/=="}) == []
    assert _found({"u": "data:image/png;base64,iVBO rude words"}) != []


def test_what_a_model_wrote_has_no_opaque_fields_and_its_keys_are_text() -> None:
    assert _found({"input": {"id": "x"}}) == ["id", "x"]


def test_names_are_not_shared_by_two_strings() -> None:
    class Same(JSONReply):
        def plain_channel(self, value: Any, path: Any) -> str:
            return "one"

    reading = Same(Request()).read_plain(["a", "b"])
    assert [fragment.channel for fragment in reading.fragments] == ["one", "one'"]


def test_what_speaks_of_a_masked_text_goes_with_it() -> None:
    part = {"text": "secret", "annotations": [{"title": "t"}], "logprobs": {"content": []}}
    reply = JSONReply(Request())
    reading = reply.read_plain({"output": [part], "logprobs": [1]})
    texts = tuple("*" if f.text == "secret" else f.text for f in reading.fragments)
    value = reply.rewritten(Leaving(Event(b"", None), reading, texts))
    assert value == {
        "output": [{"text": "*", "annotations": [], "logprobs": None}],
        "logprobs": [],
    }


def test_an_event_keeps_its_frame() -> None:
    raw = b": note\r\nid: 7\r\nevent: delta\r\ndata:  {}\r\n\r\n"
    event = next(SSEDecoder(limit_bytes=100).feed(raw))
    assert reframed(event, b'{"a":1}') == raw.replace(b" {}", b'{"a":1}')
    several = next(SSEDecoder(limit_bytes=100).feed(b"event: e\ndata: a\ndata: b\n\n"))
    assert reframed(several, b"c\nd") == b"event: e\ndata: c\ndata: d\n\n"
    assert framed(b"{}") == b"data: {}\n\n"
