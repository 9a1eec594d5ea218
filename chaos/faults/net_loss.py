"""net.loss: some of the node's frames are lost, at random."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos import nft
from chaos.faults.net_oneway import DIRECTIONS
from chaos.faults.netbase import NetFault, one_network, wires
from chaos.model import Target
from lab.choices import unknown_choice
from lab.errors import RefusedError

if TYPE_CHECKING:
    from lab.lab import Lab


class NetLoss(NetFault):
    """A bad cable.  nft's random numbers do it, so that it needs no netem in the host's kernel.

    ``percent`` 1..99, of each direction, or of one: ``direction`` ``out`` (what the node sends) or ``in``;
    ``network`` control (default) or ring.
    """

    name = "net.loss"
    summary = "lose a share of the node's frames on one network"
    bounds = "undecided"
    parameters = frozenset({"percent", "network", "direction"})

    def validate(self, params: Mapping[str, Any]) -> None:
        super().validate(params)
        percent = params.get("percent")
        if not isinstance(percent, int) or isinstance(percent, bool) or not 1 <= percent <= 99:
            raise RefusedError("net.loss needs 'percent', a whole number from 1 to 99", where="params.percent",
                               remedy="params: {percent: 20}; net.isolate loses all")
        one_network(params.get("network"))
        if "direction" in params and params["direction"] not in DIRECTIONS:
            raise unknown_choice("direction", str(params["direction"]), DIRECTIONS)

    def rules(self, lab: Lab, target: Target) -> list[nft.Rule]:
        chance = f"numgen random mod 100 < {int(target.params['percent'])}"
        cables = wires(lab, target.nodes, [one_network(target.params.get("network"))])
        ways = {"out": nft.leaving(cables, chance), "in": nft.arriving(cables, chance)}
        wanted = target.params.get("direction")
        return ways[wanted] if wanted else ways["out"] + ways["in"]


FAULT = NetLoss()
