"""A recorded lab of the fake driver that runs and says of itself that it is healthy."""

from __future__ import annotations

from typing import Any

import pytest

from lab import state
from lab.drivers.fake import FakeDriver, FakePower, FakeSnapshots
from lab.gates import GateResult
from lab.lab import Lab
from lab.node.shell import Completed
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state import Phase
from lab.state.home import LabPaths, home

GREEN = [GateResult("power", True, 0.0, "3 nodes on")]


def running_lab(monkeypatch: pytest.MonkeyPatch, **options: Any) -> Lab:
    """``fake``, with nothing of it outside the test's own folder: locks, owner, BMCs, shells."""
    monkeypatch.setattr(state, "runtime", lambda: home() / "run")
    monkeypatch.setattr("lab.gates.check_all", lambda lab: GREEN)
    monkeypatch.setattr("lab.gates.await_all", lambda lab, deadline: GREEN)
    monkeypatch.setattr("lab.bmc.start", lambda lab: None)
    monkeypatch.setattr("lab.bmc.stop", lambda name: None)
    monkeypatch.setattr("lab.lab.Shell", ObedientShell)
    paths = LabPaths.of("fake")
    plan = make_plan(topology_from_options(name="fake", driver="fake", **options))
    state.write_atomically(paths.plan, plan.model_dump_json())
    state.write_atomically(paths.topology, "driver: fake\n")
    state.record(paths, Phase.RUNNING)
    made = Lab.open("fake")
    for host in plan.hosts:
        made.driver.power.on(host.name)
    return made


def power_after_prepare(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """From now on what is asked of the driver, in order: the power or a snapshot of a machine, or to prepare."""
    order: list[str] = []
    for owner, verb in ((FakePower, "state"), (FakeSnapshots, "stage"), (FakeDriver, "prepare")):
        original = getattr(owner, verb)

        def noted(self: Any, *args: Any, verb: str = verb, original: Any = original) -> Any:
            order.append(verb)
            return original(self, *args)

        monkeypatch.setattr(owner, verb, noted)
    return order


class ObedientShell:
    """A node that is told to power off does so at once; nothing runs in its cluster."""

    deaf: frozenset[str] = frozenset()

    def __init__(self, plan: Any, *_: object) -> None:
        self._plan = plan

    def run(self, node: str, command: str, **_: Any) -> Completed:
        if "poweroff" in command and node not in self.deaf:
            Lab.open(self._plan.lab).driver.power.off(node)
        return Completed("<pacemaker-result/>" if "crm_mon" in command else "", "", 0)

    def forget(self, node: str) -> None: ...

    def close(self) -> None: ...
