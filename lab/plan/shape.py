"""The layout table: how many hosts each cluster gets, for every style and size.

Segregated needs three hosts per component, because a cluster of two cannot tell a dead
peer from a lost link.  Sizes between two rows of the table take the largest row that
leaves every cluster odd; a host that is left over stays free for the monitor.
This module knows counts and names only; :mod:`lab.plan.layouts` turns them into a plan.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import cycle
from typing import Literal, get_args

from daemons.services import OPTIONAL
from lab.choices import unknown_choice
from lab.errors import RefusedError
from lab.plan import Service, Style
from lab.plan.styles import StyleTable, style_tables

Bottleneck = Literal["db", "mq", "lb"]

SERVICES: tuple[Service, ...] = get_args(Service)
STYLES: tuple[Style, ...] = get_args(Style)
SERVICE_OF: dict[str, Service] = {"lb": "haproxy", "db": "galera", "mq": "rabbitmq", "mc": "memcached",
                                 "api": "keystone"}

MIN_MEMBERS = 3
MAX_MEMBERS = 16  # corosync is not well tested above
MAX_OVERRIDDEN = 64

DEFAULT_NODES: dict[Style, int] = {style: table.default_nodes for style, table in style_tables().items()}


@dataclass(frozen=True)
class Part:
    """One cluster of a shape: its name, its nodes' names, what they run, and the memory of each if it was given."""

    cluster: str
    nodes: tuple[str, ...]
    services: tuple[Service, ...]
    memory_mb: int | None = None

    @property
    def size(self) -> int:
        return len(self.nodes)


@dataclass(frozen=True)
class Shape:
    """The clusters of a lab, and the hosts that were asked for but are kept free: for the API tier, or left over."""

    parts: tuple[Part, ...]
    api_hosts: int = 0
    spare_hosts: int = 0
    extra_pairs: bool = False  # more than a row of the reference, so that somebody had to get the rest

    @property
    def services(self) -> frozenset[Service]:
        """Everything that some cluster of the shape runs."""
        return frozenset(service for part in self.parts for service in part.services)


def default_nodes(style: Style, segregate: Iterable[str] = ()) -> int:
    """The size of a lab whose person gave none: the smallest that shows the style."""
    return max(DEFAULT_NODES[style], MIN_MEMBERS * (1 + len(set(segregate))) if style == "mixed" else 0)


def shape(
    style: Style, nodes: int, segregate: tuple[Bottleneck, ...] = (), *, api: bool = False, allow_large: bool = False
) -> Shape:
    """The clusters of a lab of ``nodes`` hosts; ``api``: with the services that are there only if asked for.

    Raises RefusedError for a size that the style cannot have; ``where`` is then the key at fault.
    """
    _check_size(nodes, allow_large)
    deployed = tuple(service for service in SERVICES if api or service not in OPTIONAL)
    if style == "collapsed":
        return Shape((Part("controllers", _numbered("n", nodes), deployed),))
    counts = _mixed(nodes, segregate) if style == "mixed" else _segregated(nodes)
    spare = nodes - sum(counts.values())
    kept = 0 if api else counts.pop("api", 0)
    if api and style == "segregated" and "api" not in counts:
        raise RefusedError(
            f"The API tier does not fit on {nodes} nodes: segregated, it needs three hosts of its own beside LB3 DB3 "
            "MQ3 MC3.",
            where="api",
            remedy="--nodes=15, or --style=mixed, which runs it in the core",
        )
    taken = {SERVICE_OF[name] for name in counts if name != "core"}
    core = tuple(service for service in deployed if service not in taken)
    return Shape(
        tuple(
            Part(name, _numbered(name, size), core if name == "core" else (SERVICE_OF[name],))
            for name, size in counts.items()
        ),
        api_hosts=kept,
        spare_hosts=spare,
        extra_pairs=not segregate and (nodes in style_tables()[style].between or nodes > MAX_MEMBERS),
    )


def _numbered(prefix: str, size: int) -> tuple[str, ...]:
    return tuple(f"{prefix}{number}" for number in range(1, size + 1))


def _check_size(nodes: int, allow_large: bool) -> None:
    check_members(nodes, allow_large, where="nodes", wanted="--nodes={}", override="--allow-large (allow_large: true "
                  "in the topology)")


def check_members(nodes: int, allow_large: bool, *, where: str, wanted: str, override: str) -> None:
    """Refuse a number of members that no cluster should have (R1, R3, R4).

    ``wanted`` is how a number is asked for, such as ``--nodes={}``; ``override`` what lifts the limit.
    """
    if nodes == 2:
        raise RefusedError(
            "Two nodes are not a highly available cluster: when they lose sight of each other, either both "
            "fence each other and nothing is left, or both go on and write to the same data.",
            where=where,
            remedy=f"{wanted.format(3)}, the smallest cluster with a majority",
        )
    if nodes < MIN_MEMBERS:
        raise RefusedError(
            f"{nodes} {'node' if nodes == 1 else 'nodes'}: a cluster that outlives one of its members needs "
            "three, because only two of three are a majority.",
            where=where,
            remedy=wanted.format(3),
        )
    if nodes > MAX_OVERRIDDEN:
        raise RefusedError(
            f"{nodes} nodes: even with the override a lab ends at {MAX_OVERRIDDEN}.",
            where=where,
            remedy=wanted.format(MAX_MEMBERS),
        )
    if nodes > MAX_MEMBERS and not allow_large:
        raise RefusedError(
            f"{nodes} nodes: labs have {MIN_MEMBERS} to {MAX_MEMBERS}; corosync is not well tested above.",
            where=where,
            remedy=f"{wanted.format(MAX_MEMBERS)}, or {override} to try it",
        )


def _segregated(nodes: int) -> dict[str, int]:
    table = style_tables()
    if nodes < min(table["segregated"].sizes):
        remedy = "--nodes=9 (LB3 DB3 MQ3), --nodes=12 (memcached too)"
        remedy += ", or --style=mixed, which takes out the database first" if nodes >= min(table["mixed"].sizes) else ""
        remedy += f", or --style=collapsed with {nodes}"
        raise RefusedError(
            f"The segregated style does not fit on {nodes} nodes: each component needs a cluster of its own "
            "with at least three, and LB, DB and MQ alone are nine.",
            where="nodes",
            remedy=remedy,
        )
    return _fill(table["segregated"], nodes)


def _mixed(nodes: int, segregate: tuple[Bottleneck, ...]) -> dict[str, int]:
    if segregate:
        return _chosen(nodes, segregate)
    table = style_tables()["mixed"]
    if nodes < min(table.sizes):
        raise RefusedError(
            f"The mixed style does not fit on {nodes} nodes: the core and at least one bottleneck (the "
            "database first) need three each.",
            where="nodes",
            remedy=f"--nodes=6 (core3 DB3), or --style=collapsed with {nodes}",
        )
    return _fill(table, nodes)


def _chosen(nodes: int, segregate: tuple[Bottleneck, ...]) -> dict[str, int]:
    """The named bottlenecks get their clusters, and before the core what more there is."""
    for name in segregate:
        if name not in get_args(Bottleneck):
            raise unknown_choice("bottleneck", name, get_args(Bottleneck), where="segregate")
    least = MIN_MEMBERS * (1 + len(segregate))
    if nodes < least:
        fits = segregate[: nodes // MIN_MEMBERS - 1]
        remedy = f"--nodes={least}"
        remedy += f", or --segregate={','.join(fits)}" if fits else f", or --style=collapsed with {nodes}"
        raise RefusedError(
            f"{nodes} nodes do not hold the core and {', '.join(segregate)}: three for each are {least}.",
            where="nodes",
            remedy=remedy,
        )
    counts = dict.fromkeys(("core", *segregate), MIN_MEMBERS)
    return _grow(counts, nodes - least, (*segregate, "core"))


def _fill(table: StyleTable, nodes: int) -> dict[str, int]:
    row = max(size for size in table.sizes if size <= nodes)
    counts = dict(table.sizes[row])
    return _grow(counts, nodes - row, tuple(name for name in table.growth if name in counts))


def _grow(counts: dict[str, int], extra: int, order: tuple[str, ...]) -> dict[str, int]:
    """Hand out ``extra`` hosts in pairs, so that odd clusters stay odd; an odd one is left over."""
    for name, _ in zip(cycle(order), range(extra // 2), strict=False):
        counts[name] += 2
    return counts
