"""res.cpu: the node is kept busy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos import deadman
from chaos.faults.guestbase import GuestFault, identity
from chaos.model import Target
from lab.errors import RefusedError

if TYPE_CHECKING:
    from lab.lab import Lab

_SCRIPT = "for i in $(seq {workers}); do while :; do :; done & done; wait"


class ResCpu(GuestFault):
    """Busy loops, ``workers`` of them (default 4): timers fire late, and a membership must survive it.

    It ends by itself after ``seconds`` (default 60).
    """

    name = "res.cpu"
    summary = "load the node's processors"
    bounds = "undecided"
    parameters = frozenset({"seconds", "workers"})

    def validate(self, params: Mapping[str, Any]) -> None:
        super().validate(params)
        for name, value in params.items():
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise RefusedError(f"'{name}' must be a whole number, at least 1", where=f"params.{name}")

    def inject(self, lab: Lab, target: Target) -> None:
        for node in target.nodes:
            deadman.run_beside(lab, node, identity(target), _SCRIPT.format(workers=target.params.get("workers", 4)),
                               target.params.get("seconds", 60))

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return deadman.stop_beside(identity(target))

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        return deadman.runs_beside(identity(target))


FAULT = ResCpu()
