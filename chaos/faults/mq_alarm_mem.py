"""mq.alarm_mem: one broker believes that its memory is used up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.faults.guestbase import GuestFault, erlang
from chaos.model import Target

if TYPE_CHECKING:
    from lab.lab import Lab


class MqAlarmMem(GuestFault):
    """An alarm on one member blocks every publisher of the whole cluster: consumers go on."""

    name = "mq.alarm_mem"
    summary = "raise the memory alarm of one broker"
    bounds = "undecided"

    def act(self, lab: Lab, node: str, target: Target) -> str:
        return erlang("vm_memory_monitor:set_vm_memory_high_watermark({absolute, 1000000}).")

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return erlang("{ok, W} = application:get_env(rabbit, vm_memory_high_watermark), "
                      "vm_memory_monitor:set_vm_memory_high_watermark(W).")

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        return erlang("rabbit_alarm:get_alarms().") + " | grep -F memory"

FAULT = MqAlarmMem()
