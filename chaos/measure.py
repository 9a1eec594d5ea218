"""The numbers of a run: one outage window per service with its bound and promise, and the phases."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import inf

from chaos.bounds import bounds
from chaos.facts import Injection
from chaos.faults import all_faults
from chaos.model import Outcome, Target
from chaos.recording import Holding, Recording
from chaos.sla import limit
from chaos.windows import Span, downtime

_NEVER_BACK = 2.5  # seconds: longer than attempts in flight can explain when the schedule stops
INTERRUPTED = 10  # periods: a shorter window is a hiccup of client or host, no interruption


@dataclass(frozen=True)
class Window:
    """The outage of one service.  ``seconds`` is the longer one of ``by_intended`` and
    ``by_completion``; every one of them is known to +/- ``period``.  ``before_heal`` is the longest
    one that began before the heal: what the fault cost, without what its end did."""

    service: str
    seconds: float
    span: Span
    by_intended: float
    by_completion: float
    downtime: float
    outages: int
    operations: int
    period: float
    bound_low: float | None
    bound_high: float | None
    bound_why: str
    sla: float | None
    missing: str = ""  # what a promise lacks to be a limit
    before_heal: float | None = None  # seconds; None where nothing was healed

    @property
    def never_back(self) -> bool:
        """No success came after it although the probe went on asking."""
        return self.span.open_end and self.seconds > _NEVER_BACK

    @property
    def at_heal(self) -> bool:
        """Whether the heal, not the fault, cost most, and that was an interruption."""
        return (self.before_heal is not None and self.before_heal < self.seconds
                and self.seconds > INTERRUPTED * self.period)

    @property
    def kept(self) -> bool:
        """Whether the promise held; without one only a service that never came back breaks it."""
        if self.never_back:
            return False
        return self.sla is None or self.seconds <= self.sla + self.period


def windows(run: Recording) -> dict[str, Window]:
    """By service, in the order in which the probes were named; services without samples are left out."""
    expected = bounds(run.facts)
    found = {}
    for probe in run.clients:
        gap, stall, worst = run.gap(probe), run.stall(probe), run.window(probe)
        if gap is None or stall is None or worst is None:
            continue
        bound, lacks = expected.known.get(probe), expected.missing.get(probe, "")
        promise = limit(run.facts.sla, probe, bound.high if bound else None, lacks)
        begin = run.facts.inject_begin or 0.0
        away = tuple(span for span in run.outages(probe) if span.end > begin)
        found[probe] = Window(
            probe, worst.seconds, worst, gap.seconds, stall.seconds,
            downtime(away, run.period(probe)), len(away),
            sum(sample.outcome is Outcome.OK for sample in run.measured(probe)), run.period(probe),
            bound.low if bound else None, bound.high if bound else None, bound.why if bound else lacks,
            promise.seconds, promise.missing, _before_heal(run, probe))
    return found


def _before_heal(run: Recording, probe: str) -> float | None:
    span = None if run.facts.heal_begin is None else run.window(probe, run.facts.heal_begin)
    return span.seconds if span else None


@dataclass(frozen=True)
class Phase:
    """One step of the recovery; ``at`` is epoch seconds, or None with the reason in ``note``.

    ``due`` is False when the recording itself shows that this run has no such step.
    """

    name: str
    at: float | None
    note: str = ""
    due: bool = True


PHASES = ("detected", "fence requested", "fenced", "VIP up", "first success", "redundant")


def takeovers(run: Recording) -> tuple[tuple[Holding, Holding], ...]:
    """(before, after) for each VIP that left a target node after the fault, as ARP showed it."""
    begin = run.facts.inject_begin
    found = []
    by_vip: dict[str, list[Holding]] = {}
    for one in run.holdings():
        by_vip.setdefault(one.vip, []).append(one)
    for held in by_vip.values():
        for before, after in pairwise(held):
            if begin is not None and after.begin >= begin and before.node in run.facts.target:
                found.append((before, after))
                break
    return tuple(found)


def may_be_fenced(run: Recording, injection: Injection) -> tuple[str, ...]:
    """Whom the cluster may fence for this fault; its target where the fault is not known here.

    An old recording does not say who was in the target's cluster: all nodes of the lab are taken for it.
    """
    fault = all_faults().get(injection.fault)
    if fault is None:
        return injection.target
    return fault.may_be_fenced(Target(injection.target, injection.params), injection.members or run.facts.nodes)


def relapses(injection: Injection) -> bool:
    """Whether it may cost the same node its power more than once while it lasts; of an unknown fault nobody knows."""
    fault = all_faults().get(injection.fault)
    return fault is None or fault.relapses(Target(injection.target, injection.params))


def divides(injection: Injection) -> bool:
    """Whether it leaves a node's daemons several majorities to be in."""
    fault = all_faults().get(injection.fault)
    return fault is not None and fault.divides(Target(injection.target, injection.params))


def may_leave(run: Recording, injection: Injection) -> tuple[str, ...]:
    """Whom the cluster may drop from its membership for this fault; otherwise as :func:`may_be_fenced`."""
    fault = all_faults().get(injection.fault)
    if fault is None:
        return injection.target
    return fault.may_leave(Target(injection.target, injection.params), injection.members or run.facts.nodes)


def phases(run: Recording) -> tuple[Phase, ...]:
    """The recovery, step by step; a step without a time carries the recording's or the runner's words."""
    facts = run.facts
    found = {
        "detected": (facts.detected_at, "" if facts.wants_fencing else _NOBODY_LOST),
        "fence requested": _fence_requested(run),
        "fenced": _fenced(run),
        "VIP up": _vip_up(run),
        "first success": _first_success(run),
        "redundant": (facts.converged_at, ""),
    }
    return tuple(Phase(name, at) if at is not None else
                 Phase(name, None, note or facts.phase_notes.get(name, ""), due=not note)
                 for name, (at, note) in found.items())


_Time = tuple[float | None, str]  # a time, or why there can be none; both missing: nobody knows
_NOBODY_LOST = "the fault takes no node away"


def _to_be_off(run: Recording) -> tuple[str, ...]:
    """Those whom the faults mean to be fenced; if there are none, those whom the cluster fenced all the same."""
    return run.facts.fenced_targets or tuple(node for node in run.facts.nodes if run.fence_request(node))


def _fence_requested(run: Recording) -> _Time:
    nodes = _to_be_off(run)
    if not nodes:
        return None, _NOBODY_LOST
    requests = [run.fence_request(node) for node in nodes]
    return max((one.at for one in requests if one), default=None) if all(requests) else None, ""


def _fenced(run: Recording) -> _Time:
    """When the last of them was surely off: at the request if its power was gone already."""
    nodes = _to_be_off(run)
    if not nodes:
        return None, _NOBODY_LOST
    times = []
    for node in nodes:
        request = run.fence_request(node)
        off = run.was_off(node, request.at, inf) if request else None
        if request is None or off is None:
            return None, ""
        times.append(max(request.at, off.at))
    return max(times, default=None), ""


def _vip_up(run: Recording) -> _Time:
    moves = takeovers(run)
    return (min(after.begin for _, after in moves), "") if moves else (None, "no VIP left the target")


def fault_window(run: Recording, probe: str) -> Span | None:
    """The longest window of a service that the fault can have caused; None without samples or fault.

    An outage is the fault's if it had begun when the VIP was up elsewhere or, without a move,
    when the bound said that all is over.  What begins later has a cause of its own.
    """
    if run.facts.inject_begin is None:
        return None
    return run.window(probe, _aftermath(run, run.facts.inject_begin))


def _first_success(run: Recording) -> _Time:
    """When the last of the services that the fault interrupted answered again."""
    if run.facts.inject_begin is None:
        return None, "nothing was broken"
    ends = []
    for probe in run.clients:
        span = fault_window(run, probe)
        if span is None or span.seconds <= INTERRUPTED * run.period(probe):
            continue
        if span.open_end and span.seconds > _NEVER_BACK:
            return None, ""
        ends.append(span.end)
    return (max(ends), "") if ends else (None, "no service was interrupted")


def _aftermath(run: Recording, begin: float) -> float:
    """Until when an outage that begins is still the fault's doing: VIP up, or detection + bound."""
    up, _ = _vip_up(run)
    if up is not None:
        return up
    return (run.facts.detected_at or begin) + (bounds(run.facts).highest or 0.0)
