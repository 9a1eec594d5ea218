"""mq.alarm_disk: one broker believes that its disk is full."""

from __future__ import annotations

from chaos.faults.alarmbase import AlarmFault


class MqAlarmDisk(AlarmFault):
    """The limit of free space is more than any disk has."""

    name = "mq.alarm_disk"
    summary = "raise the disk alarm of one broker"
    alarm = "disk"
    passed = "rabbit_disk_monitor:set_disk_free_limit({absolute, 1000000000000000})."
    restored = "{ok, L} = application:get_env(rabbit, disk_free_limit), rabbit_disk_monitor:set_disk_free_limit(L)."


FAULT = MqAlarmDisk()
