"""Control groups of both versions: v2 on the kernel's own, in a corner where no lab is; v1 as paths.

The live tests use the version that the host has; on a hybrid host the v2 tests here are the only ones.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.host import cgroups
from lab.host.cgroups import Cgroup
from lab.host.standstill import standstill


def unified_mount() -> Path | None:
    """Where this host has the cgroup v2 hierarchy."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        if fields[fields.index("-") + 1] == "cgroup2":
            return Path(fields[4])
    return None


MOUNT = unified_mount()
needs_v2 = pytest.mark.skipif(os.geteuid() != 0 or MOUNT is None, reason="needs root and a cgroup2 mount")


@pytest.fixture
def v2(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A group that stands for the root of the hierarchy, with one controller to give away."""
    assert MOUNT is not None
    top = MOUNT / "cgroup.subtree_control"
    controller = ((MOUNT / "cgroup.controllers").read_text().split() or [""])[0]
    lent = bool(controller) and controller not in top.read_text().split()
    if lent:
        top.write_text(f"+{controller}")
    root = MOUNT / f"halab-unit-{os.getpid()}"
    root.mkdir()
    monkeypatch.setattr(cgroups, "_ROOT", root)
    monkeypatch.setattr(cgroups, "_V2_CONTROLLERS", (controller,) if controller else ())
    try:
        yield root
    finally:
        for folder, _, _ in os.walk(root, topdown=False):
            (Path(folder) / "cgroup.kill").write_text("1")
        cgroups._remove_tree(root)
        if lent:
            top.write_text(f"-{controller}")


def start(group: Cgroup, *argv: str) -> subprocess.Popen[bytes]:
    """A process in the group; returns when it is there."""
    child = subprocess.Popen(group.command(argv))
    deadline = time.monotonic() + 5
    while child.pid not in group.pids():
        assert child.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    return child


def await_leader(group: Cgroup) -> int:
    deadline = time.monotonic() + 5
    while (leader := group.leader()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return leader


@needs_v2
def test_v2_a_life_from_power_on_to_nothing_left(v2: Path) -> None:
    group = Cgroup("one", "n1")
    group.create()
    child = start(group, "unshare", "--pid", "--fork", "sleep", "60")
    init = await_leader(group)
    assert init != child.pid and init in group.pids()
    assert cgroups.members("one") == ["n1"]
    group.kill()
    child.wait(5)
    assert group.pids() == [] and group.leader() is None
    group.remove()
    cgroups.remove_lab("one")
    assert not (v2 / "halab").exists()


@needs_v2
def test_v2_frozen_is_seen_and_does_not_outlive_a_kill(v2: Path) -> None:
    group = Cgroup("one", "n1")
    group.create()
    child = start(group, "sleep", "60")
    group.freeze(True)
    assert group.frozen()
    assert "frozen 1" in (v2 / "halab/one/n1/cgroup.events").read_text()
    group.kill(within=5)
    child.wait(5)
    assert not group.frozen()


@needs_v2
def test_v2_groups_stand_still_together_and_go_on(v2: Path) -> None:
    groups = [Cgroup("one", name) for name in ("n1", "n2")]
    children = []
    for group in groups:
        group.create()
        children.append(start(group, "sleep", "60"))
    with standstill(groups):
        assert all(group.frozen() for group in groups)
    assert not any(group.frozen() for group in groups)
    for group, child in zip(groups, children, strict=True):
        group.kill(within=5)
        child.wait(5)


@needs_v2
def test_v2_a_second_life_in_the_group_of_the_first(v2: Path) -> None:
    """nspawn moves itself and the node into groups below and gives those the controllers: the kernel
    then refuses every process in the group itself, and the node could be powered on once only."""
    group = Cgroup("one", "n1")
    group.create()
    below = v2 / "halab/one/n1/payload"
    below.mkdir()
    for controller in (v2 / "halab/one/n1/cgroup.controllers").read_text().split():
        (v2 / "halab/one/n1/cgroup.subtree_control").write_text(f"+{controller}")
    if cgroups._V2_CONTROLLERS:
        assert subprocess.run(group.command(["true"]), stderr=subprocess.DEVNULL).returncode != 0
    # What power on does first:
    group.kill()
    group.remove()
    group.create()
    assert subprocess.run(group.command(["true"])).returncode == 0


@pytest.mark.parametrize("unified", [False, True])
def test_a_limit_for_writes_is_set_read_and_lifted(unified: bool, tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    """The words are the kernel's (cgroup-v1/blkio-controller.rst, cgroup-v2.rst); files stand for it here."""
    monkeypatch.setattr(cgroups, "_ROOT", tmp_path)
    monkeypatch.setattr(cgroups, "is_v2", lambda: unified)
    group = Cgroup("one", "n1")
    group.throttle("254:0", 20)  # a node without power has no group
    assert group.throttled("254:0") == 0
    folder = tmp_path / "halab/one/n1" if unified else tmp_path / "blkio/halab/one/n1"
    folder.mkdir(parents=True)
    knob = folder / ("io.max" if unified else "blkio.throttle.write_iops_device")
    knob.write_text("")
    group.throttle("254:0", 20)
    assert knob.read_text() == ("254:0 wiops=20" if unified else "254:0 20")
    knob.write_text("8:0 rbps=max wbps=max riops=max wiops=7\n254:0 rbps=max wbps=max riops=max wiops=20\n" if unified
                    else "8:0 7\n254:0 20\n")
    assert group.throttled("254:0") == 20 and group.throttled("8:0") == 7 and group.throttled("9:9") == 0
    group.throttle("254:0", 0)
    assert knob.read_text() == ("254:0 wiops=max" if unified else "254:0 0")
    assert group.throttled("254:0") == 0


@needs_v2
def test_v2_a_root_that_may_give_no_controllers_is_no_obstacle(v2: Path) -> None:
    """The root of a container's own cgroup namespace has processes in it."""
    child = subprocess.Popen(["sleep", "60"])
    (v2 / "cgroup.procs").write_text(str(child.pid))
    try:
        group = Cgroup("one", "n1")
        group.create()
        assert (v2 / "cgroup.subtree_control").read_text().split() == []
        assert subprocess.run(group.command(["true"])).returncode == 0
    finally:
        child.kill()
        child.wait()


@needs_v2
def test_v2_controllers_reach_the_member(v2: Path) -> None:
    Cgroup("one", "n1").create()
    have = (v2 / "halab/one/n1/cgroup.controllers").read_text().split()
    assert have == list(cgroups._V2_CONTROLLERS)


def test_v1_a_member_is_in_every_hierarchy_that_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("systemd", "freezer", "memory", "net_cls"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(cgroups, "_ROOT", tmp_path)
    group = Cgroup("one", "n1")
    group.create()
    entries = [str(tmp_path / name / "halab/one/n1/cgroup.procs") for name in ("systemd", "freezer", "memory")]
    assert group.command(["true"])[4:] == ["3", *entries, "true"]
    assert not (tmp_path / "net_cls/halab").exists()  # nothing there that a node needs
    assert cgroups.members("one") == ["n1"] and cgroups.members("two") == []
    group.remove()
    cgroups.remove_lab("one")
    assert not list(tmp_path.glob("*/halab"))


def test_v1_gets_a_real_time_budget_of_what_its_lab_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In short periods: 50 ms of each second made corosync stand still for longer than its token timeout."""
    (tmp_path / "systemd").mkdir()
    node = tmp_path / "cpu/halab/one/n1"
    other = node.with_name("n2")
    for folder in (node, other):
        folder.mkdir(parents=True)
    for folder in (node.parent.parent, node.parent, node, other):
        (folder / "cpu.rt_runtime_us").write_text("0")
        (folder / "cpu.rt_period_us").write_text("1000000")
    monkeypatch.setattr(cgroups, "_ROOT", tmp_path)

    def given(knob: str) -> list[int]:
        return [int((folder / knob).read_text()) for folder in (node.parent.parent, node.parent, node, other)]

    Cgroup("one", "n1").create()
    assert given("cpu.rt_runtime_us") == [0, 0, 0, 0] and Cgroup("one", "n1").without_real_time
    Cgroup("one", "n1").create(real_time=1)
    assert not Cgroup("one", "n1").without_real_time
    assert given("cpu.rt_runtime_us") == [90_000, 45_000, 45_000, 0]
    Cgroup("one", "n2").create(real_time=1 / 2)  # the lab has grown
    assert given("cpu.rt_runtime_us") == [90_000, 45_000, 22_500, 22_500]
    assert given("cpu.rt_period_us") == [100_000] * 4


def test_v1_a_lab_that_gets_no_budget_is_known_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel refuses the third lab of two: what its group would have is more than halab's own has left."""
    (tmp_path / "systemd").mkdir()
    node = tmp_path / "cpu/halab/three/n1"
    node.mkdir(parents=True)
    for folder, runtime in ((node.parent.parent, "90000"), (node.parent, "0"), (node, "0")):
        (folder / "cpu.rt_runtime_us").write_text(runtime)
        (folder / "cpu.rt_period_us").write_text("100000")
    monkeypatch.setattr(cgroups, "_ROOT", tmp_path)
    real = Path.write_text

    def refuse(path: Path, text: str, *rest: str) -> int:
        if path.name == "cpu.rt_runtime_us" and text != "0":
            raise OSError(22, "Invalid argument")
        return real(path, text, *rest)

    monkeypatch.setattr(Path, "write_text", refuse)
    group = Cgroup("three", "n1")
    group.create(real_time=1 / 3)
    assert group.without_real_time, "it is made all the same"
    assert not Cgroup("three", "n9").without_real_time, "a group that is not there lacks nothing"
