"""What a lab must be before something is done to it is asked in one place, and answered in the same words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from onfake import running_lab

from chaos import journal, preflight
from chaos.model import Target
from chaos.scenario import load_scenario
from lab import state
from lab.errors import RefusedError
from lab.gates import GateResult
from lab.lab import Lab
from lab.ops.scale import scale
from lab.ops.snapshot import keep
from lab.ops.start import wake
from lab.ops.stop import halt
from lab.ops.up import bring_up
from lab.state import Phase

RED = [GateResult("power", True, 0.0, "3 nodes on"), GateResult("vip", False, 0.0, "nobody holds it", "ip address")]


def _break(lab: Lab) -> None:
    preflight.refuse(lab, load_scenario("vip-holder-poweroff"))


DOINGS: dict[str, Callable[[Lab], Any]] = {
    "up": lambda lab: bring_up(lab.plan, ""),
    "stop": halt,
    "start": wake,
    "scale": lambda lab: scale("fake", "controllers", 5),
    "save": lambda lab: keep(lab, "clean"),
    "run": _break,
}


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    return running_lab(monkeypatch)


@pytest.mark.parametrize("doing", DOINGS)
def test_an_unhealed_fault_is_refused_by_all_with_the_command_that_heals(lab: Lab, doing: str) -> None:
    journal.Journal(lab.paths.journal).arm("node.poweroff", Target(("n2",)))
    with pytest.raises(RefusedError, match="still broken") as refused:
        DOINGS[doing](lab)
    assert (refused.value.where, refused.value.remedy) == ("node.poweroff on n2", "./inv chaos.heal --name=fake")
    assert state.recorded(lab.paths).phase is Phase.RUNNING


@pytest.mark.parametrize("doing", ["scale", "save", "run"])
def test_an_unhealthy_lab_is_refused_with_the_gate(lab: Lab, monkeypatch: pytest.MonkeyPatch, doing: str) -> None:
    monkeypatch.setattr("lab.gates.check_all", lambda lab: RED)
    with pytest.raises(RefusedError, match="not healthy") as refused:
        DOINGS[doing](lab)
    assert refused.value.where == "gate vip: nobody holds it" and "ip address" in refused.value.remedy
    lab.driver.power.off("n3")
    with pytest.raises(RefusedError, match="does not run") as refused:
        DOINGS[doing](lab)
    assert "n3" in refused.value.where and "lab.start" in refused.value.remedy
    assert state.recorded(lab.paths).phase is Phase.RUNNING
