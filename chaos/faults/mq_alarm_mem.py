"""mq.alarm_mem: one broker believes that its memory is used up."""

from __future__ import annotations

from chaos.faults.alarmbase import AlarmFault


class MqAlarmMem(AlarmFault):
    """The watermark is less than an idle broker takes."""

    name = "mq.alarm_mem"
    summary = "raise the memory alarm of one broker"
    alarm = "memory"
    passed = "vm_memory_monitor:set_vm_memory_high_watermark({absolute, 1000000})."
    restored = ("{ok, W} = application:get_env(rabbit, vm_memory_high_watermark), "
                "vm_memory_monitor:set_vm_memory_high_watermark(W).")


FAULT = MqAlarmMem()
