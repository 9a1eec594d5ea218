"""net.link_down: a cable is pulled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos.faults.base import BaseFault, all_hold
from chaos.faults.netbase import one_network
from chaos.model import HealRank, Proof, Target
from lab.host.process import run

if TYPE_CHECKING:
    from lab.lab import Lab

_GONE = "not there"


class NetLinkDown(BaseFault):
    """The host's end of one interface goes down, and the node loses its carrier.

    ``network`` control (default) or ring.  On the ring corosync has a second link and nobody should
    notice; on control the node stays a healthy member of its cluster that no client can reach.
    """

    name = "net.link_down"
    summary = "pull the node's cable of one network"
    needs = frozenset({"netfilter"})
    rank = HealRank.NETWORK
    wants_fencing = False
    bounds = "undecided"
    parameters = frozenset({"network"})

    def validate(self, params: Mapping[str, Any]) -> None:
        super().validate(params)
        one_network(params.get("network"))

    def may_be_fenced(self, target: Target, members: tuple[str, ...]) -> tuple[str, ...]:
        """Nobody for its ring, which corosync has a second link for; without control its database may fail to stop."""
        return () if one_network(target.params.get("network")) == "ring" else target.nodes

    def relapses(self, target: Target) -> bool:
        return True

    def inject(self, lab: Lab, target: Target) -> None:
        self._set(lab, target, "down")

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        return all_hold([Proof(state == "down", f"{wire} is {state}") for wire, state in self._look(lab, target)])

    def heal(self, lab: Lab, target: Target) -> None:
        if lab.namespace.exists():
            self._set(lab, target, "up")

    def healed(self, lab: Lab, target: Target) -> Proof:
        return all_hold([Proof(state == "up", f"{wire} is {state}") for wire, state in self._look(lab, target)])

    @staticmethod
    def _wires(lab: Lab, target: Target) -> list[str]:
        network = one_network(target.params.get("network"))
        return [lab.driver.interface(node, network) for node in target.nodes]

    def _set(self, lab: Lab, target: Target, state: str) -> None:
        for wire, now in self._look(lab, target):
            # A node without power has none: it gets new ones with its power, and those are up.
            if now != _GONE:
                run(lab.namespace.command(["ip", "link", "set", wire, state]), timeout=10)

    def _look(self, lab: Lab, target: Target) -> list[tuple[str, str]]:
        """Each interface with its state; one of a node without power is not there, and neither up nor down."""
        found = []
        for wire in self._wires(lab, target):
            shown = run(lab.namespace.command(["ip", "-oneline", "link", "show", wire]), timeout=10, check=False)
            flags = shown.stdout.partition("<")[2].partition(">")[0].split(",")
            found.append((wire, _GONE if not shown.ok else "up" if "UP" in flags else "down"))
        return found


FAULT = NetLinkDown()
