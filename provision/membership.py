"""Members that join and leave a running cluster, component by component.

What the files say first, then what each daemon must be told.  Everything is idempotent: a step
that was done already finds nothing to do, so a change that broke off is finished by doing it again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from daemons import cib, haproxy, keystone
from daemons.cib import Cib
from daemons.galera import CLIENT, PROBE_DATABASE, PROBE_TABLE
from daemons.services import GALERA_CHECK_PORT, PROXIED, SERVICES, port
from lab.errors import NodeError
from lab.lab import Lab
from lab.node import crm
from lab.parallel import for_each
from lab.plan import Cluster, Node
from provision import push
from provision.apply import node_files
from provision.roles.pacemaker import ROLE as PACEMAKER
from provision.roles.pacemaker import wanted_cib

_RELOAD = "reload:"
_COROSYNC = f"{_RELOAD}corosync"
_SETTLE = 60  # seconds that Pacemaker may need to have nothing left to do
# Pages of mnesia and of Raft logs move; forgetting a member takes seconds of Erlang's start alone.
_BROKER_TIMEOUT = 120.0
_ROWS = f"{PROBE_DATABASE}.{PROBE_TABLE}"


def spread(lab: Lab, nodes: Sequence[Node], *, reload: bool = True) -> list[str]:
    """Lay on running ``nodes`` the files that differ, and let daemons read them again; restart nothing.

    A list of peers that is read at a daemon's start alone (RabbitMQ, Galera) takes effect at the
    next one.  corosync reads its file on all members of a cluster at once, so it is told when all
    have it.  What was laid and not yet read stays on the node's record of what it owes, so a change that
    broke off in between is read by the next.  Returns ``node:path`` of what was laid.
    """
    found = for_each(nodes, lambda node: _spread(lab, node, reload))
    laid = dict(zip((node.name for node in nodes), found, strict=True))
    for cluster in lab.plan.clusters:
        changed = [node for node in cluster.nodes if node in laid and _COROSYNC in laid[node].owed]
        if changed:
            lab.shell.run(changed[0], "corosync-cfgtool -R")
    read = [node for node, done in laid.items() if any(unit.startswith(_RELOAD) for unit in done.owed)]
    for_each(read, lambda node: push.settle(
        lab, node, [unit for unit in laid[node].owed if not unit.startswith(_RELOAD)]))
    return [f"{node}:{path}" for node, done in laid.items() for path in done.paths]


@dataclass(frozen=True)
class _Laid:
    """The files that one node got, and what is on its record of what it owes: ``reload:`` and a unit, or a unit."""

    paths: tuple[str, ...]
    owed: tuple[str, ...]


def _spread(lab: Lab, node: Node, reload: bool) -> _Laid:
    drifted = push.drift(lab, node.name, node_files(lab.plan, node, lab.secrets))
    files = [item.file for item in drifted if item.file is not None]
    if not reload:
        if files:
            push.lay(lab, node.name, files)
        return _Laid(tuple(file.path for file in files), ())
    # A restart that an earlier push owes stays owed: here nothing is restarted.
    before = [item.what for item in drifted if item.file is None]
    fresh = [unit for file in files for unit in file.on_change if unit.startswith(_RELOAD)]
    owed = tuple(dict.fromkeys([*before, *fresh]))
    if files:
        push.lay(lab, node.name, [*files, push.owing(owed)] if fresh else files)
    units = [unit.removeprefix(_RELOAD) for unit in owed if unit.startswith(_RELOAD) and unit != _COROSYNC]
    if units:
        lab.shell.run(node.name, f"systemctl reload-or-restart {' '.join(units)}", timeout=60)
    return _Laid(tuple(file.path for file in files), owed)


def adopt_cib(lab: Lab, cluster: Cluster) -> None:
    """Bring the CIB to the plan and restart nothing.

    Galera's agent has the list of members as a parameter, and Pacemaker restarts a resource whose
    parameters changed: on all nodes, which is an outage.  So the change is made while the cluster only
    watches, and the operations it remembers are replaced by a fresh look, made with the new parameters.
    """
    node = crm.reachable(lab, cluster)
    changed = [change for change in PACEMAKER.differences(lab, cluster) if change.kind == "cib"]
    live = crm.cib(lab, node)
    if not changed and "maintenance-mode" not in live.properties:
        return
    stale = _changed_parameters(live, cib.read(wanted_cib(lab.plan, cluster).decode()))
    with _only_watching(lab, node):
        PACEMAKER.converge(lab, cluster)
        for resource in stale:
            lab.shell.run(node, f"crm_resource --refresh --resource {resource}", timeout=_SETTLE)
        _settle(lab, node)


def _settle(lab: Lab, node: str) -> None:
    """Wait until Pacemaker has nothing left to do; the shell stretches its own timeout on slow nodes."""
    lab.shell.run(node, f"crm_resource --wait --timeout={_SETTLE * lab.driver.slowness:.0f}", timeout=_SETTLE + 10)


@contextmanager
def _only_watching(lab: Lab, node: str) -> Iterator[None]:
    """Pacemaker's maintenance mode; left on when the body fails, and ended by the next try."""
    lab.shell.run(node, "crm_attribute --type crm_config --name maintenance-mode --update true")
    _settle(lab, node)
    yield
    lab.shell.run(node, "crm_attribute --type crm_config --name maintenance-mode --delete")


def _changed_parameters(live: Cib, wanted: Cib) -> list[str]:
    """Resources that are in both CIBs with different instance attributes."""
    before, after = ({one.id: one.params for one in config.primitives} for config in (live, wanted))
    return sorted(name for name in before.keys() & after.keys() if before[name] != after[name])


def forget_strangers(lab: Lab, cluster: Cluster) -> None:
    """Make Pacemaker and RabbitMQ forget every member that the plan does not have."""
    node = crm.reachable(lab, cluster)
    for stranger in [name for name in crm.cib(lab, node).nodes if name not in cluster.nodes]:
        lab.shell.run(node, f"crm_node --force --remove {stranger}", timeout=30)
    if "rabbitmq" in cluster.services and lab.plan.rabbitmq == "systemd":
        wanted = {f"rabbit@{name}" for name in cluster.nodes}
        for broker in sorted(set(_brokers(lab, node)) - wanted):
            # The replicas first: a quorum queue counts a forgotten member as one that is down.
            lab.shell.run(node, f"rabbitmq-queues shrink {broker}", timeout=_BROKER_TIMEOUT)
            lab.shell.run(node, f"rabbitmqctl forget_cluster_node {broker}", timeout=_BROKER_TIMEOUT)


def _brokers(lab: Lab, node: str) -> list[str]:
    said = lab.shell.run(node, "rabbitmqctl cluster_status --formatter json", timeout=_BROKER_TIMEOUT).stdout
    names: list[str] = json.loads(said)["disk_nodes"]
    return names


def leave(lab: Lab, node: str) -> None:
    """Stop a member's daemons so that the others know it left; one that cannot be reached is left to them.

    Pacemaker moves away what it runs there before it is down.
    """
    try:
        lab.shell.run(node, f"systemctl stop {SERVICES['rabbitmq'].unit}.service pacemaker.service corosync.service",
                      timeout=_BROKER_TIMEOUT)
    except NodeError:
        if _answers(lab, node):
            raise


def _answers(lab: Lab, node: str) -> bool:
    try:
        return lab.shell.run(node, "true", timeout=5).ok
    except NodeError:
        return False


def grow_queues(lab: Lab, newcomers: Iterable[Node]) -> None:
    """Give every quorum queue a replica on each new broker; without it they would hold nothing."""
    for node in newcomers:
        if "rabbitmq" in node.services and lab.plan.rabbitmq == "systemd":
            lab.shell.run(node.name, f"rabbitmq-queues grow rabbit@{node.name} all", timeout=_BROKER_TIMEOUT)


def set_server(lab: Lab, server: str, state: str) -> None:
    """Tell every proxy the ``state`` of one node's servers: ``ready`` or ``maint``.

    The latter ends a database's sessions, which are long; requests to an API are answered before it is gone.
    """
    sections = [service for service in PROXIED if service in lab.plan.node(server).services]
    words = [f"set server {section}/{server} state {state}" for section in sections]
    if state == "maint" and haproxy.PROXY in sections:
        words.append(f"shutdown sessions server {haproxy.PROXY}/{server}")
    proxies = [node.name for node in lab.plan.running("haproxy")]
    for proxy, said in lab.shell.on_all(proxies, haproxy.ADMIN, stdin=";".join(words) + "\n").items():
        if complaint := re.search(r"\S.*", said.stdout):
            raise NodeError(f"HAProxy on {proxy} refuses to make {server} {state}", where=complaint[0],
                            remedy=f"./inv lab.logs --node={proxy} --unit=haproxy --name={lab.name}")


def try_database(lab: Lab, node: Node) -> None:
    """Prove a new member before clients meet it: its port, its check, and a row written there and read elsewhere."""
    other = next(one for one in lab.plan.running("galera") if one.name != node.name)
    lab.namespace.connect(str(node.control), port("galera"), timeout=5).close()
    status = lab.namespace.http_status(str(node.control), GALERA_CHECK_PORT, "/", timeout=5)
    if status != 200:
        raise NodeError(f"the new database member {node.name} does not pass its health check",
                        where=f"http://{node.control}:{GALERA_CHECK_PORT} says {status}", remedy=_try_again(lab))
    row = f"client = 'scale-{node.name}' AND seq = 0"
    lab.shell.run(node.name, "mariadb --batch", stdin=f"REPLACE INTO {_ROWS} (client, seq) "
                                                      f"VALUES ('scale-{node.name}', 0);")
    found = lab.shell.run(other.name, CLIENT,
                          stdin=f"SET SESSION wsrep_sync_wait = 1; SELECT COUNT(*) FROM {_ROWS} WHERE {row};")
    lab.shell.run(node.name, "mariadb --batch", stdin=f"DELETE FROM {_ROWS} WHERE {row};")
    if found.stdout.strip() != "1":
        raise NodeError(f"a row written on {node.name} is not on {other.name}", where=found.stdout.strip()[-80:],
                        remedy=_try_again(lab))


def try_api(lab: Lab, node: Node) -> None:
    """Prove a new instance of the API before clients meet it: it answers on its own address."""
    status = lab.namespace.http_status(str(node.control), port("keystone"), keystone.PATH,
                                       timeout=5 * lab.driver.slowness)
    if status != 200:
        raise NodeError(f"the new instance of Keystone on {node.name} does not answer as it should",
                        where=f"{keystone.url(node.control)} says {status}",
                        remedy=f"./inv lab.logs --node={node.name} --unit=keystone --name={lab.name}, then "
                               f"./inv lab.resume --name={lab.name} tries it again")


def _try_again(lab: Lab) -> str:
    return f"./inv lab.explain galera --name={lab.name}, then ./inv lab.resume --name={lab.name} tries it again"
