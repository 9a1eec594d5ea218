"""node.freeze: the machine stops in mid-instruction and, unless it is fenced, comes back as a zombie."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos import thaw
from chaos.faults.base import FAULT_ID, all_hold, with_params
from chaos.faults.nodebase import NodeFault
from chaos.model import HealRank, Proof, Target
from chaos.reach import ssh_banner
from chaos.timers import totem
from daemons import corosync
from lab.drivers.base import PowerState
from lab.errors import RefusedError
from lab.parallel import for_each
from lab.state.events import read_events

if TYPE_CHECKING:
    from lab.lab import Lab

LEAST, MOST = 0.1, 5.0  # s
# Of the token's timeout: a token rests for 0.18 of it at a node while there is nothing to send (corosync.conf(5),
# hold), and the host's hand is not exact.
SHORT = 0.6
_LATE = 0.3  # s that this hand may be late


class NodeFreeze(NodeFault):
    """Suspend through the driver.

    Nothing is closed and nothing is lost: when such a node thaws it believes that it still
    holds the VIP.  Fencing must have power-cycled it before anybody else starts the VIP.

    With ``seconds`` it thaws after so long, and the scenario goes on then.  Shorter than the token, nobody may notice;
    longer, the cluster may fence it or not, as it likes.
    """

    name = "node.freeze"
    summary = "suspend the node, as a hung hypervisor or firmware would"
    needs = frozenset({"suspend"})
    rank = HealRank.RESUME
    bounds = "freeze"
    parameters = frozenset({"seconds"})

    def validate(self, params: Mapping[str, Any]) -> None:
        super().validate(params)
        given = params.get("seconds", LEAST)
        if not isinstance(given, int | float) or isinstance(given, bool) or not LEAST <= given <= MOST:
            raise RefusedError(f"'seconds' must be a number from {LEAST:g} to {MOST:g}", where="params.seconds",
                               remedy="seconds: 0.5; without it the node stays frozen until it is healed or fenced")

    def prepare(self, lab: Lab, target: Target) -> Target:
        """Whether it is ``short``, by the live token of whom it hits."""
        if "seconds" not in target.params:
            return target
        try:
            token = min(float(totem(lab.shell.run(node, corosync.MAP, timeout=10).stdout)["token"])
                        for node in target.nodes)
        except (KeyError, ValueError) as error:
            raise RefusedError("the token's timeout cannot be read, so nobody can say what this freeze may cost",
                               where=", ".join(target.nodes), remedy=f"./inv lab.status --name={lab.name}") from error
        return with_params(target, token=token, short=bool(target.params["seconds"] <= SHORT * token))

    def fencing_follows(self, target: Target) -> bool:
        return "seconds" not in target.params

    def may_be_fenced(self, target: Target, members: tuple[str, ...]) -> tuple[str, ...]:
        """Nobody for a freeze that is over before anybody is missed."""
        return () if target.params.get("short") else super().may_be_fenced(target, members)

    def inject(self, lab: Lab, target: Target) -> None:
        if "seconds" in target.params:
            self._for_a_while(lab, target, float(target.params["seconds"]))
        else:
            for_each(target.nodes, lab.driver.power.suspend)

    def _for_a_while(self, lab: Lab, target: Target, seconds: float) -> None:
        """What it looked like while it lasted goes to the diary: later it cannot be seen any more."""
        patience = seconds / 2 / lab.driver.slowness  # the look has two stages, and must be over before the thaw
        with thaw.if_we_die(lab, target.nodes):
            begun = time.monotonic()
            try:
                for_each(target.nodes, lab.driver.power.suspend)
                end = time.monotonic() + seconds
                seen = all_hold(for_each(target.nodes, lambda node: self._frozen(lab, node, patience)))
                time.sleep(max(0.0, end - time.monotonic()))
            finally:
                for_each(target.nodes, lab.driver.power.resume)
            lasted = time.monotonic() - begun
        lab.events.emit("fault.seen", " ".join(target.nodes), id=target.params[FAULT_ID], ok=seen.ok, lasted=lasted,
                        words=seen.evidence)

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        if "seconds" not in target.params:
            return all_hold([self._frozen(lab, node) for node in target.nodes])
        seen = [event.data for event in read_events(lab.paths.events)
                if event.kind == "fault.seen" and event.data.get("id") == target.params[FAULT_ID]]
        if not seen:
            return Proof(False, "nobody saw it frozen")
        lasted, late = float(seen[-1]["lasted"]), _LATE * lab.driver.slowness
        return Proof(bool(seen[-1]["ok"]) and lasted <= float(target.params["seconds"]) + late,
                     f"{seen[-1]['words']}; thawed after {lasted:.2f} s")

    @staticmethod
    def _frozen(lab: Lab, node: str, patience: float = 1.0) -> Proof:
        state = lab.driver.power.state(node)
        if state != PowerState.SUSPENDED:
            return Proof(False, f"{node}: the driver says it is {state}")
        if ssh_banner(lab, node, patience):
            return Proof(False, f"{node}: suspended, and yet its SSH daemon speaks")
        return Proof(True, f"{node}: the driver says suspended, and its SSH daemon is mute")


FAULT = NodeFreeze()
