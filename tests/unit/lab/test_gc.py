"""What belongs to no lab is found and removed; what belongs to a living one is not even listed."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

import pytest

from lab import image, state
from lab.errors import NotFoundError
from lab.host import cgroups, leftovers
from lab.net import namespace
from lab.ops import gc
from lab.ops.down import take_down
from lab.state.home import home
from lab.vm import store


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host of plain folders: cgroups (v2), namespaces, locks and claims below ``tmp_path``."""
    for name in ("cgroup", "netns", "nspawn", "run"):
        (tmp_path / name).mkdir()
    (tmp_path / "cgroup/cgroup.controllers").write_text("")
    monkeypatch.setattr(cgroups, "_ROOT", tmp_path / "cgroup")
    monkeypatch.setattr(namespace, "_RUN_NETNS", tmp_path / "netns")
    monkeypatch.setattr(gc, "_NAMESPACES", tmp_path / "netns")
    monkeypatch.setattr(leftovers, "NSPAWN", tmp_path / "nspawn")
    monkeypatch.setattr(state, "runtime", lambda: tmp_path / "run")
    return tmp_path


def groups(host: Path, lab: str, *members: str) -> None:
    for member in members:
        (host / "cgroup/halab" / lab / member).mkdir(parents=True)


def record(lab: str, root: Path | None = None) -> None:
    folder = (root or home()) / "labs" / lab
    folder.mkdir(parents=True)
    (folder / "plan.json").touch()


def listed() -> list[tuple[str, str]]:
    return [(one.kind, one.name) for one in gc.find()]


def test_a_clean_host(host: Path) -> None:
    assert gc.find() == []
    assert gc.collect([]) == []


def test_a_dead_lab_is_found_by_any_of_its_parts_and_removed(host: Path) -> None:
    groups(host, "killed", "n1", "libvirtd", "watch")
    (home() / "labs/torn").mkdir(parents=True)
    (host / "netns/halab.lost.n1").touch()
    state.claim("killed")
    found = gc.find()
    assert [(one.kind, one.name) for one in found] == [("lab", "killed"), ("lab", "lost"), ("lab", "torn")]
    assert "cgroups of libvirtd, n1, watch" in found[0].what
    assert "1 network namespace(s)" in found[1].what
    removable = [one for one in found if one.name != "lost"]  # that one would take an 'ip netns delete'
    assert gc.collect(removable) == removable
    assert not (host / "cgroup/halab").exists()
    assert listed() == [("lab", "lost")]
    assert state.claimed() == state.locks() == []


@pytest.mark.parametrize("elsewhere", [False, True], ids=["this home", "another home"])
def test_a_living_lab_is_never_listed_nor_removed(host: Path, elsewhere: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    groups(host, "lives", "n1", "bmc")
    (host / "netns/halab.lives").touch()
    other = host / "other-home"
    if elsewhere:
        monkeypatch.setenv("HALAB_HOME", str(other))
    state.claim("lives")
    record("lives")
    monkeypatch.setenv("HALAB_HOME", str(host / "halab-home"))
    assert listed() == []
    stale = gc.Leftover("lab", "lives", "as it was before somebody typed lab.up")
    assert gc.collect([stale, gc.Leftover("claim", "lives", ""), gc.Leftover("lock", "lives", "")]) == []
    assert (host / "cgroup/halab/lives/n1").exists()
    assert state.claimed() == ["lives"]


def test_a_lab_that_a_command_works_on_lives(host: Path) -> None:
    groups(host, "baking", "n1")
    with state.exclusive("baking", "lab.up"):
        assert state.busy("baking")
        assert listed() == []
        assert gc.collect([gc.Leftover("lab", "baking", ""), gc.Leftover("lock", "baking", "")]) == []
    assert not state.busy("baking")
    assert listed() == [("lab", "baking")]


def test_claims_and_locks_of_labs_that_are_gone(host: Path) -> None:
    state.claim("gone")
    with state.exclusive("gone", "lab.up"):
        pass
    found = gc.find()
    assert [(one.kind, one.name) for one in found] == [("claim", "gone"), ("lock", "gone")]
    assert gc.collect(found) == found
    assert gc.find() == []


def test_a_lab_of_which_only_its_claim_is_left_is_taken_down(host: Path) -> None:
    state.claim("halfgone")
    take_down("halfgone")  # what the refusal of another home tells to do
    assert state.claimed() == state.locks() == []
    with pytest.raises(NotFoundError, match="there is no lab 'halfgone'"):
        take_down("halfgone")


def test_another_homes_claim_is_not_this_ones_to_take_down(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALAB_HOME", str(host / "other-home"))
    state.claim("theirs")
    monkeypatch.setenv("HALAB_HOME", str(host / "halab-home"))
    with pytest.raises(NotFoundError):
        take_down("theirs")
    assert state.claimed() == ["theirs"]


def test_a_lock_that_was_removed_under_a_waiter_is_not_taken_for_the_lock(host: Path) -> None:
    with state.exclusive("one", "lab.up"):
        pass
    path = host / "run/locks/one"
    held = path.open("a+")  # opened before gc, locked after it
    assert state.drop_lock("one")
    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with state.exclusive("one", "lab.up"):  # a new file: the old one locks nothing
        assert state.busy("one")
    held.close()


def test_an_interrupted_bake(host: Path) -> None:
    (home() / "images/.0123456789abcdef.baking/rootfs").mkdir(parents=True)
    (home() / "images/.1123456789abcdef.baking").mkdir()
    with (home() / "images/1123456789abcdef.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert listed() == [("bake", "0123456789abcdef")]
        assert not image.end_bake("1123456789abcdef")
        assert len(gc.collect(gc.find())) == 1
    assert listed() == [("bake", "1123456789abcdef")]


def test_the_bake_of_another_home_is_left_alone(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both bake the same image: its key is the same, the processes and the lock are not."""
    key = "0123456789abcdef"
    mine = image._cgroup(key)
    with monkeypatch.context() as other:
        other.setenv("HALAB_HOME", str(host / "other"))
        theirs = image._cgroup(key)
        groups(host, ".bake", theirs.member)
        assert listed() == [("bake", key)]
    assert mine.member != theirs.member
    assert listed() == []
    assert image.end_bake(key)
    assert (host / "cgroup/halab/.bake" / theirs.member).is_dir()


def test_what_vagrant_keeps_of_what_is_gone(host: Path) -> None:
    for key in ("0123456789abcdef", "1123456789abcdef"):
        (store.vagrant_home() / f"boxes/halab-VAGRANTSLASH-{key}/0/libvirt").mkdir(parents=True)
    (home() / "images/0123456789abcdef").mkdir(parents=True)
    (store.vagrant_home() / "boxes/acme-VAGRANTSLASH-ha").mkdir()  # a person's own
    (store.vagrant_home() / f"{store.SCRATCH}x").mkdir()
    record("here")
    index(here=home() / "labs/here", gone=home() / "labs/gone")
    found = gc.find()
    assert [(one.kind, one.name) for one in found] == [
        ("box", "halab/1123456789abcdef"), ("machine", f"n1 in {home()}/labs/gone"),
        ("folder", str(store.vagrant_home() / f"{store.SCRATCH}x"))]
    assert gc.collect(found) == found
    assert gc.find() == []
    assert sorted(path.name for path in (store.vagrant_home() / "boxes").iterdir()) == [
        "acme-VAGRANTSLASH-ha", "halab-VAGRANTSLASH-0123456789abcdef"]
    assert [one["vagrantfile_path"] for one in machines().values()] == [str(home() / "labs/here")]
    assert store.forget_machines(home() / "labs/here") == [f"n1 in {home()}/labs/here"]
    assert machines() == {}


def test_pruned_images_take_their_boxes_along(host: Path) -> None:
    (store.vagrant_home() / "boxes/halab-VAGRANTSLASH-0123456789abcdef/0/libvirt").mkdir(parents=True)
    (home() / "images/0123456789abcdef").mkdir(parents=True)
    assert image.prune() == ["0123456789abcdef"]
    assert store.orphan_boxes() == []
    assert list((store.vagrant_home() / "boxes").iterdir()) == []


def test_boxes_from_a_persons_files_go_when_no_lab_stands_on_them(host: Path) -> None:
    for name in ("own-VAGRANTSLASH-idle-1", "own-VAGRANTSLASH-used-2", "acme-VAGRANTSLASH-ha"):
        disk = store.vagrant_home() / "boxes" / name / "0/libvirt/box.img"
        disk.parent.mkdir(parents=True)
        disk.touch()
        if "used" in name:
            record("stands")
            (home() / "labs/stands/image").symlink_to(disk)
    image.images_dir().mkdir()
    assert image.prune() == []
    assert sorted(path.name for path in (store.vagrant_home() / "boxes").iterdir()) == [
        "acme-VAGRANTSLASH-ha", "own-VAGRANTSLASH-used-2"]


def index(**projects: Path) -> None:
    folder = store.vagrant_home() / "data/machine-index"
    folder.mkdir(parents=True)
    (folder / "index").write_text(json.dumps({"version": 1, "machines": {
        key: {"name": "n1", "vagrantfile_path": str(path)} for key, path in projects.items()}}))


def machines() -> dict[str, dict[str, str]]:
    read: dict[str, dict[str, str]] = json.loads(
        (store.vagrant_home() / "data/machine-index/index").read_text())["machines"]
    return read
