"""How ``chaos.*`` and ``report.*`` show their results."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from cli import console
from cli.views.plain import as_json, plain

if TYPE_CHECKING:
    from chaos.journal import Entry, Healing
    from chaos.scenario import Scenario


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


def verdict_view(verdict: Any, format: str) -> None:
    """A run's verdict in the shape of docs/commands.md; ``summary()`` gives that shape."""
    shape = verdict.summary()
    if as_json(shape, format):
        return
    console.out(f"{shape['verdict']}  {shape['scenario']}  target: {', '.join(shape['target'])}")
    console.out("")
    console.table(
        ("SERVICE", "DOWN", "BOUNDS", "SLA"),
        [
            (
                service,
                f"{window['seconds']:.2f} s",
                f"{window['bound_low']:.2f}..{window['bound_high']:.2f} s",
                f"{window['sla']:.2f} s",
            )
            for service, window in shape["windows"].items()
        ],
    )
    console.out("")
    for check in shape["checks"]:
        console.out(f"{'ok  ' if check['ok'] else 'FAIL'}  {check['id']}: {check['evidence']}")
    console.out(f"report: {shape['run_dir']}")


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


def run_list(runs: list[Any], format: str) -> None:
    if as_json({"runs": runs}, format):
        return
    if not runs:
        console.out("there are no runs yet")
        return
    console.table(("RUN", "SCENARIO", "VERDICT"), [(run.name, run.scenario, run.verdict) for run in runs])
