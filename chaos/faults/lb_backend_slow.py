"""lb.backend_slow: one database behind the proxy answers, and answers late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos import deadman
from chaos.evidence import UNASKED
from chaos.faults.base import Number, with_params
from chaos.faults.guestbase import GuestFault, identity
from chaos.model import Target

if TYPE_CHECKING:
    from lab.lab import Lab

LATE = Number("ms", 400, 200, 900)  # below a client's second
_AWAKE = 100  # ms between two stops
_EVERY = 70  # ms between the queries of the proof
_SERVER = "mariadbd"


class LbBackendSlow(GuestFault):
    """The server stands still for ``ms`` (default 400), works for 100, and so on.

    What a host does that swaps or gives its processors to others.  The proxy's check is served in the
    moments between and says UP.  Aim it at ``galera_writer``; the group waits for any member when it commits.
    """

    name = "lb.backend_slow"
    summary = "let one database behind the proxy answer late"
    bounds = "late"
    numbers = (LATE,)
    parameters = frozenset({LATE.name})

    def prepare(self, lab: Lab, target: Target) -> Target:
        return with_params(target, **self.numbers_of(target.params))  # its bound needs them

    def inject(self, lab: Lab, target: Target) -> None:
        late = LATE.of(target.params)
        for node in target.nodes:
            deadman.arm(lab, node, identity(target), self.undo(lab, node, target))
            deadman.run_beside(lab, node, identity(target),
                               f"while :; do pkill -STOP -x {_SERVER}; sleep {late / 1000:g}; "
                               f"pkill -CONT -x {_SERVER}; sleep {_AWAKE / 1000:g}; done")

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return f"{deadman.stop_beside(identity(target))}; pkill -CONT -x {_SERVER}; true"

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        """In effect if the slowest of some queries, spread over a whole round, took half of ``ms`` or more."""
        late = LATE.of(target.params)
        rounds = (late + _AWAKE) // _EVERY + 2
        return (f"slowest=0; for i in $(seq {rounds}); do begun=$(date +%s%3N); "
                f"mariadb --connect-timeout=5 -N -e 'SELECT 1' >/dev/null || exit {UNASKED}; "
                "took=$(( $(date +%s%3N) - begun )); [ $took -gt $slowest ] && slowest=$took; "
                f"sleep {_EVERY / 1000:g}; done; echo the slowest of {rounds} queries took $slowest ms; "
                f"[ $slowest -ge {late // 2} ]")


FAULT = LbBackendSlow()
