"""The runner with everything below it faked but the journal, the faults, the driver and the facts."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import chaos.runner as runner
from chaos import audit, pacemaker, preview
from chaos.facts import PrimarySighting, Roles, SqlAudit, Timers
from chaos.model import Proof, Result
from chaos.probes.fleet import ProbeExit
from chaos.scenario import Scenario, load_scenario
from chaos.timers import Reading
from lab import gates, interrupt
from lab.gates import GateResult
from lab.lab import Lab

GREEN = [GateResult("power", True, 0.1, "3 of 3"), GateResult("vip", True, 0.1, "on n1")]
RED = [GREEN[0], GateResult("vip", False, 0.1, "on no node")]


class FakeFleet:
    """Probes that always work; ``log`` is shared with everything else that a test orders."""

    log: list[str]
    lives = True

    def __init__(self, _folder: Path) -> None: ...

    def __enter__(self) -> FakeFleet:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, *_: object, **__: object) -> None:
        self.log.append("probes start")

    def alive(self) -> dict[str, bool]:
        return {"vip_tcp": self.lives}

    exits: tuple[ProbeExit, ...] = ()

    def stop(self) -> tuple[ProbeExit, ...]:
        self.log.append("probes stop")
        exits, self.exits = self.exits, ()
        return exits


class FakeWatch:
    def __init__(self, _lab: Lab, _folder: Path) -> None: ...

    def __enter__(self) -> FakeWatch:
        return self

    def __exit__(self, *_: object) -> None: ...

    seen: tuple[PrimarySighting, ...] = ()
    error: Exception | None = None

    def stop(self) -> None:
        if self.error is not None:
            raise self.error


def fake_world(patch: pytest.MonkeyPatch) -> list[str]:
    """Put the fakes in place; the returned list collects what happens, in order."""
    log: list[str] = []

    def await_all(_lab: Lab, _deadline: float, *, settle: float = 0.0) -> list[GateResult]:
        log.append("gates")
        return GREEN

    patch.setattr(FakeFleet, "log", log, raising=False)
    patch.setattr(runner, "ProbeFleet", FakeFleet)
    patch.setattr(runner, "NodeWatch", FakeWatch)
    patch.setattr(audit, "audit_sql", lambda *_: SqlAudit(0, ()))
    patch.setattr(preview, "read_timers", lambda *_: Reading(Timers(token=1.0), []))
    patch.setattr(preview, "read_roles", lambda *_: Roles(vip_holder="n2"))
    patch.setattr(runner, "read_versions", lambda *_: {"pacemaker": "2.1.5"})
    patch.setattr(runner, "detected_at", lambda *_: 1.0)
    patch.setattr(pacemaker, "cib", lambda *_: None)
    patch.setattr(pacemaker, "fences", lambda _, node: Proof(True, f"{node} is fenced"))
    patch.setattr(interrupt, "wait", lambda seconds: log.append(f"wait {seconds:g}"))
    patch.setattr(gates, "check_all", lambda _lab: GREEN)
    patch.setattr(gates, "await_all", await_all)
    patch.setattr(runner, "await_phase", lambda *_: Proof(False, "did not come within 60 s"))
    patch.setattr(runner, "write_report", lambda *_: None)
    patch.setattr(runner, "judge", lambda folder: SimpleNamespace(result=Result.PASS, kept=True, run_dir=folder))
    return log


def scenario(name: str = "vip-holder-poweroff", target: str = "n2", **changes: Any) -> Scenario:
    """One of halab's own, aimed at a plain node."""
    wanted = load_scenario(name)
    steps = tuple(step.model_copy(update={"target": target}) if step.word == "inject" else step
                  for step in wanted.steps)
    return wanted.model_copy(update={"steps": steps, **changes})
