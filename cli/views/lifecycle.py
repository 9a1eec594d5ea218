"""How ``lab.stop``, ``lab.start`` and ``lab.resume`` show their results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import console
from cli.views.plain import as_json

if TYPE_CHECKING:
    from lab.ops.resume import ResumeResult
    from lab.ops.start import StartResult
    from lab.ops.stop import StopResult


def stopped(result: StopResult, format: str) -> None:
    if as_json(result, format):
        return
    console.out(f"lab '{result.lab}' is stopped after {result.seconds:.1f} s")
    for node in result.forced:
        console.out(f"{node} did not shut down in time: its power was cut")


def started(result: StartResult, format: str) -> None:
    if not as_json(result, format):
        console.out(f"lab '{result.lab}' is healthy after {result.seconds:.1f} s")


def resumed(result: ResumeResult, format: str) -> None:
    if not as_json(result, format):
        now = "healthy" if result.gates else "stopped"
        console.out(f"lab '{result.lab}': {result.found}; it is {now} after {result.seconds:.1f} s")
