"""How ``lab.logs --merge`` looks: time, node, who says it, what; a colour for each node."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from time import localtime, strftime
from typing import TYPE_CHECKING

from cli import console

if TYPE_CHECKING:
    from lab.node.logs import Entry, Merged

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)  # ANSI foregrounds; red is for errors elsewhere
_LAB = "lab"


def log_lines(entries: Iterable[Entry]) -> None:
    """One line for each entry, printed as it comes."""
    colour_of: dict[str, int] = {}
    coloured = console.colours(sys.stdout)
    for entry in entries:
        who = entry.node or _LAB
        text = entry.text
        if entry.event is not None:
            text = console.describe(entry.event) or text
        at = f"{strftime('%H:%M:%S', localtime(entry.at))}.{int(entry.at % 1 * 1000):03}"
        line = f"{at}  {who:<4}  {entry.source}: {text}"
        if coloured:
            code = colour_of.setdefault(who, _COLOURS[len(colour_of) % len(_COLOURS)])
            line = f"\033[1m{line}\033[0m" if entry.event is not None else f"\033[{code}m{line}\033[0m"
        console.out(line)


def clock_notes(found: Merged) -> None:
    """On standard error: what was corrected, and whose lines are missing."""
    for node, offset in found.offsets.items():
        where = "ahead of" if offset.ahead >= 0 else "behind"
        console.note(f"{node}: its clock is {abs(offset.ahead):.3f} s {where} the host's (+-{offset.error:.3f} s); "
                     "its lines are moved by that")
    for note in found.notes:
        console.note(note)
