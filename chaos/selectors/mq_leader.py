"""mq_leader(queue): the node that leads a queue; without a name, the probes' own queue."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chaos import broker
from chaos.probes.config import QUEUE
from chaos.reach import first_answer
from chaos.selectors.base import BaseSelector, nobody
from lab.errors import RefusedError

if TYPE_CHECKING:
    from lab.lab import Lab

_QUEUE = re.compile(r"[\w.-]+", re.ASCII)


class MqLeader(BaseSelector):
    """A broker is asked: the first member that answers, for an earlier fault may have taken one away."""

    name = "mq_leader"
    argument = "[queue]"

    def validate(self, argument: str) -> None:
        """Queue names are the broker's to know; what is none by its letters goes into no question."""
        if not _QUEUE.fullmatch(argument):
            raise RefusedError(f"'{argument}' is no name of a queue", where=f"{self.name}({argument})",
                               remedy=f"letters, digits, '_', '.' and '-', such as {self.name}({QUEUE})")

    def resolve(self, lab: Lab, argument: str = "") -> tuple[str, ...]:
        brokers = lab.plan.running("rabbitmq")
        if not brokers:
            raise nobody(lab, f"lab '{lab.name}' runs no RabbitMQ")
        return (first_answer(lab, (node.name for node in brokers),
                             lambda node: broker.leader(lab, node, argument or QUEUE)),)


SELECTOR = MqLeader()
