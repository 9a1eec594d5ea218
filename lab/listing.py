"""The labs of this host at a glance, half-built ones too."""

from __future__ import annotations

from dataclasses import dataclass

from lab.errors import RefusedError
from lab.lab import names, read_plan
from lab.state import recorded
from lab.state.home import LabPaths


@dataclass(frozen=True)
class LabSummary:
    """One lab.  ``whole`` is False until its gates were green once: finish it or take it down."""

    name: str
    style: str
    nodes: int
    driver: str
    whole: bool


def summaries() -> list[LabSummary]:
    """Every lab, by name; from recorded state only, without asking the nodes."""
    return [_summary(name) for name in names()]


def _summary(name: str) -> LabSummary:
    try:
        paths = LabPaths.of(name)
        plan = read_plan(paths)
    except (FileNotFoundError, RefusedError):
        return LabSummary(name, "", 0, "", whole=False)
    whole = recorded(paths).complete
    return LabSummary(name, plan.style, len(plan.nodes), plan.driver, whole)
