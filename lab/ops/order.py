"""In which order the clusters of a lab get and lose power: Pacemaker orders nothing across clusters."""

from __future__ import annotations

from lab.plan import Node, Plan, Service

# A proxy has nothing to offer before there are backends.
_DEPENDANTS: frozenset[Service] = frozenset({"haproxy"})


def start_order(plan: Plan) -> list[tuple[Node, ...]]:
    """The machines in waves: the clusters that others need, then their dependants; no cluster is torn apart.

    The host of a quorum device comes with the first.  Reversed, it is the order to stop in.
    """
    last = {cluster.name for cluster in plan.clusters if _DEPENDANTS & set(cluster.services)}
    waves = (tuple(host for host in plan.hosts if host.cluster not in last),
             tuple(host for host in plan.hosts if host.cluster in last))
    return [wave for wave in waves if wave]
