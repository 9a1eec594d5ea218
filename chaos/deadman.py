"""A fault inside a node ends by itself: its inverse is armed there before the fault acts.

The journal on the host heals what it can reach.  If the host's side dies and nobody calls
``chaos.heal``, a paused database would stay paused; so a timer of the node's own systemd runs
the same inverse.  Units of one fault are named after it, and nothing of them is on disk: a node that loses
its power loses them, and what it had on its disk or in the CIB waits for ``chaos.heal``.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from chaos.evidence import judged

if TYPE_CHECKING:
    from lab.lab import Lab

LASTS = 600  # s, on nodes at full speed
LONGEST = 540  # s that a scenario may hold such a fault; to inject, prove and heal it takes the rest
RUNS = "ActiveState=active"
_UNIT = "halab-fault-{id}"
_UNDO = "halab-undo-{id}"


def lasts(lab: Lab) -> float:
    """Seconds that a fault stays when nobody heals it: what a scenario waits for takes longer on slow nodes."""
    return LASTS * lab.driver.slowness


def arm(lab: Lab, node: str, identity: str, undo: str, seconds: float | None = None) -> None:
    """Have ``undo`` (a shell script) run on the node after ``seconds``, else :func:`lasts`, without the host."""
    unit = _UNDO.format(id=identity)
    seconds = lasts(lab) if seconds is None else seconds
    lab.shell.run(node, f"systemd-run --quiet --collect --unit={unit} --on-active={seconds:.0f}s "
                        f"/bin/sh -c {shlex.quote(undo)}", timeout=20)


def disarm(lab: Lab, node: str, identity: str) -> None:
    """Stop the timer; a node that was powered off since has none."""
    unit = _UNDO.format(id=identity)
    lab.shell.run(node, f"systemctl stop {unit}.timer 2>/dev/null; systemctl reset-failed '{unit}*' 2>/dev/null; true",
                  timeout=20)


def run_beside(lab: Lab, node: str, identity: str, script: str, seconds: float | None = None) -> None:
    """Run ``script`` on the node in a unit of its own, for ``seconds`` at most, else for :func:`lasts`."""
    unit = _UNIT.format(id=identity)
    seconds = lasts(lab) if seconds is None else seconds
    lab.shell.run(node, f"systemd-run --quiet --collect --unit={unit} --property=RuntimeMaxSec={seconds:.0f} "
                        f"--property=KillMode=control-group /bin/sh -c {shlex.quote(script)}", timeout=20)


def stop_beside(identity: str) -> str:
    """The command that ends :func:`run_beside`'s unit, for use in an inverse."""
    unit = _UNIT.format(id=identity)
    return f"systemctl stop {unit} 2>/dev/null; systemctl reset-failed {unit} 2>/dev/null; true"


def beside_main(identity: str) -> str:
    """The command that prints the PID of the first process of :func:`run_beside`'s unit, 0 for none."""
    return f"systemctl show --property=MainPID --value {_UNIT.format(id=identity)}"


def runs_beside(identity: str) -> str:
    """A command that succeeds while :func:`run_beside`'s unit runs (chaos.evidence)."""
    return judged(beside_state(identity), f"grep -x {RUNS}")


def beside_state(identity: str) -> str:
    """The command that prints ``RUNS`` while :func:`run_beside`'s unit runs, and another state of it otherwise."""
    return f"systemctl show --property=ActiveState {_UNIT.format(id=identity)}"
