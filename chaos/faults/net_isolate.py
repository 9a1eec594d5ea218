"""net.isolate: the node keeps running, and hears and says nothing on control and ring any more.

The rules live in the lab's namespace, in the bridge family, and match interfaces by *name*:
they hold before the node's NICs exist and after a power cycle has made new ones.  (A netdev
chain is bound to the device and vanishes with it, so a fenced node would come back healed.)
The management network is never touched: the node can always be fenced and repaired.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from chaos.faults.base import FAULT_ID, BaseFault, all_hold
from chaos.model import HealRank, Proof, Target
from chaos.reach import packets_return
from lab.plan import NetworkName
from lab.process import run

if TYPE_CHECKING:
    from lab.lab import Lab

CUT: tuple[NetworkName, ...] = ("control", "ring")
_NFT_TIMEOUT = 10.0  # s
# Before every other filter, so that nothing can accept a frame first.
_PRIORITY = -300


def table_name(target: Target) -> str:
    return f"halab_fault_{target.params[FAULT_ID]}"


def ruleset(table: str, interfaces: Iterable[str]) -> str:
    """nft's own language: drop all frames from and to ``interfaces``, counted by direction.

    ``forward`` sees frames between two ports of a bridge, ``input`` and ``output`` those for
    and from the host's own end of it.  The first two lines make a second load replace the first.
    """
    names = ", ".join(f'"{name}"' for name in interfaces)
    leaving = f"    iifname {{ {names} }} counter drop\n"
    arriving = f"    oifname {{ {names} }} counter drop\n"

    def chain(hook: str, rules: str) -> str:
        return (f"  chain {hook} {{\n    type filter hook {hook} priority {_PRIORITY}; policy accept;\n"
                f"{rules}  }}\n")

    return (f"{removal(table)}table bridge {table} {{\n"
            + chain("forward", leaving + arriving) + chain("input", leaving) + chain("output", arriving)
            + "}\n")


def removal(table: str) -> str:
    """Delete the table if it is there: nft 1.0.6 knows no ``destroy``, so make it first."""
    return f"table bridge {table}\ndelete table bridge {table}\n"


def dropped(listing: str) -> tuple[int, int]:
    """Frames dropped (from the node, to the node), out of ``nft -j list table``."""
    sums = {"iifname": 0, "oifname": 0}
    for entry in json.loads(listing).get("nftables", []):
        direction, packets = "", 0
        for part in entry.get("rule", {}).get("expr", []):
            if "match" in part:
                direction = part["match"]["left"]["meta"]["key"]
            if "counter" in part:
                packets = part["counter"]["packets"]
        if direction in sums:
            sums[direction] += packets
    return sums["iifname"], sums["oifname"]


def tables(listing: str) -> set[str]:
    """Names of the tables in ``nft -j list tables bridge``."""
    found: list[dict[str, Any]] = json.loads(listing).get("nftables", [])
    return {entry["table"]["name"] for entry in found if "table" in entry}


class NetIsolate(BaseFault):
    """Cut a node from control and ring, both directions, with one nft table of its own."""

    name = "net.isolate"
    summary = "drop every frame of the node on the control and ring networks"
    needs = frozenset({"netfilter"})
    rank = HealRank.NETWORK
    wants_fencing = True
    bounds = "silent_loss"

    def inject(self, lab: Lab, target: Target) -> None:
        wires = [lab.driver.interface(node, network) for node in target.nodes for network in CUT]
        self._nft(lab, ["-f", "-"], ruleset(table_name(target), wires))

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        silent = [self._silent(lab, node, network) for node in target.nodes for network in CUT]
        # Ask the counters last: our own knocking is dropped on its way in and is not in "out".
        listing = self._nft(lab, ["-j", "list", "table", "bridge", table_name(target)])
        out, into = dropped(listing)
        caught = Proof(out > 0, f"nft dropped {out} frames from and {into} to it")
        return all_hold([*silent, caught])

    def heal(self, lab: Lab, target: Target) -> None:
        if lab.namespace.exists():
            self._nft(lab, ["-f", "-"], removal(table_name(target)))

    def healed(self, lab: Lab, target: Target) -> Proof:
        if not lab.namespace.exists():
            return Proof(True, "the lab's namespace is gone, and the table with it")
        if table_name(target) in tables(self._nft(lab, ["-j", "list", "tables", "bridge"])):
            return Proof(False, f"the table {table_name(target)} is still loaded")
        return all_hold([Proof(True, "the nft table is gone"),
                         *(self._answers(lab, node, network) for node in target.nodes for network in CUT)])

    @staticmethod
    def _nft(lab: Lab, argv: list[str], text: str | None = None) -> str:
        return run(lab.namespace.command(["nft", *argv]), input=text, timeout=_NFT_TIMEOUT).stdout

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
