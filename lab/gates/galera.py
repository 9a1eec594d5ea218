"""Galera: every member Synced in one Primary component of the planned size."""

from __future__ import annotations

from lab.gates import Look, on_node
from lab.lab import Lab
from lab.plan import Plan

_COMMAND = ("mariadb --batch --skip-column-names --execute=\"SHOW GLOBAL STATUS WHERE Variable_name IN "
            "('wsrep_local_state_comment','wsrep_cluster_status','wsrep_cluster_size','wsrep_cluster_state_uuid')\"")


class Galera:
    name = "galera"
    after: tuple[str, ...] = ("ssh",)

    def applies(self, plan: Plan) -> bool:
        return bool(plan.running("galera"))

    def look(self, lab: Lab) -> Look:
        members = [node.name for node in lab.plan.running("galera")]
        for member in lab.plan.running("galera"):
            # The check service answers in a millisecond; the client below takes thirty.
            if lab.namespace.http_status(str(member.control), 9200, "/", timeout=2) != 200:
                return Look(False, f"{member.name} is not Synced in the Primary component")
        states: set[str] = set()
        for node, said in lab.shell.on_all(members, _COMMAND, timeout=10, check=False).items():
            status = dict(line.split("\t") for line in said.stdout.splitlines() if "\t" in line)
            if not status:
                return Look(False, f"{node}: the database does not answer: {said.stderr.strip()[-80:]}")
            if status["wsrep_cluster_status"] != "Primary" or status["wsrep_local_state_comment"] != "Synced":
                return Look(False, f"{node} is {status['wsrep_local_state_comment']}, {status['wsrep_cluster_status']}")
            if int(status["wsrep_cluster_size"]) != len(members):
                return Look(False, f"{node} sees {status['wsrep_cluster_size']} members of {len(members)}")
            states.add(status["wsrep_cluster_state_uuid"])
        if len(states) != 1:
            return Look(False, f"{len(states)} different cluster states: the database is split")
        return Look(True, f"{len(members)}/{len(members)} Synced, one Primary component")

    def show(self, lab: Lab) -> str:
        return on_node(lab, lab.plan.running("galera")[0].name, "mariadb -e 'SHOW STATUS LIKE \"wsrep_%\"'")


GATE = Galera()
