"""svc.restart: a unit of systemd is restarted, as after an upgrade."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.evidence import UNASKED
from chaos.faults.base import with_params
from chaos.faults.svc_stop import SvcStop
from chaos.model import Target

if TYPE_CHECKING:
    from lab.lab import Lab

_SINCE = "systemctl show --value --property=ActiveEnterTimestampMonotonic {unit}"


class SvcRestart(SvcStop):
    """Over when it returns; the proof is that the unit became active later than before."""

    name = "svc.restart"
    summary = "restart a systemd unit"
    bounds = "restart"

    def prepare(self, lab: Lab, target: Target) -> Target:
        ask = _SINCE.format(unit=target.params["unit"])
        return with_params(target, before={node: lab.shell.run(node, ask).stdout.strip() for node in target.nodes})

    def inject(self, lab: Lab, target: Target) -> None:
        for node in target.nodes:
            lab.shell.run(node, f"systemctl restart {target.params['unit']}", timeout=120)

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        before = target.params["before"][node]
        return (f"now=$({_SINCE.format(unit=target.params['unit'])}) || exit {UNASKED}; "
                f"echo active since $now, before {before}; [ \"$now\" != {before} ]")

    def remains(self, lab: Lab, node: str, target: Target) -> str:
        """A restart is over when it is done, unless the unit did not come up."""
        return super().shows(lab, node, target)


FAULT = SvcRestart()
