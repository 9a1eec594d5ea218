"""Files on running nodes: what differs from the plan, and bringing it there in one archive."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lab.lab import Lab
from lab.node.files import File, archive
from provision.render import nodefile

_TIMEOUT = 120.0  # seconds: the restart of a database may take a minute


# Laid down together with the files and removed after the restarts: a push that breaks off in
# between is known to the next one, although the files are then as they should be.
_PENDING = "/var/lib/halab/pending-restarts"


@dataclass(frozen=True)
class Drift:
    """What of a node is not as the plan wants it: a file (``why``: missing, content, mode or owner),
    or a restart that an earlier push still owes (``file`` is None, ``what`` the unit)."""

    what: str
    why: str
    file: File | None = None


def digests(lab: Lab, node: str, files: Sequence[File]) -> dict[str, str]:
    """sha256 of each of ``files`` as it is on ``node`` now; what is missing there is left out."""
    return {path: found[0] for path, found in _manifest(lab, node, [file.path for file in files])["files"].items()}


def drift(lab: Lab, node: str, files: Sequence[File]) -> list[Drift]:
    """Everything that differs on ``node``, asked with one command.  ``initial`` files are left out."""
    wanted = {file.path: file for file in files if not file.initial}
    answer = _manifest(lab, node, wanted)
    found: dict[str, list[str]] = answer["files"]
    drifted = [Drift(unit, "restart owed") for unit in answer["pending"]]
    for path, file in wanted.items():
        if why := _difference(file, found.get(path)):
            drifted.append(Drift(path, why, file))
    return drifted


def _manifest(lab: Lab, node: str, paths: Iterable[str]) -> dict[str, Any]:
    program = nodefile("halab-manifest").decode()
    asked = lab.shell.run(node, f"python3 -c {shlex.quote(program)}", stdin="\n".join(paths))
    answer: dict[str, Any] = json.loads(asked.stdout)
    return answer


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


def owing(units: Iterable[str]) -> File:
    """The note of what a node still owes, to be laid together with the files that it comes from."""
    return File(_PENDING, "\n".join(units).encode())


def settle(lab: Lab, node: str, left: Sequence[str]) -> None:
    """Keep of that note what is ``left``; nothing left, no note."""
    if left:
        lay(lab, node, [owing(left)])
    else:
        lab.shell.run(node, f"rm -f {_PENDING}")


def mend(lab: Lab, node: str, drifted: Sequence[Drift]) -> None:
    """Lay the drifted files on a running node and make them take effect."""
    files = [item.file for item in drifted if item.file is not None]
    owed = [item.what for item in drifted if item.file is None]
    units = list(dict.fromkeys([*owed, *(unit for file in files for unit in file.on_change)]))
    if files:
        lay(lab, node, [*files, owing(units)])
    commands = ["systemctl daemon-reload"] if any("/systemd/system/" in file.path for file in files) else []
    commands += [_restart(unit) for unit in units]
    if files or units:
        lab.shell.run(node, " && ".join([*commands, f"rm -f {_PENDING}"]), timeout=_TIMEOUT)


def lay(lab: Lab, node: str, files: Sequence[File]) -> None:
    """One archive over one command; owners by name, as the node knows them."""
    # --unlink-first: a file is replaced as a whole, never written through an old link.
    lab.shell.run(node, "tar --extract --directory=/ --unlink-first --preserve-permissions --same-owner",
                  stdin=archive(files), timeout=_TIMEOUT)


def _restart(unit: str) -> str:
    if unit == "reload:corosync":
        return "corosync-cfgtool -R"
    if unit.startswith("reload:"):
        return f"systemctl reload-or-restart {unit.removeprefix('reload:')}"
    return f"systemctl restart {unit}"
