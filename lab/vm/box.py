"""The Vagrant box of a baked disk image: some kilobytes that refer to the image.

A box usually holds the whole disk, which Vagrant copies at ``box add`` and once more into
libvirt's pool.  Here its disk is an empty overlay on the image's, so that both copies cost
nothing; kernel and initrd stay where the image has them.
"""

from __future__ import annotations

import fcntl
import json
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.home import home
from lab.process import run
from lab.vm.vagrant import LabVagrant

_TIMEOUT = 120.0
_VAGRANTFILE = """\
Vagrant.configure("2") do |config|
  config.vm.provider :libvirt do |libvirt|
    libvirt.kernel = "{kernel}"
    libvirt.initrd = "{initrd}"
    libvirt.cmd_line = "{cmdline}"
  end
end
"""
# A whole-disk file system and no boot loader; eth0 is the first NIC; what slows an emulated machine is off.
CMDLINE = ("root=/dev/vda rootfstype=ext4 rw console=ttyS0 net.ifnames=0 biosdevname=0 mitigations=off audit=0 "
           "random.trust_cpu=on quiet")


def vagrant_home() -> Path:
    """Vagrant's own folder for all labs: boxes, and its index of machines."""
    return home() / "vagrant"


def environment() -> dict[str, str]:
    """What every Vagrant of halab is started with."""
    return {"VAGRANT_HOME": str(vagrant_home()), "VAGRANT_DEFAULT_PROVIDER": "libvirt", "VAGRANT_NO_COLOR": "1",
            "VAGRANT_CHECKPOINT_DISABLE": "1", "VAGRANT_BOX_UPDATE_CHECK_DISABLE": "1", "LC_ALL": "C.UTF-8"}


def ensure_box(disk: Path) -> str:
    """The name of the box whose machines start as copies of ``disk``; added to Vagrant if it is missing.

    ``disk`` is an image's ``disk.qcow2``; its kernel and initrd lie beside it.
    """
    name = f"halab/{disk.parent.name}"
    folder = vagrant_home()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _exclusive(folder):
        # Vagrant's layout since 1.1; asking Vagrant itself takes two seconds.
        stored = folder / "boxes" / name.replace("/", "-VAGRANTSLASH-") / "0" / "libvirt"
        if (stored / "metadata.json").exists() and (stored / "box.img").exists():
            return name
        with tempfile.TemporaryDirectory(dir=folder) as place:
            package = pack(disk, Path(place))
            vagrant = LabVagrant(Path(place), env=environment(), log=folder / "vagrant.log", timeout=_TIMEOUT)
            vagrant.box_add(name, str(package), provider="libvirt", force=True)
    return name


def pack(disk: Path, place: Path) -> Path:
    """Write the box of ``disk`` into the folder ``place``; the path of the archive."""
    size = json.loads(run(["qemu-img", "info", "--output=json", disk], timeout=20).stdout)["virtual-size"]
    run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", disk, "-F", "qcow2", place / "box.img"], timeout=20)
    metadata = {"provider": "libvirt", "format": "qcow2", "virtual_size": -(-size // 2**30)}
    (place / "metadata.json").write_text(json.dumps(metadata))
    (place / "Vagrantfile").write_text(_VAGRANTFILE.format(
        kernel=disk.with_name("vmlinuz"), initrd=disk.with_name("initrd.img"), cmdline=CMDLINE))
    package = place / "halab.box"
    with tarfile.open(package, "w") as archive:
        for name in ("metadata.json", "Vagrantfile", "box.img"):
            archive.add(place / name, name)
    return package


@contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    """One process of this host at a time: two that add the same box leave half of one."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
