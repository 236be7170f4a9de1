"""A reply in another language, or script, than it was asked in.

Rule of the file: silent where either language cannot be told, or where the question names one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from guard.language import guess
from guard.types import Exchange

REPLY_MIN_CHARS = 60  # a shorter one may be a name or a quotation
SURE_WORDS = 3  # small words of a language, before a whole reply is said to be in it

_NAMED = re.compile(
    r"translat|übersetz|tradu|перев|翻译|翻譯|訳|번역|\b(?:english|german|french|spanish|italian|"
    r"portuguese|dutch|swedish|danish|norwegian|polish|turkish|romanian|indonesian|russian|greek|"
    r"arabic|hebrew|hindi|bengali|tamil|thai|japanese|korean|chinese|mandarin|cantonese|latin|"
    r"deutsch|englisch|französisch|spanisch|anglais|français|allemand|espagnol|inglés|español|"
    r"alemán|francés|inglese|italiano|inglês|português|engels|language|sprache|langue|idioma|"
    r"lingua|lyrics|poem|song)\b|英語|日本語|中文|英文|한국어|영어|по-|англий|русск|हिन्दी|अंग्रेज़ी",
    re.I,
)


def other_language(text: str, exchange: Exchange) -> Iterator[tuple[int, int]]:
    """The whole reply, if it is in the wrong language."""
    if len(text) < REPLY_MIN_CHARS or not exchange.prompt:
        return
    asked, told = (guess(one, least=SURE_WORDS) for one in (exchange.prompt, text))
    if not asked or not told or asked == told:
        return
    if not _NAMED.search(exchange.prompt) and not _NAMED.search(exchange.system):
        yield 0, len(text)
