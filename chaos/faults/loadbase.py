"""What the faults share that keep a node busy: a script of its own that ends by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from chaos import deadman
from chaos.faults.base import Number
from chaos.faults.guestbase import GuestFault, identity
from chaos.model import Target

if TYPE_CHECKING:
    from lab.lab import Lab

SECONDS = Number("seconds", 60, 1, 3600)


class LoadFault(GuestFault):
    """A subclass says in :meth:`script` what runs, for ``seconds`` (default 60) at most."""

    bounds: ClassVar[str] = "undecided"
    ends_by_itself: ClassVar[bool] = False  # its own ``seconds`` are part of what it is

    def script(self, number: Mapping[str, int]) -> str:
        raise NotImplementedError

    def inject(self, lab: Lab, target: Target) -> None:
        numbers = self.numbers_of(target.params)
        for node in target.nodes:
            deadman.run_beside(lab, node, identity(target), self.script(numbers), numbers[SECONDS.name])

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return deadman.stop_beside(identity(target))

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        return deadman.runs_beside(identity(target))
