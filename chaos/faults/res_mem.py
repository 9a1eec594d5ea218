"""res.mem: the node's memory is taken away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos import deadman
from chaos.faults.guestbase import GuestFault, identity
from chaos.model import Target
from lab.errors import RefusedError

if TYPE_CHECKING:
    from lab.lab import Lab

LARGEST = 2048  # MB; a container's memory is the host's


class ResMem(GuestFault):
    """``mb`` (default 256) in a file system of memory, for ``seconds`` (default 60) at most."""

    name = "res.mem"
    summary = "take memory away from the node"
    bounds = "undecided"
    parameters = frozenset({"seconds", "mb"})

    def validate(self, params: Mapping[str, Any]) -> None:
        super().validate(params)
        for name, highest in (("seconds", 3600), ("mb", LARGEST)):
            value = params.get(name, 1)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= highest:
                raise RefusedError(f"'{name}' must be a whole number from 1 to {highest}", where=f"params.{name}")

    def inject(self, lab: Lab, target: Target) -> None:
        fill = f"head -c {target.params.get('mb', 256)}M /dev/zero | tail -c 1; "  # tail keeps all of it in memory
        for node in target.nodes:
            deadman.run_beside(lab, node, identity(target), f"while :; do {fill}done",
                               target.params.get("seconds", 60))

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return deadman.stop_beside(identity(target))

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        return deadman.runs_beside(identity(target))


FAULT = ResMem()
