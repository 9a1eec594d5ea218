"""The timeline as geometry: services, VIP holders and node power over one clock."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf, log10

from chaos.fencelog import power_after
from chaos.measure import INTERRUPTED, Phase, windows
from chaos.model import Outcome
from chaos.recording import Recording
from chaos.report.scale import Axis
from chaos.windows import Span

WIDTH, LEFT, RIGHT = 1080.0, 118.0, 1066.0
ROW, BAR = 26.0, 15.0
_BEFORE, _AFTER = 3.0, 2.0  # seconds shown around what matters
_LETTER = 6.4  # pixels of one letter of a label; a wide one, because the reader's font is not known
_LANE, _HEAD = 13.0, 10.0  # height of one line of phase labels, and the room around all of them
_STRIP = 30.0
_LABEL_OFF = 4.0  # pixels between a line and its label
_LOG_LOW, _LOG_HIGH = -3.0, 0.5  # latency axis: 1 ms .. 3 s


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
        return _leaves(self.x + self.width, self.label)


@dataclass(frozen=True)
class Row:
    """One line of the timeline."""

    name: str
    y: float
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Mark:
    """A moment worth a vertical line; ``lane`` keeps neighbouring labels apart, and ``left`` says
    that the label is on the left of the line, because the picture ends on its right."""

    x: float
    label: str
    lane: int
    left: bool = False

    @property
    def label_x(self) -> float:
        return self.x + (-_LABEL_OFF if self.left else _LABEL_OFF)

    @property
    def label_y(self) -> float:
        return 12 + _LANE * self.lane


@dataclass(frozen=True)
class Strip:
    """Latency of one service: two SVG paths on a logarithmic scale, median and worst of each column."""

    name: str
    y: float
    median: str
    worst: str
    summary: str


@dataclass(frozen=True)
class Timeline:
    axis: Axis
    rows: tuple[Row, ...]
    top: float
    height: float
    shade: Box | None
    marks: tuple[Mark, ...]
    strips: tuple[Strip, ...]
    strips_height: float


def timeline(run: Recording, phases: tuple[Phase, ...]) -> Timeline:
    """Lay the run out; without a time of injection the clock starts with the first sample."""
    zero = _zero(run)
    axis = _axis(run, zero)
    rows: list[Row] = []
    marks = _marks(phases, axis, zero)
    top = _HEAD + _LANE * max(3, 1 + max((mark.lane for mark in marks), default=0))
    for name, boxes in _all_rows(run, axis, zero):
        rows.append(Row(name, top + ROW * len(rows), boxes))
    strips = _strips(run, axis, zero)
    return Timeline(axis, tuple(rows), top, top + ROW * len(rows) + 22, _shade(run, axis, zero),
                    marks, strips, (_STRIP + 8) * len(strips) + 24)


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
    powered = {event.node for event in run.events if event.kind.startswith("power.")} | set(run.facts.target)
    rows += [(node, _power(run, node, axis, zero)) for node in run.facts.nodes if node in powered]
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
    for event in run.events_of("bmc.request", (node,)):
        if axis.low <= event.at - zero <= axis.high:
            boxes.append(_span(axis, event.at - zero, event.at - zero, "bmc", "",
                               f"BMC: {event.data.get('command', '')}"))
    return tuple(boxes)


def _shade(run: Recording, axis: Axis, zero: float) -> Box | None:
    facts = run.facts
    if facts.inject_begin is None:
        return None
    end = facts.heal_end or facts.heal_begin or facts.ended_at or facts.inject_end or facts.inject_begin
    return _span(axis, 0.0, end - zero, "fault", facts.fault)


def _marks(phases: tuple[Phase, ...], axis: Axis, zero: float) -> tuple[Mark, ...]:
    marks: list[Mark] = []
    free: list[float] = []  # the x up to which each lane is taken
    for phase in sorted((phase for phase in phases if phase.at is not None), key=lambda phase: phase.at or 0):
        x = axis.x((phase.at or 0) - zero)
        label = f"{phase.name} {(phase.at or 0) - zero:+.2f}"
        length = _LETTER * len(label) + 2 * _LABEL_OFF
        left = _leaves(x, label)
        begin = x - length if left else x
        lane = next((at for at, taken in enumerate(free) if taken <= begin), len(free))
        free[lane:lane + 1] = [begin + length]
        marks.append(Mark(x, label, lane, left))
    return tuple(marks)


def _leaves(x: float, label: str) -> bool:
    """Whether a label on the right of ``x`` would leave the picture."""
    return x + _LABEL_OFF + _LETTER * len(label) > WIDTH


def _strips(run: Recording, axis: Axis, zero: float) -> tuple[Strip, ...]:
    found: list[Strip] = []
    for probe in run.clients:
        good = sorted((sample.intended - zero, sample.ended - sample.intended)
                      for sample in run.samples.get(probe, ()) if sample.outcome is Outcome.OK)
        if not good:
            continue
        y = 4 + (_STRIP + 8) * len(found)
        latencies = sorted(latency for _, latency in good)
        summary = f"p50 {_ms(latencies, 0.5)}, p99 {_ms(latencies, 0.99)} ms"
        median, worst = _paths(good, axis, y, run.period(probe))
        found.append(Strip(probe, y, median, worst, summary))
    return tuple(found)


def _ms(latencies: list[float], share: float) -> str:
    value = 1000 * latencies[min(len(latencies) - 1, int(share * len(latencies)))]
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def _paths(good: list[tuple[float, float]], axis: Axis, y: float, period: float) -> tuple[str, str]:
    """Columns of two pixels; a lost slot breaks the line, so gaps stay gaps."""
    reach = max(1, ceil(1.5 * period * (axis.right - axis.left) / (axis.high - axis.low) / 2))
    columns: dict[int, list[float]] = {}
    for at, latency in good:
        if axis.low <= at <= axis.high:
            columns.setdefault(int(axis.x(at) / 2), []).append(latency)
    median, worst = [], []
    last = -inf
    for column in sorted(columns):
        values = sorted(columns[column])
        x = 2 * column + 1
        pen = "L" if column - last <= reach else "M"
        last = column
        median.append(f"{pen}{x} {_log_y(values[len(values) // 2], y)}")
        worst.append(f"M{x} {y + _STRIP:.0f}V{_log_y(values[-1], y)}")
    return " ".join(median), " ".join(worst)


def _log_y(latency: float, y: float) -> float:
    exponent = min(max(log10(max(latency, 1e-6)), _LOG_LOW), _LOG_HIGH)
    return round(y + _STRIP * (1 - (exponent - _LOG_LOW) / (_LOG_HIGH - _LOG_LOW)), 1)
