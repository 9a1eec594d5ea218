"""mq.alarm_disk: one broker believes that its disk is full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.faults.guestbase import GuestFault, erlang
from chaos.model import Target

if TYPE_CHECKING:
    from lab.lab import Lab


class MqAlarmDisk(GuestFault):
    """Like the memory alarm it blocks every publisher of the cluster."""

    name = "mq.alarm_disk"
    summary = "raise the disk alarm of one broker"
    bounds = "undecided"

    def act(self, lab: Lab, node: str, target: Target) -> str:
        return erlang("rabbit_disk_monitor:set_disk_free_limit({absolute, 1000000000000000}).")

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return erlang("{ok, L} = application:get_env(rabbit, disk_free_limit), "
                      "rabbit_disk_monitor:set_disk_free_limit(L).")

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        return erlang("rabbit_alarm:get_alarms().") + " | grep -F disk"

FAULT = MqAlarmDisk()
