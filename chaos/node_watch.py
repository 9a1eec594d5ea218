"""Looks at all nodes while a run goes on: who has quorum, who holds what, and which nodes Galera calls Primary."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from chaos import looks
from chaos.facts import PrimarySighting
from chaos.looks import NodeLook
from chaos.reach import ssh_banner
from daemons.galera import Member, components
from lab.errors import HalabError

if TYPE_CHECKING:
    from lab.lab import Lab

_LOOK_EVERY = 2.0  # s; one look costs each node half a dozen short processes
_LOOK_TIMEOUT = 8.0  # above the sum of the script's own limits


class NodeWatch:
    """Looks at all nodes every two seconds, and writes what it saw into the run's folder.

    A node that does not answer at once is left out of that look: silence is no claim.
    """

    def __init__(self, lab: Lab, folder: Path) -> None:
        self._lab = lab
        self._path = folder / looks.LOOKS_FILE
        self._vips = {vip.name: str(vip.address) for vip in lab.plan.vips}
        self._nodes = [node.name for node in lab.plan.nodes]
        self._stop = threading.Event()
        self._seen: list[PrimarySighting] = []
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._watch, name="node-watch", daemon=True)

    def __enter__(self) -> NodeWatch:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def seen(self) -> tuple[PrimarySighting, ...]:
        """The Primary components at each look so far; none in a lab without a database."""
        return tuple(self._seen) if self._lab.plan.running("galera") else ()

    def stop(self) -> None:
        """End the watch; idempotent.  Raises, once, what ended it before its time."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2 * _LOOK_TIMEOUT + 10)
        if self._thread.is_alive():
            raise HalabError("the watch of the nodes does not end", where=self._thread.name,
                             remedy=f"./inv lab.bundle --name={self._lab.name}: this is a bug of halab")
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _watch(self) -> None:
        try:
            with (self._path.open("w", buffering=1) as file,
                  ThreadPoolExecutor(len(self._nodes), thread_name_prefix="look") as pool):
                while not self._stop.is_set():
                    at = time.time()
                    members: dict[str, Member] = {}
                    read: list[str] = []
                    for answer in pool.map(self._look, self._nodes):
                        if answer is not None:
                            look, member = answer
                            file.write(looks.line(look) + "\n")
                            members |= {look.node: member} if member else {}
                            # Where no server runs there is no Primary component: that is an answer, too.
                            read += [look.node] if member or not look.database else []
                    self._seen.append(PrimarySighting(at, components(members), tuple(read)))
                    self._stop.wait(max(0.2, _LOOK_EVERY * self._lab.driver.slowness - (time.time() - at)))
        except Exception as error:  # a thread's death is silent; stop() tells it
            self._error = error

    def _look(self, node: str) -> tuple[NodeLook, Member | None] | None:
        try:
            # A dead node would hold the shell for its whole connection timeout.
            if not ssh_banner(self._lab, node, timeout=0.5):
                return None
            asked = time.time()
            said = self._lab.shell.run(node, looks.COMMAND, timeout=_LOOK_TIMEOUT, check=False,
                                       stdin=looks.script(str(self._lab.plan.node(node).control)))
            return looks.read(node, asked, time.time(), said.stdout, self._vips)
        except (HalabError, OSError):
            return None
