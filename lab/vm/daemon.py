"""A libvirtd of the lab's own, in a mount and network namespace that go with it.

A libvirtd of the system cannot see the lab's bridges, which are in the lab's network namespace;
so each lab has one: its folders lie in the lab's folder, laid over the system's with bind mounts
that only it sees, and it and all its machines are in the cgroup ``halab/<lab>/libvirtd``.  So
``lab.down`` ends them by the lab's name alone, and a system's libvirtd is never touched.
Clients reach it through its socket's path, from any namespace.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from lab.errors import DeadlineError, HostError
from lab.host.cgroups import Cgroup
from lab.host.process import detached, run
from lab.net.namespace import Namespace
from lab.state.home import LabPaths

MEMBER = "libvirtd"
_WITHIN = 30.0  # s; measured 1 s
_ENTERED = 5.0  # s after which what was started is in its cgroup, if it lives
_SOCKET_LIMIT = 107  # bytes of a Unix socket's path (sun_path less its zero)
# What libvirtd has its compiled-in paths for, and the lab's own folder instead.
_FOLDERS = {"etc": "/etc/libvirt", "var": "/var/lib/libvirt", "run": "/run/libvirt",
            "cache": "/var/cache/libvirt", "log": "/var/log/libvirt"}
# A fresh /sys shows the network interfaces of this namespace (libvirt reads /sys/class/net there),
# and hides the cgroups, which are given back.  Without D-Bus no machine manager moves a machine
# into a cgroup of its own, where lab.down would not look.
_ENTER = """
set -e
folder=$1; shift
mkdir -p "$folder/cgroup"
mount --rbind /sys/fs/cgroup "$folder/cgroup"
mount -t sysfs sysfs /sys
mount --rbind "$folder/cgroup" /sys/fs/cgroup
if [ -d /run/dbus ]; then mount -t tmpfs -o size=4k tmpfs /run/dbus; fi
while [ $# -gt 1 ] && [ "$1" != -- ]; do
  mkdir -p "$2"
  mount --bind "$folder/$1" "$2"
  shift 2
done
shift
exec "$@"
"""
_QEMU_CONF = """\
# Machines run as the root of a lab on a throw-away host; no other user has to read their disks.
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
# The lab's own cgroup holds them.
cgroup_controllers = [ ]
namespaces = [ ]
# A file, so that no virtlogd is needed.
stdio_handler = "file"
"""
_LIBVIRTD_CONF = """\
# The socket's folder is root's: whoever may open it is root already.
auth_unix_rw = "none"
auth_unix_ro = "none"
unix_sock_rw_perms = "0700"
unix_sock_ro_perms = "0700"
log_outputs = "3:stderr"
"""


class Daemon:
    """The libvirtd of one lab."""

    def __init__(self, lab: str, paths: LabPaths) -> None:
        self._lab = lab
        self.folder = paths.root / "libvirt"

    @property
    def socket(self) -> Path:
        return self.folder / "run" / "libvirt-sock"

    @property
    def _log(self) -> Path:
        return self.folder / "libvirtd.log"

    @property
    def uri(self) -> str:
        """Where libvirt's clients find it, from any namespace of this host."""
        return f"qemu:///system?socket={quote(str(self.socket))}"

    def running(self) -> bool:
        """Whether the daemon itself (not only a machine that outlived it) is there."""
        for pid in Cgroup(self._lab, MEMBER).pids():
            try:
                if Path(f"/proc/{pid}/comm").read_text().strip() == "libvirtd":
                    return True
            except OSError:
                continue
        return False

    def deserted(self) -> bool:
        """Whether neither it nor any machine is there, as after a reboot of the host."""
        return not Cgroup(self._lab, MEMBER).pids()

    def start(self) -> None:
        """Start it unless it runs; returns when it answers.  Machines that outlived one are adopted."""
        if self.running():
            return
        self._lay_out()
        self.socket.unlink(missing_ok=True)
        group = Cgroup(self._lab, MEMBER)
        group.create()
        binds = [word for name, place in _FOLDERS.items() for word in (name, place)]
        daemon = ["libvirtd", "--pid-file", str(self.folder / "libvirtd.pid")]
        inside = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _ENTER, "sh",
                  str(self.folder), *binds, "--", *daemon]
        # Logged from the first word on: what fails before libvirtd begins is said there too.
        run(detached(group.command(Namespace(self._lab).command(inside)), self._log), timeout=10)
        self._await()

    def command(self, argv: Sequence[str]) -> list[str]:
        """``argv`` as a command in the daemon's cgroup and the lab's network: it ends with the lab."""
        return Cgroup(self._lab, MEMBER).command(Namespace(self._lab).command(argv))

    def lost(self) -> HostError:
        """The error for work that failed because this libvirtd died in the middle of it."""
        return HostError("the lab's libvirtd died while it worked", where=self.last_words(),
                         remedy=f"./inv lab.up --name={self._lab} starts it again and goes on; "
                         f"./inv lab.down --name={self._lab} cleans up")

    def _lay_out(self) -> None:
        if len(str(self.socket).encode()) > _SOCKET_LIMIT:
            raise HostError("the path of the lab's folder is too long for libvirt's socket", where=str(self.socket),
                            remedy="a shorter HALAB_HOME")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in _FOLDERS:
            (self.folder / name).mkdir(exist_ok=True)
        (self.folder / "etc" / "qemu.conf").write_text(_QEMU_CONF)
        (self.folder / "etc" / "libvirtd.conf").write_text(_LIBVIRTD_CONF)

    def _await(self) -> None:
        begun = time.monotonic()
        remedy = f"less {self._log}; ./inv lab.doctor --driver=vagrant"
        seen = False
        while not self.socket.exists():
            alive = self.running()
            if (seen and not alive) or (time.monotonic() > begun + _ENTERED and self.deserted()):
                raise HostError("the lab's libvirtd ended at its start", where=self.last_words(), remedy=remedy)
            seen = seen or alive
            if time.monotonic() > begun + _WITHIN:
                raise DeadlineError(f"the lab's libvirtd did not answer within {_WITHIN:g} s", where=self.last_words(),
                                    remedy=remedy)
            time.sleep(0.05)

    def last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()[-2:] if self._log.exists() else []
        return "; ".join(lines) or str(self._log)
