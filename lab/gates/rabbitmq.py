"""RabbitMQ: exactly the planned members run, no partition, no alarm."""

from __future__ import annotations

import re

from lab.gates import Look, on_node
from lab.lab import Lab
from lab.plan import Plan

# erl_call asks the running broker in 20 ms; rabbitmqctl starts an Erlang machine for 2 s of CPU.
# The cookie is found in the broker's home, so it is on no command line.
_COMMAND = "HOME=/var/lib/rabbitmq erl_call -sname halabgate -n rabbit@$(hostname) -e"
_QUESTION = ("{lists:sort(rabbit_nodes:all_running()), lists:sort(rabbit_nodes:all()), "
             "length(rabbit_node_monitor:partitions()), length(rabbit_alarm:get_alarms())}.\n")
_ANSWER = re.compile(r"\{ok, \{\[(.*?)\], \[(.*?)\], (\d+), (\d+)\}\}")


class Rabbitmq:
    name = "rabbitmq"
    after: tuple[str, ...] = ("ssh",)

    def applies(self, plan: Plan) -> bool:
        return bool(plan.running("rabbitmq"))

    def look(self, lab: Lab) -> Look:
        members = [node.name for node in lab.plan.running("rabbitmq")]
        for member in lab.plan.running("rabbitmq"):
            # Listening is the last thing that a broker does at start; a connection costs nothing to try.
            lab.namespace.connect(str(member.control), 5672, timeout=2).close()
        # As Erlang sorts and prints atoms.
        want = ", ".join(sorted(f"rabbit@{name}" for name in members))
        for node, said in lab.shell.on_all(members, _COMMAND, stdin=_QUESTION, timeout=10, check=False).items():
            found = _ANSWER.search(said.stdout)
            if not found:
                return Look(False, f"{node}: the broker does not answer: {(said.stderr or said.stdout).strip()[-80:]}")
            running, known, partitions, alarms = found.groups()
            if known != want:
                return Look(False, f"{node}: the cluster is {known}")
            if running != want:
                return Look(False, f"{node}: running are {running or 'none'}")
            if (partitions, alarms) != ("0", "0"):
                return Look(False, f"{node}: {partitions} partitions, {alarms} alarms")
        return Look(True, f"{len(members)}/{len(members)} members, no partition, no alarm")

    def show(self, lab: Lab) -> str:
        return on_node(lab, lab.plan.running("rabbitmq")[0].name, "rabbitmqctl cluster_status")


GATE = Rabbitmq()
