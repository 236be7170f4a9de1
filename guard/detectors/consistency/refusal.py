"""A reply that is nothing but a refusal, where an answer was due.

Rule of the file: the whole reply must be one; a refusal inside an answer is another rule's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from guard.types import Exchange

REPLY_MAX_CHARS = 600  # a longer one says more than no

_BEFORE = (
    r"(?:(?:i['’]?m|i am) (?:really |very |truly |so )?(?:sorry|afraid)\b[,.!]?|sorry\b[,.!]?|"
    r"(?:i )?apologi[sz]e[^.]{0,40}[,.]|unfortunately,?|thank you for[^.]{0,60}\.|"
    r"i understand[^.]{0,80}[.,])?\s*(?:but |that |however,? )?(?:as an ai[^,.]{0,40}, )?"
)
_NO = (
    r"(?:(?:i['’]?m|i am) (?:not able|unable) to|i can(?:['’]t|not| not)|i won['’]t|i will not|"
    r"i (?:must|have to) (?:decline|refuse)|i(?:['’]m| am) not (?:comfortable|going to)|"
    r"(?:this|that|your) request (?:is|goes|would|violates))\b(?: be able to)?(?: \w+){0,3}? ?"
)
_WHAT = (
    r"(?:help|assist|provide|answer|comply|fulfil+|do that|do this|discuss|create|generate|write|"
    r"support|engage|continue|share|give|process|violat|against|not allowed|offer|respond|"
    r"participate|produce)"
)
_REFUSAL = re.compile(rf"\s*{_BEFORE}{_NO}{_WHAT}", re.I)

_GOES_ON = re.compile(
    r"\b(?:however|instead|but (?!i |i['’]|that |this |as |your |unfortunately)|but i can (?!not)|"
    r"i can (?:say|tell|offer|provide|suggest|help you)|here (?:is|are)|to (?:answer|make|do) )\b",
    re.I,
)


def refusal(text: str, exchange: Exchange) -> Iterator[tuple[int, int]]:
    """The whole reply, if it is a refusal."""
    if len(text) <= REPLY_MAX_CHARS and _REFUSAL.match(text) and not _GOES_ON.search(text):
        yield len(text) - len(text.lstrip()), len(text.rstrip())
