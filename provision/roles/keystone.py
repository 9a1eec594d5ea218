"""Keystone: the API tier's first service, stateless, on every node that runs it, active/active behind the proxy.

systemd runs it in scope core, as the guide wants a stateless service to be run.  All that it shares is in the database
and in keys that every node has alike, so a token of one node is good on all.
"""

from __future__ import annotations

import base64
from ipaddress import IPv4Address

from daemons import keystone
from daemons.galera import CLIENT
from daemons.keystone import CONFIG, CREDENTIAL_KEYS, DATABASE, DATABASE_USER, FERNET_KEYS
from lab.lab import Lab
from lab.node import crm
from lab.node.files import File
from lab.plan import Cluster, Node
from lab.state.secrets import Secrets
from provision.render import nodefile, render
from provision.role import BaseRole, Change, NodeContext, enabled_local

_UNIT = "keystone.service"
_OWNER = "keystone"
_KEYS = ("0", "1")  # of a repository that was never rotated: the staged one, and the primary
_SYNC_TIMEOUT = 240.0  # s for the whole schema (measured: 6, with the bootstrap, on three containers)


class Keystone(BaseRole):
    name = "keystone"
    service = "keystone"
    # Not the package keystone: its set-up asks questions, makes a database of its own and starts 256 threads.
    packages = ("python3-keystone", "python3-memcache", "python3-pymysql", "uwsgi-core", "uwsgi-plugin-python3")
    image_script = nodefile("prepare-keystone.sh").decode()

    def applies(self, node: Node) -> bool:
        return "keystone" in node.services

    def files(self, ctx: NodeContext) -> list[File]:
        plan, secrets = ctx.plan, ctx.secrets
        config = render("keystone.conf.j2", plan=plan, node=ctx.node, internal=plan.internal_vip,
                        caches=plan.running("memcached"), user=DATABASE_USER, database=DATABASE,
                        password=secrets.password("keystone-database"))
        restart, reload = (_UNIT,), (f"reload:{_UNIT}",)
        files = [
            File(CONFIG, config, mode=0o640, secret=True, owner=_OWNER, group=_OWNER, on_change=reload),
            File("/etc/keystone/uwsgi.ini", render("keystone-uwsgi.ini.j2", node=ctx.node), on_change=restart),
            File(f"/etc/systemd/system/{_UNIT}", nodefile("keystone.service"), on_change=restart),
        ]
        for folder in (FERNET_KEYS, CREDENTIAL_KEYS):
            files += [File(f"{folder}/{name}", _key(secrets, f"{folder.rpartition('/')[2]}-{name}"), mode=0o600,
                           secret=True, owner=_OWNER, group=_OWNER, on_change=reload) for name in _KEYS]
        return files if plan.in_pacemaker("keystone") else [*files, enabled_local(_UNIT)]

    def differences(self, lab: Lab, cluster: Cluster) -> list[Change]:
        if "keystone" not in cluster.services:
            return []
        if not _has_schema(lab):
            return [Change(cluster.name, f"Keystone's schema, administrator and endpoints in {DATABASE}",
                           kind="database")]
        rows = _ask(lab, keystone.ENDPOINTS).splitlines()
        return [] if {tuple(row.split("\t")) for row in rows} == keystone.endpoints(*_addresses(lab)) else [
            Change(cluster.name, "Keystone's endpoints", f"{len(rows)} in the catalog, not the three of the plan",
                   kind="database")]

    def converge(self, lab: Lab, cluster: Cluster) -> list[Change]:
        changes = self.differences(lab, cluster)
        if changes:
            node = crm.reachable(lab, cluster)
            lab.shell.run(node, keystone.WAIT, timeout=_SYNC_TIMEOUT)
            if not _has_schema(lab):
                # Half a schema cannot be finished, and nothing is in it yet.
                _ask(lab, f"DROP DATABASE IF EXISTS {DATABASE}; CREATE DATABASE {DATABASE};")
            # Over standard input: a password on a command line can be read by every process.
            _ask(lab, f"CREATE OR REPLACE USER '{DATABASE_USER}'@'%' IDENTIFIED BY"
                      f" '{lab.secrets.password('keystone-database')}';\n"
                      f"GRANT ALL PRIVILEGES ON {DATABASE}.* TO '{DATABASE_USER}'@'%';\n")
            lab.shell.run(node, keystone.SYNC, timeout=_SYNC_TIMEOUT)
            _ask(lab, keystone.FORGET_ENDPOINTS)  # a bootstrap mends no row that is there, and removes none
            lab.shell.run(node, keystone.bootstrap(*_addresses(lab)),
                          stdin=lab.secrets.password("keystone-admin") + "\n", timeout=_SYNC_TIMEOUT)
        return changes


def _has_schema(lab: Lab) -> bool:
    """Whether a sync has come so far that another one can go on."""
    return _ask(lab, keystone.TABLES).strip() == "2" and _ask(lab, keystone.VERSIONS).strip() != "0"


def _ask(lab: Lab, statements: str) -> str:
    """What a database answers; the plan refuses Keystone without one."""
    node = crm.reachable(lab, next(cluster for cluster in lab.plan.clusters if "galera" in cluster.services))
    return lab.shell.run(node, CLIENT, stdin=statements).stdout


def _addresses(lab: Lab) -> tuple[IPv4Address, IPv4Address]:
    """The public virtual address, and the internal one."""
    public, internal = lab.plan.public_vip, lab.plan.internal_vip
    assert public and internal  # every plan has both
    return public.address, internal.address


def _key(secrets: Secrets, name: str) -> bytes:
    """A Fernet key as Keystone keeps it: 32 bytes in URL-safe base64."""
    return base64.urlsafe_b64encode(secrets.key(f"keystone-{name}", 32))


ROLE = Keystone()
