"""How ``lab.gc`` shows what it found and what it removed."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING

from cli import console
from cli.views.plain import as_json, plain

if TYPE_CHECKING:
    from lab.ops.gc import Leftover


def leftovers(found: list[Leftover], removed: Set[Leftover], asked: bool, format: str) -> None:
    if as_json({"leftovers": [{**plain(one), "removed": one in removed} for one in found]}, format):
        return
    if not found:
        console.out("nothing is left that belongs to no lab")
        return
    state = {True: "removed", False: "still in use" if asked else ""}
    rows = [(one.kind, one.name, one.what, state[one in removed]) for one in found]
    console.table(("KIND", "NAME", "WHAT", ""), rows)
