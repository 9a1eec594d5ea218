"""Set and get of one key, the server chosen by hashing in the client over ALL memcached servers."""

from __future__ import annotations

import threading
import time

from pymemcache.client.base import Client
from pymemcache.client.rendezvous import RendezvousHash
from pymemcache.exceptions import MemcacheError

from chaos.model import Outcome, Traits
from chaos.probes.config import ProbeConfig, ProbeSecrets
from chaos.probes.threads import Abandoned, Operation, Pool, ThreadedProbe

KEYS = 64  # enough that each of 16 servers owns some
DEAD_RETRY = 2.0  # seconds before a failed server is tried again (OpenStack's default is 300)
TRAITS = Traits(client_of="memcached")


class Cache(ThreadedProbe):
    """After a failure the key moves to the next server, inside the same attempt.

    pymemcache's own HashClient does the same but keeps its list of dead servers without a lock,
    and the open-loop schedule runs many attempts at once; its hash and its Client are used here.
    """

    name = "cache"

    def __init__(self, servers: tuple[tuple[str, int], ...], client: str, timeout: float) -> None:
        super().__init__(timeout)
        self._client = client
        self._servers = {f"{host}:{port}": (host, port) for host, port in servers}
        self._pools: dict[str, Pool[Client]] = {name: Pool(_close) for name in self._servers}
        self._dead: dict[str, float] = {}
        self._lock = threading.Lock()
        # One dead server must leave time for a second one within the attempt.
        self._socket_timeout = timeout / 3

    def operate(self, slot: int, operation: Operation) -> tuple[Outcome, str]:
        key = f"halab.{self._client}.{slot % KEYS}"
        value = str(slot).encode()
        problem = "every server is marked dead"
        tried: set[str] = set()
        try:
            operation.send()  # a set that is repeated does no harm, so only the last try matters
        except Abandoned:
            return Outcome.FAIL, "no worker in time"
        while not operation.late:
            server = self._server_of(key, tried)
            if server is None:
                break
            tried.add(server)
            client = self._pools[server].take() or Client(
                self._servers[server], connect_timeout=self._socket_timeout, timeout=self._socket_timeout,
                no_delay=True, default_noreply=False)
            try:
                client.set(key, value, expire=60)
                # Another attempt may have written the same key since; any newer value is right.
                found = client.get(key)
            except (OSError, MemcacheError) as error:
                client.close()
                self._mark_dead(server)
                problem = f"{server}: {error or type(error).__name__}"
                continue
            self._pools[server].give(client)
            if found is None or int(found) % KEYS != slot % KEYS:
                return Outcome.FAIL, f"{server}: wrote {slot}, read {found!r}"
            return Outcome.OK, server
        return Outcome.FAIL, problem

    def _server_of(self, key: str, tried: set[str]) -> str | None:
        now = time.monotonic()
        with self._lock:
            alive = [name for name in self._servers if self._dead.get(name, 0.0) <= now and name not in tried]
        node: str | None = RendezvousHash(nodes=alive).get_node(key) if alive else None
        return node

    def _mark_dead(self, server: str) -> None:
        with self._lock:
            self._dead[server] = time.monotonic() + DEAD_RETRY
        self._pools[server].clear()


def _close(client: Client) -> None:
    client.close()


def make(config: ProbeConfig, _secrets: ProbeSecrets) -> Cache:
    targets = config.targets
    return Cache(tuple((host, targets.cache_port) for host in targets.cache_servers), targets.client,
                 config.timeout)
