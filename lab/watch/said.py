"""What an agent's line says, as values: the agent sends the daemons' own words, which are read here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from daemons import corosync, galera, haproxy, pacemaker, rabbitmq

T = TypeVar("T")


@dataclass(frozen=True)
class Said:
    """One node, one second.  None: not asked of this node, or no answer.  ``cpu`` seconds that the agent has used."""

    vips: tuple[str, ...] = ()
    quorum: corosync.Quorum | None = None
    crm: pacemaker.Status | None = None
    galera: str | None = None  # the words of the check service
    listens: bool | None = None  # whether the broker's port is open
    brokers: rabbitmq.View | None = None
    backends: tuple[haproxy.Server, ...] = ()
    cpu: float = 0.0


def said_from(raw: Mapping[str, Any]) -> Said:
    """The line of an agent; KeyError, TypeError or ValueError for one that is none."""
    return Said(
        vips=tuple(raw["vips"]),
        quorum=_read(corosync.quorum, raw.get("quorum")),
        crm=_read(pacemaker.status, raw.get("crm")),
        galera=_read(galera.checked, raw.get("check")),
        listens=raw.get("listens"),
        brokers=_read(rabbitmq.view, raw.get("brokers")),
        backends=_read(haproxy.servers, raw.get("stat")) or (),
        cpu=float(raw["cpu"]))


def _read(reader: Callable[[str], T], text: str | None) -> T | None:
    try:
        return None if text is None else reader(text)
    except ValueError:  # the daemon did not answer
        return None
