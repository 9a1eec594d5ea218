"""The labs of this host at a glance, half-built ones too."""

from __future__ import annotations

from dataclasses import dataclass

from lab.errors import RefusedError
from lab.lab import names, read_plan
from lab.state import recorded
from lab.state.home import LabPaths


@dataclass(frozen=True)
class LabSummary:
    """One lab.  ``phase`` as recorded (:class:`lab.state.Phase`): what it was last told to be; ``unreadable`` for a
    lab whose plan cannot be read, which ``lab.down`` removes."""

    name: str
    style: str
    nodes: int
    driver: str
    phase: str


def summaries() -> list[LabSummary]:
    """Every lab, by name; from recorded state only, without asking the nodes."""
    return [_summary(name) for name in names()]


def _summary(name: str) -> LabSummary:
    try:
        paths = LabPaths.of(name)
        plan = read_plan(paths)
    except (FileNotFoundError, RefusedError):
        return LabSummary(name, "", 0, "", "unreadable")
    return LabSummary(name, plan.style, len(plan.nodes), plan.driver, str(recorded(paths).phase))
