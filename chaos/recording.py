"""A run as its files tell it: samples, ARP answers, looks at the nodes, events, ledgers, host load and facts.

Loading is the only reading that happens; every check works on this value alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from chaos import looks, nodelog
from chaos.facts import Facts
from chaos.fencelog import fence_requests, lives, power_after, was_off
from chaos.ledger import read_ledger
from chaos.looks import NodeLook
from chaos.model import Outcome, Sample
from chaos.nodelog import LogLine
from chaos.probes import traits
from chaos.windows import Span, longest_gap, longest_stall, outages
from lab.state.events import Event, read_events

EVENTS_FILE = "events.jsonl"


@dataclass(frozen=True)
class ArpRound:
    """One ARP request for one VIP and every distinct MAC that answered it, in order of arrival."""

    slot: int
    vip: str
    sent: float
    replies: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class LoadSample:
    """The host at one moment: share of busy processor time since the sample before, loadavg, and the share
    of the time in which the lab waited for a processor (None if nobody knows).  ``clock``: seconds by which the wall
    clock has been set since the beginning."""

    at: float
    busy: float
    load1: float
    waited: float | None = None
    clock: float = 0.0


@dataclass(frozen=True)
class Holding:
    """A stretch in which one node alone answered for a VIP."""

    vip: str
    node: str
    begin: float
    end: float


@dataclass(frozen=True)
class Recording:
    """Everything that was recorded in one run.  ``ledgers`` maps a probe to its entries in order."""

    run_dir: Path
    facts: Facts
    samples: dict[str, tuple[Sample, ...]]
    arp: tuple[ArpRound, ...] = ()
    events: tuple[Event, ...] = ()
    host: tuple[LoadSample, ...] = ()
    ledgers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    status: dict[str, dict[str, Any]] = field(default_factory=dict)
    looks: tuple[NodeLook, ...] = ()
    log: tuple[LogLine, ...] = ()  # what the nodes' daemons said

    @classmethod
    def load(cls, run_dir: Path) -> Recording:
        """Read the folder of a run; RefusedError if it has no usable facts."""
        facts = Facts.read(run_dir)
        samples, ledgers, status = {}, {}, {}
        for name in facts.probes:
            samples[name] = tuple(read_samples(run_dir / "samples" / f"{name}.jsonl"))
            ledger = run_dir / "ledgers" / f"{name}.txt"
            if not traits(name).observer and ledger.exists():
                ledgers[name] = read_ledger(ledger)
            with suppress(FileNotFoundError, json.JSONDecodeError):  # of a torn one nothing is known either: V4
                status[name] = json.loads((run_dir / "samples" / f"{name}.status.json").read_text())
        return cls(
            run_dir, facts, samples,
            arp=tuple(ArpRound(int(row[0]), str(row[1]), float(row[2]),
                               tuple((str(mac), float(at)) for mac, at in row[3]))
                      for row in _rows(run_dir / "ledgers" / "vip_arp.txt")),
            events=tuple(read_events(run_dir / EVENTS_FILE)),
            host=tuple(LoadSample(float(row[0]), float(row[1]), float(row[2]), row[3] if len(row) > 3 else None,
                                  float(row[4]) if len(row) > 4 else 0.0)
                       for row in _rows(run_dir / "host.jsonl")),
            ledgers=ledgers, status=status, looks=looks.load(run_dir / looks.LOOKS_FILE),
            log=nodelog.load(run_dir / nodelog.LOG_FILE))

    def node_of(self, mac: str) -> str:
        """The node behind a MAC, or the MAC itself when nobody knows it."""
        return self.facts.macs.get(mac.lower(), mac)

    def member(self, number: int) -> str:
        """The node that has this id in corosync."""
        ids = self.facts.nodeids or {node: index for index, node in enumerate(self.facts.nodes, 1)}
        return next((node for node, index in ids.items() if index == number), f"node {number}")

    @property
    def clients(self) -> tuple[str, ...]:
        """The probes that are clients of a service and no mere observers."""
        return tuple(probe for probe in self.facts.probes if not traits(probe).observer)

    def period(self, probe: str) -> float:
        """Seconds between two slots of a probe."""
        return traits(probe).period or self.facts.period

    def measured(self, probe: str) -> tuple[Sample, ...]:
        """The samples from the fault on, in the order of the schedule."""
        begin = self.facts.inject_begin
        return tuple(sample for sample in self.samples.get(probe, ())
                     if begin is not None and sample.ended >= begin)

    def gap(self, probe: str, until: float | None = None) -> Span | None:
        """The longest stretch without a success by intended time (see :func:`longest_gap`)."""
        return longest_gap(self.samples.get(probe, ()), self.facts.inject_begin, self.facts.ended_at, until)

    def stall(self, probe: str, until: float | None = None) -> Span | None:
        """The longest stretch in which no success completed."""
        return longest_stall(self.samples.get(probe, ()), self.facts.inject_begin, self.facts.ended_at, until)

    def window(self, probe: str, until: float | None = None) -> Span | None:
        """The outage of a service: the longer one of gap and stall, of those that began by ``until``."""
        both = [span for span in (self.gap(probe, until), self.stall(probe, until)) if span is not None]
        return max(both, key=lambda span: span.seconds) if both else None

    def outages(self, probe: str) -> tuple[Span, ...]:
        """Every stretch without a success that is longer than the schedule itself explains."""
        return outages(self.samples.get(probe, ()), self.period(probe))

    def holdings(self) -> tuple[Holding, ...]:
        """Who held each VIP when, as ARP answers show it."""
        found: list[Holding] = []
        for vip in sorted({one.vip for one in self.arp}):
            node, begin, end = "", 0.0, 0.0
            for one in (one for one in self.arp if one.vip == vip and one.replies):
                mac, at = one.replies[0]
                if self.node_of(mac) != node:
                    if node:
                        found.append(Holding(vip, node, begin, end))
                    node, begin = self.node_of(mac), at
                end = at
            if node:
                found.append(Holding(vip, node, begin, end))
        return tuple(found)

    def events_of(self, kind: str, nodes: tuple[str, ...] = (), since: float = 0.0) -> tuple[Event, ...]:
        """Events of one kind on these nodes (none: any), from ``since`` on, by time."""
        return tuple(sorted(
            (event for event in self.events
             if event.kind == kind and event.at >= since and (not nodes or event.node in nodes)),
            key=lambda event: event.at))

    def fence_request(self, node: str, lost_at: float | None = None) -> Event | None:
        """The first BMC command by which the cluster fences ``node``, after the fault that hit it or any other.

        Of a node that was lost at ``lost_at``: the first in the life that ended so, and not one that ended an
        earlier life of it.
        """
        begin = self._judged_from(node)
        if begin is None:
            return None
        since = max((at for at in lives(self.events, node) if begin < at <= (lost_at or begin)), default=begin)
        return next(iter(fence_requests(self.events, node, since)), None)

    def fencings(self, node: str) -> tuple[Event, ...]:
        """The first of these commands in each life of ``node``, by time."""
        found: list[Event] = []
        for life in [0.0, *lives(self.events, node)]:
            request = self.fence_request(node, life)
            found += [request] if request and request not in found else []
        return tuple(found)

    def _judged_from(self, node: str) -> float | None:
        return min((one.begin for one in self.facts.injections if one.hits(node) and one.begin is not None),
                   default=self.facts.inject_begin)

    def powered(self, node: str, at: float, seconds: float = 0.0) -> bool:
        """Whether ``node`` was on and not suspended at that time, and for so long, as the diary has it."""
        last = max((one for one in self._powers(node) if one[0] <= at), default=None)
        return last is None or (last[1] and last[0] + seconds <= at)

    def _powers(self, node: str) -> list[tuple[float, bool]]:
        """Since when it was on and not suspended, or was not; whoever obeys an order to end is as good as off."""
        found = [(event.at, event.kind, power_after(event)) for event in self.events if event.node == node]
        return sorted((at, state == "on") for at, kind, state in found if state or kind == "node.stopping")

    def ends(self, node: str) -> list[float]:
        """When it lost its power, whoever took it, by time."""
        return sorted(event.at for event in self.events if event.node == node and power_after(event) == "off")

    def longest_hole(self, node: str, begin: float, end: float) -> float:
        """The longest time between looks at ``node`` (seconds), less what the node spent of it without power."""
        changes = [at for at, _ in self._powers(node)]
        times = [begin, *(look.asked for look in self.looks if look.node == node and begin <= look.asked <= end), end]
        return max(sum(right - left for left, right in pairwise([one, *(at for at in changes if one < at < two), two])
                       if self.powered(node, left)) for one, two in pairwise(times))

    def was_off(self, node: str, begin: float, end: float) -> Event | None:
        """The best word there is on that ``node`` was without power (see :func:`chaos.fencelog.was_off`)."""
        return was_off(self.events, node, begin, end, witnessed=self.facts.witnessed)


def _rows(path: Path) -> Iterator[list[Any]]:
    """JSON lines; a torn last line (the writer was killed) is left out."""
    if not path.exists():
        return
    with path.open() as file:
        for line in file:
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue


def read_samples(path: Path) -> list[Sample]:
    """Every attempt that one probe wrote down, in the order of its schedule."""
    found = [Sample(int(row[0]), float(row[1]), float(row[2]), float(row[3]), Outcome(row[4]), str(row[5]))
             for row in _rows(path)]
    return sorted(found, key=lambda sample: sample.slot)
