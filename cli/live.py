"""The live view on a terminal: what is running now, on which node, for how long.

What has ended scrolls up as ordinary lines; the table below holds only what is under way,
so its height is the work in flight and not the size of the lab.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.console import describe
from lab.state.events import Event, Listener

_REFRESH_HZ = 8
_ENDS = ("step.end", "step.fail")


class LiveProgress:
    """Keeps the steps under way; rich asks it for the picture several times a second."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._begun = time.time()
        self._running: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        key = (event.node, str(event.data.get("step", "")))
        with self._lock:
            if event.kind == "step.start":
                self._running[key] = event.at
                return
            if event.kind in _ENDS:
                self._running.pop(key, None)
        text = describe(event)
        if text:
            style = "red" if event.kind.endswith(".fail") else "green" if event.kind == "gate.ok" else ""
            self._console.print(Text(f"{event.at - self._begun:7.1f}s  {text}", style=style), soft_wrap=True)

    def __rich__(self) -> RenderableType:
        now = time.time()
        table = Table.grid(padding=(0, 2))
        with self._lock:
            running = list(self._running.items())
        for (node, step), since in running[: max(3, self._console.height - 4)]:
            table.add_row(Text(f"{now - since:7.1f}s", style="cyan"), Text(node, style="bold"), Text(step))
        return table


@contextmanager
def live_progress() -> Iterator[Listener]:
    """The view, taken off the screen when the block ends."""
    console = Console(stderr=True, highlight=False, no_color=bool(os.environ.get("NO_COLOR")) or None)
    view = LiveProgress(console)
    with Live(
        view,
        console=console,
        refresh_per_second=_REFRESH_HZ,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ):
        yield view
