"""From findings to one word, and the document that ``chaos.run --format=json`` prints.

Order of precedence, and why:

1. A safety check that found a violation makes the run FAIL, whatever else is wrong with it:
   two holders of one address were seen, and neither a starved probe nor an unproven heal
   makes them one.
2. A run in which the tool itself failed is BROKEN.
3. Any failed validity finding makes it INVALID, also when a liveness check failed: a late
   probe or an overloaded host produces long windows all by itself.
4. A failed liveness check makes it FAIL.
5. Otherwise PASS.

What a scenario expects changes no verdict; it says whether the verdict keeps the scenario's promise.

A safety check that applies but lacks its data counts as a failed validity finding
(:func:`chaos.checks.unjudged`), so silence never passes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.checks import all_checks
from chaos.measure import Phase, Window, phases, windows
from chaos.model import Finding, Result
from chaos.recording import Recording

VERDICT_FILE = "verdict.json"


@dataclass(frozen=True)
class Verdict:
    """What one run says.  ``phases`` carry epoch seconds; ``converged_seconds`` counts from the fault;
    ``error`` is why the tool gave up, if it did."""

    scenario: str
    result: Result
    target: tuple[str, ...]
    windows: dict[str, Window]
    findings: tuple[Finding, ...]
    phases: tuple[Phase, ...]
    inject_begin: float | None
    converged_seconds: float | None
    run_dir: Path
    error: str = ""
    expect: Result = Result.PASS
    expect_checks: tuple[str, ...] = ()
    expect_also: tuple[str, ...] = ()

    @property
    def kept(self) -> bool:
        """Whether the run ended as its scenario says it must."""
        if self.result is not self.expect:
            return False
        failed = [one for one in self.findings if not one.ok and not one.skipped]
        # A check without its data keeps its id and is a validity finding: it has found nothing.
        violated = {one.id: one.kind for one in failed if one.kind != "validity"}
        known = (*self.expect_checks, *self.expect_also)
        surprises = [name for name, kind in violated.items() if kind == "safety" and name not in known]
        return len(violated) == len(failed) and not surprises and set(self.expect_checks) <= set(violated)

    @property
    def counted(self) -> Result:
        """As suites and test reports count it: PASS for what was expected, FAIL for a PASS that was not."""
        if self.kept:
            return Result.PASS
        return Result.FAIL if self.result is Result.PASS else self.result

    @property
    def exit_code(self) -> int:
        return self.counted.exit_code

    @property
    def word(self) -> str:
        """The verdict for a person, with what is odd about it."""
        if self.expect is Result.PASS:
            return self.result.value
        return f"{self.result.value} {'as expected' if self.kept else 'but expected otherwise'}"

    def to_json(self) -> dict[str, Any]:
        """The shape that other commands build on; phases in seconds from the fault, or null."""
        begin = self.inject_begin
        return {
            "scenario": self.scenario,
            "verdict": self.result.value,
            "expected": {"verdict": self.expect.value, "checks": list(self.expect_checks)},
            "kept": self.kept,
            "error": self.error,
            "target": list(self.target),
            "windows": {name: {"seconds": _round(window.seconds), "before_heal": _round(window.before_heal),
                               "bound_low": _round(window.bound_low), "bound_high": _round(window.bound_high),
                               "sla": _round(window.sla)}
                        for name, window in self.windows.items()},
            "checks": [{"id": one.id, "kind": one.kind, "ok": one.ok, "skipped": one.skipped,
                        "evidence": one.evidence} for one in self.findings],
            "phases": {step.name: None if step.at is None or begin is None else _round(step.at - begin)
                       for step in self.phases},
            "converged_seconds": _round(self.converged_seconds),
            "run_dir": str(self.run_dir),
        }


def decide(findings: Iterable[Finding], error: str = "") -> Result:
    """The word for these findings; ``error`` says why the tool gave up, if it did."""
    failed = {finding.kind for finding in findings if not finding.ok and not finding.skipped}
    if "safety" in failed:
        return Result.FAIL
    if error:
        return Result.BROKEN
    if "validity" in failed:
        return Result.INVALID
    return Result.FAIL if "liveness" in failed else Result.PASS


def verdict_of(run: Recording) -> Verdict:
    """Pure: nothing is read or written."""
    facts = run.facts
    findings = tuple(check.judge(run) for check in all_checks())
    converged = (facts.converged_at - facts.inject_begin
                 if facts.converged_at is not None and facts.inject_begin is not None else None)
    return Verdict(facts.scenario, decide(findings, facts.error), facts.target, windows(run), findings,
                   phases(run), facts.inject_begin, converged, run.run_dir, facts.error,
                   Result(facts.expect), facts.expect_checks, facts.expect_also)


def judge(run_dir: Path) -> Verdict:
    """Judge the folder of a run and write ``verdict.json`` into it; works on old runs too.

    Raises RefusedError when the folder holds no facts.
    """
    verdict = verdict_of(Recording.load(run_dir))
    temporary = run_dir / (VERDICT_FILE + ".new")
    temporary.write_text(json.dumps(verdict.to_json(), indent=1) + "\n")
    temporary.replace(run_dir / VERDICT_FILE)
    return verdict


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
