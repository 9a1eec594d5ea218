"""A box that a person brings along instead of the baked image (``box:`` of the topology).

halab starts machines directly with their kernel, and brings each node's files along in the initrd
(:mod:`lab.vm.seed`); a lab is routed nowhere, so nothing can be installed later.  A box that cannot
live with that is refused with the reason before a lab is begun.  Its disk is read as a file system,
without mounting it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from lab.errors import HostError, RefusedError
from lab.host.process import run
from lab.vm import store

PARTS = ("metadata.json", "box.img", "vmlinuz", "initrd.img")
# What the image's recipe lays into the initrd (provision.image): with it, the node's files are found at boot.
SEED = "/etc/initramfs-tools/scripts/init-bottom/halab-seed"
_CHECKED = "halab-checked"  # in the box's folder: the packages that were found on its disk
_TIMEOUT = 300.0
_PREPARED = "make it from the baked disk: docs/machines.md says how"


def require(box: str, packages: Iterable[str], use: Callable[[Path], object] = lambda disk: None) -> Path:
    """The disk of ``box`` in Vagrant's folder, its kernel and initrd beside it; a box file is imported first.

    ``box`` is a name in Vagrant's folder, or the path of a box file.  RefusedError says what it lacks.
    ``use`` is called with the disk before anybody can prune it: whoever stands on it links it there.
    """
    with store.exclusive():  # or lab.gc would take the folder in which a disk is checked for a forgotten one
        name = _imported(Path(box)) if box.endswith(".box") else box
        folder = store.stored(name)
        if folder is None:
            raise RefusedError(f"Vagrant has no box '{name}' for libvirt, and halab fetches none", where=f"box: {box}",
                               remedy=f"VAGRANT_HOME={store.vagrant_home()} vagrant box add --provider libvirt ...")
        _refuse_without(box, [part for part in PARTS if not (folder / part).exists()])
        _check_disk(box, folder, tuple(sorted(packages)))
        use(folder / "box.img")
    return folder / "box.img"


def name_of(disk: Path) -> str:
    """Vagrant's name of the box whose disk this is."""
    parts = disk.relative_to(store.vagrant_home() / "boxes").parts
    return store.name_of(parts[0])


def _imported(package: Path) -> str:
    """Vagrant's name for a box file, for who holds Vagrant's folder; a file that changed is another box."""
    try:
        about = package.stat()
    except OSError as error:
        raise RefusedError("there is no such box file", where=f"box: {package}", remedy="the path of a .box file, "
                           "absolute or from the topology's folder") from error
    digest = hashlib.sha256(f"{package.resolve()} {about.st_size} {about.st_mtime_ns}".encode()).hexdigest()[:8]
    name = f"{store.IMPORTED}/{re.sub('[^A-Za-z0-9._-]', '-', package.stem)}-{digest}"
    folder = store.stored(name)
    if folder is None or not all((folder / part).exists() for part in PARTS):
        from lab.vm.box import add  # only here are Vagrant's libraries needed

        _refuse_without(str(package), [part for part in PARTS if part not in _inside(package)])
        add(name, package)
    return name


def _inside(package: Path) -> set[str]:
    try:
        with tarfile.open(package) as archive:
            return {member.removeprefix("./") for member in archive.getnames()}
    except (tarfile.TarError, OSError) as error:
        raise RefusedError("this is no Vagrant box: it cannot be read as an archive", where=f"{package}: {error}",
                           remedy=_PREPARED) from error


def _refuse_without(box: str, missing: list[str]) -> None:
    if missing:
        raise RefusedError(f"the box has no {' and no '.join(missing)}: halab starts machines directly with their "
                           "kernel, so a box with a boot loader of its own cannot be used",
                           where=f"box: {box}", remedy=_PREPARED)


def _check_disk(box: str, folder: Path, packages: tuple[str, ...]) -> None:
    """RefusedError unless the disk is one file system, prepared for halab, with ``packages`` installed."""
    known = json.dumps([packages, (folder / "box.img").stat().st_mtime_ns])
    if (folder / _CHECKED).exists() and (folder / _CHECKED).read_text() == known:
        return
    place = Path(tempfile.mkdtemp(dir=store.vagrant_home(), prefix=store.SCRATCH))
    try:
        raw = place / "disk.raw"  # sparse: what is written of the disk, about a gigabyte
        try:
            run(["qemu-img", "convert", "-O", "raw", folder / "box.img", raw], timeout=_TIMEOUT)
        except HostError as error:
            raise RefusedError("the box's disk cannot be read", where=f"box: {box}: {error.where}",
                               remedy=_PREPARED) from error
        status = _read(raw, "/var/lib/dpkg/status")
        if not status:
            raise RefusedError("the box's disk is no ext4 file system with Debian on it: partitions cannot be used",
                               where=f"box: {box}", remedy=_PREPARED)
        if not _read(raw, SEED):
            raise RefusedError("the box was not prepared for halab: its initrd would not find the node's files",
                               where=f"box: {box}: no {SEED}", remedy=_PREPARED)
        if lacking := sorted(set(packages) - installed(status)):
            raise RefusedError(f"the box lacks {len(lacking)} package(s), and a lab's machines reach no mirror: "
                               f"{', '.join(lacking[:8])}{', ...' if len(lacking) > 8 else ''}",
                               where=f"box: {box}", remedy="make the box from the disk that ./inv image.bake "
                               "--driver=vagrant bakes (--api: with Keystone), which has them")
    finally:
        shutil.rmtree(place, ignore_errors=True)
    (folder / _CHECKED).write_text(known)


def _read(raw: Path, path: str) -> str:
    """A file of an ext4 image; empty if there is none, or no ext4."""
    return run(["debugfs", "-R", f"cat {path}", raw], timeout=60, check=False).stdout


def installed(status: str) -> set[str]:
    """The installed packages of dpkg's status file."""
    return {found[1] for block in status.split("\n\n") if "\nStatus: install ok installed" in block
            and (found := re.match(r"Package: (\S+)", block))}
