"""Harmless trials: what no configuration shows, tried on the healthy lab and put back.

Each gives an :class:`Answer`; one that was not possible says why and proves nothing.  What is
changed for a moment (one standby desynced, one backend of one proxy in maintenance) is put back
here, and by a timer on the node itself should this process die.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import pymysql
from pymemcache.client.base import Client
from pymemcache.client.rendezvous import RendezvousHash
from pymemcache.exceptions import MemcacheError

from chaos import deadman
from daemons import haproxy
from daemons.galera import PROBE_USER
from daemons.haproxy import Server
from lab.errors import HalabError
from lab.gates.fencing import GATE as FENCING
from lab.lab import Lab
from provision.verify.apitrial import api_trial
from provision.verify.facts import Answer, ApiTrial, Desync, Maintenance, Spread

T = TypeVar("T")
CONNECTIONS = 50
_KEYS = 32  # for each server: the chance that one of 16 gets none is below 1e-12
_POLL = 0.2
_PATIENCE = 8.0  # seconds until a proxy must have seen a server go or come back
_DEAD_MAN = 30  # seconds after which a node puts itself back
_WRITERS = "SELECT @@wsrep_node_name through the VIP"


class _NotTried(Exception):
    """The lab is not in a state in which this trial would be harmless or would prove anything."""


@dataclass(frozen=True)
class Trials:
    """What the trials came to; see :class:`provision.verify.facts.LabFacts`."""

    writers: Answer[tuple[str, ...]]
    desync: Answer[Desync]
    maintenance: Answer[Maintenance]
    fencing: Answer[str]
    api: Answer[ApiTrial]


def run_trials(lab: Lab) -> Trials:
    """All trials that need nothing but the plan, those on different things at the same time."""
    with ThreadPoolExecutor(4) as pool:
        fencing = pool.submit(_answer, "stonith_admin --list-registered; fence_ipmilan --action=status",
                              lambda: _fencing(lab))
        api = pool.submit(_answer, "POST /v3/auth/tokens, flush_all, GET /v3/auth/tokens", lambda: _api(lab))
        writers = _answer(_WRITERS, lambda: _writers(lab))
        idle = _Standbys(lab, writers)
        desync = pool.submit(_answer, "mariadb -e 'SET GLOBAL wsrep_desync=ON'", lambda: _desync(lab, idle))
        maintenance = pool.submit(_answer, "set server ... state maint", lambda: _maintenance(lab, idle))
        return Trials(writers, desync.result(), maintenance.result(), fencing.result(),
                      api.result())


def spread(lab: Lab, servers: Sequence[tuple[str, int]]) -> Answer[Spread]:
    """Keys of our own, placed by a client's hash over the ``servers`` that clients are told of."""
    return _answer("set and get of our own keys, rendezvous hash over all servers", lambda: _spread(lab, servers))


def _answer(command: str, trial: Callable[[], T]) -> Answer[T]:
    try:
        return Answer("lab", command, trial())
    except _NotTried as why:
        return Answer("lab", command, None, f"not tried: {why}")
    except HalabError as error:
        return Answer("lab", command, None, error.what)
    except (OSError, ValueError, pymysql.Error, MemcacheError) as error:
        return Answer("lab", command, None, f"{type(error).__name__}: {error}")


def _fencing(lab: Lab) -> str:
    look = FENCING.look(lab)
    if not look.ok:
        raise ValueError(look.detail)
    return look.detail


def _api(lab: Lab) -> ApiTrial:
    if not lab.plan.running("keystone"):
        raise _NotTried("the lab has no API tier")
    return api_trial(lab)


def _query(lab: Lab, host: str, statement: str) -> str:
    """The first field of the answer to one statement, on a connection of its own."""
    with lab.namespace.inside():
        connection = pymysql.connect(host=host, user=PROBE_USER, password=lab.secrets.password("galera-probe"),
                                     connect_timeout=5, read_timeout=5, ssl_disabled=True)
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
        return str(row[0]) if row else ""


def _writers(lab: Lab) -> tuple[str, ...]:
    if not lab.plan.internal_vip or not lab.plan.running("galera"):
        raise _NotTried("the plan has no database behind a VIP")
    vip = str(lab.plan.internal_vip.address)
    return tuple(_query(lab, vip, "SELECT @@wsrep_node_name") for _ in range(CONNECTIONS))


class _Standbys:
    """Members that no client is connected to, as long as every proxy sees every member UP."""

    def __init__(self, lab: Lab, writers: Answer[tuple[str, ...]]) -> None:
        self._members = [node.name for node in lab.plan.running("galera")]
        self._busy = set(writers.value or ())
        self.proxies = [node.name for node in lab.plan.running("haproxy")]

    def take(self, seen: dict[str, tuple[Server, ...]], which: int) -> str:
        """The ``which``-th from the end; _NotTried if somebody would miss it."""
        if not self._busy:
            raise _NotTried("nobody knows which member clients are on")
        if not self.proxies or len(self._members) < 3:
            raise _NotTried("the lab has no three members behind a proxy")
        for proxy in self.proxies:
            if down := [one.name for one in seen[proxy] if not one.status.startswith("UP")]:
                raise _NotTried(f"{proxy} sees {', '.join(down)} out already")
        idle = [name for name in self._members if name not in self._busy
                and not any(one.name == name and one.sessions for rows in seen.values() for one in rows)]
        if len(idle) < which:
            raise _NotTried("every member has clients")
        return idle[-which]


def _seen(lab: Lab, proxies: Sequence[str]) -> dict[str, tuple[Server, ...]]:
    """What each proxy says of the database's servers."""
    return {proxy: tuple(one for one in haproxy.servers(said.stdout) if one.proxy == haproxy.PROXY)
            for proxy, said in lab.shell.on_all(proxies, haproxy.STAT, timeout=5).items()}


def _until(lab: Lab, proxies: Sequence[str], member: str, up: bool, begun: float) -> float | None:
    """Seconds from ``begun`` (monotonic) until every proxy has the member UP (or not); None: too long."""
    left = list(proxies)
    while left:
        seen = _seen(lab, left)
        left = [proxy for proxy in left if any(one.name == member and not _is(one.status, up) for one in seen[proxy])]
        took = time.monotonic() - begun
        if left and took > _PATIENCE * lab.driver.slowness:
            return None
        if left:
            time.sleep(_POLL)
    return took


def _is(status: str, up: bool) -> bool:
    """``UP 1/2`` still takes traffic, and is not steady either."""
    return status == "UP" if up else not status.startswith("UP")


def _desync(lab: Lab, idle: _Standbys) -> Desync:
    member = idle.take(_seen(lab, idle.proxies), 1)
    back = "mariadb --execute 'SET GLOBAL wsrep_desync=OFF'"
    begun = time.monotonic()
    with _put_back(lab, member, "verify-resync", back):
        lab.shell.run(member, "mariadb --execute 'SET GLOBAL wsrep_desync=ON'", timeout=10)
        begun = time.monotonic()
        down = _until(lab, idle.proxies, member, False, begun)
        alive = _query(lab, str(lab.plan.node(member).control), "SELECT 1") == "1"
    up = _until(lab, idle.proxies, member, True, time.monotonic())
    return Desync(member, alive, down, up, _bound(lab, idle.proxies[0]))


def _bound(lab: Lab, proxy: str) -> float:
    """inter x fall of the proxy's own file, in seconds."""
    sections = haproxy.sections(lab.shell.run(proxy, f"cat {haproxy.CONFIG}").stdout)
    for section in sections:
        for line in section.having("default-server"):
            options = dict(pairwise(line))
            return haproxy.seconds(options.get("inter", "2s")) * int(options.get("fall", "3"))
    return 6.0  # HAProxy's defaults: inter 2s, fall 3


def _maintenance(lab: Lab, idle: _Standbys) -> Maintenance:
    member = idle.take(_seen(lab, idle.proxies), 2)
    proxy = idle.proxies[-1]
    said = [haproxy.command(f"set server {haproxy.PROXY}/{member} state {state}") for state in ("ready", "maint")]
    with _put_back(lab, proxy, "verify-ready", said[0]):
        lab.shell.run(proxy, said[1], timeout=5)
        during = _status(lab, proxy, member)
        answered = _query(lab, str(lab.plan.node(member).control), "SELECT 1") == "1"
    back = _until(lab, [proxy], member, True, time.monotonic())
    return Maintenance(proxy, member, during, answered, "UP" if back is not None else _status(lab, proxy, member))


def _status(lab: Lab, proxy: str, member: str) -> str:
    return next((one.status for one in _seen(lab, [proxy])[proxy] if one.name == member), "unknown")


@contextmanager
def _put_back(lab: Lab, node: str, identity: str, back: str) -> Iterator[None]:
    """Run ``back`` on the node at the end of the block, and by the node's own timer if we never get there."""
    deadman.arm(lab, node, identity, back, _DEAD_MAN)
    try:
        yield
    finally:
        lab.shell.run(node, back, timeout=10)
        deadman.disarm(lab, node, identity)


def _spread(lab: Lab, servers: Sequence[tuple[str, int]]) -> Spread:
    if not servers:
        raise _NotTried("clients are told of no memcached server")
    with lab.namespace.inside():
        clients = {f"{host}:{port}": Client((host, port), connect_timeout=2, timeout=2, no_delay=True,
                                            default_noreply=False) for host, port in servers}
        for client in clients.values():
            client.version()  # connects: the socket stays in the namespace
    keys = [f"halab.verify.{number}" for number in range(_KEYS * len(servers))]
    choose = RendezvousHash(nodes=list(clients))
    try:
        for key in keys:
            clients[choose.get_node(key)].set(key, b"1", expire=30)
        found = {name: set(client.get_many(keys)) for name, client in clients.items()}
    finally:
        for client in clients.values():
            with suppress(OSError, MemcacheError):
                client.delete_many(keys)
            client.close()
    astray = sum(1 for key in keys if sum(key in held for held in found.values()) != 1)
    return Spread(len(keys), {name: len(held) for name, held in found.items()}, astray)
