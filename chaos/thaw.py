"""A node that is frozen for a moment thaws even if whoever froze it is killed in that moment.

A shell waits at a pipe of ours.  The kernel closes our end when we die, whatever kills us, and the shell then thaws.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lab.drivers.base import PowerState

if TYPE_CHECKING:
    from lab.lab import Lab

_WAIT = 'read -r word && exit 0; exec "$@"'
_ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def if_we_die(lab: Lab, nodes: Iterable[str]) -> Iterator[None]:
    """Thaw these nodes should this process not live to see the end of the block, which has to thaw them itself.

    An error that leaves the block is followed by a thaw as well.
    """
    argv = ["sh", "-c", _WAIT, "sh", sys.executable, "-m", "chaos.thaw", lab.name, *nodes]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=_ROOT,
                          start_new_session=True) as waiting:
        yield
        waiting.communicate(b"thawed\n")


def main(name: str, *nodes: str) -> None:
    from lab.lab import Lab

    power = Lab.open(name).driver.power
    for node in nodes:
        if power.state(node) is PowerState.SUSPENDED:
            power.resume(node)


if __name__ == "__main__":
    main(*sys.argv[1:])
