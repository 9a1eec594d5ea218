"""Looks at Galera's Primary components while a run goes on: there must never be two."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from chaos.facts import PrimarySighting
from chaos.reach import ssh_banner
from daemons import galera
from daemons.galera import Member
from lab.errors import HalabError

if TYPE_CHECKING:
    from lab.lab import Lab

_LOOK_EVERY = 2.0  # s; one look costs each node a client process
_LOOK_TIMEOUT = 3.0


class PrimaryWatch:
    """Looks at all Galera nodes every two seconds.

    A node that does not answer at once is left out of that look: silence is no claim.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._nodes = [node.name for node in lab.plan.running("galera")]
        self._stop = threading.Event()
        self._seen: list[PrimarySighting] = []
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._watch, name="primary-watch", daemon=True)

    def __enter__(self) -> PrimaryWatch:
        if self._nodes:
            self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def seen(self) -> tuple[PrimarySighting, ...]:
        """All sightings so far."""
        return tuple(self._seen)

    def stop(self) -> None:
        """End the watch; idempotent.  Raises, once, what ended it before its time."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2 * _LOOK_TIMEOUT + 10)
        if self._thread.is_alive():
            raise HalabError("the watch of the Primary components does not end", where=self._thread.name)
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _watch(self) -> None:
        try:
            with ThreadPoolExecutor(len(self._nodes), thread_name_prefix="primary") as pool:
                while not self._stop.is_set():
                    at = time.time()
                    self._seen.append(self._sighting(at, pool))
                    self._stop.wait(max(0.2, _LOOK_EVERY * self._lab.driver.slowness - (time.time() - at)))
        except Exception as error:  # a thread's death is silent; stop() tells it
            self._error = error

    def _sighting(self, at: float, pool: ThreadPoolExecutor) -> PrimarySighting:
        answers = dict(zip(self._nodes, pool.map(self._look, self._nodes), strict=True))
        said = {node: member for node, member in answers.items() if member is not None}
        return PrimarySighting(at, galera.components(said), tuple(said))

    def _look(self, node: str) -> Member | None:
        try:
            # A dead node would hold the shell for its whole connection timeout.
            if not ssh_banner(self._lab, node, timeout=0.5):
                return None
            return galera.member(self._lab.shell.run(node, galera.COMMAND, timeout=_LOOK_TIMEOUT).stdout)
        except (HalabError, OSError, ValueError):
            return None
