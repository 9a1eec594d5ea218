"""Proofs of power: resets, orders to reboot, and a BMC that acts as it was told."""

from __future__ import annotations

import pytest
from inject_fakes import make_lab, shell_of

from chaos.faults import get_fault
from chaos.faults.base import FAULT_ID
from chaos.model import Target
from lab import interrupt
from lab.drivers.base import PowerState
from lab.errors import HalabError
from lab.node.shell import Completed
from lab.state.events import read_events


@pytest.mark.parametrize("name", ["node.reset", "node.reboot", "node.shutdown"])
def test_a_silent_node_is_no_proof_of_a_reset(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lab, fault = make_lab(), get_fault(name)
    shell_of(lab).answers = {"/proc/1/stat": "boot-a\n100"}
    target = fault.prepare(lab, Target(("n2",)))

    def silent(*_: object, **__: object) -> Completed:
        raise HalabError("n2 cannot be reached")

    monkeypatch.setattr(shell_of(lab), "run", silent)
    proof = fault.took_effect(lab, target)
    assert not proof.ok and "cannot be reached" in proof.evidence
    monkeypatch.undo()
    assert "still in its old life" in fault.took_effect(lab, target).evidence
    shell_of(lab).answers = {"/proc/1/stat": "boot-b\n100"}
    assert fault.took_effect(lab, target).ok


def test_a_reset_is_proven_by_the_diary(monkeypatch: pytest.MonkeyPatch) -> None:
    lab, fault = make_lab(), get_fault("node.reset")
    waits: list[tuple[float, PowerState]] = []
    monkeypatch.setattr(interrupt, "wait", lambda seconds: waits.append((seconds, lab.driver.power.state("n2"))))
    shell_of(lab).answers = {"/proc/1/stat": "boot-a\n100"}
    target = fault.prepare(lab, Target(("n2",)))
    fault.inject(lab, target)
    assert waits == [(lab.plan.profile.bmc.post, PowerState.OFF)] and lab.driver.power.state("n2") is PowerState.ON
    assert fault.took_effect(lab, target).evidence == "n2: lost its power"
    assert not fault.took_effect(lab, Target(("n1",), {**target.params, "boot": {"n1": "boot-a\n100"}})).ok


@pytest.mark.parametrize(("answer", "arrived"), [("stopping", True), ("running", False), ("", False)])
def test_an_order_to_reboot_is_proven_by_its_answer(answer: str, arrived: bool) -> None:
    lab, fault = make_lab(), get_fault("node.reboot")
    shell_of(lab).answers = {"/proc/1/stat": "boot-a\n100", "is-system-running": answer}
    target = fault.prepare(lab, Target(("n2",)))
    fault.inject(lab, target)
    assert fault.took_effect(lab, target).ok is arrived
    assert any(event.kind == "node.stopping" for event in read_events(lab.paths.events)) is arrived
    if not arrived:
        shell_of(lab).answers["is-system-running"] = "stopping"  # it takes a while: something delays the shutdown
        assert fault.took_effect(lab, target).ok
        shell_of(lab).answers["is-system-running"] = answer
        assert not fault.took_effect(lab, target).ok
    # Without a word from it, its end or its return is waited for.
    assert fault.shows_within > get_fault("node.reset").shows_within
    lab.driver.power.off("n2")
    assert fault.took_effect(lab, target).ok


@pytest.mark.parametrize("name", ["fence.unreachable", "fence.slow", "fence.false_success"])
def test_a_bmc_is_proven_by_how_it_says_that_it_acts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order in its folder is ours: it may not have been read, and who has died reads nothing."""
    lab, fault, target = make_lab(), get_fault(name), Target(("n2",), {FAULT_ID: "ab12"})
    told = {"fence.unreachable": None, "fence.slow": "slow", "fence.false_success": "lying"}[name]
    for acts in ("normal", "slow", "lying", "unknown", None):
        monkeypatch.setattr("lab.bmc.acts_by", lambda lab, node, acts=acts: acts)
        fault.inject(lab, target)
        assert fault.took_effect(lab, target).ok is (acts == told)
        fault.heal(lab, target)
        assert fault.healed(lab, target).ok is (acts == "normal")
    monkeypatch.setattr("lab.bmc.acts_by", lambda lab, node: None)
    assert not fault.took_effect(lab, target).ok  # silent, and nobody told it to be
