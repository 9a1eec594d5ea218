"""The labs of this host at a glance, half-built ones too."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from lab.home import LabPaths
from lab.lab import names
from lab.plan import Plan


@dataclass(frozen=True)
class LabSummary:
    """One lab.  ``whole`` is False when its plan was never recorded or cannot be read: take it down."""

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
        plan = Plan.model_validate_json(LabPaths.of(name).plan.read_text())
    except (FileNotFoundError, ValidationError):
        return LabSummary(name, "", 0, "", whole=False)
    return LabSummary(name, plan.style, len(plan.nodes), plan.driver, whole=True)
