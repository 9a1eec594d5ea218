"""What the faults share that keep a node busy: a script of its own that ends by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from chaos import deadman
from chaos.evidence import UNASKED
from chaos.faults.base import Number
from chaos.faults.guestbase import GuestFault, identity
from chaos.model import Target

if TYPE_CHECKING:
    from lab.lab import Lab

SECONDS = Number("seconds", 60, 1, 3600)
# s for its two proofs, after the begin and before the heal: on three loaded nodes the first took 9 (seen; the load of
# cpu-load was over before its heal in every run until somebody looked).
PROOFS = 20.0
BETWEEN = 1  # s between two looks at what a load has used


class LoadFault(GuestFault):
    """A subclass says in :meth:`script` what runs, for ``seconds`` (default 60) at most, on slow nodes as much longer
    as all that a scenario waits for; and in :meth:`felt` what shows that it is a load.

    A unit that runs proves nothing: on a full disk its loop turns and writes nothing.
    """

    bounds: ClassVar[str] = "undecided"
    endures: ClassVar[bool] = True

    def script(self, number: Mapping[str, int]) -> str:
        raise NotImplementedError

    def felt(self, number: Mapping[str, int]) -> str:
        """A shell command that prints what the load has taken and ends with 0 if that is any; see :func:`family`."""
        raise NotImplementedError

    def lasts(self, params: Mapping[str, Any]) -> float | None:
        return max(SECONDS.of(params) - PROOFS, 0.0)

    def inject(self, lab: Lab, target: Target) -> None:
        numbers = self.numbers_of(target.params)
        for node in target.nodes:
            deadman.run_beside(lab, node, identity(target), self.script(numbers),
                               numbers[SECONDS.name] * lab.driver.slowness)

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return deadman.stop_beside(identity(target))

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        main = deadman.beside_main(identity(target))
        return (f"({self.remains(lab, node, target)}) && main=$({main}) || exit $?; "
                f"[ \"${{main:-0}}\" -gt 0 ] || exit {UNASKED}; {self.felt(self.numbers_of(target.params))}")

    def remains(self, lab: Lab, node: str, target: Target) -> str:
        return deadman.runs_beside(identity(target))


def family(column: str) -> str:
    """A shell command that prints the sum of what ``column`` prints for each of the load's processes, ``$one``.

    Those are the unit's first, ``$main``, and its children; one that ends meanwhile counts as nothing.
    """
    return (f"for one in $main $(pgrep -P $main); do {column}; done 2>/dev/null | "
            "awk '{ for (at = 1; at <= NF; at++) sum += $at } END { printf \"%.0f\", sum }'")


def grows(column: str, least: int, unit: str) -> str:
    """A shell command that ends with 0 if :func:`family`'s sum grows by ``least`` or more within ``BETWEEN`` s."""
    total = family(column)
    return (f"before=$({total}); sleep {BETWEEN}; more=$(( $({total}) - before )); "
            f"echo \"$more {unit} within {BETWEEN} s\"; [ $more -ge {least} ]")
