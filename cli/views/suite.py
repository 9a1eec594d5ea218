"""How ``chaos.suite`` and ``chaos.lint`` show their results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import console
from cli.views.plain import as_json

if TYPE_CHECKING:
    from chaos.lint import Remark
    from chaos.suitefolder import SuiteResult
    from chaos.verdict import Verdict

_MARKS = {"ok": "ok   ", "contradiction": "BAD  ", "remark": "note ", "unread": "?    "}


def suite_line(verdict: Verdict, format: str) -> None:
    """One verdict, as soon as it is there."""
    if format != "json":
        console.out(f"{verdict.word:7} {verdict.scenario}")


def suite_view(result: SuiteResult, format: str) -> None:
    """The table at the end, what has not run, what was left out, and where everything lies."""
    if as_json(result.to_json(), format):
        return
    _table(result)
    console.out(f"{result.result.value}  suite {result.suite}: {len(result.verdicts)} runs in {result.seconds:.0f} s")
    console.out(f"suite: {result.folder} (report.html, junit.xml and suite.json there)")


def stopped_view(result: SuiteResult, format: str) -> None:
    """What a suite has that was stopped; as JSON its one document is the error that follows."""
    if format == "json":
        return
    _table(result)
    console.out(f"stopped  suite {result.suite}: {result.progress}")
    console.out(f"go on: {result.resume}")


def _table(result: SuiteResult) -> None:
    console.out("")
    console.table(("VERDICT", "SCENARIO", "TARGET", "LONGEST OUTAGE", "BOUND", "WHOLE AGAIN"),
                  [_row(one) for one in result.verdicts])  # fmt: skip
    for name in result.missing:
        console.out(f"not run: {name}")
    for one in result.left_out:
        console.out(f"left out: {one.scenario}: {one.why}")
    console.out("")


def _row(verdict: Verdict) -> tuple[str, ...]:
    worst = max(verdict.windows.values(), key=lambda window: window.seconds, default=None)
    bounded = worst is not None and worst.bound_high is not None
    return (
        verdict.word,
        verdict.scenario,
        ", ".join(verdict.target) or "-",
        f"{worst.seconds:.2f} s ({worst.service})" if worst else "-",
        f"{worst.bound_low:.1f} to {worst.bound_high:.1f} s" if worst and bounded else "-",
        "no" if verdict.converged_seconds is None else f"{verdict.converged_seconds:.0f} s",
    )


def lint_view(remarks: tuple[Remark, ...], format: str) -> None:
    if as_json({"rules": remarks}, format):
        return
    for one in remarks:
        console.out(f"{_MARKS[one.level]}{one.rule}: {one.what}")
        if one.remedy:
            console.out(f"       try: {one.remedy}")
