"""What the page says: everything that the template needs, computed here and typed."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from jinja2 import Environment, PackageLoader, StrictUndefined

from chaos.facts import Injection, Timers
from chaos.faults import all_faults
from chaos.lint import lint_run
from chaos.measure import Phase, Window
from chaos.model import Finding, Result
from chaos.recording import Recording
from chaos.report.marks import WIDTH
from chaos.report.moments import LEAD, moments
from chaos.report.scale import Axis
from chaos.report.timeline import LEFT, RIGHT, timeline
from chaos.verdict import Verdict

_LINES = 150  # of them on one page
# A tick of the timeline by its daemon: a shape of its own, because paper may be grey.
_SHAPES = {"tick corosync": "l4 7h-8z", "tick pacemaker": "l4 3.5l-4 3.5l-4 -3.5z",
           "tick galera": "h3.3v6.6h-6.6v-6.6z", "tick rabbitmq": "a3.5 3.5 0 1 1 -.01 0z"}
_LEGEND = {"tick corosync": "left or joined the membership", "tick pacemaker": "quorum lost or acquired",
           "tick galera": "state of its database", "tick rabbitmq": "its broker down or up"}


@dataclass(frozen=True)
class Measure:
    """One service in the chart of bounds; every x is a pixel, None where there is no value."""

    window: Window
    y: float
    x: float
    low: float | None
    high: float | None
    sla: float | None
    error: tuple[float, float]  # where the measurement may end: one period of the schedule either way


@dataclass(frozen=True)
class Said:
    """A line of a node's log; ``since`` the fault, ``times`` how often it came in a row."""

    since: float
    node: str
    source: str
    text: str
    times: int = 1


@dataclass(frozen=True)
class Step:
    """One line of the phase table; ``since`` is the distance to the phase before."""

    name: str
    at: float | None
    since: float | None
    note: str
    bar_left: float = 0.0
    bar_width: float = 0.0


def render(run: Recording, verdict: Verdict) -> str:
    """The whole page as text."""
    environment = Environment(loader=PackageLoader("chaos.report", "."), autoescape=True,
                              undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    facts = run.facts
    measures, measure_axis = _measures(verdict)
    return environment.get_template("report.html.j2").render(
        facts=facts, verdict=verdict, line=headline(verdict), when=_when(run),
        faults=tuple((_fault(one), _target(one)) for one in facts.injections),
        timeline=timeline(run, verdict.phases),
        shapes=_SHAPES, legend=_LEGEND, width=WIDTH, left=LEFT, right=RIGHT,
        measures=measures, measure_axis=measure_axis, measures_height=30 * len(measures) + 24,
        steps=_steps(verdict), moments=moments(run), said=_said(run), timers=shown_timers(facts.timers),
        remarks=lint_run(facts), findings=verdict.findings,
        operations={name: len(samples) for name, samples in run.samples.items()})


def headline(verdict: Verdict) -> str:
    """One sentence that a person takes away."""
    worst = max(verdict.windows.values(), key=lambda window: window.seconds, default=None)
    failed = [finding for finding in verdict.findings if not finding.ok]
    if verdict.result is Result.BROKEN:
        return f"The tool failed: {verdict.error}"
    if verdict.result is Result.INVALID:
        return "This run proves nothing: " + _broken(failed, "validity")
    if verdict.result is Result.FAIL:
        kind = "safety" if any(finding.kind == "safety" for finding in failed) else "liveness"
        word = "As this scenario expects, the cluster breaks" if verdict.kept else "The cluster broke"
        return f"{word} its word: " + _broken(failed, kind)
    if not verdict.kept:
        return f"Every check holds, but {', '.join(verdict.expect_checks)} had to find a violation."
    if worst is None:
        return "Every check holds."
    return f"Every check holds; the longest outage was {worst.seconds:.2f} s ({worst.service})."


def _broken(findings: list[Finding], kind: str) -> str:
    titles = [f"{one.id} ({one.title})" for one in findings if one.kind == kind]
    return f"{', '.join(titles)} {'does' if len(titles) == 1 else 'do'} not hold."


def _when(run: Recording) -> str:
    begin = run.facts.started_at or run.facts.inject_begin
    return datetime.fromtimestamp(begin, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if begin else "unknown time"


def _fault(injection: Injection) -> str:
    """The fault with the parameters that a scenario gave it."""
    fault = all_faults().get(injection.fault)  # None: a recording by a version that knew more
    given = [str(value) for name, value in injection.params.items() if fault and name in fault.parameters]
    return " ".join([injection.fault, *given])


def _target(injection: Injection) -> str:
    nodes = ", ".join(injection.target) or "no node"
    selector = injection.selector
    return f"{selector} = {nodes}" if selector and selector != nodes else nodes


def _measures(verdict: Verdict) -> tuple[tuple[Measure, ...], Axis]:
    windows = verdict.windows.values()
    values = [value for window in windows
              for value in (window.seconds, window.bound_high, window.sla) if value is not None]
    axis = Axis(0.0, 1.08 * max([1.0, *values]), LEFT, RIGHT)

    def x(value: float | None) -> float | None:
        return None if value is None else axis.x(value)

    return tuple(Measure(window, 6 + 30 * at, axis.x(window.seconds), x(window.bound_low),
                         x(window.bound_high), x(window.sla),
                         (axis.x(window.seconds - window.period), axis.x(window.seconds + window.period)))
                 for at, window in enumerate(windows)), axis


def _said(run: Recording) -> tuple[Said, ...]:
    """From just before the fault to full redundancy; the same words by one daemon in a row are one line."""
    begin = run.facts.inject_begin
    if begin is None:
        return ()
    end = run.facts.converged_at or run.facts.ended_at or float("inf")
    found: list[Said] = []
    for line in run.log:
        if not begin - LEAD <= line.at <= end:
            continue
        last = found[-1] if found else None
        if last and (last.node, last.source, _same(last.text)) == (line.node, line.source, _same(line.text)):
            found[-1] = replace(last, times=last.times + 1)
        else:
            found.append(Said(line.at - begin, line.node, line.source, line.text))
    return tuple(found[:_LINES])


def _same(text: str) -> str:
    return re.sub(r"\d+", "0", text)


def _steps(verdict: Verdict) -> tuple[Step, ...]:
    begin = verdict.inject_begin
    known = [phase.at for phase in verdict.phases if phase.at is not None]
    if begin is None or not known:
        return tuple(Step(phase.name, None, None, phase.note) for phase in verdict.phases)
    total = max(max(known) - begin, 0.001)
    before, steps = begin, []
    for phase in _in_time(verdict.phases):
        if phase.at is None:
            steps.append(Step(phase.name, None, None, phase.note))
            continue
        since = phase.at - before
        steps.append(Step(phase.name, phase.at - begin, since, phase.note,
                          round(100 * max(0.0, before - begin) / total, 2),
                          round(100 * max(0.0, since) / total, 2)))
        before = max(before, phase.at)
    return tuple(steps)


def _in_time(phases: tuple[Phase, ...]) -> list[Phase]:
    """By time; a phase without one stays behind the phase that it follows in principle."""
    ordered: list[tuple[float, int, Phase]] = []
    last = 0.0
    for at, phase in enumerate(phases):
        last = phase.at if phase.at is not None else last
        ordered.append((last, at, phase))
    return [phase for _, _, phase in sorted(ordered, key=lambda one: one[:2])]


# What it means that there is none; of any other timer: that it could not be read.
_NOTHING = {"haproxy_restart": "never (Pacemaker alone)", "qdevice_timeout": "no quorum device",
            "qdevice_sync_timeout": "no quorum device"}
_NO_SECONDS = ("haproxy_fall", "haproxy_rise", "flush_at_commit", "slowness")


def shown_timers(timers: Timers) -> dict[str, str]:
    """The live timers with their units; those that could not be read say so."""
    shown = {}
    for name, value in asdict(timers).items():
        if value is None:
            shown[name] = _NOTHING.get(name, "not read")
        elif isinstance(value, bool):
            shown[name] = "yes" if value else "no"
        else:
            shown[name] = f"{value:g}" + ("" if name in _NO_SECONDS else " s")
    return shown
