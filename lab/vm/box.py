"""The Vagrant box of a baked disk image: some kilobytes that refer to the image.

A box usually holds the whole disk, which Vagrant copies at ``box add`` and once more into
libvirt's pool.  Here its disk is an empty overlay on the image's, so that both copies cost
nothing; kernel and initrd stay where the image has them.
"""

from __future__ import annotations

import json
import tarfile
import tempfile
from pathlib import Path

from lab.host.process import run
from lab.vm import ownbox, store
from lab.vm.store import environment, vagrant_home
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


def ensure_box(disk: Path, *, own: bool = False) -> str:
    """The name of the box whose machines start as copies of ``disk``; added to Vagrant if it is missing.

    ``disk`` is an image's ``disk.qcow2``, or of a person's ``own`` box in Vagrant's folder; its kernel
    and initrd lie beside it.
    """
    if own:
        return ownbox.name_of(disk)
    name = f"halab/{disk.parent.name}"
    with store.exclusive() as folder:
        if not _whole(name, disk):
            with tempfile.TemporaryDirectory(dir=folder, prefix=store.SCRATCH) as place:
                add(name, pack(disk, Path(place)))
    return name


def add(name: str, package: Path) -> None:
    """Import a box file into Vagrant's folder under ``name``; what there is of that name is replaced."""
    vagrant = LabVagrant(vagrant_home(), env=environment(), log=vagrant_home() / "vagrant.log", timeout=_TIMEOUT)
    vagrant.box_add(name, str(package), provider="libvirt", force=True)


def _whole(name: str, disk: Path) -> bool:
    """Whether the box is there with all its parts: an import that was killed leaves a torn or a missing one."""
    # Read, not asked for: Vagrant needs two seconds for each question.
    folder = store.stored(name)
    if folder is None or not (folder / "Vagrantfile").exists():
        return False
    found = run(["qemu-img", "info", "--output=json", folder / "box.img"], timeout=20, check=False)
    try:
        json.loads((folder / "metadata.json").read_text())
        return found.ok and json.loads(found.stdout).get("full-backing-filename") == str(disk)
    except (OSError, ValueError):
        return False


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
