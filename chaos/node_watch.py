"""Looks at all nodes while a run goes on: who has quorum, who holds what, and which nodes Galera calls Primary."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from chaos import looks
from chaos.facts import PrimarySighting
from chaos.looks import NodeLook
from chaos.reach import PATIENCE, ssh_banner
from daemons.galera import Member, components
from lab.errors import HalabError

if TYPE_CHECKING:
    from lab.lab import Lab

_LOOK_EVERY = 2.0  # s; one look costs each node half a dozen short processes
_LOOK_TIMEOUT = 8.0  # a node that has just died holds its look for so long
_END_WITHIN = 2 * _LOOK_TIMEOUT + 10  # s from the order to end to the last look's end
_PATIENCE = 4.0  # s for one round; whoever takes longer holds up nobody else's next look
_Answer = tuple[NodeLook, Member | None] | None


class NodeWatch:
    """Looks at all nodes every two seconds, and writes what it saw into the run's folder.

    A node that does not answer at once is left out of that look: silence is no claim.  A look that comes late is
    written down all the same, and is no part of what was seen of all nodes at one moment.
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
        """End the watch.  Raises what ended it before its time, or that it does not end; called again, does nothing."""
        if self._stop.is_set():
            return
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=_END_WITHIN * self._lab.driver.slowness)
        if self._thread.is_alive():
            raise HalabError("the watch of the nodes does not end", where=self._thread.name,
                             remedy=f"./inv lab.bundle --name={self._lab.name}: this is a bug of halab")
        if self._error is not None:
            raise self._error

    def _watch(self) -> None:
        asked: dict[str, Future[_Answer]] = {}
        try:
            with (self._path.open("w", buffering=1) as file,
                  ThreadPoolExecutor(len(self._nodes), thread_name_prefix="look") as pool):
                while not self._stop.is_set():
                    at, slowness = time.time(), self._lab.driver.slowness
                    fresh = [node for node in self._nodes if node not in asked]
                    asked |= {node: pool.submit(self._look, node) for node in fresh}
                    wait(asked.values(), timeout=_PATIENCE * slowness)
                    answers = self._answers(asked, file)
                    self._seen.append(_sighting(at, {node: answers[node] for node in fresh if node in answers}))
                    self._stop.wait(max(0.2, _LOOK_EVERY * slowness - (time.time() - at)))
                wait(asked.values())
                self._answers(asked, file)
        except Exception as error:  # a thread's death is silent; stop() tells it
            self._error = error

    def _answers(self, asked: dict[str, Future[_Answer]], file: TextIO) -> dict[str, tuple[NodeLook, Member | None]]:
        """Those who have answered by now, written down; the others stay in ``asked``."""
        told = {}
        for node in [node for node, answer in asked.items() if answer.done()]:
            if (answer := asked.pop(node).result()) is not None:
                file.write(looks.line(answer[0]) + "\n")
                told[node] = answer
        return told

    def _look(self, node: str) -> _Answer:
        try:
            # A dead node would hold the shell for its whole connection timeout.  A slow one that is busy may take
            # seconds to say its name, and the next look is half a minute away (seen: 270 s without one).
            if not ssh_banner(self._lab, node, timeout=0.5, patience=inf):
                return None
            asked, slowness = time.time(), self._lab.driver.slowness
            said = self._lab.shell.run(
                node, looks.COMMAND, timeout=_LOOK_TIMEOUT, check=False,
                stdin=looks.script(str(self._lab.plan.node(node).control), min(slowness, PATIENCE)))
            return looks.read(node, asked, time.time(), said.stdout, self._vips)
        except (HalabError, OSError):
            return None


def _sighting(at: float, answers: dict[str, tuple[NodeLook, Member | None]]) -> PrimarySighting:
    # Where no server runs there is no Primary component: that is an answer, too.
    read = tuple(node for node, (look, member) in answers.items() if member or not look.database)
    return PrimarySighting(at, components({node: member for node, (_, member) in answers.items() if member}), read)
