"""net.port_block: one port of the node is dead, everything else works."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos import nft
from chaos.faults.base import all_hold, with_params
from chaos.faults.netbase import NetFault, wires
from chaos.model import Proof, Target
from daemons.services import SERVICES, TOTEM_PORT
from lab.choices import unknown_choice
from lab.errors import RefusedError

if TYPE_CHECKING:
    from lab.lab import Lab

_KNOCK = 0.7  # s
# What listens there in this lab, and over which protocol.
PORTS: dict[int, tuple[str, str]] = {
    **{port: ("tcp", words) for daemon in SERVICES.values() for port, words in daemon.ports.items()},
    TOTEM_PORT: ("udp", "corosync")}


class NetPortBlock(NetFault):
    """A firewall rule that somebody forgot: both directions of one port, on control and ring.

    It drops and does not refuse, so that clients meet silence.
    """

    name = "net.port_block"
    summary = "drop the traffic of one port of the node"
    bounds = "port"
    parameters = frozenset({"port"})
    port = 0  # for a fault that always means the same one

    def validate(self, params: Mapping[str, Any]) -> None:
        super().validate(params)
        if self.port:
            return
        if "port" not in params:
            raise RefusedError("net.port_block needs the parameter 'port'",
                               remedy="one of: " + ", ".join(map(str, sorted(PORTS))))
        if params["port"] not in PORTS:
            raise unknown_choice("port", str(params["port"]), [str(port) for port in sorted(PORTS)])

    def prepare(self, lab: Lab, target: Target) -> Target:
        return super().prepare(lab, with_params(target, port=self.port) if self.port else target)

    def fencing_follows(self, target: Target) -> bool:
        return target.params.get("port") == TOTEM_PORT

    def rules(self, lab: Lab, target: Target) -> list[nft.Rule]:
        port = int(target.params["port"])
        protocol, _ = PORTS[port]
        cables = wires(lab, target.nodes)
        # As the server, and as the client of the same port on another node.
        return [rule for side in ("dport", "sport")
                for rule in nft.leaving(cables, f"{protocol} {side} {port}")
                + nft.arriving(cables, f"{protocol} {side} {port}")]

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        """Knock first: a port that nobody used in these seconds has dropped nothing yet."""
        port = int(target.params["port"])
        silent = [] if PORTS[port][0] == "udp" else [self._silent(lab, node, port) for node in target.nodes]
        return all_hold([*silent, super().took_effect(lab, target)])

    @staticmethod
    def _silent(lab: Lab, node: str, port: int) -> Proof:
        try:
            lab.namespace.connect(str(lab.plan.node(node).control), port, _KNOCK).close()
        except ConnectionRefusedError:
            return Proof(False, f"{node} refuses connections to port {port}, so they reach it")
        except OSError:
            return Proof(True, f"{node} is silent on port {port}")
        return Proof(False, f"{node} still takes connections to port {port}")


FAULT = NetPortBlock()
