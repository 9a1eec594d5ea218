"""How ``chaos.*`` and ``report.*`` show their results."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from cli import console
from cli.views.plain import as_json, plain

if TYPE_CHECKING:
    from chaos.journal import Entry, Healing
    from chaos.runs import RunSummary
    from chaos.scenario import Scenario
    from chaos.verdict import Verdict


def scenario_list(scenarios: list[Scenario], format: str) -> None:
    rows = [
        {"name": item.name, "teaches": item.teaches, "tags": list(item.tags), "needs": plain(item.needs)}
        for item in scenarios
    ]
    if not as_json({"scenarios": rows}, format):
        console.table(
            ("SCENARIO", "TEACHES"), [(item.name, " ".join(item.teaches.split())) for item in scenarios]
        )


def scenario_view(scenario: Scenario, format: str) -> None:
    if as_json(scenario, format):
        return
    console.out(scenario.name)
    for text in (scenario.description, scenario.teaches):
        console.out("")
        console.out(textwrap.fill(" ".join(text.split()), 90, initial_indent="  ", subsequent_indent="  "))
    console.out("")
    console.table(("STEP", ""), [(step.word, _fields(plain(step))) for step in scenario.steps])
    console.out("")
    console.table(("SLA", "LIMIT"), list(scenario.sla.items()))


def _fields(values: dict[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in values.items() if value not in ({}, None))


def verdict_view(verdict: Verdict, format: str) -> None:
    """The verdict, the window of each service against its bounds, what failed, and where the run lies."""
    if as_json(verdict.to_json(), format):
        return
    console.out(f"{verdict.result.value}  {verdict.scenario}  target: {', '.join(verdict.target) or 'none'}")
    if verdict.windows:
        console.out("")
        console.table(
            ("SERVICE", "AWAY", "BOUNDS", "SLA"),
            [
                (
                    name,
                    _seconds(one.seconds),
                    f"{_seconds(one.bound_low)} to {_seconds(one.bound_high)}",
                    _seconds(one.sla),
                )
                for name, one in verdict.windows.items()
            ],
        )
    console.out("")
    for finding in verdict.findings:
        mark = "skip" if finding.skipped else "ok  " if finding.ok else "FAIL"
        console.out(f"{mark}  {finding.id}  {finding.title}: {finding.evidence}")
    console.out("")
    if verdict.converged_seconds is not None:
        console.out(f"whole again {verdict.converged_seconds:.1f} s after the fault")
    console.out(f"run: {verdict.run_dir}")


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"


def unhealed_list(left: list[Entry], format: str) -> None:
    if as_json({"unhealed": left}, format):
        return
    if not left:
        console.out("no fault is open")
    for entry in left:
        console.out(f"not healed: {_fault(entry)}")


def heal_result(healed: list[Healing], format: str) -> None:
    if as_json({"healed": healed}, format):
        return
    if not healed:
        console.out("there was nothing to heal")
    for healing in healed:
        console.out(f"healed: {_fault(healing.entry)}: {healing.proof.evidence}")


def _fault(entry: Entry) -> str:
    return f"{entry.fault} on {', '.join(entry.target.nodes) or 'the lab'}"


def run_list(runs: list[RunSummary], format: str) -> None:
    if as_json({"runs": runs}, format):
        return
    if not runs:
        console.out("there are no runs yet")
        return
    console.table(
        ("RUN", "SCENARIO", "VERDICT"), [(run.name, run.scenario, run.verdict or "cut off") for run in runs]
    )
