"""The node image: baked once from Debian packages, keyed by what it was made from.

``bake`` runs mmdebstrap with the Debian sources that the host's own apt uses, so a mirror
or proxy of the host serves here too.  What goes in is an :class:`ImageRecipe` that the
provisioning roles compose; this module knows no service.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lab import interrupt
from lab.drivers.traits import ImageKind
from lab.errors import DeadlineError, HostError, InterruptedByUser, NotFoundError, RefusedError
from lab.host import cgroups, overlay
from lab.host.cgroups import Cgroup
from lab.host.process import run
from lab.state.home import LabPaths, home
from lab.vm import disk, hypervisor, store

SUITE = "bookworm"
_BAKE_TIMEOUT = 1800.0  # s for mmdebstrap at full speed; below 3 minutes measured (docs/machines.md)
_SYNC_TIMEOUT = 600.0  # s for a tree of some hundred megabytes, beside whatever else waits for that disk
_BAKES = ".bake"  # stands for a lab's name in the cgroups of bakes
_FORMAT = "1"  # raise it when the way of baking changes and old images must not be used


@dataclass(frozen=True)
class ImageRecipe:
    """``packages`` are Debian names; ``script`` is sh that runs in the finished tree (chroot).

    ``kind`` is ``tree`` for containers, or ``disk``: a disk image with its kernel and initrd
    beside it, which the packages must include.  ``extras`` names what is in it that most images lack; it is told to
    people and is no input of its own.
    """

    packages: tuple[str, ...]
    script: str
    kind: ImageKind = "tree"
    extras: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Digest of all inputs: two recipes with one key give the same image."""
        more = {"disk format": disk.FORMAT} if self.kind == "disk" else {}
        inputs = json.dumps({"format": _FORMAT, "suite": SUITE, "packages": self.packages, "script": self.script,
                             **more}, sort_keys=True)
        return hashlib.sha256(inputs.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Image:
    """One baked image.  ``seconds`` is how long it took, ``size_mb`` its size on disk, ``extras`` its recipe's."""

    key: str
    path: Path
    seconds: float
    size_mb: int
    baked_at: float
    extras: tuple[str, ...] = ()

    @property
    def kind(self) -> ImageKind:
        return "tree" if (self.path / "rootfs").exists() else "disk"

    @property
    def root(self) -> Path:
        """What nodes stand on: the tree, or the disk."""
        return self.path / ("rootfs" if self.kind == "tree" else disk.NAME)


def images_dir() -> Path:
    return home() / "images"


def image_root(paths: LabPaths) -> Path:
    """The tree or disk that this lab's nodes stand on: recorded when the lab was made."""
    link = paths.root / "image"
    if not link.exists():
        name = paths.root.name
        raise NotFoundError("the lab's image is gone", where=str(link),
                            remedy=f"./inv lab.down --name={name}, then ./inv lab.up --name={name} with the options "
                                   "that it was made with")
    return link.resolve()


def find(key: str) -> Image | None:
    """The finished image of that key, if there is one; one whose record cannot be read is none, and is baked again."""
    record = images_dir() / key / "image.json"
    try:
        told = json.loads(record.read_text())
        return Image(key, record.parent, **{**told, "extras": tuple(told.get("extras", ()))})
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError, AttributeError):
        return None


def list_images() -> list[Image]:
    """Every finished image, newest first."""
    # pathlib's * takes names with a dot, too: those are bakes that did not end.
    found = [find(path.parent.name) for path in images_dir().glob("*/image.json") if path.parent.name[0] != "."]
    return sorted((image for image in found if image), key=lambda image: -image.baked_at)


def bake(recipe: ImageRecipe, progress: Callable[[str], None] = lambda line: None, *,
         force: bool = False, use: Callable[[Image], object] = lambda image: None) -> Image:
    """The image of ``recipe``, baked now unless it exists.

    ``progress`` gets one short line for each phase.  A second process that wants the same
    image waits for the first.  Interrupted, it leaves nothing behind.  ``use`` is called with the image
    before anybody can prune it: whoever stands on it links it there.
    """
    with _lock(recipe.key, progress):
        image = _baked(recipe, progress, force)
        use(image)
        return image


def _baked(recipe: ImageRecipe, progress: Callable[[str], None], force: bool) -> Image:
    """As :func:`bake`, for the holder of the image's lock."""
    done = find(recipe.key)
    if done and not force:
        return done
    if recipe.key in keys_in_use():
        raise RefusedError("this image is in use: the disks of a lab lie on it", where=recipe.key,
                           remedy="./inv lab.list; take these labs down first")
    begun = time.time()
    work = images_dir() / f".{recipe.key}.baking"
    _end(_cgroup(recipe.key))
    discard(work)
    work.mkdir(parents=True)
    try:
        _debootstrap(recipe, work, progress)
        progress("setting up the tree")
        if recipe.kind == "disk":
            disk.make(work, progress)
        size = int(run(["du", "-sm", work], timeout=60).stdout.split()[0])
        # Whoever finds the record may trust the tree: no power cut keeps the one and loses the other.
        run(["sync", "--file-system", work], timeout=_SYNC_TIMEOUT)
        record = {"seconds": round(time.time() - begun, 1), "size_mb": size, "baked_at": begun,
                  "extras": recipe.extras}
        (work / "image.json").write_text(json.dumps(record))
        target = images_dir() / recipe.key
        discard(target)
        work.rename(target)
    except BaseException:
        discard(work)
        raise
    image = find(recipe.key)
    assert image is not None
    return image


def prune() -> list[str]:
    """Remove the images that no lab stands on, but the newest of each kind, and half-baked trees; their keys."""
    trees = [path for path in sorted(images_dir().glob("*")) if path.is_dir()]
    # Asked under the image's lock: a lab.up may have linked it, or a bake finished it, a moment ago.
    removed = [path.name for path in trees if _discard_unless_locked(path, keep=lambda: keys_in_use() | _newest())]
    store.remove_orphan_boxes()  # a box of a removed image refers to nothing
    store.remove_imported_boxes(lambda: {link.resolve() for link in (home() / "labs").glob("*/image")})
    return removed


def prune_half_baked() -> None:
    """Remove the trees of bakes that died; one that is running holds its lock and stays."""
    for path in images_dir().glob(".*.baking"):
        _discard_unless_locked(path)


def interrupted_bakes() -> list[str]:
    """Keys of this home's bakes that died: a half-baked tree or a group of processes, and nobody holds the lock."""
    trees = [path.name.strip(".").removesuffix(".baking") for path in images_dir().glob(".*.baking")]
    groups = [member.removesuffix(_ours()) for member in cgroups.members(_BAKES) if member.endswith(_ours())]
    return sorted(key for key in {*trees, *groups} if not _locked(key))


def end_bake(key: str) -> bool:
    """Remove what an interrupted bake left; False if somebody bakes this image again."""
    images_dir().mkdir(parents=True, exist_ok=True)
    return _discard_unless_locked(images_dir() / f".{key}.baking")


def keys_in_use() -> set[str]:
    """Keys of the images that some lab stands on."""
    links = (home() / "labs").glob("*/image")
    return {link.resolve().parent.name for link in links}


def _newest() -> set[str]:
    """Keys of the newest image of each kind, trees and disks, with and without extras: of one kind the last stays."""
    return set({(image.kind, image.extras): image.key for image in reversed(list_images())}.values())


def discard(tree: Path) -> None:
    """Remove a tree, unmounting first what a killed bake may have left mounted in it."""
    if tree.exists():
        overlay.unmount_below(tree)
        shutil.rmtree(tree)


def _cgroup(key: str) -> Cgroup:
    """Where the processes of this home's bake live; no lab's name has a dot.

    Cgroups are the whole host's and the lock that guards a bake is this home's: another home may bake the same.
    """
    return Cgroup(_BAKES, key + _ours())


def _ours() -> str:
    return f".{hashlib.sha256(str(home()).encode()).hexdigest()[:8]}"


def _end(group: Cgroup) -> None:
    """Kill what is left of a bake, also of one whose tool was killed."""
    group.kill()
    group.remove()
    cgroups.remove_empty(group.lab)


def _debootstrap(recipe: ImageRecipe, work: Path, progress: Callable[[str], None]) -> None:
    script = work / "customize.sh"
    script.write_text("set -eu\n" + recipe.script)
    argv = [
        "mmdebstrap", "--variant=minbase", "--mode=root",
        '--aptopt=Apt::Install-Recommends "false"', '--aptopt=Acquire::Languages "none"',
        "--dpkgopt=force-unsafe-io",  # the tree is thrown away if the machine crashes
        "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        # Debian starts daemons when they are installed: this forbids it.
        "--essential-hook=printf '#!/bin/sh\\nexit 101\\n' > \"$1/usr/sbin/policy-rc.d\""
        " && chmod 755 \"$1/usr/sbin/policy-rc.d\"",
        f"--include={','.join(recipe.packages)}",
        f"--customize-hook=cp {shlex.quote(str(script))} \"$1/customize.sh\" && chroot \"$1\" sh /customize.sh"
        " && rm -f \"$1/customize.sh\" \"$1/usr/sbin/policy-rc.d\"",
        SUITE, str(work / "rootfs"), *_host_sources(),
    ]
    log, kept = work / "bake.log", home() / "bake-failed.log"
    group = _cgroup(recipe.key)
    within = _BAKE_TIMEOUT * hypervisor.container_slowness()
    deadline = time.monotonic() + within
    group.create()
    try:
        with log.open("wb") as sink:
            child = subprocess.Popen(group.command(argv), stdin=subprocess.DEVNULL, stdout=sink,
                                     stderr=subprocess.STDOUT, start_new_session=True,
                                     env={**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"})
            shown = ""
            while child.poll() is None:
                if interrupt.requested():
                    raise InterruptedByUser("the bake was stopped; nothing of it is left",
                                            remedy="./inv image.bake starts it again")
                if time.monotonic() > deadline:
                    shutil.copy(log, kept)
                    raise DeadlineError(f"the bake did not end within {within / 60:.0f} minutes; nothing of it is left",
                                        where=f"at '{shown.removeprefix('I: ') or 'the start'}'; see {kept}",
                                        remedy=f"less {kept}; does the package mirror answer (apt-get update)?")
                shown = _report(log, shown, progress)
                with suppress(subprocess.TimeoutExpired):
                    child.wait(0.25)
    finally:
        # By cgroup: mmdebstrap's own children would go on writing into the tree.
        _end(group)
    if child.returncode:
        shutil.copy(log, kept)
        errors = [line for line in log.read_text(errors="replace").splitlines() if line.startswith(("E:", "Err"))]
        raise HostError("baking the node image failed", where="; ".join(errors[-2:]) or f"see {kept}",
                        remedy=f"less {kept}; is the package mirror reachable (apt-get update)?")


def _report(log: Path, shown: str, progress: Callable[[str], None]) -> str:
    phases = [line[3:] for line in log.read_text(errors="replace").splitlines() if line.startswith("I: ")]
    if phases and phases[-1] != shown:
        # A hook's line is its whole command.
        progress("setting up the services" if "hook" in phases[-1] else phases[-1].rstrip("."))
        return phases[-1]
    return shown


def _host_sources() -> list[str]:
    """The host's own Debian sources of the suite, as one-line entries; none: mmdebstrap's default."""
    form = "$(ORIGIN)|$(CODENAME)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)"
    listed = run(["apt-get", "indextargets", "--format", form, "Created-By: Packages"], timeout=30, check=False)
    lines = []
    for line in listed.stdout.splitlines():
        origin, codename, uri, release, component = line.split("|")
        if origin == "Debian" and codename.startswith(SUITE):
            lines.append(f"deb {uri} {release} {component}")
    return sorted(set(lines)) if any(f" {SUITE} " in line for line in lines) else []


@contextmanager
def _lock(key: str, progress: Callable[[str], None]) -> Iterator[None]:
    home().mkdir(mode=0o700, parents=True, exist_ok=True)
    images_dir().mkdir(exist_ok=True)
    with (images_dir() / f"{key}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("another halab bakes this image; waiting for it")
            while True:
                interrupt.wait(0.5)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    continue
        yield


def _locked(key: str) -> bool:
    try:
        with (images_dir() / f"{key}.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _discard_unless_locked(tree: Path, keep: Callable[[], set[str]] = set) -> bool:
    """Discard a tree under its image's lock; False if a bake holds it, or its name is among those to ``keep``."""
    key = tree.name.strip(".").removesuffix(".baking")
    with (images_dir() / f"{key}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if tree.name in keep():
            return False
        _end(_cgroup(key))
        discard(tree)
        return True
