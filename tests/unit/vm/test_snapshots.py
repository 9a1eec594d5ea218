"""Snapshots over libvirt's own test driver: real calls, no machine."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

pytest.importorskip("libvirt", reason="the vagrant driver's libraries are not installed")

from lab.drivers.base import PowerState
from lab.errors import HostError
from lab.node.shell import Shell
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.vm.machines import Machines
from lab.vm.snapshots import MachineSnapshots

DOMAIN = """<domain type='test'><name>halab.t.{name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
<os><type arch='i686'>hvm</type></os>
<devices><disk type='file' device='disk'><source file='{disk}'/><target dev='vda'/></disk></devices></domain>"""
NODES = ("n1", "n2", "n3")


class Clocks:
    """A shell that takes every login and notes what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def await_ssh(self, node: str, deadline: float) -> None: ...

    def run(self, node: str, command: str) -> None:
        self.told.append((node, command))

    def close(self) -> None: ...


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[SimpleNamespace]:
    """Three machines that are on, their snapshots, and what their shells were told."""
    host = tmp_path / f"{uuid.uuid4().hex[:6]}.xml"
    host.write_text("<node></node>")
    machines = Machines("t", f"test://{host}")
    for name in NODES:
        disk = tmp_path / name
        disk.write_bytes(b"disk")
        machines._connection().defineXML(DOMAIN.format(name=name, disk=disk))
        machines.start(name)
    clocks = Clocks()
    plan = make_plan(topology_from_options(name="t", driver="vagrant"))
    yield SimpleNamespace(machines=machines, clocks=clocks,
                          snapshots=MachineSnapshots(plan, machines, lambda: cast(Shell, clocks)))


def states(lab: Any) -> set[PowerState]:
    return {lab.machines.state(node) for node in NODES}


def test_all_go_on_after_a_save_with_the_time_of_the_host(lab: Any, tmp_path: Path) -> None:
    lab.snapshots.save("base", tmp_path)
    assert states(lab) == {PowerState.ON}
    assert all(lab.machines.keeps(node, "base") for node in NODES)
    set_to = {node: float(command.rpartition("@")[2]) for node, command in lab.clocks.told if "date" in command}
    assert set(set_to) == set(NODES)
    assert all(abs(value - time.time()) < 5 for value in set_to.values())


def test_all_go_on_after_a_save_that_failed(lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def keep(node: str, name: str) -> None:
        assert states(lab) == {PowerState.SUSPENDED}
        if node == "n2":
            raise HostError(f"cannot save {node}")

    monkeypatch.setattr(lab.machines, "keep", keep)
    with pytest.raises(HostError, match="n2"):
        lab.snapshots.save("base", tmp_path)
    assert states(lab) == {PowerState.ON}


def test_those_that_a_killed_save_left_go_on_with_the_time_of_the_host(lab: Any) -> None:
    lab.machines.suspend("n1")
    lab.machines.suspend("n2")
    lab.machines.kill("n3")
    for still in (["n1", "n2"], []):
        lab.clocks.told.clear()
        assert lab.snapshots.wake() == still
        assert [lab.machines.state(node) for node in NODES] == [PowerState.ON, PowerState.ON, PowerState.OFF]
        assert {node for node, command in lab.clocks.told if "date" in command} == {"n1", "n2"}


def test_whatever_became_of_a_machine_it_comes_back(lab: Any, tmp_path: Path) -> None:
    lab.snapshots.save("base", tmp_path)
    lab.machines.kill("n1")
    lab.machines.suspend("n2")
    lab.snapshots.stage("base", tmp_path)
    lab.snapshots.restore("base", tmp_path, {})
    assert states(lab) == {PowerState.ON}


def test_a_machine_without_it_is_told_before_anything_is_lost(lab: Any, tmp_path: Path) -> None:
    lab.snapshots.save("base", tmp_path)
    lab.machines.unkeep("n3", "base")
    with pytest.raises(HostError, match="not in the disk of n3"):
        lab.snapshots.stage("base", tmp_path)
    assert states(lab) == {PowerState.ON}


def test_forgetting_twice_does_no_harm(lab: Any, tmp_path: Path) -> None:
    lab.snapshots.save("base", tmp_path)
    for _ in range(2):
        lab.snapshots.delete("base", tmp_path)
    assert not any(lab.machines.keeps(node, "base") for node in NODES)
