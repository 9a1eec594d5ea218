"""node.watchdog: a node that falls silent by itself, before its BMC was told anything."""

from __future__ import annotations

from typing import Any

import pytest
from inject_fakes import make_lab, namespace_of, shell_of

from chaos.faults import get_fault
from chaos.model import Target
from lab.drivers import container
from lab.drivers.base import PowerState
from lab.lab import Lab

STATE = "watchdog0/state"


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setattr("chaos.faults.node_watchdog._SILENT_WITHIN", -2.0)
    monkeypatch.setattr("chaos.faults.node_watchdog._POLL", 0.0)
    made = make_lab()
    shell_of(made).answers = {"boot_id": "b1", STATE: "inactive"}
    return made


def struck(lab: Lab) -> Target:
    fault = get_fault("node.watchdog")
    target = fault.prepare(lab, Target(("n2",), {"seconds": 2}))
    fault.inject(lab, target)
    return target


def test_a_container_has_none() -> None:
    assert get_fault("node.watchdog").needs - container.CAPABILITIES == {"watchdog"}


def test_who_answers_on_was_not_reset(lab: Lab) -> None:
    target = struck(lab)
    proof = get_fault("node.watchdog").took_effect(lab, target)
    assert not proof.ok and "still answers" in proof.evidence


def test_silence_with_the_power_on_is_the_watchdogs(lab: Lab) -> None:
    namespace_of(lab).cut.add(str(lab.plan.node("n2").mgmt))
    target = struck(lab)
    lab.driver.power.off("n2")  # its cluster fences it afterwards
    proof = get_fault("node.watchdog").took_effect(lab, target)
    assert proof.ok and "told nothing by its BMC" in proof.evidence


def test_silence_after_the_bmc_was_told_is_not(lab: Lab) -> None:
    fault = get_fault("node.watchdog")
    target = fault.prepare(lab, Target(("n2",), {"seconds": 2}))

    def fenced(node: str, _: str) -> str:
        lab.driver.power.off(node)
        lab.driver.power.on(node)
        return ""

    shell_of(lab).answers["python3 - 2"] = fenced
    namespace_of(lab).cut.add(str(lab.plan.node("n2").mgmt))
    fault.inject(lab, target)
    proof = fault.took_effect(lab, target)
    assert not proof.ok and "it was not its watchdog" in proof.evidence


def test_another_boots_silence_proves_nothing(lab: Lab) -> None:
    namespace_of(lab).cut.add(str(lab.plan.node("n2").mgmt))
    struck(lab)
    shell_of(lab).answers["boot_id"] = "b2"
    later = get_fault("node.watchdog").prepare(lab, Target(("n2",), {"seconds": 2}))
    assert not get_fault("node.watchdog").took_effect(lab, later).ok


def test_one_that_has_not_run_out_is_called_off(lab: Lab) -> None:
    fault, target = get_fault("node.watchdog"), struck(lab)
    fault.heal(lab, target)
    assert any("kill $(cat /run/halab-watchdog.pid)" in command for _, command in shell_of(lab).asked)
    driver: Any = lab.driver
    assert ("off", "n2") not in driver.calls and lab.driver.power.state("n2") is PowerState.ON
    assert fault.healed(lab, target).ok
    shell_of(lab).answers[STATE] = "active"
    assert not fault.healed(lab, target).ok
