"""The judgement over hosts that are only described."""

from __future__ import annotations

import ctypes
import os
from dataclasses import replace
from pathlib import Path

import pytest

from lab import state
from lab.errors import RefusedError
from lab.host import inotify, leftovers
from lab.host.doctor import Level, Readings, check_for, examine, free_memory_mb, judge
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options

GOOD = Readings(
    root=True,
    system="Debian GNU/Linux 12 (bookworm)",
    apt=True,
    programs=frozenset({"systemd-nspawn", "mmdebstrap", "nft", "ip", "nsenter", "setpriv", "ssh"}),
    cgroups="v2",
    kernel={"namespaces": "", "overlay": ""},
    memory_mb=8000,
    disk_mb=20000,
    disk_path=Path("/var/lib/halab"),
    clock=1.8e9,
)
PLAN = make_plan(topology_from_options())


def test_a_good_host() -> None:
    examination = examine(PLAN, GOOD)
    assert examination.ok
    assert {finding.level for finding in examination.findings} == {Level.OK}
    check_for(PLAN, GOOD)


def test_a_v2_without_controllers_is_no_obstacle() -> None:
    examination = judge(replace(GOOD, cgroups="v2 without the controllers cpu"), memory_mb=1, disk_mb=1)
    assert examination.ok
    assert [finding.topic for finding in examination.findings if finding.level is Level.NOTE] == ["cgroups"]


@pytest.mark.parametrize(
    ("change", "what", "fix"),
    [
        ({"root": False}, "not running as root", "sudo"),
        ({"apt": False, "system": "Fedora Linux 41"}, "Fedora Linux 41 has no apt", "Debian 12"),
        ({"programs": GOOD.programs - {"nft"}}, "missing programs: nft", "apt-get install nftables"),
        ({"cgroups": "v1 without the hierarchies freezer"}, "without the hierarchies freezer", "unified"),
        (
            {"kernel": {"overlay": "mount: unknown filesystem type"}},
            "overlayfs does not work: mount",
            "modprobe overlay",
        ),
        ({"memory_mb": 200}, "200 MB are free, 1000 MB are needed", "fewer --nodes"),
        ({"disk_mb": 200}, "200 MB are free, 2000 MB are needed", "image.prune"),
        ({"inotify": 20}, "20 are free, 21 are needed", "fs.inotify.max_user_instances"),
        ({"clock": 0.0}, "the clock says 1970-01-01", "set the clock"),
    ],
)
def test_each_lack_has_its_fix(change: dict[str, object], what: str, fix: str) -> None:
    host = replace(GOOD, **change)  # type: ignore[arg-type]
    bad = judge(host, memory_mb=1000, disk_mb=2000, inotify=21).bad
    assert len(bad) == 1
    assert what in bad[0].what
    assert fix in bad[0].fix


def test_no_root_no_trials_but_no_lie() -> None:
    notes = [
        f for f in judge(replace(GOOD, kernel={}), memory_mb=1, disk_mb=1).findings if f.topic == "kernel"
    ]
    assert [note.level for note in notes] == [Level.NOTE]


def test_up_is_refused_with_all_numbers() -> None:
    with pytest.raises(RefusedError) as caught:
        check_for(PLAN, replace(GOOD, memory_mb=200, disk_mb=200))
    said = caught.value.what
    assert f"200 MB are free, {PLAN.memory_mb} MB are needed" in said
    assert f"200 MB are free, {PLAN.disk_mb} MB are needed" in said
    assert caught.value.exit_code == 2
    assert caught.value.remedy


def test_a_lab_without_machines_needs_nothing() -> None:
    check_for(make_plan(topology_from_options(driver="fake")), replace(GOOD, root=False, memory_mb=0))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 2048),
        ({"memory.max": "1073741824", "memory.current": "536870912"}, 512),
        ({"memory.max": "max", "memory.current": "5"}, 2048),
        ({"memory/memory.limit_in_bytes": "1048576", "memory/memory.usage_in_bytes": "2097152"}, 0),
    ],
)
def test_free_memory_heeds_a_limit(files: dict[str, str], expected: int, tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:  9999999 kB\nMemFree: 1 kB\nMemAvailable:  2097152 kB\n")
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    assert free_memory_mb(meminfo, tmp_path) == expected


def test_leftovers_are_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "home/images/.abc.baking").mkdir(parents=True)
    (tmp_path / "home/labs/default").mkdir(parents=True)
    for name in ("halab.default", "halab.default.n1", "halab.lost.n1", "other"):
        (tmp_path / "netns").mkdir(exist_ok=True)
        (tmp_path / "netns" / name).touch()
    assert list(leftovers.describe(tmp_path / "home", tmp_path / "netns")) == [
        "1 image(s), 0 MB: ./inv image.list",
        "1 half-baked image(s): ./inv image.prune",
        "1 lab(s) (default), 0 MB: ./inv lab.list",
        "network namespaces of a lab 'lost' that has no folder: ./inv lab.down --name=lost",
    ]
    assert list(leftovers.describe(tmp_path / "nothing", tmp_path / "nothing")) == []


def test_the_lab_of_another_home_is_no_leftover(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netns").mkdir()
    (tmp_path / "netns/halab.theirs").touch()
    monkeypatch.setenv("HALAB_HOME", str(tmp_path / "other"))
    state.claim("theirs")
    state.write_atomically(tmp_path / "other/labs/theirs/plan.json", "{}")
    assert list(leftovers.describe(tmp_path / "home", tmp_path / "netns")) == []
    (tmp_path / "other/labs/theirs/plan.json").unlink()
    assert "a lab 'theirs' that has no folder" in "".join(leftovers.describe(tmp_path / "home", tmp_path / "netns"))


def test_inotify_instances_are_counted_where_they_are_held() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    ours = Path(f"/proc/{os.getpid()}")
    before = inotify._held(ours)
    made = [libc.inotify_init() for _ in range(5)]
    try:
        root = os.geteuid() == 0
        assert inotify._held(ours) - before == (5 if root else 0)  # what is not root's does not count
        assert (inotify.free() is None) is not root
    finally:
        for descriptor in made:
            os.close(descriptor)


def test_sixteen_containers_need_more_than_three() -> None:
    host = replace(GOOD, inotify=60, memory_mb=10**6, disk_mb=10**6)
    assert examine(PLAN, host).ok
    large = make_plan(topology_from_options(nodes="16"))
    assert [finding.topic for finding in examine(large, host).bad] == ["inotify"]
    # Two that join a lab which runs: the others hold theirs already.
    assert examine(large, host, new_hosts=2).ok
