"""Masks: as many stars as code points, wherever the piece begins."""

from guard.masking import mask


def test_spans_count_from_the_channels_start() -> None:
    assert mask("call 😀55 now", [(5, 8)]) == "call *** now"
    assert mask("55 now", [(5, 8), (9, 20)], start=6) == "** ***"
    assert mask("clean", [(50, 60)]) == "clean"
