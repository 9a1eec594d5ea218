"""Vagrant's own folder, which all labs share: its boxes, and what it remembers of machines.

Read and cleaned as files, because Vagrant itself needs a second or two for each question, and
``global-status --prune`` forgets only what it cannot reach.
"""

from __future__ import annotations

import fcntl
import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lab.state.home import home

SCRATCH = ".halab-box-"  # how the folders are called in which boxes are packed
IMPORTED = "own"  # whose boxes are called own/<file's name>-<digest>
_SLASH = "-VAGRANTSLASH-"
_BAKED = re.compile(r"halab/(?P<key>[0-9a-f]{16})")


def vagrant_home() -> Path:
    """Vagrant's own folder for all labs: boxes, and its index of machines."""
    return home() / "vagrant"


def environment() -> dict[str, str]:
    """What every Vagrant of halab is started with."""
    return {"VAGRANT_HOME": str(vagrant_home()), "VAGRANT_DEFAULT_PROVIDER": "libvirt", "VAGRANT_NO_COLOR": "1",
            "VAGRANT_CHECKPOINT_DISABLE": "1", "VAGRANT_BOX_UPDATE_CHECK_DISABLE": "1", "LC_ALL": "C.UTF-8"}


@contextmanager
def exclusive() -> Iterator[Path]:
    """The folder, for one process of this host at a time: two that add the same box leave half of one."""
    folder = vagrant_home()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def stored(name: str) -> Path | None:
    """The folder of the newest version of a box for libvirt, as Vagrant laid it down; None if there is none."""
    base = vagrant_home() / "boxes" / name.replace("/", _SLASH)
    # <version>/libvirt, and since Vagrant 2.4 <version>/<architecture>/libvirt.
    found = [*base.glob("*/libvirt/metadata.json"), *base.glob("*/*/libvirt/metadata.json")]
    newest = sorted(found, key=lambda path: [int(number) for number in re.findall(
        r"\d+", path.relative_to(base).parts[0])])
    return newest[-1].parent if newest else None


def name_of(folder: str) -> str:
    """The name of the box that Vagrant keeps in a folder of this name."""
    return folder.replace(_SLASH, "/")


def orphan_boxes() -> list[str]:
    """The boxes that halab made of an image which is gone."""
    boxes = vagrant_home() / "boxes"
    names = sorted(name_of(path.name) for path in boxes.iterdir()) if boxes.is_dir() else []
    return [name for name in names if (known := _BAKED.fullmatch(name)) and
            not (home() / "images" / known["key"]).is_dir()]


def remove_orphan_boxes() -> list[str]:
    """Remove them; their names."""
    if not orphan_boxes():
        return []
    with exclusive():
        lost = orphan_boxes()
        for name in lost:
            shutil.rmtree(vagrant_home() / "boxes" / name.replace("/", _SLASH))
    return lost


def remove_imported_boxes(used: Callable[[], set[Path]]) -> list[str]:
    """Remove the boxes that were imported from a person's files, but those with a disk in ``used``; their names.

    A gigabyte each, and imported again from the file when a lab wants them.  ``used`` is asked when nobody can
    begin to use one.
    """
    imported = f"{IMPORTED}{_SLASH}*"
    if not any((vagrant_home() / "boxes").glob(imported)):
        return []
    with exclusive():
        disks = used()
        found = sorted((vagrant_home() / "boxes").glob(imported))
        idle = [folder for folder in found if not any(disk.is_relative_to(folder) for disk in disks)]
        for folder in idle:
            shutil.rmtree(folder)
    return [name_of(folder.name) for folder in idle]


def scratch() -> list[Path]:
    """The folders that a killed packing of a box left; none while somebody packs one."""
    folder = vagrant_home()
    found = sorted(folder.glob(f"{SCRATCH}*"))
    if found:
        with (folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return []
    return found


def forgotten_machines() -> list[str]:
    """What Vagrant's index says of machines whose lab has no folder any more, as ``<node> in <folder>``."""
    return [_words(machine) for machine in _index().get("machines", {}).values() if _is_gone(machine)]


def forget_machines(project: Path | None = None) -> list[str]:
    """Take the machines of the lab in ``project``, or of all labs that are gone, out of Vagrant's index."""
    def lost(machine: dict[str, Any]) -> bool:
        return _is_gone(machine) if project is None else machine.get("vagrantfile_path") == str(project)

    if not any(lost(machine) for machine in _index().get("machines", {}).values()):
        return []
    with _index_lock():
        return _drop(lost)


def _drop(lost: Callable[[dict[str, Any]], bool]) -> list[str]:
    index = _index()
    machines = index.get("machines", {})
    gone = {key: machine for key, machine in machines.items() if lost(machine)}
    index["machines"] = {key: machine for key, machine in machines.items() if key not in gone}
    draft = _index_file().with_suffix(".new")
    draft.write_text(json.dumps(index))
    draft.replace(_index_file())
    for key in gone:
        (_index_file().parent / f"{key}.lock").unlink(missing_ok=True)
    return sorted(_words(machine) for machine in gone.values())


def _is_gone(machine: dict[str, Any]) -> bool:
    return not Path(machine.get("vagrantfile_path", "/")).exists()


def _words(machine: dict[str, Any]) -> str:
    return f"{machine.get('name')} in {machine.get('vagrantfile_path')}"


def _index_file() -> Path:
    return vagrant_home() / "data" / "machine-index" / "index"


def _index() -> dict[str, Any]:
    with suppress(OSError, json.JSONDecodeError):
        index: dict[str, Any] = json.loads(_index_file().read_text())
        return index
    return {}


@contextmanager
def _index_lock() -> Iterator[None]:
    """The lock that Vagrant itself takes around the index (Vagrant::MachineIndex#with_index_lock)."""
    with _index_file().with_name("index.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
