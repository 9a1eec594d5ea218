"""The services as the lab runs them: what the rest of halab must know of each, in one place.

Another is one more record here, a role, a gate and a line in ``lab.plan.shape``.  The templates repeat the ports:
they are the configuration that a trainee reads.  Units, paths and ports are those of Debian 12's packages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Service = Literal["haproxy", "galera", "rabbitmq", "memcached", "keystone"]

GALERA_CHECK_UNIT = "halab-galera-check"
GALERA_CHECK_PORT = 9200  # where HAProxy asks whether a database is Synced
TOTEM_PORT = 5405  # corosync's, over UDP
HEALTH_PORT = 8404  # where HAProxy itself says that it is there, on each VIP


@dataclass(frozen=True)
class Daemon:
    """One service's daemon.

    ``letters``: the reference's abbreviation.  ``unit``: the systemd unit, without ``.service``.
    ``process``: as the kernel names it.  ``port``: what clients connect to on the node's control address;
    None for HAProxy, whose ports are its frontends'.  ``other_ports``: what its members use among themselves
    and its health checks, in words.  ``data``: the folder that it keeps its state in, empty for one that keeps
    none.  ``agents``: the types of the resource agents that can run it.  ``memory_mb``: what it adds to a
    container (measured).
    """

    letters: str
    unit: str
    process: str
    agents: tuple[str, ...]
    memory_mb: int
    data: str = ""
    port: int | None = None
    port_name: str = ""
    other_ports: Mapping[int, str] = field(default_factory=dict)

    @property
    def ports(self) -> Mapping[int, str]:
        """Every TCP port of the service on a node, in words."""
        return {**({self.port: self.port_name} if self.port else {}), **self.other_ports}


SERVICES: Mapping[Service, Daemon] = {
    "galera": Daemon(
        letters="DB", unit="mariadb", process="mariadbd", agents=("galera",), data="/var/lib/mysql", memory_mb=170,
        port=3306, port_name="the database",
        other_ports={4567: "Galera's group", GALERA_CHECK_PORT: "the proxy's check of the database"}),
    "rabbitmq": Daemon(
        letters="MQ", unit="rabbitmq-server", process="beam.smp", agents=("rabbitmq-cluster", "rabbitmq-server"),
        data="/var/lib/rabbitmq", memory_mb=90, port=5672, port_name="AMQP clients",
        other_ports={25672: "RabbitMQ's cluster", 4369: "Erlang's port mapper"}),
    "haproxy": Daemon(letters="LB", unit="haproxy", process="haproxy", agents=("haproxy",), memory_mb=10),
    "memcached": Daemon(
        letters="MC", unit="memcached", process="memcached", agents=("memcached",), memory_mb=10,
        port=11211, port_name="memcached"),
    "keystone": Daemon(
        letters="API", unit="keystone", process="uwsgi-core", agents=("keystone",), memory_mb=240,
        port=5000, port_name="Keystone"),
}
# What a lab has only if it is asked for: the API tier is stateless, and slow to install and to start.
OPTIONAL: frozenset[Service] = frozenset({"keystone"})
# What clients reach through the proxy; its section there has the service's name.
PROXIED: tuple[Service, ...] = ("galera", "keystone")


def of_process(process: str) -> Service | None:
    """The service whose daemon has this process name."""
    return next((service for service, daemon in SERVICES.items() if daemon.process == process), None)


def port(service: Service) -> int:
    """What clients of ``service`` connect to on a node; ValueError for HAProxy, which has one on each frontend."""
    found = SERVICES[service].port
    if found is None:
        raise ValueError(f"{service} has no port of its own")
    return found
