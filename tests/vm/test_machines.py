"""Real machines: how they are made and powered, what only they can do, and that nothing of them stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

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
from lab.ops.resume import resume

ROOT = Path(__file__).resolve().parent.parent.parent


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


def test_a_save_that_is_killed_costs_nothing_but_the_snapshot(lab: Lab) -> None:
    """They stand still until the next command lets them go on: no boot, no fencing, and their clocks are right."""
    nodes = [node.name for node in lab.plan.nodes]
    boot = _on_all(lab, "cat /proc/sys/kernel/random/boot_id")
    child = subprocess.Popen([sys.executable, "-m", "cli", "lab.snapshot.save", "half", f"--name={lab.name}"], cwd=ROOT,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        assert _within(300, lambda: child.poll() is not None or _still(lab, nodes), pause=0.01)
    finally:
        ended = child.poll()
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    assert ended is None, "the save ended before it could be killed"
    assert _still(lab, nodes)
    lab.shell.close()
    done = resume(lab.name)
    assert "snapshot 'half' was not finished; not running: n1, n2, n3" in done.found
    assert all(gate.ok for gate in done.gates)
    assert _on_all(lab, "cat /proc/sys/kernel/random/boot_id") == boot
    assert all(abs(clock.offset(lab, node).ahead) < 2 for node in nodes)
    assert [one.name for one in snapshot.snapshots(lab.name)] == ["base"]
    assert not any(lab.driver._machines.keeps(node, "half") for node in nodes)  # type: ignore[attr-defined]


def test_what_the_driver_cannot_do_is_refused_before_anything_is_touched(lab: Lab) -> None:
    scenario = load_scenario("vip-holder-poweroff")
    needs = scenario.needs.model_copy(update={"capabilities": ("teleport",)})
    with pytest.raises(CapabilityError, match="teleport"):
        runner.run(lab, scenario.model_copy(update={"needs": needs}))
    assert not journal.unhealed(lab.paths)
    assert all(lab.driver.power.state(node.name) is PowerState.ON for node in lab.plan.nodes)


@pytest.mark.parametrize("name", ["vip-holder-poweroff", "vip-holder-panic", "watchdog-fires"])
def test_the_holder_of_the_vip_is_lost_and_the_verdict_is_pass(lab: Lab, name: str) -> None:
    verdict = runner.run(lab, load_scenario(name))
    assert verdict.result is Result.PASS, verdict


def _on_all(lab: Lab, command: str) -> dict[str, str]:
    return {node: done.stdout for node, done in
            lab.shell.on_all([node.name for node in lab.plan.nodes], command).items()}


def _still(lab: Lab, nodes: list[str]) -> bool:
    return all(lab.driver.power.state(node) is PowerState.SUSPENDED for node in nodes)


def _within(seconds: float, holds: Callable[[], bool], pause: float = 0.2) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True
