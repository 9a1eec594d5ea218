"""What an agent's line says, as values: see :mod:`lab.watch.agent` for where each comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Quorum:
    quorate: bool
    votes: int
    expected: int
    members: tuple[int, ...]


@dataclass(frozen=True)
class Crm:
    """Pacemaker's view: node states, and by resource where it is in which role."""

    dc: str
    nodes: Mapping[str, str]
    places: Mapping[str, tuple[tuple[str, str], ...]]
    failures: tuple[str, ...]


@dataclass(frozen=True)
class Brokers:
    running: tuple[str, ...]
    partitions: int


@dataclass(frozen=True)
class Backend:
    proxy: str
    server: str
    status: str
    sessions: int


@dataclass(frozen=True)
class Said:
    """One node, one second.  None: not asked of this node, or no answer.  ``cpu`` seconds that the agent has used."""

    vips: tuple[str, ...] = ()
    quorum: Quorum | None = None
    crm: Crm | None = None
    galera: str | None = None
    listens: bool | None = None
    brokers: Brokers | None = None
    backends: tuple[Backend, ...] = field(default=())
    cpu: float = 0.0


def said_from(raw: Mapping[str, Any]) -> Said:
    """The line of an agent; KeyError, TypeError or ValueError for one that is none."""
    quorum, crm, brokers = raw.get("quorum"), raw.get("crm"), raw.get("brokers")
    return Said(
        vips=tuple(raw["vips"]),
        quorum=Quorum(quorum["quorate"], quorum["votes"], quorum["expected"], tuple(quorum["members"]))
        if quorum else None,
        crm=Crm(crm["dc"], crm["nodes"], {name: tuple((home[0], home[1]) for home in homes)
                                          for name, homes in crm["places"].items()}, tuple(crm["failures"]))
        if crm else None,
        galera=raw.get("galera"), listens=raw.get("listens"),
        brokers=Brokers(tuple(brokers["running"]), brokers["partitions"]) if brokers else None,
        backends=tuple(Backend(*one) for one in raw.get("backends", ())), cpu=float(raw["cpu"]))
