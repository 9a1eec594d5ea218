"""res.io: the node is kept busy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos import deadman
from chaos.faults.guestbase import GuestFault, identity
from chaos.model import Target
from lab.errors import RefusedError

if TYPE_CHECKING:
    from lab.lab import Lab

_SCRIPT = "while :; do dd if=/dev/zero of=/var/tmp/halab-io bs=1M count=64 conv=fsync 2>/dev/null; done"


class ResIo(GuestFault):
    """Writes and flushes without end: commits wait for the disk.

    It ends by itself after ``seconds`` (default 60).
    """

    name = "res.io"
    summary = "load the node's disk"
    bounds = "undecided"
    parameters = frozenset({"seconds"})

    def validate(self, params: Mapping[str, Any]) -> None:
        super().validate(params)
        for name, value in params.items():
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise RefusedError(f"'{name}' must be a whole number, at least 1", where=f"params.{name}")

    def inject(self, lab: Lab, target: Target) -> None:
        for node in target.nodes:
            deadman.run_beside(lab, node, identity(target), _SCRIPT,
                               target.params.get("seconds", 60))

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return deadman.stop_beside(identity(target)) + "; rm -f /var/tmp/halab-io"

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        return deadman.runs_beside(identity(target))


FAULT = ResIo()
