"""What was learnt about a running lab: plain values, so that every judge is a pure function of them.

An :class:`Answer` remembers who was asked and with which command.  One that could not be had
raises :class:`Unread` when a judge wants its value: silence never passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from daemons.cib import Cib
from daemons.corosync import Quorum
from daemons.galera import Member
from daemons.haproxy import Section, Server
from daemons.rabbitmq import View
from daemons.services import Service

T = TypeVar("T")
_SHORT = 160  # characters of evidence for one answer


class Unread(Exception):
    """A judge needs a fact that could not be read; the text says which and why."""


@dataclass(frozen=True)
class Answer(Generic[T]):
    """``value`` is None when there was no usable answer; ``trouble`` then says why."""

    node: str
    command: str
    value: T | None = None
    trouble: str = ""

    def get(self) -> T:
        if self.value is None:
            raise Unread(self.shows(self.trouble or "no answer"))
        return self.value

    def shows(self, words: object) -> str:
        """``words`` as evidence: where they come from and the command that shows them."""
        text = " ".join(str(words).split())
        return f"{self.node}$ {self.command}: {text if len(text) <= _SHORT else text[:_SHORT - 3] + '...'}"


@dataclass(frozen=True)
class Socket:
    """A listening socket; ``address`` without brackets, ``*`` for any."""

    protocol: str
    address: str
    port: int
    program: str

    @property
    def anywhere(self) -> bool:
        return self.address in ("*", "0.0.0.0", "::")

    def __str__(self) -> str:
        return f"{self.address}:{self.port} ({self.program or 'unknown program'})"


@dataclass(frozen=True)
class Unit:
    """A systemd unit: whether it starts at boot, whether it runs, and who revives it."""

    name: str
    enabled: bool
    active: bool
    restart: str


@dataclass(frozen=True)
class Endpoint:
    """A host that a client configuration names, and the option that names it."""

    option: str
    host: str
    port: int | None


@dataclass(frozen=True)
class NodeFacts:
    """One node; what belongs to a service that it does not run was not asked."""

    quorum: Answer[Quorum]
    corosync: Answer[Mapping[str, str]]  # corosync.conf, 'section.key': value
    authkey: Answer[str]  # digest
    sockets: Answer[tuple[Socket, ...]]
    units: Answer[Mapping[str, Unit]]
    packages: Answer[Mapping[str, str]]  # installed: version
    cib: Answer[Cib]
    haproxy: Answer[tuple[Section, ...]]
    servers: Answer[tuple[Server, ...]]
    table: Answer[str]  # first line of the stick table
    galera: Answer[Member]
    broker: Answer[View]
    clients: Answer[tuple[Endpoint, ...]]
    drift: Answer[tuple[str, ...]]  # files that are not as they would be rendered


@dataclass(frozen=True)
class Desync:
    """A standby that declared itself desynced.  Seconds until every proxy had it DOWN, and UP again after."""

    member: str
    alive: bool  # it answered SQL while it was out
    down: float | None
    up: float | None
    bound: float  # inter x fall of the running configuration


@dataclass(frozen=True)
class Maintenance:
    """A backend that one proxy was told to leave alone, asked directly meanwhile, and taken back."""

    proxy: str
    server: str
    during: str  # the proxy's word for it
    answered: bool
    after: str


@dataclass(frozen=True)
class Spread:
    """``held``: by server, how many of the keys were found there; ``astray``: found nowhere or twice."""

    keys: int
    held: Mapping[str, int]
    astray: int


@dataclass(frozen=True)
class ApiTrial:
    """``catalog``: interface and host of each endpoint.  After ``flushed`` caches, with ``held`` items in all, were
    emptied: the status of a look at a token from before, and of a request for another one."""

    catalog: tuple[tuple[str, str], ...]
    flushed: int
    held: int
    kept: int
    fresh: int


@dataclass(frozen=True)
class CacheEffect:
    """What the cache probe saw when memcached was lost on some nodes.

    ``keys``: distinct keys with a known home; ``lost``: those whose home died; ``moved``: others that
    left theirs; ``elsewhere``: lost keys that another server answered for; ``settled``: seconds from
    the fault until every key was answered from home again, None if that was not seen.
    """

    servers: int
    keys: int
    lost: int
    moved: int
    elsewhere: int
    gap: float | None
    settled: float | None


@dataclass(frozen=True)
class Run:
    """One recorded chaos run of this very lab.  ``failed``: ids of its checks that failed; ``helped``: what its heal
    had to start because nobody else did."""

    name: str
    scenario: str
    fault: str
    process: str
    target: tuple[str, ...]
    verdict: str
    failed: tuple[str, ...] = ()
    probes: tuple[str, ...] = ()
    cache: CacheEffect | None = None
    helped: str = ""


@dataclass(frozen=True)
class Known:
    """A scenario that halab has, for the words "try: chaos.run ..."."""

    name: str
    fault: str
    process: str


@dataclass(frozen=True)
class Moved:
    """A file that would change on a node if one member of the service ``leaves`` left."""

    leaves: Service
    node: str
    role: str
    path: str


@dataclass(frozen=True)
class LabFacts:
    """Everything that the judges may know.  ``runs`` newest first."""

    nodes: Mapping[str, NodeFacts]
    writers: Answer[tuple[str, ...]]  # the node name that each connection through the VIP met
    desync: Answer[Desync]
    maintenance: Answer[Maintenance]
    spread: Answer[Spread]
    api: Answer[ApiTrial]
    fencing: Answer[str]  # the devices' own status calls
    moved: Answer[tuple[Moved, ...]]
    runs: tuple[Run, ...] = ()
    scenarios: tuple[Known, ...] = field(default=())
