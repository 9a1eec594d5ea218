"""What a change of one service would change elsewhere: rendered, not guessed (R9, R26)."""

from __future__ import annotations

from daemons.services import PROXIED
from lab.plan import Node, Plan, Service
from lab.state.secrets import Secrets
from provision.role import NodeContext
from provision.roles import all_roles
from provision.verify.facts import Moved


def without_a_member(plan: Plan, secrets: Secrets) -> tuple[Moved, ...]:
    """As :func:`_without`, for each service that is proxied."""
    return tuple(moved for service in PROXIED if plan.running(service) for moved in _without(plan, secrets, service))


def _without(plan: Plan, secrets: Secrets, service: Service) -> tuple[Moved, ...]:
    """Files that would differ on the other nodes if the last member of ``service`` left.

    Where it has a cluster of its own the whole node goes, elsewhere the service alone.
    Files that are seeded once and then belong to a daemon do not count.
    """
    last = plan.running(service)[-1]
    smaller = _smaller(plan, last, service)
    moved = []
    for node in plan.nodes:
        if node.name == last.name:
            continue
        now, then = _digests(plan, node, secrets), _digests(smaller, smaller.node(node.name), secrets)
        moved += [Moved(service, node.name, role, path) for (role, path), digest in now.items()
                  if then.get((role, path)) != digest]
        moved += [Moved(service, node.name, role, path) for role, path in then.keys() - now.keys()]
    return tuple(moved)


def _smaller(plan: Plan, last: Node, service: Service) -> Plan:
    if set(plan.cluster(last.cluster).services) != {service}:
        without = last.model_copy(update={"services": tuple(one for one in last.services if one != service)})
        return plan.model_copy(update={
            "nodes": tuple(without if node.name == last.name else node for node in plan.nodes)})
    return plan.model_copy(update={
        "nodes": tuple(node for node in plan.nodes if node.name != last.name),
        "clusters": tuple(cluster.model_copy(update={
            "nodes": tuple(name for name in cluster.nodes if name != last.name)}) for cluster in plan.clusters)})


def _digests(plan: Plan, node: Node, secrets: Secrets) -> dict[tuple[str, str], str]:
    context = NodeContext(plan, node, secrets)
    return {(role.name, file.path): file.digest for role in all_roles() if role.applies(node)
            for file in role.files(context) if not file.initial}
