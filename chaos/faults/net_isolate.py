"""net.isolate: the node keeps running, and hears and says nothing on control and ring any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos import nft
from chaos.faults.base import all_hold
from chaos.faults.netbase import CUT, NetFault, table_name, wires
from chaos.model import Proof, Target
from chaos.reach import packets_return
from lab.plan import NetworkName

if TYPE_CHECKING:
    from lab.lab import Lab


class NetIsolate(NetFault):
    """Cut a node from nodes and clients, both directions, on both networks."""

    name = "net.isolate"
    summary = "drop every frame of the node on the control and ring networks"
    wants_fencing = True
    bounds = "silent_loss"

    def rules(self, lab: Lab, target: Target) -> list[nft.Rule]:
        cables = wires(lab, target.nodes)
        return nft.leaving(cables) + nft.arriving(cables)

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        silent = [self._silent(lab, node, network) for node in target.nodes for network in CUT]
        # Ask the counters last: our own knocking is dropped on its way in and is not in "out".
        out, into = nft.counted(lab, table_name(target))
        return all_hold([*silent, Proof(out > 0, f"nft dropped {out} frames from and {into} to it")])

    def open_again(self, lab: Lab, target: Target) -> list[Proof]:
        if not lab.namespace.exists():
            return []
        return [self._answers(lab, node, network) for node in target.nodes for network in CUT]

    @staticmethod
    def _silent(lab: Lab, node: str, network: NetworkName) -> Proof:
        if packets_return(lab, node, network):
            return Proof(False, f"{node} still answers on {network}")
        return Proof(True, f"{node} is silent on {network}")

    @staticmethod
    def _answers(lab: Lab, node: str, network: NetworkName) -> Proof:
        back = packets_return(lab, node, network)
        return Proof(back, f"{node} {'answers' if back else 'does not answer yet'} on {network}")


FAULT = NetIsolate()
