"""Which components really run where: by their listening sockets."""

from __future__ import annotations

from daemons.services import GALERA_CHECK_PORT, SERVICES
from lab.plan import Node, Plan
from provision.verify.facts import LabFacts, Socket

PEERS_PORT = 1024


def wrong_instances(plan: Plan, facts: LabFacts) -> list[str]:
    """Components that do not run where the plan has them, or run where it has not."""
    problems = []
    for node in plan.nodes:
        answer = facts.nodes[node.name].sockets
        sockets = answer.get()
        for service, daemon in SERVICES.items():
            # Of HAProxy any port will do: its ports are its frontends' own.
            runs = any(_is(one, daemon.process, daemon.port) for one in sockets)
            if runs != (service in node.services):
                problems.append(answer.shows(f"{service} {'runs here and should not' if runs else 'does not listen'}"))
    return problems


def own_sockets(node: Node) -> list[tuple[str, int]]:
    """Program and port of everything that must listen on the node's own control address."""
    found = [(daemon.process, daemon.port) for service, daemon in SERVICES.items()
             if daemon.port is not None and service in node.services]
    return [*found, ("python3", GALERA_CHECK_PORT)] if "galera" in node.services else found


def _is(socket: Socket, program: str, port: int | None) -> bool:
    return socket.protocol == "tcp" and socket.program == program and port in (None, socket.port)
