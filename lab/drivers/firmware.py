"""What a container does by itself when its system asks for a reboot: a self test, and another life.

``systemd-nspawn`` ends with exit code 133 then and leaves the rest to whoever started it (``--keep-unit``).
That is a shell in a control group of its own, which lives as long as the node has power and calls this module.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from lab.errors import NotFoundError
from lab.host.cgroups import Cgroup

GROUP = "firmware"  # the control group's name beside those of the nodes
# EXIT_FORCE_RESTART is 133; any other end is one without power.  All words arrive as arguments.
_WATCH = ('post=$1; python=$2; lab=$3; node=$4; life=$5; shift 5; "$@"; [ $? -eq 133 ] || exit 0; '
          'sleep "$post"; exec "$python" -m lab.drivers.firmware "$lab" "$node" "$life"')


def watched(lab: str, node: str, life: str, post: float, argv: Sequence[str]) -> list[str]:
    """``argv``, which is the node's life, as a command that begins another one when it ends in a reboot.

    ``post``: seconds of self test.  ``life`` names this life, so that a power switch in the meantime wins.
    """
    group = Cgroup(lab, GROUP)
    group.create()
    return group.command([*_watcher(post, sys.executable, lab, node, life), *argv])


def _watcher(post: float, python: str, lab: str, node: str, life: str) -> list[str]:
    return ["sh", "-c", _WATCH, "sh", f"{post:g}", python, lab, node, life]


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
