"""mq.leader_kill: the broker that leads a queue dies."""

from __future__ import annotations

from chaos.faults.proc_kill import ProcKill


class MqLeaderKill(ProcKill):
    """Aim it at ``mq_leader``: the other members elect a leader, and its clients reconnect."""

    name = "mq.leader_kill"
    summary = "kill -9 the broker that leads the queue"
    parameters = frozenset()
    process = "beam.smp"


FAULT = MqLeaderKill()
