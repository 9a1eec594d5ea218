"""Which components really run where: by their listening sockets."""

from __future__ import annotations

from lab.plan import Node, Plan, Service
from provision.verify.facts import LabFacts, Socket

# The program that listens, and its port; HAProxy's ports are its frontends' own.
PROGRAMS: dict[Service, tuple[str, int | None]] = {
    "haproxy": ("haproxy", None), "galera": ("mariadbd", 3306), "rabbitmq": ("beam.smp", 5672),
    "memcached": ("memcached", 11211)}
CHECK_PORT = 9200
PEERS_PORT = 1024


def wrong_instances(plan: Plan, facts: LabFacts) -> list[str]:
    """Components that do not run where the plan has them, or run where it has not."""
    problems = []
    for node in plan.nodes:
        answer = facts.nodes[node.name].sockets
        sockets = answer.get()
        for service, (program, port) in PROGRAMS.items():
            runs = any(_is(one, program, port) for one in sockets)
            if runs != (service in node.services):
                problems.append(answer.shows(f"{service} {'runs here and should not' if runs else 'does not listen'}"))
    return problems


def own_sockets(node: Node) -> list[tuple[str, int]]:
    """Program and port of everything that must listen on the node's own control address."""
    found = [(program, port) for service, (program, port) in PROGRAMS.items()
             if port is not None and service in node.services]
    return [*found, ("python3", CHECK_PORT)] if "galera" in node.services else found


def _is(socket: Socket, program: str, port: int | None) -> bool:
    return socket.protocol == "tcp" and socket.program == program and port in (None, socket.port)
