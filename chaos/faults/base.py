"""What the faults share: parameters that are refused early, and power that is waited for."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from chaos.fencelog import fence_requests
from chaos.model import HealRank, Proof, Target
from lab.choices import unknown_choice
from lab.drivers.base import PowerState
from lab.errors import RefusedError
from lab.state.events import read_events

if TYPE_CHECKING:
    from lab.lab import Lab

# The journal's own key in ``Target.params``: names what the fault leaves on the host.
FAULT_ID = "fault_id"

_POLL = 0.1  # s
_POST_MARGIN = 2.0  # s on top of the machine's power-on self test


@dataclass(frozen=True)
class Number:
    """A parameter that is a whole number."""

    name: str
    default: int
    lowest: int
    highest: int

    def of(self, params: Mapping[str, Any]) -> int:
        """The number that ``params`` give, or the default; RefusedError for what is none or out of range."""
        value = params.get(self.name, self.default)
        if not isinstance(value, int) or isinstance(value, bool) or not self.lowest <= value <= self.highest:
            raise RefusedError(f"'{self.name}' must be a whole number from {self.lowest} to {self.highest}",
                               where=f"params.{self.name}", remedy=f"{self.name}: {self.default}")
        return value


class BaseFault:
    """The Fault protocol, plus two steps that come before the journal is written.

    ``validate`` needs no lab: the scenario loader calls it, so a wrong parameter is an error
    with a line number.  ``prepare`` may look at the lab, never change it; what it adds to the
    target goes into the journal, so that proofs and heal work from another process as well.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    needs: ClassVar[frozenset[str]]
    rank: ClassVar[HealRank]
    wants_fencing: ClassVar[bool]
    bounds: ClassVar[str]
    parameters: ClassVar[frozenset[str]] = frozenset()
    shows_within: ClassVar[float] = 5.0  # s; a cut shows at the next heartbeat, everything else at once
    endures: ClassVar[bool] = False  # stays in effect until it is healed, on a node that keeps its power (V1)
    numbers: ClassVar[tuple[Number, ...]] = ()  # those of ``parameters`` that are whole numbers

    def validate(self, params: Mapping[str, Any]) -> None:
        """Raise RefusedError for a parameter that this fault cannot act on."""
        for name in params:
            if name not in self.parameters:
                raise unknown_choice(f"parameter of {self.name}", name, sorted(self.parameters))
        self.numbers_of(params)

    def numbers_of(self, params: Mapping[str, Any]) -> dict[str, int]:
        """Every whole number that this fault takes, by name; RefusedError as ``validate``."""
        return {one.name: one.of(params) for one in self.numbers}

    def lasts(self, params: Mapping[str, Any]) -> float | None:
        """Seconds that a scenario may hold it, of a fault that ends when nobody heals it; None: for ever."""
        return None

    def prepare(self, lab: Lab, target: Target) -> Target:
        return target

    def fencing_follows(self, target: Target) -> bool:
        """Whether this very target means an unclean loss of a node, which only fencing may end."""
        return self.wants_fencing

    def may_be_fenced(self, target: Target, members: tuple[str, ...]) -> tuple[str, ...]:
        """Whom the cluster with these members may fence for it; anybody else is innocent (S7).

        Whoever is lost without a word; and if those are no minority, also who of the others is not seen in time
        when they come back.  A fault that nobody may be given up for has none, its own targets included.
        """
        if not self.wants_fencing and not self.fencing_follows(target):
            return ()
        return target.nodes if 2 * len(target.nodes) < len(members) else tuple(dict.fromkeys((*target.nodes, *members)))

    def relapses(self, target: Target) -> bool:
        """Whether it outlives its target's reboot, and may cost the same node its power again while it lasts (S7)."""
        return False

    def may_leave(self, target: Target, members: tuple[str, ...]) -> tuple[str, ...]:
        """Whom the cluster with these members may drop for it, with or without a goodbye (S8)."""
        return self.may_be_fenced(target, members)

    def divides(self, target: Target) -> bool:
        """Whether the daemons of one node may each see another majority: without quorum for corosync, and with it
        for the broker, which then rightly serves (S6)."""
        return False

    def starves(self, target: Target) -> bool:
        """Whether nodes go on without quorum that nobody will fence: they have to stop by themselves (S6)."""
        return False

    def inject(self, lab: Lab, target: Target) -> None:
        raise NotImplementedError

    def struck(self, lab: Lab, target: Target) -> float | None:
        """When it took hold (epoch seconds), of a fault that lets time pass before it acts; asked after ``inject``."""
        return None

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        raise NotImplementedError

    def heal(self, lab: Lab, target: Target) -> str | None:
        """Undo it; idempotent.  Words, if any, say what ought to have come back without us and had to be helped."""
        raise NotImplementedError

    def healed(self, lab: Lab, target: Target) -> Proof:
        raise NotImplementedError

    def release(self, lab: Lab, target: Target) -> None:
        """Take away what would have ended the fault without us; called when ``healed`` has proven it gone."""


def with_params(target: Target, **more: Any) -> Target:
    return replace(target, params={**target.params, **more})


def all_hold(proofs: list[Proof]) -> Proof:
    """One proof out of one per node: all must hold, and all are quoted."""
    return Proof(bool(proofs) and all(proof.ok for proof in proofs),
                 "; ".join(proof.evidence for proof in proofs) or "no node was looked at")


def power_back_on(lab: Lab, node: str) -> None:
    """Have the node powered on, without getting in the way of its own BMC.

    A node that the cluster fenced is off for the length of its power-on self test and then
    comes back by itself.  Powering it on earlier lets it rejoin before the fence operation is
    reported; it is then told that it was just fenced, and its cluster daemons exit for good.
    """
    power = lab.driver.power
    patience = lab.plan.profile.bmc.post + _POST_MARGIN
    end = time.monotonic() + patience
    while power.state(node) == PowerState.OFF and _being_fenced(lab, node, patience):
        if time.monotonic() > end:
            break
        time.sleep(_POLL)
    if power.state(node) == PowerState.SUSPENDED:
        power.resume(node)
    if power.state(node) == PowerState.OFF:
        power.on(node)


def _being_fenced(lab: Lab, node: str, recent: float) -> bool:
    """Whether the BMC was told to change this node's power within the last ``recent`` seconds."""
    since = time.time() - recent
    return bool(fence_requests(read_events(lab.paths.events, since), node, since))
