"""How ``bench`` shows its measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import console
from cli.views.plain import as_json, plain

if TYPE_CHECKING:
    from lab.ops.bench import Bench


def bench_view(results: list[Bench], format: str) -> None:
    rows = [{**plain(result), "median": result.median, "worst": result.worst} for result in results]
    if as_json({"rows": rows}, format):
        return
    console.table(
        ("STYLE", "NODES", "BOOT ALONE", "LAB.UP", "MEDIAN", "WORST", "MB"),
        [(one.style, one.nodes, f"{one.bare:.1f}", " ".join(f"{s:.1f}" for s in one.seconds), f"{one.median:.1f}",
          f"{one.worst:.1f}", one.memory_mb) for one in results],
    )
