"""What the cluster did during a run, from its daemons' own lines: who left and joined, what became of a database.

A change of a membership is said by everybody who sees it and is about somebody else; it becomes one event of the
node that it is about.  When a node is cut off each side says that the other one left: the larger side is believed.
Who starts says that all others joined; it is he who did.  (A node that loses its power later takes its word of an
earlier moment with it: a journal is in memory.)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from chaos.nodelog import LogLine
from chaos.recording import Recording
from daemons import corosync

_SAME = 3.0  # s within which several nodes say the same thing about a node; a broker's silence is noticed by each alone
_SIDES = 5.0  # s within which the two sides of a cut say so of each other
_CHAIN = 1.0  # s between two states of a database that are told as one way; its log has whole seconds
_BROKER = re.compile(r"node rabbit@(?P<node>[^ @:]+) (?P<what>up|down)(?:: (?P<why>.*))?$")
_SHIFT = re.compile(r"WSREP: Shifting (?P<before>\S+) -> (?P<after>\S+)")
_QUORUM = re.compile(r"Quorum (?P<what>lost|acquired)")


@dataclass(frozen=True)
class ClusterEvent:
    """``at`` in epoch seconds on the host's clock (a database's are whole seconds), ``node`` whom it is about,
    ``daemon`` corosync, pacemaker, galera or rabbitmq, ``said`` the nodes that wrote it down."""

    at: float
    node: str
    daemon: str
    what: str
    said: tuple[str, ...]


def cluster_events(run: Recording) -> tuple[ClusterEvent, ...]:
    """Of one recording, by time."""
    return read(run.log, run.member)


def read(log: Iterable[LogLine], node_of: Callable[[int], str]) -> tuple[ClusterEvent, ...]:
    """By time; ``node_of`` gives the name behind corosync's node id."""
    told: list[ClusterEvent] = []  # by one node of another
    own: list[ClusterEvent] = []  # by a node of itself
    for line in sorted(log, key=lambda one: one.at):
        if line.source == "corosync":
            told += _membership(line, node_of)
        elif line.source == "rabbitmq":
            told += _broker(line)
        elif line.source == "galera" and (shift := _SHIFT.search(line.text)):
            way = f"{shift['before']} -> {shift['after']}"
            _follow(own, ClusterEvent(line.at, line.node, "galera", way, (line.node,)))
        elif line.source.startswith("pacemaker") and (quorum := _QUORUM.search(line.text)):
            event = ClusterEvent(line.at, line.node, "pacemaker", f"quorum {quorum['what']}", (line.node,))
            own += [] if _repeats(own, event) else [event]
    return tuple(sorted([*own, *_believed(_merged(_newcomers(told)))], key=lambda one: one.at))


def _membership(line: LogLine, node_of: Callable[[int], str]) -> list[ClusterEvent]:
    found = [("left", node_of(number)) for number in corosync.left(line.text)]
    found += [("joined", node_of(number)) for number in corosync.joined(line.text)]
    # That it is a member of its own membership, every corosync says when it starts.
    return [ClusterEvent(line.at, node, "corosync", what, (line.node,)) for what, node in found if node != line.node]


def _broker(line: LogLine) -> list[ClusterEvent]:
    match = _BROKER.search(line.text)
    if match is None or match["node"] == line.node:
        return []
    why = f" ({match['why']})" if match["why"] else ""
    return [ClusterEvent(line.at, match["node"], "rabbitmq", match["what"] + why, (line.node,))]


def _follow(own: list[ClusterEvent], event: ClusterEvent) -> None:
    """Add a database's step to the way that the node is on, or begin another one."""
    at = max((at for at, one in enumerate(own) if (one.node, one.daemon) == (event.node, "galera")), default=None)
    before, _, after = event.what.partition(" -> ")
    if at is not None and event.at - own[at].at <= _CHAIN and own[at].what.endswith(f" -> {before}"):
        own[at] = replace(own[at], what=f"{own[at].what} -> {after}")
    else:
        own.append(event)


def _repeats(own: list[ClusterEvent], event: ClusterEvent) -> bool:
    return any((one.node, one.what) == (event.node, event.what) and event.at - one.at <= _SAME for one in own)


def _newcomers(told: list[ClusterEvent]) -> list[ClusterEvent]:
    """Where fewer say that somebody joined than those are of whom they say it: they themselves joined."""
    def alike(one: ClusterEvent, other: ClusterEvent) -> bool:
        return _kind(one) == _kind(other) == ("corosync", "joined") and abs(one.at - other.at) <= _SAME

    found = []
    for one in told:
        about = {other.node for other in told if alike(one, other) and other.said == one.said}
        by = {other.said for other in told if alike(one, other) and other.node == one.node}
        found.append(replace(one, node=one.said[0]) if len(about) > len(by) else one)
    return found


def _merged(told: list[ClusterEvent]) -> list[ClusterEvent]:
    """The same said by several nodes is one event, at the time of the first."""
    found: list[ClusterEvent] = []
    last: dict[tuple[str, str], int] = {}  # by daemon and whom it is about: where its newest event is
    for one in told:
        at = last.get((one.daemon, one.node))
        if at is not None and _kind(found[at]) == _kind(one) and one.at - found[at].at <= _SAME:
            more = max(found[at].what, one.what, key=len)  # a broker says first that, then why
            found[at] = replace(found[at], what=more, said=tuple(dict.fromkeys((*found[at].said, *one.said))))
        else:
            last[one.daemon, one.node] = len(found)
            found.append(one)
    return found


def _kind(event: ClusterEvent) -> tuple[str, str]:
    return event.daemon, event.what.partition(" ")[0]


def _believed(events: list[ClusterEvent]) -> list[ClusterEvent]:
    """Without what is only said by nodes of which more others say the same."""
    def stronger(about: str, than: ClusterEvent) -> bool:
        return any(one.node == about and _kind(one) == _kind(than) and abs(one.at - than.at) <= _SIDES
                   and len(one.said) > len(than.said) for one in events)

    return [one for one in events if not all(stronger(node, one) for node in one.said)]
