"""How ``chaos.*`` and ``report.*`` show their results."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from cli import console
from cli.views.plain import as_json, plain

_CLAUSE = "; "  # between the clauses of a check's evidence

if TYPE_CHECKING:
    from chaos.journal import Entry, Healing
    from chaos.model import Finding
    from chaos.preview import Preview
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


def scenario_view(scenario: Scenario, seen: Preview | None, format: str) -> None:
    if as_json({**plain(scenario), **({"lab": plain(seen)} if seen else {})}, format):
        return
    console.out(scenario.name)
    for text in (scenario.description, scenario.teaches):
        console.out("")
        console.out(textwrap.fill(" ".join(text.split()), 90, initial_indent="  ", subsequent_indent="  "))
    console.out("")
    console.table(("STEP", ""), [(step.word, _fields(plain(step))) for step in scenario.steps])
    console.out("")
    console.table(("SLA", "LIMIT"), list(scenario.sla.items()))
    if scenario.expect.checks:
        console.out("")
        console.out(f"expected: {scenario.expect.verdict.value}, found by {', '.join(scenario.expect.checks)}")


    if seen:
        _preview(seen)


def _preview(seen: Preview) -> None:
    from chaos.report.page import shown_timers

    console.out("")
    console.table(("FAULT", "ON THIS LAB"), list(seen.targets))
    console.out("")
    rows = []
    for name, promise in seen.promises.items():
        bound = seen.bounds.known.get(name)
        rows.append((name, f"{_seconds(bound.low)} to {_seconds(bound.high)}" if bound else "-",
                     _seconds(promise.seconds), bound.why if bound else seen.bounds.missing[name]))  # fmt: skip
    console.table(("SERVICE", "MAY BE AWAY", "SLA", "BECAUSE"), rows)
    console.out("")
    console.table(("TIMER", "NOW"), list(shown_timers(seen.timers).items()))
    for note in seen.notes:
        console.out(f"not read: {note}")


def _fields(values: dict[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in values.items() if value not in ({}, None))


def verdict_view(verdict: Verdict, format: str) -> None:
    """The verdict, the window of each service against its bounds, one line for each check, where the
    run lies, and at the end why it did not pass."""
    if as_json(verdict.to_json(), format):
        return
    console.out(f"{verdict.word}  {verdict.scenario}  target: {', '.join(verdict.target) or 'none'}")
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
        console.out(console.shorten(_line(finding), console.width()))
    console.out("")
    if verdict.converged_seconds is not None:
        console.out(f"whole again {verdict.converged_seconds:.1f} s after the fault")
    page = "report.html" if (verdict.run_dir / "report.html").exists() else "verdict.json"
    console.out(f"run: {verdict.run_dir} ({page} there has all evidence)")
    if verdict.result.exit_code or verdict.exit_code:
        _reason(verdict)


def _line(finding: Finding) -> str:
    """A check in one line: the first clause of its evidence."""
    mark = "skip" if finding.skipped else "ok  " if finding.ok else "FAIL"
    first, more, _ = finding.evidence.partition(_CLAUSE)
    return f"{mark}  {finding.id}  {finding.title}: {first}{' ...' if more else ''}"


def _reason(verdict: Verdict) -> None:
    """Why it did not pass, at the very end, where the eye is."""
    from chaos.model import Result
    from chaos.report.page import headline

    # Checks of a run that the tool broke off lack data; that is no news about the cluster.
    failed = [one for one in verdict.findings if not one.ok and verdict.result is not Result.BROKEN]
    for finding in failed:
        console.out("")
        console.out(f"{finding.id}  {finding.title}")
        for clause in finding.evidence.split(_CLAUSE):
            console.out(_wrapped(clause, "  ", "    "))
    console.out("")
    word = verdict.word
    console.out(_wrapped(headline(verdict), f"{word}  ", " " * (len(word) + 2)))


def _wrapped(text: str, first: str, rest: str) -> str:
    return textwrap.fill(text, console.width(), initial_indent=first, subsequent_indent=rest,
                         break_long_words=False, break_on_hyphens=False)  # fmt: skip


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
        helped = f" ({healing.helped})" if healing.helped else ""
        console.out(f"healed: {_fault(healing.entry)}: {healing.proof.evidence}{helped}")


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
