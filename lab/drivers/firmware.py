"""What becomes of a container whose own system ends: the diary hears of it, and a reboot begins another life.

``systemd-nspawn`` ends with exit code 133 for a reboot and leaves the rest to whoever started it (``--keep-unit``).
That is a shell in a control group of its own, which lives as long as the node has power.  It writes the diary's line
itself, at the very moment, and calls this module for the rest.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from lab.errors import NotFoundError
from lab.host.cgroups import Cgroup
from lab.state.events import Event
from lab.state.home import LabPaths

GROUP = "firmware"  # the control group's name beside those of the nodes
# EXIT_FORCE_RESTART is 133; any other end is one without power.  All words arrive as arguments.  Whoever moves the
# power switch takes the file with the life's name away first, and has told the diary himself.
_WATCH = """
post=$1 python=$2 lab=$3 node=$4 life=$5 file=$6 diary=$7 line=$8; shift 8
"$@"; code=$? at=$(date +%s.%4N)
[ "$(cat "$file" 2>/dev/null)" = "$life" ] || exit 0
printf "$line" "$at" >>"$diary"
[ $code -eq 133 ] || exit 0
sleep "$post"; exec "$python" -m lab.drivers.firmware "$lab" "$node" "$life"
"""


def life_file(paths: LabPaths, node: str) -> Path:
    """Where the name of the node's present life is; none while it has no power, or somebody is at its switch."""
    return paths.node(node) / "life"


def watched(lab: str, paths: LabPaths, node: str, life: str, post: float, argv: Sequence[str]) -> list[str]:
    """``argv``, which is the node's life, as a command that begins another one when it ends in a reboot.

    ``post``: seconds of self test.  ``life`` names this life, so that a power switch in the meantime wins.
    """
    group = Cgroup(lab, GROUP)
    group.create()
    return group.command([*_watcher(post, sys.executable, lab, paths, node, life), *argv])


def _watcher(post: float, python: str, lab: str, paths: LabPaths, node: str, life: str) -> list[str]:
    line = Event(0.0, "power.off", node, {"by": "its own system"}).line().replace(":0.0,", ":%s,", 1)
    return ["sh", "-c", _WATCH, "sh", f"{post:g}", python, lab, node, life, str(life_file(paths, node)),
            str(paths.events), line]


def main(lab: str, node: str, life: str) -> None:
    from lab.drivers.container import ContainerDriver
    from lab.lab import Lab

    try:
        driver = Lab.open(lab).driver
    except NotFoundError:
        return  # taken down meanwhile
    assert isinstance(driver, ContainerDriver)
    driver.power.boot_again(node, life)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for word in ("lab", "node", "life"):
        parser.add_argument(word)
    given = parser.parse_args()
    main(given.lab, given.node, given.life)
