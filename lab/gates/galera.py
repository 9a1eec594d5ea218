"""Galera: every member Synced in one Primary component of the planned size."""

from __future__ import annotations

from daemons import galera
from daemons.services import GALERA_CHECK_PORT
from lab.gates import Look, on_node
from lab.lab import Lab
from lab.plan import Plan


class Galera:
    name = "galera"
    after: tuple[str, ...] = ("ssh",)

    def applies(self, plan: Plan) -> bool:
        return bool(plan.running("galera"))

    def look(self, lab: Lab) -> Look:
        members = [node.name for node in lab.plan.running("galera")]
        for member in lab.plan.running("galera"):
            # The check service answers in a millisecond; the client below takes thirty.
            if lab.namespace.http_status(str(member.control), GALERA_CHECK_PORT, "/", timeout=2) != 200:
                return Look(False, f"{member.name} is not Synced in the Primary component")
        states: set[str] = set()
        for node, said in lab.shell.on_all(members, galera.COMMAND, timeout=10, check=False).items():
            try:
                seen = galera.member(said.stdout)
            except ValueError:
                return Look(False, f"{node}: the database does not answer: {said.stderr.strip()[-80:]}")
            if not seen.primary or not seen.synced:
                return Look(False, f"{node} is {seen.state}, {seen.component}")
            if seen.size != len(members):
                return Look(False, f"{node} sees {seen.size} members of {len(members)}")
            states.add(seen.state_uuid)
        if len(states) != 1:
            return Look(False, f"{len(states)} different cluster states: the database is split")
        return Look(True, f"{len(members)}/{len(members)} Synced, one Primary component")

    def show(self, lab: Lab) -> str:
        return on_node(lab, lab.plan.running("galera")[0].name, galera.SHOW)


GATE = Galera()
