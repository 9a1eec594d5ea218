"""Where halab keeps things on disk, and the only place that knows it.

``$HALAB_HOME`` (default ``/var/lib/halab``) holds ``images/`` and ``labs/<name>/``.
Directories are 0700: they hold the lab's keys.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from lab import labname
from lab.errors import RefusedError

_MEANS_MORE = re.compile(r'[,:"\\%$\x00-\x1f]')
DEBUG_LOGS = "debug-*.log"  # tracebacks of bugs, below home


def home() -> Path:
    """The root of halab's own state, without symbolic links: the kernel's mount table has none either.

    RefusedError for a path that overlayfs's options or ssh_config would take for something else.
    """
    path = Path(os.environ.get("HALAB_HOME") or "/var/lib/halab").resolve()
    if bad := _MEANS_MORE.search(str(path)):
        raise RefusedError(f"halab's home cannot have {bad[0]!r} in its path: mount and ssh read it as something else",
                           where=f"HALAB_HOME={path}", remedy="another HALAB_HOME; blanks are allowed")
    return path


def runtime() -> Path:
    """What lives no longer than this boot: locks, and which home a running lab belongs to.

    Namespaces and cgroups are known by the lab's name to the whole host, so this must not
    depend on the home.  Without root there are no such things, only tests.
    """
    return Path("/run/halab") if os.geteuid() == 0 else home() / "run"


@dataclass(frozen=True)
class LabPaths:
    """The folder of one lab."""

    root: Path

    @classmethod
    def of(cls, name: str) -> LabPaths:
        """The folder of the lab ``name``; RefusedError for what cannot be a lab's name.

        Checked here because an empty or dotted name would reach other labs' folders.
        """
        return cls(home() / "labs" / labname.usable(name, "--name"))

    @property
    def topology(self) -> Path:
        return self.root / "topology.yml"

    @property
    def plan(self) -> Path:
        return self.root / "plan.json"

    @property
    def state(self) -> Path:
        return self.root / "state.json"

    @property
    def events(self) -> Path:
        return self.root / "events.jsonl"

    @property
    def journal(self) -> Path:
        return self.root / "journal.jsonl"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def ssh_config(self) -> Path:
        return self.root / "ssh_config"

    @property
    def bmc(self) -> Path:
        return self.root / "bmc"

    @property
    def snapshots(self) -> Path:
        return self.root / "snapshots"

    @property
    def runs(self) -> Path:
        return self.root.parent.parent / "runs" / self.root.name

    @property
    def suites(self) -> Path:
        return self.root.parent.parent / "suites" / self.root.name

    def node(self, name: str) -> Path:
        return self.root / "nodes" / name
