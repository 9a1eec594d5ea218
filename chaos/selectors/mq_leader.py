"""mq_leader(queue): the node that leads a queue; without a name, the probes' own queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos import broker
from chaos.probes.config import QUEUE
from chaos.selectors.base import BaseSelector, nobody

if TYPE_CHECKING:
    from lab.lab import Lab


class MqLeader(BaseSelector):
    """The broker itself is asked; of the members the first."""

    name = "mq_leader"
    argument = "[queue]"

    def resolve(self, lab: Lab, argument: str = "") -> tuple[str, ...]:
        brokers = lab.plan.running("rabbitmq")
        if not brokers:
            raise nobody(lab, f"lab '{lab.name}' runs no RabbitMQ")
        return (broker.leader(lab, brokers[0].name, argument or QUEUE),)


SELECTOR = MqLeader()
