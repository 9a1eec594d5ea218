"""svc.restart: a unit of systemd or a resource of Pacemaker is restarted, as after an upgrade."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.evidence import UNASKED
from chaos.faults.base import with_params
from chaos.faults.guestbase import GuestFault
from chaos.faults.svc_stop import SvcStop
from chaos.faults.svcbase import subject
from chaos.model import Proof, Target

if TYPE_CHECKING:
    from lab.lab import Lab


class SvcRestart(SvcStop):
    """Over when it returns; the proof is that it was started later than before."""

    name = "svc.restart"
    summary = "restart a systemd unit or a resource"
    bounds = "restart"
    shows_within = GuestFault.shows_within
    acts_within = 120.0  # s

    def prepare(self, lab: Lab, target: Target) -> Target:
        target = super().prepare(lab, target)
        one = subject(self.name, target.params)
        return with_params(target, before={node: lab.shell.run(node, one.age(node)).stdout.strip()
                                           for node in target.nodes})

    def act(self, lab: Lab, node: str, target: Target) -> str:
        return subject(self.name, target.params).restart(node, self.acts_within / 2 * lab.driver.slowness)

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        return GuestFault.took_effect(self, lab, target)

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        before = target.params["before"][node]
        return (f"now=$({subject(self.name, target.params).age(node)}) || exit {UNASKED}; "
                f"echo started at $now, before at {before}; [ -n \"$now\" ] && [ \"$now\" != '{before}' ]")


FAULT = SvcRestart()
