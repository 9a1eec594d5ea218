"""How ``bench`` shows its measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import console
from cli.views.plain import as_json, plain

if TYPE_CHECKING:
    from lab.bench import Bench


def bench_view(result: Bench, format: str) -> None:
    if as_json({**plain(result), "median": result.median, "worst": result.worst}, format):
        return
    console.out(
        f"{result.style}, {result.nodes} nodes: lab.up took "
        + ", ".join(f"{s:.1f}" for s in result.seconds)
        + f" s; median {result.median:.1f} s, worst {result.worst:.1f} s"
    )
