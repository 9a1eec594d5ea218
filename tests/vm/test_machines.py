"""Real machines: how they are made and powered, what only they can do, and that nothing of them stays."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from chaos import journal, runner
from chaos.model import Result
from chaos.reach import packets_return
from chaos.scenario import load_scenario
from lab import gates
from lab.drivers.base import PowerState
from lab.errors import CapabilityError
from lab.lab import Lab
from lab.net import network
from lab.node import clock
from lab.ops import snapshot


def test_the_machines_are_what_the_plan_says(lab: Lab) -> None:
    for node in lab.plan.nodes:
        shown = lab.shell.run(node.name, "hostname; uname -r; ls /dev/watchdog0; ip -4 -oneline address").stdout
        assert shown.startswith(f"{node.name}\n")
        assert "/dev/watchdog0" in shown
        for name in ("mgmt", "control", "ring"):
            assert f" {network.GUEST_NICS[name]} " in shown
            assert f" {node.address(name)}/" in shown


def test_every_switch_works_twice(lab: Lab) -> None:
    power = lab.driver.power
    for _ in range(2):
        power.suspend("n1")
        assert power.state("n1") is PowerState.SUSPENDED
    assert not packets_return(lab, "n1", "mgmt")
    for _ in range(2):
        power.resume("n1")
        power.on("n1")
        assert power.state("n1") is PowerState.ON
    assert _within(10, lambda: packets_return(lab, "n1", "mgmt"))


def test_vagrant_knows_them(lab: Lab) -> None:
    driver = lab.driver
    states = {one.name: one.state for one in driver._vagrant("n1").status()}  # type: ignore[attr-defined]
    assert states == {node.name: "running" for node in lab.plan.nodes}


def test_a_gate_is_red_for_what_is_broken_and_names_it(lab: Lab) -> None:
    lab.shell.run("n2", "systemctl stop memcached")
    assert _within(60, lambda: [one.name for one in gates.check_all(lab) if not one.ok] == ["memcached"])
    red = next(one for one in gates.check_all(lab) if not one.ok)
    assert "n2" in red.detail


def test_a_snapshot_brings_back_memory_disk_and_time(lab: Lab) -> None:
    boot = _on_all(lab, "cat /proc/sys/kernel/random/boot_id")
    lab.shell.run("n1", "touch /root/after")
    lab.driver.power.off("n2")
    lab.driver.power.suspend("n3")
    lab.shell.close()
    result = snapshot.restore(lab.name, "base")
    assert all(gate.ok for gate in result.gates)
    assert _on_all(lab, "cat /proc/sys/kernel/random/boot_id") == boot
    assert lab.shell.run("n1", "ls /root").stdout.split() == []
    ahead = {node.name: clock.offset(lab, node.name).ahead for node in lab.plan.nodes}
    assert all(abs(seconds) < 2 for seconds in ahead.values()), ahead


def test_what_the_driver_cannot_do_is_refused_before_anything_is_touched(lab: Lab) -> None:
    scenario = load_scenario("vip-holder-poweroff")
    needs = scenario.needs.model_copy(update={"capabilities": ("teleport",)})
    with pytest.raises(CapabilityError, match="teleport"):
        runner.run(lab, scenario.model_copy(update={"needs": needs}))
    assert not journal.unhealed(lab.paths)
    assert all(lab.driver.power.state(node.name) is PowerState.ON for node in lab.plan.nodes)


@pytest.mark.parametrize("name", ["vip-holder-poweroff", "vip-holder-panic"])
def test_the_holder_of_the_vip_is_lost_and_the_verdict_is_pass(lab: Lab, name: str) -> None:
    verdict = runner.run(lab, load_scenario(name))
    assert verdict.result is Result.PASS, verdict


def _on_all(lab: Lab, command: str) -> dict[str, str]:
    return {node: done.stdout for node, done in
            lab.shell.on_all([node.name for node in lab.plan.nodes], command).items()}


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True
