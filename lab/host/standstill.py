"""All processes of many control groups stopped at the same instant, and going on again whatever happens to halab."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from lab.host.cgroups import Cgroup, is_v2
from lab.parallel import for_each

# Wait until the pipe from halab ends, then write the first word into all files.
_THAW = 'read -r _; word=$1; shift; for knob; do echo "$word" > "$knob"; done 2>/dev/null'


@contextmanager
def standstill(groups: Sequence[Cgroup]) -> Iterator[None]:
    """Every process of all ``groups`` stands still while the block runs, and goes on after it.

    It goes on also when this process is killed meanwhile: a small guard waits for the end of a pipe.  Threads
    that are started in the block run before all ordinary work of the host, to keep the time short.
    """
    knobs = [str(group.freezer) for group in groups]
    guard = subprocess.Popen(["sh", "-c", _THAW, "sh", "0" if is_v2() else "THAWED", *knobs],
                             stdin=subprocess.PIPE, start_new_session=True)
    try:
        with _urgent():
            try:
                for_each(groups, lambda group: group.freeze(True))
                yield
            finally:
                for group in groups:
                    group.freeze(False)
    finally:
        guard.communicate()


@contextmanager
def _urgent() -> Iterator[None]:
    """Real-time scheduling for this thread and those it starts; without it where the host refuses."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except OSError:
        yield
        return
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
