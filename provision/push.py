"""Files on running nodes: what differs from the plan, and bringing it there in one archive."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from lab.files import File, archive
from lab.lab import Lab
from provision.render import nodefile

_TIMEOUT = 120.0  # seconds: the restart of a database may take a minute


@dataclass(frozen=True)
class Drift:
    """A file of a node that is not as the plan wants it; ``why`` is missing, content, mode or owner."""

    file: File
    why: str


def drift(lab: Lab, node: str, files: Sequence[File]) -> list[Drift]:
    """The files that differ on ``node``, asked with one command.  ``initial`` files are left out."""
    wanted = {file.path: file for file in files if not file.initial}
    program = nodefile("halab-manifest").decode()
    asked = lab.shell.run(node, f"python3 -c {shlex.quote(program)}", stdin="\n".join(wanted))
    found: dict[str, list[str]] = json.loads(asked.stdout)
    drifted = []
    for path, file in wanted.items():
        if why := _difference(file, found.get(path)):
            drifted.append(Drift(file, why))
    return drifted


def _difference(file: File, found: list[str] | None) -> str:
    if found is None:
        return "missing"
    digest, mode, owner, group = found
    if digest != file.digest:
        return "content"
    if file.link is None:
        if int(mode, 8) != file.mode:
            return "mode"
        if (owner, group) != (file.owner, file.group):
            return "owner"
    return ""


def push(lab: Lab, node: str, files: Sequence[File]) -> None:
    """Lay ``files`` on a running node: one archive over one command, owners by name."""
    # --unlink-first: a file is replaced as a whole, never written through an old link.
    lab.shell.run(node, "tar --extract --directory=/ --unlink-first --preserve-permissions --same-owner",
                  stdin=archive(files), timeout=_TIMEOUT)


def restart_changed(lab: Lab, node: str, files: Sequence[File]) -> list[str]:
    """Make the changed files take effect; what was restarted or reloaded, in order."""
    wanted = list(dict.fromkeys(unit for file in files for unit in file.on_change))
    commands = []
    for unit in wanted:
        if unit == "reload:corosync":
            commands.append("corosync-cfgtool -R")
        elif unit.startswith("reload:"):
            commands.append(f"systemctl reload-or-restart {unit.removeprefix('reload:')}")
        else:
            commands.append(f"systemctl restart {unit}")
    if any(file.path.startswith("/etc/systemd/system/") for file in files):
        commands.insert(0, "systemctl daemon-reload")
    if commands:
        lab.shell.run(node, " && ".join(commands), timeout=_TIMEOUT)
    return wanted


