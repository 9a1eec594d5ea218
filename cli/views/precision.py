"""How ``chaos.bench`` shows how exact the measurements are, and what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import console
from cli.views.plain import as_json, plain

if TYPE_CHECKING:
    from chaos.bench import Precision


def precision_view(result: Precision, format: str) -> None:
    known = [{"seconds": seconds, "outages": [{**plain(one), "error": one.error} for one in found]}
             for seconds, found in result.outages.items()]
    if as_json({"outages": known, "costs": result.costs}, format):
        return
    console.table(("OUTAGE", "TIMES", "LEAST ERROR", "WORST ERROR", "LONGEST WINDOW"), [
        (f"{seconds:.2f} s", len(found), f"{min((one.error for one in found), key=abs) * 1000:+.1f} ms",
         f"{max((one.error for one in found), key=abs) * 1000:+.1f} ms",
         f"{max(one.window - one.true for one in found) * 1000:+.1f} ms")
        for seconds, found in result.outages.items()])  # fmt: skip
    console.out("")
    console.table(("PROBE", "TARGET", "OF A CORE", "SLOTS", "IN 10 MS", "LATEST"), [
        (one.probe, "hangs" if one.hung else "answers", f"{one.core:.1%}", one.slots, f"{one.on_time:.2%}",
         f"{one.worst * 1000:.0f} ms") for one in result.costs])  # fmt: skip
    for hung in (False, True):
        total = sum(one.core for one in result.costs if one.hung is hung)
        console.out(f"all together, targets {'hang' if hung else 'answer'}: {total:.1%} of one core")
