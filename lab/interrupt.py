"""Ctrl-C: the first asks, the second leaves; neither destroys anything.

The command line installs :func:`guard` around a command.  Library code calls :func:`check`
between two steps, where everything done so far is recorded; a step that is running is never
torn apart, because its child processes have sessions of their own (:mod:`lab.host.process`).
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from lab.errors import InterruptedByUser

EXIT_CODE = InterruptedByUser.exit_code
NOTICE = "finishing the running step; press Ctrl-C again to exit now"

_asked = threading.Event()


def requested() -> bool:
    """Whether the user has asked to stop; for loops that can end early by themselves."""
    return _asked.is_set()


def check(where: str = "") -> None:
    """Between two steps: raise :class:`InterruptedByUser` if the user has asked to stop.

    May be called from any thread.  ``where`` names the step that would have come next.
    """
    if _asked.is_set():
        raise InterruptedByUser("stopped on request; what was done is recorded, nothing was destroyed",
                                where=f"before: {where}" if where else "")


def wait(seconds: float) -> None:
    """Sleep up to ``seconds``, but not through a Ctrl-C (then as :func:`check`)."""
    # An Event wait in the main thread lets the signal handler run, then returns at once.
    _asked.wait(seconds)
    check()


@contextmanager
def guard(notify: Callable[[str], None], leave: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Handle SIGINT and SIGTERM by the two-step rule while the block runs.

    ``notify`` is told the sentence for the person; ``leave`` runs before the sudden exit and
    must only put the terminal right.  The sudden exit skips every ``finally``: a worker thread
    that waits for a command would otherwise hold the process for as long as it likes.
    Outside the main thread, where Python has no signal handlers, this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handler(number: int, _frame: FrameType | None) -> None:
        if _asked.is_set():
            leave()
            os._exit(EXIT_CODE)
        _asked.set()
        try:
            notify(NOTICE)
        except RuntimeError:
            # The signal came in the middle of a print, and a stream's buffer takes no second one.
            os.write(2, f"{NOTICE}\n".encode())

    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
        _asked.clear()
