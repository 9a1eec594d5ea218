"""The timeline as geometry: services, VIP holders and node power over one clock."""

from __future__ import annotations

from dataclasses import dataclass

from chaos.clusterlog import ClusterEvent, cluster_events
from chaos.facts import Injection
from chaos.fencelog import fence_requests, power_after
from chaos.measure import INTERRUPTED, Phase, windows
from chaos.recording import Recording
from chaos.report.marks import LANE, Mark, broken, leaves, marks
from chaos.report.scale import Axis
from chaos.report.strips import HEIGHT, Strip, strips
from chaos.windows import Span

LEFT, RIGHT = 118.0, 1066.0
ROW, BAR = 26.0, 15.0
_BEFORE, _AFTER = 3.0, 2.0  # seconds shown around what matters
_HEAD = 16.0  # room around the lines of labels, and for an outage's length above the first row


@dataclass(frozen=True)
class Box:
    """A rectangle on a row; ``kind`` is its CSS class, ``label`` is written into it if it fits."""

    x: float
    width: float
    kind: str
    label: str = ""
    title: str = ""

    @property
    def middle(self) -> float:
        return self.x + self.width / 2

    @property
    def fits(self) -> bool:
        return self.width >= 7 * len(self.label) + 6

    @property
    def label_left(self) -> bool:
        """Whether a label beside the box has to be on its left to stay in the picture."""
        return leaves(self.x + self.width, self.label)


@dataclass(frozen=True)
class Row:
    """One line of the timeline."""

    name: str
    y: float
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Timeline:
    axis: Axis
    rows: tuple[Row, ...]
    top: float
    height: float
    shades: tuple[Box, ...]  # one for each fault, until it was healed
    marks: tuple[Mark, ...]
    strips: tuple[Strip, ...]
    strips_height: float


def timeline(run: Recording, phases: tuple[Phase, ...]) -> Timeline:
    """Lay the run out; without a time of injection the clock starts with the first sample."""
    zero = _zero(run)
    axis = _axis(run, zero)
    rows: list[Row] = []
    lines = marks(run, phases, axis, zero)
    top = _HEAD + LANE * max(3, 1 + max((mark.lane for mark in lines), default=0))
    for name, boxes in _all_rows(run, axis, zero):
        rows.append(Row(name, top + ROW * len(rows), boxes))
    drawn = strips(run, axis, zero)
    return Timeline(axis, tuple(rows), top, top + ROW * len(rows) + 22, _shades(run, axis, zero),
                    lines, drawn, (HEIGHT + 8) * len(drawn) + 24)


def _zero(run: Recording) -> float:
    if run.facts.inject_begin is not None:
        return run.facts.inject_begin
    return min((samples[0].intended for samples in run.samples.values() if samples), default=0.0)


def _axis(run: Recording, zero: float) -> Axis:
    facts = run.facts
    marks = [at for at in (facts.heal_end, facts.converged_at) if at is not None]
    marks += [window.span.end for window in windows(run).values()]
    first = min((samples[0].intended for samples in run.samples.values() if samples), default=zero)
    last = max((samples[-1].intended for samples in run.samples.values() if samples), default=zero + 1)
    high = min(last, max(marks, default=last) + _AFTER)
    return Axis(max(first, zero - _BEFORE) - zero, max(high - zero, 1.0), LEFT, RIGHT)


def _span(axis: Axis, begin: float, end: float, kind: str, label: str = "", title: str = "") -> Box:
    left, right = axis.x(begin), axis.x(end)
    return Box(left, round(max(right - left, 1.2), 2), kind, label, title)


def _all_rows(run: Recording, axis: Axis, zero: float) -> list[tuple[str, tuple[Box, ...]]]:
    rows = [(probe, _service(run, probe, axis, zero))
            for probe in run.clients if run.samples.get(probe)]
    for name, address in run.facts.vips.items():
        rows.append((f"VIP {name}", _holders(run, address, axis, zero)))
    said = cluster_events(run)
    moved = {event.node for event in run.events if event.kind.startswith("power.")} | set(run.facts.target)
    moved |= {event.node for event in said}
    rows += [(node, _power(run, node, axis, zero) + _ticks(said, node, axis, zero))
             for node in run.facts.nodes if node in moved]
    return rows


def _service(run: Recording, probe: str, axis: Axis, zero: float) -> tuple[Box, ...]:
    samples = run.samples[probe]
    boxes = [_span(axis, samples[0].intended - zero, samples[-1].intended - zero, "up")]
    for gap in _gaps(run, probe):
        begin, end = gap.begin - zero, gap.end - zero
        if end >= axis.low and begin <= axis.high:
            label = f"{gap.seconds:.2f} s"
            boxes.append(_span(axis, begin, end, "gap", label, f"{probe}: no success for {label}"))
    return tuple(boxes)


def _gaps(run: Recording, probe: str) -> list[Span]:
    """The outages; where the judged window says more than a gap by intended time (late answers
    make it look short), the window in place of what it covers."""
    gaps = list(run.outages(probe))
    window = run.window(probe)
    if window is None or window.seconds <= INTERRUPTED * run.period(probe):
        return gaps
    return [gap for gap in gaps if gap.end <= window.begin or gap.begin >= window.end] + [window]


def _holders(run: Recording, vip: str, axis: Axis, zero: float) -> tuple[Box, ...]:
    order = {node: at for at, node in enumerate(run.facts.nodes)}
    boxes = []
    for one in run.holdings():
        if one.vip == vip and one.end - zero >= axis.low and one.begin - zero <= axis.high:
            kind = f"holder h{order.get(one.node, 9) % 4}"
            boxes.append(_span(axis, one.begin - zero, one.end - zero, kind, one.node,
                               f"{one.node} answers ARP for {vip}"))
    for one_round in run.arp:
        if one_round.vip == vip and len({run.node_of(mac) for mac, _ in one_round.replies}) > 1:
            at = one_round.sent - zero
            boxes.append(_span(axis, at, at + 0.1, "clash", "", "two nodes answer"))
    return tuple(boxes)


def _power(run: Recording, node: str, axis: Axis, zero: float) -> tuple[Box, ...]:
    boxes = []
    state, since = "on", axis.low
    for event in sorted((event for event in run.events if event.node == node), key=lambda event: event.at):
        if (now := power_after(event)) is None:
            continue
        at, new = event.at - zero, "frozen" if now == "suspended" else now
        if at > axis.low and new != state:
            boxes.append(_span(axis, since, at, f"power-{state}", state, f"{node} {state}"))
            since = at
        state = new
    boxes.append(_span(axis, since, axis.high, f"power-{state}", state, f"{node} {state}"))
    for event in fence_requests(run.events, node, axis.low + zero):  # and not that a monitor asks how it is
        if event.at - zero <= axis.high:
            boxes.append(_span(axis, event.at - zero, event.at - zero, "bmc", "",
                               f"BMC: {event.data.get('command', '')}"))
    return tuple(boxes)


def _ticks(said: tuple[ClusterEvent, ...], node: str, axis: Axis, zero: float) -> tuple[Box, ...]:
    """What the cluster did about this node; a tick has no label, the page has a table of all."""
    return tuple(_span(axis, event.at - zero, event.at - zero, f"tick {event.daemon}", "",
                       f"{event.at - zero:+.2f} {event.daemon}: {node} {event.what}")
                 for event in said if event.node == node and axis.low <= event.at - zero <= axis.high)


def _shades(run: Recording, axis: Axis, zero: float) -> tuple[Box, ...]:
    return tuple(_span(axis, one.begin - zero, _until(run, one, one.begin) - zero, "fault", broken(one),
                       f"{broken(one)}: until it was healed")
                 for one in run.facts.injections if one.begin is not None)


def _until(run: Recording, injection: Injection, begin: float) -> float:
    """When it was healed; where nobody wrote that down, when the heal or the run ended."""
    facts, nodes = run.facts, " ".join(injection.target)
    armed = next((one for one in run.events_of("fault.inject", since=begin)
                  if one.node == nodes and one.data.get("fault") == injection.fault), None)
    healed = (one.at for one in run.events_of("fault.heal") if armed and one.data.get("id") == armed.data.get("id"))
    end = facts.heal_end or facts.heal_begin or facts.ended_at or facts.inject_end or begin
    return max(begin, next(healed, end))
