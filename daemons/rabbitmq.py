"""Questions to a running RabbitMQ, in Erlang, and what the answers mean.

``erl_call`` asks the running broker in 20 ms; ``rabbitmqctl`` starts a machine of its own for 2 s of
processor time, in the middle of a measurement.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from daemons.services import SERVICES

# Quorum queues that count this broker among their members, and whose process is not here.
_LACKING = ("length([Q || Q <- rabbit_amqqueue:list(), amqqueue:get_type(Q) =:= rabbit_quorum_queue, "
            "lists:member(node(), maps:get(nodes, amqqueue:get_type_state(Q))), "
            "whereis(element(1, amqqueue:get_pid(Q))) =:= undefined])")
_VIEW = ("{lists:sort(rabbit_nodes:all_running()), lists:sort(rabbit_nodes:all()), "
         "length(rabbit_node_monitor:partitions()), length(rabbit_alarm:get_alarms()), "
         f"element(2, application:get_env(rabbit, cluster_partition_handling)), {_LACKING}}}.")
_ANSWER = re.compile(r"\{ok, (.*)\}\s*$", re.DOTALL)
_TERM = re.compile(r"\{\[(.*?)\],\s*\[(.*?)\],\s*(\d+),\s*(\d+),\s*(\w+),\s*(\d+)\}", re.DOTALL)


@dataclass(frozen=True)
class View:
    """One broker's view of its cluster: node names without ``rabbit@``, sorted; how many partitions and alarms.

    ``lacking`` is how many quorum queues should have a replica on it and have none that runs.
    """

    running: tuple[str, ...]
    known: tuple[str, ...]
    partitions: int
    alarms: int
    partition_handling: str
    lacking: int = 0


def question(asker: str, expression: str) -> str:
    """The shell command that has the node's broker evaluate ``expression``, which ends in a dot.

    ``asker`` becomes part of the name under which the question comes, and so do the shell's number and that of the
    try: a broker refuses the caller of a name while it still lets go of the last one with it (status ``nok``; on a
    host with much other work 2 of 300 questions in a row under one name, 1 of 3000 under a hundred), and so it is asked
    three times before it counts as silent.  No more names than these, because it forgets none.  The cookie is found
    in the broker's home, so it is on no command line.
    """
    # printf: a shell's own echo may read backslashes its own way.
    return (f"for try in 0 1 2; do printf '%s\\n' {shlex.quote(expression)} | HOME={SERVICES['rabbitmq'].data} "
            f"erl_call -sname halab{asker}$try$(($$ % 100)) -n rabbit@$(hostname) -e && break; done")


def view_question(asker: str) -> str:
    """The command whose answer :func:`view` reads."""
    return question(asker, _VIEW)


def term(answer: str) -> str:
    """The printed Erlang term in an answer; ValueError without one."""
    found = _ANSWER.search(answer)
    if found is None:
        raise ValueError(f"the broker does not answer: {answer.strip()[-80:]}")
    return found[1].strip()


def view(answer: str) -> View:
    """What :func:`view_question` was answered; ValueError without an answer."""
    found = _TERM.fullmatch(term(answer))
    if found is None:
        raise ValueError(f"not the view of a broker: {answer.strip()[-80:]}")
    return View(_names(found[1]), _names(found[2]), int(found[3]), int(found[4]), found[5], int(found[6]))


def _names(listed: str) -> tuple[str, ...]:
    return tuple(sorted(name.strip(" '\n").removeprefix("rabbit@") for name in listed.split(",") if name.strip()))
