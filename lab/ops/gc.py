"""``lab.gc``: what crashed runs and removed folders left on this host, and its removal.

A lab lives when its folder holds a plan, in this HALAB_HOME or in the one that claimed its name, or
when a command works on it; nothing of a living lab is ever listed.  A half-built lab lives: lab.up
finishes it, lab.down removes it.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lab import image, state
from lab.drivers import sweep
from lab.errors import RefusedError
from lab.host import cgroups, leftovers
from lab.net import network
from lab.state.home import LabPaths, home
from lab.vm import store

_NAMESPACES = Path("/run/netns")
_TRIAL = ".halab-trial-*"  # lab.host.kernel
_OLD = 600.0  # s after which a folder that only lives for a moment was forgotten


@dataclass(frozen=True)
class Leftover:
    """One thing that belongs to no living lab.  ``kind``: lab, claim, lock, bake, box, machine or folder."""

    kind: str
    name: str
    what: str


def find() -> list[Leftover]:
    """Everything that nobody needs any more; touches nothing."""
    return [*_dead_labs(), *_stale_claims_and_locks(), *_bakes(), *_vagrants(), *_trials()]


def collect(found: list[Leftover]) -> list[Leftover]:
    """Remove what of ``found`` is still there and still nobody's; what was removed."""
    return [one for one in found if _REMOVE[one.kind](one.name)]


def living(lab: str) -> bool:
    """Whether the lab must not be touched: it has a plan, or a command works on it."""
    return state.busy(lab) or any((place / "labs" / lab / "plan.json").exists() for place in _homes(lab))


def _homes(lab: str) -> list[Path]:
    owner = state.owner(lab)
    return [home(), *([owner] if owner else [])]


def _dead_labs() -> Iterator[Leftover]:
    for lab in sorted(_known()):
        if not living(lab) and (parts := _parts(lab)):
            yield Leftover("lab", lab, ", ".join(parts))


def _known() -> set[str]:
    """Every lab's name that anything on this host carries."""
    names = set(cgroups.labs())
    names |= {path.name.split(".")[1] for path in _entries(_NAMESPACES) if path.name.startswith("halab.")}
    names |= leftovers.nspawn_labs()
    names |= {path.name for path in _entries(home() / "labs")}
    return {name for name in names if _is_name(name)}


def _parts(lab: str) -> list[str]:
    """What there is of a dead lab, in words."""
    groups, spaces = cgroups.members(lab), network.namespaces_of(lab)
    alive = sum(len(cgroups.Cgroup(lab, member).pids()) for member in groups)
    folders = [place / "labs" / lab for place in _homes(lab) if (place / "labs" / lab).exists()]
    nspawn = leftovers.nspawn_folders(lab)
    said = ((alive, f"{alive} process(es)"), (groups, f"cgroups of {', '.join(groups)}"),
            (spaces, f"{len(spaces)} network namespace(s)"), (nspawn, f"{len(nspawn)} folder(s) of nspawn"),
            (folders, f"the folder {folders[0] if folders else ''}"))
    return [words for there, words in said if there]


def _remove_lab(lab: str) -> bool:
    try:
        with state.exclusive(lab, "lab.gc"):
            places = _homes(lab)
            if any((place / "labs" / lab / "plan.json").exists() for place in places):
                return False
            for place in places:
                root = place / "labs" / lab
                sweep(lab, LabPaths(root))
                if root.exists():
                    shutil.rmtree(root)
                store.forget_machines(root)
            state.disclaim(lab)
    except RefusedError:  # somebody works on it: it lives
        return False
    state.drop_lock(lab)
    return True


def _stale_claims_and_locks() -> Iterator[Leftover]:
    dead = {one.name for one in _dead_labs()}  # their claim and lock go with them
    for lab in state.claimed():
        if lab not in dead and not living(lab):
            yield Leftover("claim", lab, f"claimed by {state.owner(lab)}, where it is no more")
    for lab in state.locks():
        if lab not in dead and not living(lab):
            yield Leftover("lock", lab, "a lock file that nobody holds")


def _remove_claim(lab: str) -> bool:
    if living(lab):
        return False
    state.disclaim(lab)
    return True


def _remove_lock(lab: str) -> bool:
    return not living(lab) and state.drop_lock(lab)


def _bakes() -> Iterator[Leftover]:
    for key in image.interrupted_bakes():
        yield Leftover("bake", key, "an interrupted bake of this image")


def _vagrants() -> Iterator[Leftover]:
    for name in store.orphan_boxes():
        yield Leftover("box", name, "a box of an image that is gone")
    for words in store.forgotten_machines():
        yield Leftover("machine", words, "in Vagrant's index, and its lab is gone")
    for folder in store.scratch():
        yield Leftover("folder", str(folder), "an interrupted packing of a box")


def _trials() -> Iterator[Leftover]:
    for place in (home(), home().parent):
        for folder in sorted(place.glob(_TRIAL)) if place.is_dir() else ():
            if time.time() - folder.stat().st_mtime > _OLD:
                yield Leftover("folder", str(folder), "an interrupted trial of overlayfs")


def _remove_folder(path: str) -> bool:
    shutil.rmtree(path, ignore_errors=True)
    return not Path(path).exists()


_REMOVE: dict[str, Callable[[str], bool]] = {
    "lab": _remove_lab, "claim": _remove_claim, "lock": _remove_lock, "bake": image.end_bake,
    "box": lambda name: name in store.remove_orphan_boxes() or store.stored(name) is None,
    "machine": lambda words: words in store.forget_machines() or words not in store.forgotten_machines(),
    "folder": _remove_folder,
}


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _is_name(word: str) -> bool:
    try:
        LabPaths.of(word)
    except RefusedError:
        return False
    return True
