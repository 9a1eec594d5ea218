"""Galera: MariaDB with synchronous replication, run by Pacemaker through ``ocf:heartbeat:galera``."""

from __future__ import annotations

import uuid

from daemons.galera import (
    CLIENT,
    CREATE_PROBE_TABLE,
    GVWSTATE,
    PROBE_DATABASE,
    PROBE_TABLE,
    PROBE_USER,
)
from lab.lab import Lab
from lab.node import crm
from lab.node.files import File
from lab.plan import Cluster, Node, Plan
from provision.render import nodefile, render
from provision.role import BaseRole, Change, NodeContext, enabled_local

# While it is there, systemd starts the database from the saved view and Pacemaker adopts it.
_FIRST_START = File("/var/lib/halab/galera-first-start", initial=True)
_SCHEMA = f"CREATE DATABASE IF NOT EXISTS {PROBE_DATABASE};\n{CREATE_PROBE_TABLE};\n"
_LATE_MS = 100  # that a check comes late, and is answered from what was known before
_READY = ("SELECT COUNT(*) FROM mysql.user JOIN information_schema.tables"
          f" ON table_schema='{PROBE_DATABASE}' AND table_name='{PROBE_TABLE}' WHERE user='{PROBE_USER}';")


class Galera(BaseRole):
    name = "galera"
    packages = ("mariadb-server", "mariadb-backup", "galera-4", "rsync", "socat")
    image_script = nodefile("initialise-mariadb.sh").decode()

    def applies(self, node: Node) -> bool:
        return "galera" in node.services

    def files(self, ctx: NodeContext) -> list[File]:
        members = ctx.plan.running("galera")
        first_start = "halab-galera-first-start.service"
        return [
            # No restart on change: a database restarts member by member, by an operator's decision.
            File("/etc/mysql/mariadb.conf.d/99-halab.cnf", render(
                "galera.cnf.j2", node=ctx.node, members=members, timers=ctx.plan.profile.galera)),
            File("/usr/local/sbin/halab-mariadbd", render(
                "halab-mariadbd.j2", drain=_drain(ctx.plan), fall=ctx.plan.profile.haproxy.fall,
                stop_within=int(15 * ctx.plan.profile.patience)), mode=0o755),
            # The first start re-forms a primary component that never broke: no member has to
            # bootstrap and none needs a state transfer.
            File(GVWSTATE, _saved_view(ctx.plan, ctx.node), mode=0o660, initial=True,
                 owner="mysql", group="mysql"),
            _FIRST_START,
            File(f"/etc/systemd/system/{first_start}",
                 render(f"{first_start}.j2", stop_within=int(60 * ctx.plan.profile.patience))),
            enabled_local(first_start),
        ]

    def revive(self, ctx: NodeContext) -> list[File]:
        # Disks of one instant hold one saved view, so this is the power cut that pc.recovery is made for.
        return [_FIRST_START]

    def differences(self, lab: Lab, cluster: Cluster) -> list[Change]:
        if "galera" not in cluster.services:
            return []
        node = crm.reachable(lab, cluster)
        ready = lab.shell.run(node, CLIENT, stdin=_READY).stdout.strip()
        return [] if ready == "1" else [
            Change(node, "database", f"probe user and table {PROBE_DATABASE}.{PROBE_TABLE}", kind="database")]

    def converge(self, lab: Lab, cluster: Cluster) -> list[Change]:
        changes = self.differences(lab, cluster)
        if changes:
            password = lab.secrets.password("galera-probe")
            user = (f"CREATE OR REPLACE USER '{PROBE_USER}'@'%' IDENTIFIED BY '{password}';\n"
                    f"GRANT ALL PRIVILEGES ON {PROBE_DATABASE}.* TO '{PROBE_USER}'@'%';\n")
            # Over standard input: a password on a command line can be read by every process.
            lab.shell.run(changes[0].node, "mariadb --batch", stdin=_SCHEMA + user)
        return changes


def _drain(plan: Plan) -> float:
    """Seconds after which each proxy has had its ``fall`` refusals from a member that is about to leave."""
    timers = plan.profile.haproxy
    return round((timers.inter_ms + (timers.fall - 1) * timers.fastinter_ms + _LATE_MS) / 1000, 2)


def _member_uuid(plan: Plan, node: Node) -> uuid.UUID:
    """A Galera member's identity: the same at each rendering, different in each lab."""
    # Version 1 layout, as gcomm makes them; gcomm orders members by these numbers.
    seed = uuid.uuid5(uuid.NAMESPACE_DNS, f"{node.name}.{plan.lab}.halab")
    return uuid.UUID(fields=(*seed.fields[:2], (seed.fields[2] & 0x0FFF) | 0x1000, *seed.fields[3:]))


def _saved_view(plan: Plan, node: Node) -> bytes:
    """gvwstate.dat: the last primary component, as gcomm saves it (pc.recovery)."""
    members = {member.name: _member_uuid(plan, member) for member in plan.running("galera")}
    lines = [f"my_uuid: {members[node.name]}", "#vwbeg", f"view_id: 3 {min(members.values())} {len(members)}",
             "bootstrap: 0", *(f"member: {identity} 0" for identity in members.values()), "#vwend"]
    return ("\n".join(lines) + "\n").encode()


ROLE = Galera()
