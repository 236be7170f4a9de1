"""Everyday text of any length, in which no sentence comes twice: nothing in it for any rule."""

from __future__ import annotations

from itertools import count, islice

_WHAT = (
    "ledger",
    "invoice",
    "letter",
    "garden",
    "window",
    "report",
    "recipe",
    "lesson",
    "bridge",
    "parcel",
)
_WHOSE = (
    "baker",
    "teacher",
    "clerk",
    "farmer",
    "doctor",
    "tailor",
    "painter",
    "driver",
    "gardener",
    "sailor",
)
_DONE = (
    "checked",
    "painted",
    "opened",
    "moved",
    "cleaned",
    "mended",
    "written",
    "folded",
    "copied",
    "shown",
)
_WHEN = (
    "morning",
    "noon",
    "dusk",
    "spring",
    "summer",
    "autumn",
    "winter",
    "breakfast",
    "lunch",
    "dinner",
)
_WHERE = (
    "house",
    "yard",
    "market",
    "harbour",
    "office",
    "kitchen",
    "station",
    "museum",
    "library",
    "mill",
)


def prose(chars: int) -> str:
    """About as many characters as asked for, and at least so many."""
    text, parts = 0, []
    for number in islice(count(), 100_000):
        one, two, three, four, five = (number // 10**at % 10 for at in range(5))
        parts.append(
            f"The {_WHAT[one]} of the {_WHOSE[two]} was {_DONE[three]} before {_WHEN[four]} "
            f"in the {_WHERE[five]}. "
        )
        text += len(parts[-1])
        if text >= chars:
            return "".join(parts)
    raise ValueError(f"{chars} characters are more than there are sentences")
