"""RabbitMQ: exactly the planned members run, each replica of a quorum queue too, no partition, no alarm."""

from __future__ import annotations

from daemons import rabbitmq
from daemons.services import port
from lab.gates import Look, on_node
from lab.lab import Lab
from lab.plan import Plan


class Rabbitmq:
    name = "rabbitmq"
    after: tuple[str, ...] = ("ssh",)

    def applies(self, plan: Plan) -> bool:
        return bool(plan.running("rabbitmq"))

    def look(self, lab: Lab) -> Look:
        members = [node.name for node in lab.plan.running("rabbitmq")]
        for member in lab.plan.running("rabbitmq"):
            # Listening is the last thing that a broker does at start; a connection costs nothing to try.
            lab.namespace.connect(str(member.control), port("rabbitmq"), timeout=2).close()
        want = tuple(sorted(members))
        for node, said in lab.shell.on_all(members, rabbitmq.view_question("gate"), timeout=10, check=False).items():
            try:
                seen = rabbitmq.view(said.stdout)
            except ValueError:
                return Look(False, f"{node}: the broker does not answer: {(said.stderr or said.stdout).strip()[-80:]}")
            if seen.known != want:
                return Look(False, f"{node}: the cluster is {', '.join(seen.known)}")
            if seen.running != want:
                return Look(False, f"{node}: running are {', '.join(seen.running) or 'none'}")
            if seen.partitions or seen.alarms:
                return Look(False, f"{node}: {seen.partitions} partitions, {seen.alarms} alarms")
            if seen.lacking:
                return Look(False, f"{node}: {seen.lacking} queues lack the replica that they should have here")
        return Look(True, f"{len(members)}/{len(members)} members, no partition, no alarm")

    def show(self, lab: Lab) -> str:
        return on_node(lab, lab.plan.running("rabbitmq")[0].name, "rabbitmqctl cluster_status")


GATE = Rabbitmq()
