"""A recorded lab in the hand of one changing command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lab import state
from lab.lab import Lab
from lab.state.events import Listener


@contextmanager
def held(lab_name: str, doing: str, listener: Listener | None = None) -> Iterator[Lab]:
    """The lab, locked for the command ``doing`` and known on this host as this home's.

    NotFoundError if there is no such lab, RefusedError if another command has it.
    """
    Lab.open(lab_name)
    with state.exclusive(lab_name, doing):
        lab = Lab.open(lab_name)  # again: a change may have ended between the two
        state.claim(lab_name)
        if listener:
            lab.events.subscribe(listener)
        try:
            yield lab
        finally:
            lab.shell.close()
