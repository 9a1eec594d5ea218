"""A workstation in a machine: Debian with systemd as PID 1 and cgroup v2 alone, and halab in it.

Emulated by QEMU, so it needs no KVM; every instruction takes 10 to 30 times as long.  It has no
network but a login from this host: all that halab needs is on its disks.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab.errors import HostError
from lab.host.process import Completed, run
from lab.image import Image, ImageRecipe

ROOT = Path(__file__).resolve().parent.parent.parent
TREE = "/srv/tree"  # where halab lies in the workstation
_MEMORY_MB = 6144
_PORT = 2222
# What a person's Debian has and a minimal one has not, and what may meddle with a lab's network.
_DESKTOP = ("linux-image-amd64", "initramfs-tools", "busybox", "udev", "e2fsprogs", "systemd-sysv", "dbus",
            "libpam-systemd", "openssh-server", "network-manager", "firewalld", "apparmor", "procps", "sudo", "less")
# The second disk brings halab, its image and the key to log in with.
_SCRIPT = """
printf 'LABEL=payload /srv ext4 rw,noatime 0 0\\n' >> /etc/fstab
mkdir -p /srv /root/.ssh
ln -s /srv/home /var/lib/halab
printf 'AuthorizedKeysFile /srv/authorized_keys\\nUseDNS no\\n' > /etc/ssh/sshd_config.d/workstation.conf
echo workstation > /etc/hostname
printf '127.0.0.1 localhost\\n127.0.1.1 workstation\\n' > /etc/hosts
systemctl disable firewalld.service
for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer dpkg-db-backup.timer \\
    man-db.timer nftables.service NetworkManager-wait-online.service; do
  ln -sf /dev/null "/etc/systemd/system/$unit"
done
"""


def launcher_packages() -> tuple[str, ...]:
    """What ``inv`` itself installs: here it must find that nothing is missing."""
    found = re.search(r'^PACKAGES="(.*)"$', (ROOT / "inv").read_text(), re.M)
    assert found
    return tuple(found.group(1).split())


def recipe() -> ImageRecipe:
    """The workstation's own disk, without halab."""
    prepare = (ROOT / "provision/nodefiles/prepare-machine.sh").read_text()
    packages = tuple(sorted({*_DESKTOP, *launcher_packages()}))
    return ImageRecipe(packages, prepare + _SCRIPT, "disk")


def pack_payload(folder: Path, node_image: Image) -> Path:
    """The second disk: this tree with its environment, the baked node image, the key's public half."""
    stage = folder / "stage"
    tree = stage / "tree"
    shutil.copytree(ROOT, tree, symlinks=True, ignore=shutil.ignore_patterns(
        ".git", ".mypy_cache", ".ruff_cache", ".pytest_cache", "uv", ".stamp-packages"))
    place = stage / "home" / "images" / node_image.key
    place.mkdir(parents=True)
    shutil.copy(folder / "key.pub", stage / "authorized_keys")
    disk = folder / "payload.raw"
    disk.unlink(missing_ok=True)
    # In a mount namespace of its own: nothing stays mounted, whatever happens.
    run(["unshare", "--mount", "sh", "-ec",
         'mount --bind "$1" "$2"; exec mke2fs -q -t ext4 -L payload -m 0 -d "$3" "$4" 12G',
         "sh", node_image.path, place, stage, disk], timeout=300)
    shutil.rmtree(stage)
    return disk


@dataclass
class Workstation:
    """One emulated machine; its disks are copies on write in ``folder``."""

    folder: Path

    def prepare(self, system: Image, node_image: Image) -> None:
        """Disks and key; what an earlier machine wrote is gone."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("key", "key.pub"):
            (self.folder / name).unlink(missing_ok=True)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / "key"], timeout=10)
        payload = pack_payload(self.folder, node_image)
        for name, backing, form in (("vda", system.root, "qcow2"), ("vdb", payload, "raw")):
            run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", backing, "-F", form, self.folder / name], timeout=20)
        for name in ("vmlinuz", "initrd.img"):
            shutil.copy(system.path / name, self.folder / name)

    def start(self, snapshot: str = "") -> None:
        """Switch it on, or wake it up where the snapshot was taken; returns at once."""
        for name in ("qmp", "pid"):
            (self.folder / name).unlink(missing_ok=True)
        qemu = [
            "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "qemu64", "-machine", "pc", "-smp", "2",
            "-m", str(_MEMORY_MB), "-nodefaults", "-no-user-config", "-display", "none",
            "-kernel", "vmlinuz", "-initrd", "initrd.img", "-append",
            "root=/dev/vda rootfstype=ext4 rw console=ttyS0 net.ifnames=0 mitigations=off quiet",
            "-drive", "file=vda,if=virtio,cache=unsafe", "-drive", "file=vdb,if=virtio,cache=unsafe",
            "-device", "virtio-rng-pci", "-device", "virtio-net-pci,netdev=n",
            "-netdev", f"user,id=n,restrict=on,hostfwd=tcp:127.0.0.1:{_PORT}-:22",
            "-chardev", "file,id=serial,path=console.log,append=on", "-serial", "chardev:serial",
            "-qmp", "unix:qmp,server=on,wait=off", *(["-loadvm", snapshot] if snapshot else []),
        ]
        # A network namespace of its own: its login is nobody else's, and the port is always free.
        with (self.folder / "qemu.log").open("ab") as log:
            child = subprocess.Popen(["unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "sh", *qemu],
                                     cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                     start_new_session=True)
        (self.folder / "pid").write_text(str(child.pid))

    @property
    def pid(self) -> int:
        return int((self.folder / "pid").read_text())

    def run(self, command: str, *, timeout: float, check: bool = True) -> Completed:
        """One command as root in the tree of the workstation."""
        options = ["-i", str(self.folder / "key"), "-p", str(_PORT), "-o", "BatchMode=yes", "-o", "ConnectTimeout=60",
                   "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
                   "-o", "ServerAliveInterval=30"]
        return run(["nsenter", f"--net=/proc/{self.pid}/ns/net", "ssh", *options, "root@127.0.0.1",
                    f"cd {TREE} && {command}"], timeout=timeout, check=check)

    def inv(self, words: str, *, timeout: float, check: bool = True) -> Completed:
        return self.run(f"./inv {words}", timeout=timeout, check=check)

    def python(self, script: str, *, timeout: float) -> str:
        """What a script of halab's own environment prints in the workstation."""
        return self.run(f".venv/bin/python -c {shlex.quote(script)}", timeout=timeout).stdout

    def await_login(self, seconds: float) -> float:
        """Seconds until it takes a login."""
        begun = time.monotonic()
        while True:
            # QEMU itself takes the connection before anybody in the machine listens: it then hangs.
            with suppress(HostError):
                self.run("true", timeout=20)
                return time.monotonic() - begun
            if time.monotonic() - begun > seconds:
                raise TimeoutError(f"no login in {seconds:g} s: {self.folder / 'console.log'}")
            time.sleep(1)

    def tell(self, command: str, timeout: float = 300.0) -> str:
        """A command of QEMU's monitor, such as ``savevm NAME``; what it answers."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(timeout)
            line.connect(str(self.folder / "qmp"))
            stream = line.makefile("rw")
            stream.readline()
            answer = ""
            for order in ({"execute": "qmp_capabilities"},
                          {"execute": "human-monitor-command", "arguments": {"command-line": command}}):
                stream.write(json.dumps(order) + "\n")
                stream.flush()
                while "return" not in (said := json.loads(stream.readline())):
                    assert "error" not in said, said
                answer = str(said["return"])
        return answer

    def stop(self) -> None:
        """Switch it off, as by pulling the plug."""
        try:
            pid = self.pid
            os.kill(pid, 9)
        except (FileNotFoundError, ProcessLookupError):
            return
        while Path(f"/proc/{pid}/exe").exists():
            time.sleep(0.05)
