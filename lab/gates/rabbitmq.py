"""RabbitMQ: exactly the planned members run, no partition, no alarm."""

from __future__ import annotations

import json
import re

from lab.gates import Look
from lab.lab import Lab
from lab.plan import Plan

# erl_call asks the running broker in 20 ms; rabbitmqctl starts an Erlang machine for 2 s of CPU.
# The cookie is found in the broker's home, so it is on no command line.
_COMMAND = "HOME=/var/lib/rabbitmq erl_call -sname halabgate -n rabbit@$(hostname) -e"
_QUESTION = """
Names = fun(L) -> [atom_to_binary(N) || N <- lists:sort(L)] end,
rabbit_json:encode(#{running => Names(rabbit_nodes:all_running()), known => Names(rabbit_nodes:all()),
  partitions => length(rabbit_node_monitor:partitions()), alarms => length(rabbit_alarm:get_alarms())}).
"""


class Rabbitmq:
    name = "rabbitmq"

    def applies(self, plan: Plan) -> bool:
        return bool(plan.running("rabbitmq"))

    def look(self, lab: Lab) -> Look:
        members = [node.name for node in lab.plan.running("rabbitmq")]
        want = sorted(f"rabbit@{name}" for name in members)
        for node, said in lab.shell.on_all(members, _COMMAND, stdin=_QUESTION, timeout=10, check=False).items():
            status = _parse(said.stdout)
            if status is None:
                return Look(False, f"{node}: the broker does not answer: {(said.stderr or said.stdout).strip()[-80:]}")
            if sorted(status["known"]) != want:
                return Look(False, f"{node}: cluster is {', '.join(sorted(status['known']))}")
            if sorted(status["running"]) != want:
                return Look(False, f"{node}: running are {', '.join(sorted(status['running']))}")
            if status["partitions"] or status["alarms"]:
                return Look(False, f"{node}: {status['partitions']} partitions, {status['alarms']} alarms")
        return Look(True, f"{len(members)}/{len(members)} members, no partition, no alarm")

    def show(self, lab: Lab) -> str:
        node = lab.plan.running("rabbitmq")[0].name
        return f"./inv lab.exec --name={lab.name} --node={node} --command='rabbitmqctl cluster_status'"


def _parse(answer: str) -> dict[str, list[str]] | None:
    """The JSON text inside erl_call's ``{ok, <<"...">>}``."""
    found = re.search(r'\{ok,\s*<<"(.*)">>\s*\}', answer, re.S)
    if not found:
        return None
    parsed: dict[str, list[str]] = json.loads(found.group(1).replace('\\"', '"'))
    return parsed


GATE = Rabbitmq()
