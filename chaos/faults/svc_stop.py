"""svc.stop: a unit of systemd is stopped in good order, and nobody is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos.evidence import judged
from chaos.faults.guestbase import GuestFault
from chaos.model import Target
from lab.choices import unknown_choice
from lab.errors import RefusedError

if TYPE_CHECKING:
    from lab.lab import Lab

UNITS = ("corosync", "haproxy", "halab-galera-check", "memcached", "pacemaker", "rabbitmq-server")


class SvcStop(GuestFault):
    """What an operator's mistake or a package upgrade does.  ``unit``: one of ``UNITS``."""

    name = "svc.stop"
    summary = "stop a systemd unit"
    bounds = "unit"
    parameters = frozenset({"unit"})

    def validate(self, params: Mapping[str, Any]) -> None:
        super().validate(params)
        if "unit" not in params:
            raise RefusedError(f"{self.name} needs the parameter 'unit'", remedy="one of: " + ", ".join(UNITS))
        if params["unit"] not in UNITS:
            raise unknown_choice("unit", str(params["unit"]), UNITS)

    def may_leave(self, target: Target, members: tuple[str, ...]) -> tuple[str, ...]:
        """Who stops corosync says goodbye; without Pacemaker alone the node stays a member."""
        return target.nodes if target.params["unit"] == "corosync" else super().may_leave(target, members)

    def act(self, lab: Lab, node: str, target: Target) -> str:
        return f"systemctl stop {target.params['unit']}"

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        unit = str(target.params["unit"])
        # Pacemaker goes with corosync, and nobody starts it again.
        units = "corosync pacemaker" if unit == "corosync" else unit
        return f"systemctl reset-failed {units} 2>/dev/null; systemctl start {units}; crm_resource --cleanup " \
               ">/dev/null 2>&1; true"

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        unit = target.params["unit"]
        return judged(f"systemctl show --property=ActiveState {unit}", "grep -vE '=(active|reloading)$'")


FAULT = SvcStop()
