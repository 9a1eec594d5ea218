"""A lab comes up beside another, goes down without a trace, and survives the tool's death."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import NAME, remove
from hosttraces import await_none, interfaces, traces

from lab import gates, image, state
from lab.errors import NotFoundError, RefusedError
from lab.host import cgroups
from lab.host.cgroups import Cgroup
from lab.lab import Lab, names
from lab.ops.down import take_down
from lab.ops.up import bring_up
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state.home import LabPaths

ROOT = Path(__file__).resolve().parent.parent.parent
# Moments of lab.up to kill it at: seconds after the first event of the lab's own making.
KILL_AFTER = (0.0, 0.15, 0.5, 2.0, 6.0)


def start_up(name: str) -> subprocess.Popen[bytes]:
    """``lab.up`` as a person starts it, in a process group of its own."""
    return subprocess.Popen([sys.executable, "-m", "cli", "lab.up", f"--name={name}"], cwd=ROOT,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def await_recorded(name: str, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not LabPaths.of(name).state.exists():
        assert child.poll() is None, "lab.up ended before it made anything"
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_every_gate_is_green(lab: Lab) -> None:
    results = gates.check_all(lab)
    assert {result.name for result in results if not result.ok} == set()
    assert {result.name for result in results} == {
        "power", "ssh", "membership", "fencing", "resources", "galera", "rabbitmq", "memcached", "haproxy", "vip"}


def test_the_host_sees_no_interface_of_the_lab(lab: Lab) -> None:
    assert not [name for name in interfaces() if name.startswith(("br-", "n1.", "n2.", "n3."))]


def test_up_again_finds_it_healthy(lab: Lab) -> None:
    again = bring_up(lab.plan, "style: collapsed\n", timeout=60)
    assert again.resumed and all(result.ok for result in again.gates)


def test_the_name_of_another_lab_is_refused(lab: Lab) -> None:
    other = make_plan(topology_from_options(name=NAME, nodes="5"))
    with pytest.raises(RefusedError, match="in use by another lab"):
        bring_up(other, "nodes: 5\n")


def test_a_busy_lab_is_refused(lab: Lab) -> None:
    with state.exclusive(NAME, "a test"), pytest.raises(RefusedError, match="busy"):
        bring_up(lab.plan, "style: collapsed\n")


def test_another_home_cannot_take_it_down(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALAB_HOME", str(tmp_path))
    with pytest.raises(RefusedError, match="another HALAB_HOME"):
        take_down(NAME)
    assert traces(NAME)


@pytest.mark.parametrize("seconds", KILL_AFTER)
def test_down_is_complete_after_sigkill_of_up(seconds: float) -> None:
    name = "halabkill"
    remove(name)
    before = interfaces()
    child = start_up(name)
    try:
        await_recorded(name, child)
        time.sleep(seconds)  # the moment to kill at: not a wait for anything
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    take_down(name)
    assert await_none(name) == []
    assert name not in names() and interfaces() == before
    with pytest.raises(NotFoundError):
        take_down(name)


def test_a_command_that_outlives_a_killed_up_makes_nothing_after_down() -> None:
    """As ``ip netns add`` of a tool that was killed: one that runs already, and one that comes late."""
    making = Cgroup("halabkill", cgroups.MAKING)
    making.create()
    late = making.command(["ip", "netns", "add", "halab.halabkill.n2"])
    child = subprocess.Popen(making.command(["sh", "-c", "sleep 0.5; ip netns add halab.halabkill.n1"]))
    deadline = time.monotonic() + 5
    while child.pid not in making.pids():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    take_down("halabkill")
    assert child.wait(5) == -signal.SIGKILL
    assert subprocess.run(late, stderr=subprocess.DEVNULL).returncode != 0
    assert traces("halabkill") == []


def test_an_interrupted_up_is_finished_by_the_same_command_beside_the_other_lab(lab: Lab) -> None:
    """Ctrl-C destroys nothing, the second ``lab.up`` resumes, and two labs do not meet."""
    name = "halabtwo"
    remove(name)
    child = start_up(name)
    try:
        await_recorded(name, child)
        child.send_signal(signal.SIGINT)
        assert child.wait(60) == 130
        assert name in names()
        second = bring_up(make_plan(topology_from_options(name=name)), "style: collapsed\n", timeout=240)
        assert second.resumed and all(result.ok for result in second.gates)
        gates.await_all(lab, time.monotonic() + 60)  # two labs on two processors: one look may come late
        begun = time.monotonic()
        take_down(name)
        assert time.monotonic() - begun < 20  # the figure itself is the benchmark's business
        assert await_none(name) == []
        gates.await_all(lab, time.monotonic() + 60)  # two labs on two processors: one look may come late
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        remove(name)


def test_a_suspended_node_answers_nothing_and_goes_on_after_resume(lab: Lab) -> None:
    """As a suspended machine: no ARP, no TCP.  Short enough that corosync does not miss it (token 1 s)."""
    node = lab.plan.nodes[2]
    # Processes and link: the same ones before and after.
    asked = "pidof corosync mariadbd beam.smp; cat /sys/class/net/eth1/carrier_changes"
    before = lab.shell.run(node.name, asked).stdout
    lab.driver.power.suspend(node.name)
    try:
        with pytest.raises(OSError):
            lab.namespace.connect(str(node.mgmt), 22, 0.3)
    finally:
        lab.driver.power.resume(node.name)
    assert lab.shell.run(node.name, asked).stdout == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_bake_that_was_ended_leaves_nothing(number: signal.Signals, tmp_path: Path,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALAB_HOME", str(tmp_path))
    child = subprocess.Popen([sys.executable, "-m", "cli", "image.bake"], cwd=ROOT, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("images/.*.baking/rootfs/usr")):
        assert child.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    child.send_signal(number)
    assert child.wait(60) == (130 if number is signal.SIGINT else -signal.SIGKILL)
    image.prune_half_baked()  # what lab.down and the next bake do; after Ctrl-C there is nothing to do
    assert not list(tmp_path.glob("images/.*.baking"))
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    assert not [path for layout in ("halab/.bake", "*/halab/.bake") for path in Path("/sys/fs/cgroup").glob(layout)]
