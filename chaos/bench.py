"""How well the engine measures, and what its clients cost: known outages by a stopwatch, and silence for all targets.

The stopwatch is the kernel's: an address is in a set of nft's with a timeout, and packets look whether it is over.
So an outage is as long as it says, to a tick of the kernel's clock, however late anybody else is.  The lab is not
hurt: only what the clients say and hear over TCP is dropped; between the nodes all goes on.
"""

from __future__ import annotations

import os
import secrets
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chaos import nft
from chaos.faults.netbase import table_name
from chaos.journal import Entry, Journal
from chaos.model import Sample, Target
from chaos.preflight import probes_for
from chaos.probes.fleet import ProbeFleet, samples_file
from chaos.recording import read_samples
from chaos.windows import Span, downtime, longest_gap, longest_stall, outages
from lab import interrupt
from lab.lab import Lab
from lab.ops.fit import refuse_unhealed, refuse_unhealthy
from lab.ops.hold import held
from lab.state.events import Listener

OUTAGES = (0.5, 1.0, 3.0, 10.0)  # s
FIVE = ("vip_tcp", "sql_read", "sql_write", "mq_publish", "cache")
PERIOD = 0.02  # s
ON_TIME = 0.010  # s; a slot that began later than this after its time was not held
_BETWEEN = 1.5  # s before and after an outage: its last attempts end within one
_SET = "silent"
_COST_SECONDS = 20.0
_TICKS = os.sysconf("SC_CLK_TCK")
# Healing this fault removes its table, whatever that drops: a benchmark that is killed leaves nothing either.
_FAULT = "net.port_block"


@dataclass(frozen=True)
class Outage:
    """One known outage.  ``true`` is how long it was, ``measured`` what a report calls the downtime, ``window`` the
    longest stretch between two successes, which is one period longer.  All in seconds."""

    true: float
    measured: float
    window: float

    @property
    def error(self) -> float:
        return self.measured - self.true


@dataclass(frozen=True)
class Cost:
    """What one probe cost while its target answered or hung: ``core`` is the share of one processor core,
    ``on_time`` the share of slots that began within ``ON_TIME``, ``worst`` the latest one in seconds."""

    probe: str
    hung: bool
    core: float
    slots: int
    on_time: float
    worst: float


@dataclass(frozen=True)
class Precision:
    """``outages`` maps the wanted length in seconds to each of its outages."""

    outages: dict[float, tuple[Outage, ...]]
    costs: tuple[Cost, ...]


def bench(name: str, count: int, listener: Listener | None = None) -> Precision:
    """Measure ``count`` outages of each length, then what the probes cost, on the healthy lab ``name``.

    RefusedError, before anything is touched, for a lab that is not healthy or not healed.
    """
    with held(name, "chaos.bench", listener) as lab, tempfile.TemporaryDirectory(prefix="halab-bench-") as folder:
        refuse_unhealed(lab)
        refuse_unhealthy(lab, "so its clients' own outages would be measured")
        return Precision(_outages(lab, Path(folder) / "outages", count), _costs(lab, Path(folder) / "costs"))


def _outages(lab: Lab, folder: Path, count: int) -> dict[float, tuple[Outage, ...]]:
    probe = FIVE[0]
    folder.mkdir()
    begun: dict[float, list[Span]] = {seconds: [] for seconds in OUTAGES}
    with ProbeFleet(folder) as fleet, _table(lab) as table:
        fleet.start(lab, [probe], PERIOD, client=_client())
        interrupt.wait(_BETWEEN)
        for seconds in OUTAGES:
            with lab.events.step(f"{count} outages of {seconds:g} s"):
                for _ in range(count):
                    begun[seconds].append(_silence(lab, table, seconds))
                    interrupt.wait(seconds + _BETWEEN)
    samples = read_samples(samples_file(folder, probe))
    return {seconds: tuple(judge(samples, one, seconds) for one in spans) for seconds, spans in begun.items()}


def judge(samples: Sequence[Sample], begun: Span, seconds: float) -> Outage:
    """What the clients say of an outage of ``seconds`` that began within ``begun``."""
    begin, end = begun.begin - _BETWEEN / 2, begun.end + seconds + _BETWEEN / 2
    near = [one for one in samples if begin < one.intended < end]
    longest = [look(near, begun.begin, end) for look in (longest_gap, longest_stall)]
    return Outage(seconds, downtime(outages(near, PERIOD), PERIOD), max(span.seconds for span in longest if span))


def _costs(lab: Lab, folder: Path) -> tuple[Cost, ...]:
    folder.mkdir()
    names = probes_for(lab.plan, FIVE)
    spans: dict[bool, tuple[Span, dict[str, float]]] = {}
    with ProbeFleet(folder) as fleet, _table(lab) as table:
        fleet.start(lab, names, PERIOD, client=_client())
        for hung in (False, True):
            if hung:
                _silence(lab, table, _COST_SECONDS + 2 * _BETWEEN)
            with lab.events.step(f"{len(names)} probes, their targets {'hang' if hung else 'answer'}"):
                interrupt.wait(_BETWEEN)
                before, begun = _used(fleet.pids), time.time()
                interrupt.wait(_COST_SECONDS)
                after, ended = _used(fleet.pids), time.time()
            spans[hung] = Span(begun, ended), {name: after[name] - before[name] for name in names}
        interrupt.wait(2 * _BETWEEN)
    samples = {name: read_samples(samples_file(folder, name)) for name in names}
    return tuple(_cost(name, hung, span, used[name], samples[name])
                 for hung, (span, used) in spans.items() for name in names)


def _cost(probe: str, hung: bool, span: Span, used: float, samples: Iterable[Sample]) -> Cost:
    late = [one.started - one.intended for one in samples if span.begin <= one.intended < span.end]
    # A slot that was not even written down was not held either.
    slots = max(len(late), round(span.seconds / PERIOD) - 1)
    held_slots = sum(one <= ON_TIME for one in late)
    return Cost(probe, hung, used / span.seconds, slots, held_slots / slots, max(late, default=span.seconds))


def _used(pids: dict[str, int]) -> dict[str, float]:
    """Processor seconds of each process, all its threads (proc(5): utime and stime)."""
    def of(pid: int) -> float:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    return {name: of(pid) for name, pid in pids.items()}


def _silence(lab: Lab, table: str, seconds: float) -> Span:
    """Let all that clients talk to be silent for so long; between which two moments (epoch) it began."""
    addresses = [*(vip.address for vip in lab.plan.vips), *(node.control for node in lab.plan.nodes)]
    before = time.time()
    nft.expire(lab, table, _SET, map(str, addresses), seconds)
    return Span(before, time.time())


@contextmanager
def _table(lab: Lab) -> Iterator[str]:
    """The name of a table that silences nobody yet; ``chaos.heal`` removes it if this process dies."""
    journal = Journal(lab.paths.journal)
    entry: Entry = journal.arm(_FAULT, Target((lab.plan.nodes[0].name,), {"port": 3306}, "chaos.bench"))
    name = table_name(entry.target)
    rules = [nft.Rule("output", f"ip daddr @{_SET} ip protocol tcp"),
             nft.Rule("input", f"ip saddr @{_SET} ip protocol tcp")]
    try:
        nft.load(lab, name, rules, f"  set {_SET} {{ type ipv4_addr; flags timeout; }}\n")
        yield name
    finally:
        nft.remove(lab, name)
        journal.mark_healed(entry)


def _client() -> str:
    return f"b{secrets.token_hex(6)}"


