"""How well the engine measures, and what its clients cost: known outages by a stopwatch, and silence for all targets.

An outage here is made by the kernel between two readings of the host's clock, so its true length is known.  The
lab is not hurt: only what the clients say and hear is dropped, on the control network.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chaos import nft
from chaos.faults.netbase import others, table_name, wires
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
_READY = 0.3  # s for nft to start and read its rules, before the moment comes
_COST_SECONDS = 20.0
_TICKS = os.sysconf("SC_CLK_TCK")
# Healing this fault removes its table, whatever that drops: a benchmark that is killed leaves nothing either.
_FAULT = "net.port_block"


@dataclass(frozen=True)
class Outage:
    """One known outage.  ``true`` is known to +/- ``doubt``; ``measured`` is what a report calls the downtime,
    ``window`` the longest stretch between two successes, which is one period longer.  All in seconds."""

    true: float
    doubt: float
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
    marks: dict[float, list[tuple[Span, Span]]] = {seconds: [] for seconds in OUTAGES}
    with ProbeFleet(folder) as fleet, _table(lab) as table:
        fleet.start(lab, [probe], PERIOD, client=_client())
        interrupt.wait(_BETWEEN)
        for seconds in OUTAGES:
            with lab.events.step(f"{count} outages of {seconds:g} s"):
                for _ in range(count):
                    marks[seconds].append(_one_outage(lab, table, seconds))
                    interrupt.wait(_BETWEEN)
    samples = read_samples(samples_file(folder, probe))
    return {seconds: tuple(judge(samples, *each) for each in found) for seconds, found in marks.items()}


def judge(samples: Sequence[Sample], cut: Span, free: Span) -> Outage:
    """What the clients say of an outage that began within ``cut`` and ended within ``free``."""
    near = [one for one in samples if cut.begin - _BETWEEN / 2 < one.intended < free.end + _BETWEEN / 2]
    true = (free.begin + free.end - cut.begin - cut.end) / 2
    gap = longest_gap(near, cut.begin, free.end + _BETWEEN)
    stall = longest_stall(near, cut.begin, free.end + _BETWEEN)
    return Outage(true, (cut.seconds + free.seconds) / 2, downtime(outages(near, PERIOD), PERIOD),
                  max(span.seconds for span in (gap, stall) if span))


def _one_outage(lab: Lab, table: str, seconds: float) -> tuple[Span, Span]:
    rules = nft.ruleset(table, _silence(lab))
    began = time.monotonic() + _READY
    cut = _at(lab, began, rules)
    # From the middle of the one to the middle of the other.
    return cut, _at(lab, began + cut.seconds / 2 + seconds, nft.removal(table))


def _at(lab: Lab, moment: float, rules: str) -> Span:
    """Have nft act at ``moment`` (monotonic); between which two times (epoch) it did.

    It runs and has read everything before; it acts when its input ends.
    """
    interrupt.wait(moment - _READY - time.monotonic())
    argv = lab.namespace.command(["nft", "-f", "-"])
    with subprocess.Popen(argv, stdin=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        process.stdin.write(rules)
        process.stdin.flush()
        time.sleep(max(0.0, moment - time.monotonic()))
        before = time.time()
        process.stdin.close()
        process.wait(10)
        return Span(before, time.time())


def _costs(lab: Lab, folder: Path) -> tuple[Cost, ...]:
    folder.mkdir()
    names = probes_for(lab.plan, FIVE)
    with ProbeFleet(folder) as fleet, _table(lab) as table:
        fleet.start(lab, names, PERIOD, client=_client())
        spans: dict[bool, tuple[Span, dict[str, float]]] = {}
        for hung in (False, True):
            if hung:
                nft.load(lab, table, _silence(lab))
            with lab.events.step(f"{len(names)} probes, their targets {'hang' if hung else 'answer'}"):
                interrupt.wait(_BETWEEN)
                before, begun = _used(fleet.pids), time.time()
                interrupt.wait(_COST_SECONDS)
                after, ended = _used(fleet.pids), time.time()
            spans[hung] = Span(begun, ended), {name: after[name] - before[name] for name in names}
        nft.remove(lab, table)
        interrupt.wait(_BETWEEN)
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


def _silence(lab: Lab) -> list[nft.Rule]:
    """What clients say to nodes and what they hear of them; between the nodes all goes on."""
    cables, ports = wires(lab, others(lab, ()), ["control"]), "ip protocol tcp"  # who is where stays known: no ARP
    return [rule for rule in (*nft.arriving(cables, ports), *nft.leaving(cables, ports)) if rule.hook != "forward"]


@contextmanager
def _table(lab: Lab) -> Iterator[str]:
    """The name of a table that is gone at the end, and that ``chaos.heal`` removes if this process dies."""
    journal = Journal(lab.paths.journal)
    entry: Entry = journal.arm(_FAULT, Target((lab.plan.nodes[0].name,), {"port": 3306}, "chaos.bench"))
    name = table_name(entry.target)
    try:
        yield name
    finally:
        nft.remove(lab, name)
        journal.mark_healed(entry)


def _client() -> str:
    return f"b{secrets.token_hex(6)}"


