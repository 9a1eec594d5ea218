"""The lab's diary: one JSON line per event, on the host's clock.

Several processes write to the same file (the command line, the BMC service, the chaos
runner), each event with one ``O_APPEND`` write, so lines never mix.  The screen and the
report are readers of this file; the library itself prints nothing.

Kinds in use: ``step.start`` ``step.end`` ``step.fail`` (data: step, node, seconds),
``gate.ok`` ``gate.fail`` (gate, seconds, detail), ``power.off`` ``power.on``
``power.suspend`` ``power.resume`` (node; written when it is done, by whoever moved the switch; a container
that ended by itself has ``by`` "its own system"), ``power.seen`` (node; state ``on`` ``off``
``suspended``, by, why: what a witness saw of it, where the driver has one), ``watchdog.fired`` (node, by: its
own watchdog resets it, says the witness), ``bmc.request`` (node, command), ``fault.inject`` ``fault.heal``
(fault, node), ``fault.seen`` (node, id, ok, lasted, words: what was seen of a fault that is over when its
``inject`` returns), ``node.stopping`` (node; its systemd's answer to an order to go), ``note`` (text).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Event:
    """``at`` is seconds since the epoch (host clock); ``data`` is plain JSON."""

    at: float
    kind: str
    node: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        body = {"at": round(self.at, 4), "kind": self.kind, "node": self.node, "data": self.data}
        return json.dumps(body, separators=(",", ":")) + "\n"


Listener = Callable[[Event], None]


class EventLog:
    """Appends to one lab's diary and tells the listeners of this process."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def emit(self, kind: str, node: str = "", **data: Any) -> Event:
        event = Event(time.time(), kind, node, data)
        if self._path is not None and self._path.parent.is_dir():
            fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                # One write, so that lines of several processes never mix; a full disk costs the line,
                # never the command (readers leave a torn line out).
                with suppress(OSError):
                    os.write(fd, event.line().encode())
            finally:
                os.close(fd)
        for listener in self._listeners:
            listener(event)
        return event

    @contextmanager
    def step(self, step: str, node: str = "", **data: Any) -> Iterator[None]:
        """Bracket a piece of work with start and end (or fail) events and its duration."""
        begun = time.monotonic()
        self.emit("step.start", node, step=step, **data)
        try:
            yield
        except BaseException as error:
            self.emit("step.fail", node, step=step, seconds=round(time.monotonic() - begun, 3),
                      error=str(error).splitlines()[0] if str(error) else type(error).__name__)
            raise
        self.emit("step.end", node, step=step, seconds=round(time.monotonic() - begun, 3))


def read_events(path: Path, since: float = 0.0) -> list[Event]:
    """The diary from ``since`` on, in order of writing; a torn last line is left out."""
    if not path.exists():
        return []
    events = []
    for line in path.read_text().splitlines():
        try:
            raw = json.loads(line)
        except json.JSONDecodeError:
            continue
        if raw["at"] >= since:
            events.append(Event(raw["at"], raw["kind"], raw["node"], raw["data"]))
    return events
