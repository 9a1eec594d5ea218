"""net.oneway: the node hears and is not heard, or the other way round."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos import nft
from chaos.faults.netbase import NetFault, outvoted, wires
from chaos.model import Target
from lab.choices import unknown_choice

if TYPE_CHECKING:
    from lab.lab import Lab

DIRECTIONS = ("out", "in")


class NetOneway(NetFault):
    """One direction of the node's control and ring networks is lost, as by half a broken fibre.

    ``direction: out`` (the default) drops what the node says, ``in`` what it should hear.
    """

    name = "net.oneway"
    summary = "drop the node's frames in one direction only"
    wants_fencing = True
    bounds = "silent_loss"
    parameters = frozenset({"direction"})

    def validate(self, params: Mapping[str, Any]) -> None:
        super().validate(params)
        if params.get("direction", "out") not in DIRECTIONS:
            raise unknown_choice("direction", str(params["direction"]), DIRECTIONS)

    def fencing_follows(self, target: Target) -> bool:
        return outvoted(target)

    def rules(self, lab: Lab, target: Target) -> list[nft.Rule]:
        cables = wires(lab, target.nodes)
        return nft.leaving(cables) if target.params.get("direction", "out") == "out" else nft.arriving(cables)


FAULT = NetOneway()
