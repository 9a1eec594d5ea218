"""cluster.blackout: the room loses its power; later it comes back, perhaps not for everybody."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos.faults.base import all_hold, with_params
from chaos.faults.nodebase import NodeFault, cut
from chaos.model import Proof, Target
from lab import interrupt
from lab.errors import RefusedError
from lab.parallel import for_each
from lab.state.events import read_events

if TYPE_CHECKING:
    from lab.lab import Lab


class ClusterBlackout(NodeFault):
    """All targets lose power, ``stagger`` seconds apart (default 0), and get it back after ``dark`` (default 5).

    ``missing`` of them (default 0; the last ones) stay dark until healed: the case in which Galera cannot
    know who was the most advanced.
    """

    name = "cluster.blackout"
    summary = "cut the power of every node, and give it back"
    wants_fencing = False
    bounds = "undecided"
    parameters = frozenset({"stagger", "dark", "missing"})

    def validate(self, params: Mapping[str, Any]) -> None:
        super().validate(params)
        for name, value in params.items():
            if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 600:
                raise RefusedError(f"'{name}' must be a number from 0 to 600", where=f"params.{name}",
                                   remedy=f"{name}: 10")

    def prepare(self, lab: Lab, target: Target) -> Target:
        """Note the time: power changes since then are this fault's."""
        if int(target.params.get("missing", 0)) >= len(target.nodes):
            raise RefusedError("somebody has to come back", where="params.missing",
                               remedy=f"less than {len(target.nodes)}")
        return with_params(target, since=time.time())

    def may_be_fenced(self, target: Target, members: tuple[str, ...]) -> tuple[str, ...]:
        """With a stagger the last ones fence the first; later, whoever is not seen in time."""
        return target.nodes

    def relapses(self, target: Target) -> bool:
        """With a stagger: who was fenced before the others went dark is not seen in time when they come back."""
        return bool(target.params.get("stagger", 0))

    def starves(self, target: Target) -> bool:
        """wait_for_all: after a loss of all, quorum begins when all have been seen."""
        return bool(target.params.get("missing", 0))

    def inject(self, lab: Lab, target: Target) -> None:
        cut(lab, target.nodes, float(target.params.get("stagger", 0)))
        interrupt.wait(float(target.params.get("dark", 5)))
        for_each(self._returning(target), lab.driver.power.on)

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        events = list(read_events(lab.paths.events, float(target.params["since"])))

        def went(node: str) -> Proof:
            off = any(event.kind == "power.off" and event.node == node for event in events)
            return Proof(off, f"{node}: {'lost its power' if off else 'never lost its power'}")

        return all_hold([went(node) for node in target.nodes])

    @staticmethod
    def _returning(target: Target) -> tuple[str, ...]:
        return target.nodes[: len(target.nodes) - int(target.params.get("missing", 0))]


FAULT = ClusterBlackout()
