"""node.watchdog: a node that its own watchdog resets, which the hypervisor says and silence does not."""

from __future__ import annotations

from typing import Any

import pytest
from inject_fakes import make_lab, shell_of

from chaos.faults import get_fault
from chaos.faults.node_watchdog import FIRED
from chaos.model import Target
from lab.drivers import container
from lab.drivers.base import PowerState
from lab.lab import Lab
from lab.state.events import read_events

STATE = "watchdog0/state"


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setattr("chaos.faults.node_watchdog._LATE", -2.0)
    made = make_lab()
    shell_of(made).answers = {STATE: "inactive"}
    return made


def struck(lab: Lab, *fires: str) -> Target:
    """Armed on n2; these nodes' watchdogs fire at once."""
    def armed(_node: str, _text: str) -> str:
        for one in fires:
            lab.events.emit(FIRED, one, by="libvirt")
        return ""

    shell_of(lab).answers["python3 - 2"] = armed
    fault = get_fault("node.watchdog")
    target = fault.prepare(lab, Target(("n2",), {"seconds": 2}))
    fault.inject(lab, target)
    return target


def test_a_container_has_none() -> None:
    assert get_fault("node.watchdog").needs - container.CAPABILITIES == {"watchdog", "witness"}


def test_nothing_but_the_hypervisors_word_proves_it(lab: Lab) -> None:
    for others in ((), ("n1",)):
        target = struck(lab, *others)
        lab.driver.power.off("n2")
        proof = get_fault("node.watchdog").took_effect(lab, target)
        assert not proof.ok and "has not fired" in proof.evidence
        assert get_fault("node.watchdog").struck(lab, target) is None
        lab.driver.power.on("n2")


def test_it_struck_when_it_fired(lab: Lab) -> None:
    fault, target = get_fault("node.watchdog"), struck(lab, "n2")
    assert fault.took_effect(lab, target).ok
    assert fault.struck(lab, target) == read_events(lab.paths.events)[-1].at


def test_what_an_earlier_one_did_proves_nothing(lab: Lab) -> None:
    struck(lab, "n2")
    assert not get_fault("node.watchdog").took_effect(lab, struck(lab)).ok


def test_one_that_has_not_run_out_is_called_off(lab: Lab) -> None:
    fault, target = get_fault("node.watchdog"), struck(lab)
    fault.heal(lab, target)
    assert any("kill $(cat /run/halab-watchdog.pid)" in command for _, command in shell_of(lab).asked)
    driver: Any = lab.driver
    assert ("off", "n2") not in driver.calls and lab.driver.power.state("n2") is PowerState.ON
    assert fault.healed(lab, target).ok
    shell_of(lab).answers[STATE] = "active"
    assert not fault.healed(lab, target).ok
