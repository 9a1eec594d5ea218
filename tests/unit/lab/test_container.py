"""What the container driver says that this host can do."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from lab.drivers import switch
from lab.drivers.base import PowerState
from lab.drivers.container import CAPABILITIES, ContainerDriver, ContainerPower
from lab.errors import HostError
from lab.host import cgroups, kernel
from lab.host.blockdevice import disk_of, whole_disk
from lab.host.cgroups import Cgroup
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state.events import EventLog, read_events
from lab.state.home import LabPaths


@pytest.fixture
def driver() -> ContainerDriver:
    paths = LabPaths.of("one")
    paths.root.mkdir(parents=True)
    return ContainerDriver(make_plan(topology_from_options(name="one")), paths, EventLog(paths.events))


@pytest.mark.parametrize(("said", "there"), [("", True), ("Error: Specified qdisc kind is unknown.", False)])
def test_netem_is_declared_where_the_kernel_has_it(driver: ContainerDriver, monkeypatch: pytest.MonkeyPatch,
                                                   said: str, there: bool) -> None:
    asked: list[list[str]] = []

    def inside(argv: list[str], given: str | None = None) -> str:
        asked.append(argv)
        return said

    monkeypatch.setattr(kernel, "_inside", inside)
    kernel.has_netem.cache_clear()
    try:
        for _ in range(3):
            assert ("netem" in driver.capabilities) is there
        assert len(asked) == 1 and asked[0][:2] == ["tc", "qdisc"] and driver.capabilities >= CAPABILITIES
    finally:
        kernel.has_netem.cache_clear()


def test_a_host_without_tc_has_no_netem(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(argv: list[str], given: str | None = None) -> str:
        raise HostError("tc is not installed")

    monkeypatch.setattr(kernel, "_inside", missing)
    kernel.has_netem.cache_clear()
    try:
        assert not kernel.has_netem()
    finally:
        kernel.has_netem.cache_clear()


@pytest.mark.parametrize(("device", "throttle", "there"), [
    ("254:0", True, True), (None, True, False), ("254:0", False, False)])
def test_a_disk_can_be_slow_where_it_is_known_and_its_groups_can_be_limited(
        driver: ContainerDriver, monkeypatch: pytest.MonkeyPatch, device: str | None, throttle: bool,
        there: bool) -> None:
    monkeypatch.setattr("lab.drivers.container.disk_of", lambda folder: device)
    monkeypatch.setattr(cgroups, "can_throttle", lambda: throttle)
    assert ("slow_disk" in driver.capabilities) is there


def test_the_disk_of_a_partition_is_the_whole_one(tmp_path: Path) -> None:
    real = tmp_path / "devices/vda"
    (real / "vda1").mkdir(parents=True)
    (real / "dev").write_text("254:0\n")
    (real / "vda1/dev").write_text("254:1\n")
    (real / "vda1/partition").write_text("1\n")
    known = tmp_path / "block"
    known.mkdir()
    (known / "254:0").symlink_to(real)
    (known / "254:1").symlink_to(real / "vda1")
    assert [whole_disk(os.makedev(254, minor), known) for minor in (0, 1, 2)] == ["254:0", "254:0", None]
    assert disk_of(Path("/proc")) is None


@pytest.mark.parametrize("before", PowerState)
def test_only_a_running_node_is_suspended_and_only_a_suspended_one_resumed(
        driver: ContainerDriver, monkeypatch: pytest.MonkeyPatch, before: PowerState) -> None:
    done: list[bool] = []
    monkeypatch.setattr(ContainerPower, "state", lambda power, node: before)
    monkeypatch.setattr(Cgroup, "freeze", lambda group, frozen: done.append(frozen))
    monkeypatch.setattr("lab.drivers.container.network.mute", lambda plan, node, on: None)
    driver.power.suspend("n1")
    driver.power.resume("n1")
    assert done == {PowerState.ON: [True], PowerState.SUSPENDED: [False], PowerState.OFF: []}[before]
    told = [event.kind for event in read_events(LabPaths.of("one").events, 0.0)]
    assert told == [f"power.{'suspend' if frozen else 'resume'}" for frozen in done]


@pytest.mark.parametrize("verb", ["suspend", "resume"])
def test_nobody_is_suspended_or_resumed_while_another_hand_is_at_the_switch(
        driver: ContainerDriver, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    looked = threading.Event()

    def state(power: ContainerPower, node: str) -> PowerState:
        looked.set()
        return PowerState.OFF

    monkeypatch.setattr(ContainerPower, "state", state)
    waiting = threading.Thread(target=getattr(driver.power, verb), args=("n1",))
    with switch.in_hand(LabPaths.of("one"), "n1"):
        waiting.start()
        assert not looked.wait(0.2)
    waiting.join(10)
    assert looked.is_set()


def test_corosync_without_real_time_is_said_once_for_all_nodes(driver: ContainerDriver,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = {"n1", "n3"}
    monkeypatch.setattr(Cgroup, "without_real_time", property(lambda group: group.member in lacking))
    (said,) = driver.warnings
    assert "without real time on n1, n3," in said and "budget for 2 labs" in said
    lacking.clear()
    assert driver.warnings == ()
