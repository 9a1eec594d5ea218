"""galera_writer: the database node to which the proxy on the VIP really sends its clients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chaos.selectors.base import BaseSelector
from chaos.selectors.vip_holder import VipHolder
from daemons import haproxy
from daemons.haproxy import Server
from lab.errors import HalabError
from lab.node.asking import ask_haproxy

if TYPE_CHECKING:
    from lab.lab import Lab


class GaleraWriter(BaseSelector):
    """Asks the HAProxy of the VIP's holder, because no other proxy sees the clients."""

    name = "galera_writer"

    def resolve(self, lab: Lab, argument: str = "") -> tuple[str, ...]:
        (holder,) = VipHolder().resolve(lab)
        found = haproxy.servers(ask_haproxy(lab, holder, "show stat"))
        by_address = {str(node.control): node.name for node in lab.plan.running("galera")}
        proxy = _galera_proxy(found, set(by_address.values()), set(by_address))
        if not proxy:
            raise HalabError("HAProxy has no section whose servers are the Galera nodes", where=holder,
                             remedy=f"./inv provision.verify --name={lab.name}")
        backends = [server for server in found if server.proxy == proxy]
        stick = haproxy.stuck_to(ask_haproxy(lab, holder, f"show table {proxy}"))
        name = haproxy.active(backends, stick)
        if not name:
            raise HalabError("no Galera backend is up", where=f"HAProxy on {holder}",
                             remedy=f"./inv lab.status --name={lab.name}")
        address = next(server.host for server in backends if server.name == name)
        return (name if name in by_address.values() else by_address[address],)


def _galera_proxy(found: Sequence[Server], names: set[str], addresses: set[str]) -> str:
    """The section that balances the database: known by its name or, failing that, by its servers."""
    candidates = sorted({server.proxy for server in found
                         if server.name in names or server.host in addresses})
    for word in ("galera", "mysql", "mariadb", "db"):
        for proxy in candidates:
            if word in proxy.lower():
                return proxy
    # In a collapsed lab every section has the same servers; only Galera's are all backups.
    for proxy in candidates:
        members = [server for server in found if server.proxy == proxy]
        if sum(server.backup for server in members) >= len(members) - 1:
            return proxy
    return ""


SELECTOR = GaleraWriter()
