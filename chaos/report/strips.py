"""The latency of each service as SVG paths over the timeline's clock."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf, log10

from chaos.model import Outcome
from chaos.recording import Recording
from chaos.report.scale import Axis

HEIGHT = 30.0
_LOG_LOW, _LOG_HIGH = -3.0, 0.5  # latency axis: 1 ms .. 3 s


@dataclass(frozen=True)
class Strip:
    """Latency of one service: two SVG paths on a logarithmic scale, median and worst of each column."""

    name: str
    y: float
    median: str
    worst: str
    summary: str


def strips(run: Recording, axis: Axis, zero: float) -> tuple[Strip, ...]:
    """One for each client that had a success."""
    found: list[Strip] = []
    for probe in run.clients:
        good = sorted((sample.intended - zero, sample.ended - sample.intended)
                      for sample in run.samples.get(probe, ()) if sample.outcome is Outcome.OK)
        if not good:
            continue
        y = 4 + (HEIGHT + 8) * len(found)
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
        worst.append(f"M{x} {y + HEIGHT:.0f}V{_log_y(values[-1], y)}")
    return " ".join(median), " ".join(worst)


def _log_y(latency: float, y: float) -> float:
    exponent = min(max(log10(max(latency, 1e-6)), _LOG_LOW), _LOG_HIGH)
    return round(y + HEIGHT * (1 - (exponent - _LOG_LOW) / (_LOG_HIGH - _LOG_LOW)), 1)
