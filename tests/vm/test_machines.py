"""Real machines: how they are made and powered, what only they can do, and that nothing of them stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from conftest import remove

from chaos import runner
from chaos.faults.node_panic import NodePanic
from chaos.model import Result, Target
from chaos.reach import await_proof, packets_return
from chaos.scenario import load_scenario
from lab import cgroups, network
from lab.down import take_down
from lab.drivers.base import PowerState
from lab.lab import Lab

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


def test_a_power_cut_of_the_vips_holder_passes(lab: Lab) -> None:
    verdict = runner.run(lab, load_scenario("vip-holder-poweroff"))
    assert verdict.result is Result.PASS, verdict


def test_a_crashed_kernel_is_seen_and_healed(lab: Lab) -> None:
    fault = NodePanic()
    target = fault.prepare(lab, Target(("n2",)))
    fault.inject(lab, target)
    assert await_proof(lambda: fault.took_effect(lab, target), 20).ok
    fault.heal(lab, target)
    assert await_proof(lambda: fault.healed(lab, target), 120 * lab.driver.slowness).ok


def test_nothing_is_left_of_a_making_that_was_killed() -> None:
    name = "halabvmkill"
    remove(name)
    child = subprocess.Popen([sys.executable, "-m", "cli", "lab.up", "--driver=vagrant", f"--name={name}"], cwd=ROOT,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        # Until the first machine runs: Vagrant, libvirtd and QEMU are all at work then.
        assert _within(120, lambda: any("qemu-system" in _command(pid)
                                        for pid in cgroups.Cgroup(name, "libvirtd").pids()))
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    pids = cgroups.Cgroup(name, "libvirtd").pids()
    take_down(name)
    assert cgroups.members(name) == []
    assert network.namespaces_of(name) == []
    assert not [pid for pid in pids if _command(pid)]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True
