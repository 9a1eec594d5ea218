"""A box of a person's own: made here of small ext4 disks, imported by a vagrant that only unpacks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("vagrant", reason="the vagrant driver's libraries are not installed")
if not all(shutil.which(program) for program in ("mke2fs", "debugfs", "qemu-img")):
    pytest.skip("e2fsprogs and qemu-utils are not on this host", allow_module_level=True)

from lab.errors import HostError, RefusedError
from lab.vm import box, ownbox, store

# 'vagrant box add NAME FILE --force --provider libvirt'
VAGRANT = f"""#!{sys.executable}
import os, pathlib, sys, tarfile
words = sys.argv[1:]
assert words[:2] == ["box", "add"] and words[4:] == ["--force", "--provider", "libvirt"], words
folder = pathlib.Path(os.environ["VAGRANT_HOME"], "boxes", words[2].replace("/", "-VAGRANTSLASH-"), "0", "libvirt")
folder.mkdir(parents=True, exist_ok=True)
tarfile.open(words[3]).extractall(folder)
with open(os.environ["VAGRANT_HOME"] + "/added", "a") as note:
    note.write(words[2] + "\\n")
"""
STATUS = ("Package: corosync\nStatus: install ok installed\nVersion: 3\n\n"
          "Package: mc\nStatus: deinstall ok config-files\n")


@pytest.fixture(autouse=True)
def vagrant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin/vagrant"
    program.parent.mkdir()
    program.write_text(VAGRANT)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


def make(folder: Path, *, status: str = STATUS, seed: bool = True, parts: tuple[str, ...] = ownbox.PARTS,
         blank: bool = False) -> Path:
    """A box file in ``folder`` with these parts and this on its disk."""
    tree = folder / "tree"
    for path, text in (("/var/lib/dpkg/status", status), (ownbox.SEED if seed else "/etc/x", "#!/bin/sh\n")):
        (tree / path[1:]).parent.mkdir(parents=True)
        (tree / path[1:]).write_text(text)
    raw = folder / "raw"
    subprocess.run(["truncate", "-s", "8M", raw], check=True)
    if not blank:
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", tree, raw], check=True, capture_output=True)
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, folder / "box.img"], check=True)
    (folder / "metadata.json").write_text(json.dumps({"provider": "libvirt", "format": "qcow2", "virtual_size": 1}))
    for name in ("vmlinuz", "initrd.img"):
        (folder / name).write_text(name)
    with tarfile.open(folder / "ha.box", "w") as archive:
        for name in parts:
            archive.add(folder / name, name)
    return folder / "ha.box"


def test_a_file_is_imported_once_and_used(tmp_path: Path) -> None:
    package = make(tmp_path)
    disk = ownbox.require(str(package), ["corosync"])
    assert disk == ownbox.require(str(package), ["corosync"])
    assert disk.with_name("vmlinuz").read_text() == "vmlinuz"
    assert box.ensure_box(disk, own=True) == ownbox.name_of(disk)
    assert (store.vagrant_home() / "added").read_text() == f"{ownbox.name_of(disk)}\n"
    assert ownbox.name_of(disk).startswith("own/ha-")
    assert store.scratch() == []


def test_what_a_check_works_in_is_not_taken_for_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """lab.gc --yes removes every scratch folder while nobody holds Vagrant's."""
    seen = []

    def read(raw: Path, path: str) -> str:
        seen.append((raw.parent.name.startswith(store.SCRATCH), store.scratch()))
        return STATUS

    monkeypatch.setattr(ownbox, "_read", read)
    ownbox.require(str(make(tmp_path)), ["corosync"])
    assert seen and set(map(str, seen)) == {"(True, [])"}


def test_two_that_import_the_same_box_import_it_once(tmp_path: Path) -> None:
    package = str(make(tmp_path))
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: ownbox.require(package, ["corosync"]), range(2))
    assert first == second
    assert len((store.vagrant_home() / "added").read_text().splitlines()) == 1


def test_a_box_by_its_name(tmp_path: Path) -> None:
    box.vagrant_home().mkdir(parents=True)
    box.add("acme/ha", make(tmp_path))
    disk = ownbox.require("acme/ha", ["corosync"])
    assert ownbox.name_of(disk) == "acme/ha"
    assert store.orphan_boxes() == []


@pytest.mark.parametrize(("change", "words"), [
    ({"parts": ("metadata.json", "box.img")}, "no vmlinuz and no initrd.img.*boot loader of its own"),
    ({"blank": True}, "no ext4 file system"),
    ({"seed": False}, "not prepared for halab"),
    ({"status": STATUS.replace("corosync", "vim")}, "lacks 1 package.s., .*no mirror: corosync"),
])
def test_what_cannot_work_is_refused_with_its_reason(change: dict[str, object], words: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=words) as caught:
        ownbox.require(str(make(tmp_path, **change)), ["corosync"])  # type: ignore[arg-type]
    assert caught.value.remedy
    assert store.scratch() == []


def test_no_such_box(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"no box 'debian/bookworm64'.*halab fetches none") as caught:
        ownbox.require("debian/bookworm64", [])
    assert "vagrant box add" in caught.value.remedy
    with pytest.raises(RefusedError, match="no such box file"):
        ownbox.require(str(tmp_path / "none.box"), [])
    (tmp_path / "torn.box").write_bytes(b"not a tar")
    with pytest.raises(RefusedError, match="cannot be read as an archive"):
        ownbox.require(str(tmp_path / "torn.box"), [])


def test_a_half_imported_box_is_imported_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = tmp_path / "images/0123456789abcdef/disk.qcow2"
    disk.parent.mkdir(parents=True)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "8M"], check=True)
    name = box.ensure_box(disk)
    folder = store.stored(name)
    assert folder is not None
    added = store.vagrant_home() / "added"
    box.ensure_box(disk)
    assert len(added.read_text().splitlines()) == 1
    for number, (part, damage) in enumerate([("box.img", b"QFI"), ("metadata.json", b"{"), ("Vagrantfile", None)], 2):
        (folder / part).unlink() if damage is None else (folder / part).write_bytes(damage)
        assert box.ensure_box(disk) == name
        assert len(added.read_text().splitlines()) == number


def test_a_box_that_cannot_be_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin/vagrant").write_text("#!/bin/sh\necho 'No space left on device @ io_write' >&2; exit 1\n")
    with pytest.raises(HostError, match="'vagrant box add' failed") as caught:
        ownbox.require(str(make(tmp_path)), ["corosync"])
    assert "No space left" in caught.value.where


def test_a_box_that_a_lab_takes_while_others_are_pruned_stays(tmp_path: Path) -> None:
    """Both under the lock of Vagrant's folder: the lab links the disk in it, and what is used is asked in it."""
    links: set[Path] = set()
    pruning: list[threading.Thread] = []

    def use(disk: Path) -> None:
        pruning.append(threading.Thread(target=lambda: store.remove_imported_boxes(lambda: links)))
        pruning[0].start()
        pruning[0].join(0.3)  # it waits for the lock
        links.add(disk)

    disk = ownbox.require(str(make(tmp_path)), ["corosync"], use)
    pruning[0].join(10)
    assert disk.exists()
    assert store.remove_imported_boxes(set) == [ownbox.name_of(disk)]
