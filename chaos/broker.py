"""What a run asks a running RabbitMQ: its timers, and who leads a queue."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from daemons import rabbitmq
from lab.errors import NodeError

if TYPE_CHECKING:
    from lab.lab import Lab


def ask(lab: Lab, node: str, question: str) -> str:
    """The printed Erlang term that ``question`` (an expression ending in a dot) has on ``node``."""
    said = lab.shell.run(node, rabbitmq.question("chaos", question), timeout=10).stdout
    try:
        return rabbitmq.term(said)
    except ValueError as error:
        raise NodeError("the broker did not answer", where=f"{node}: {error}", remedy=_look(lab)) from error


def ticktime(lab: Lab, node: str) -> float:
    """net_ticktime in seconds; a tuple while a change of it is under way."""
    said = ask(lab, node, "net_kernel:get_net_ticktime().")
    number = re.search(r"\d+", said)
    if number is None:
        raise NodeError("the broker has no net_ticktime", where=f"{node}: {said}", remedy=_look(lab))
    return float(number[0])


def heartbeat(lab: Lab, node: str) -> float:
    """The heartbeat in seconds that the broker suggests to its clients; 0: none."""
    said = ask(lab, node, "{ok, H} = application:get_env(rabbit, heartbeat), H.")
    if not said.isdigit():
        raise NodeError("the broker suggests no heartbeat", where=f"{node}: {said}", remedy=_look(lab))
    return float(said)


def leader(lab: Lab, node: str, queue: str) -> str:
    """The lab's node that leads a queue (of a mirrored one the master); NodeError if there is no such queue."""
    said = ask(lab, node, f'Name = rabbit_misc:r(<<"/">>, queue, <<"{queue}">>), '
                          "{ok, Queue} = rabbit_amqqueue:lookup(Name), "
                          "case amqqueue:get_pid(Queue) of {_, Leader} -> Leader; Pid -> node(Pid) end.")
    found = re.search(r"rabbit@([\w-]+)", said)
    if found is None:
        raise NodeError(f"queue {queue} has no leader", where=f"{node}: {said}", remedy=_look(lab))
    return found[1]


def _look(lab: Lab) -> str:
    return f"./inv lab.status --name={lab.name} shows what the gate rabbitmq says"
