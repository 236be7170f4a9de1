"""Two versions of the rules on the same texts: which decisions differ, and by which rules.

Rule of the file: both judge the whole texts by the same way, so that only the rules can make the
difference; what is told has ids, verdicts, rules and spans, and never a text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from guard import jsontext
from guard.inspector import Inspector
from guard.policy import strongest
from guard.types import Exchange, Finding, Verdict

FINDINGS_MAX = 20  # of one decision: more tell nothing more

Row = dict[str, Any]


def difference(
    live: Inspector, other: Inspector, exchange: Exchange, texts: Mapping[str, str]
) -> Row:
    """The verdicts of two versions on a reply; `differ` says whether they are not the same.

    `only` are the findings that one of them counts and the other does not.
    """
    now, then = judge(live, exchange, texts), judge(other, exchange, texts)
    first, second = _found(now), _found(then)
    only = [
        {"version": version, "channel": channel, "rule": rule, "start": start, "end": end}
        for version, here, there in (("live", first, second), ("other", second, first))
        for channel, rule, start, end in sorted(here - there)
    ]
    live_action, other_action = (_action(verdicts) for verdicts in (now, then))
    return {
        "id": exchange.id,
        "route": exchange.route,
        "live": live_action,
        "other": other_action,
        "differ": live_action != other_action or _masks(now) != _masks(then),
        "only": only[:FINDINGS_MAX],
    }


def judge(
    inspector: Inspector, exchange: Exchange, texts: Mapping[str, str]
) -> list[tuple[str, Verdict]]:
    """The verdict on every text of a reply; strings inside JSON are texts of their own."""
    return [
        (name, inspector.judge_text(exchange, name, text))
        for channel, whole in texts.items()
        for name, text in _texts(channel, whole)
    ]


def told(rows: Sequence[Row], *, texts: int) -> str:
    """The differences for people."""
    lines = [f"{len(rows)} of {texts} decisions would differ"]
    steps = Counter((row["live"], row["other"]) for row in rows)
    lines += [f"  {live} → {other}: {count}" for (live, other), count in steps.most_common()]
    for row in rows:
        lines.append(f"{row['id']}  {row['live']} → {row['other']}")
        for one in row["only"]:
            sign = "+" if one["version"] == "other" else "-"
            lines.append(f"  {sign} {one['rule']} at {one['channel']} {one['start']}-{one['end']}")
    return "\n".join(lines)


def _texts(channel: str, text: str) -> Iterable[tuple[str, str]]:
    if text[:1] in ("{", "["):
        try:
            value = jsontext.parse(text)
        except jsontext.UnreadableError:
            return [(channel, text)]
        found = jsontext.strings(value, keys=True)
        return [(f"{channel}#/{'/'.join(map(str, path))}", inner) for path, inner in found]
    return [(channel, text)]


def _action(verdicts: Sequence[tuple[str, Verdict]]) -> str:
    return strongest(verdict for _, verdict in verdicts).action.word


def _masks(verdicts: Sequence[tuple[str, Verdict]]) -> list[tuple[str, tuple[int, int]]]:
    return [(channel, mask) for channel, verdict in verdicts for mask in sorted(verdict.masks)]


def _found(verdicts: Sequence[tuple[str, Verdict]]) -> set[tuple[str, str, int, int]]:
    def key(channel: str, one: Finding) -> tuple[str, str, int, int]:
        return channel, one.rule, one.start, one.end

    return {key(channel, one) for channel, verdict in verdicts for one in verdict.findings}
