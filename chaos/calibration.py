"""Bounds against measurements, over all the recorded runs of a lab: what a formula is worth.

A formula that nothing comes near is too wide to notice a regression; one that is often passed by
harmless runs is too narrow.  Runs that prove nothing (INVALID, BROKEN) are left out.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.facts import Facts
from chaos.runs import RunSummary
from chaos.verdict import VERDICT_FILE
from lab.errors import HalabError


@dataclass(frozen=True)
class Setting:
    """What a formula's result depends on; measurements under the same are comparable."""

    scenario: str
    faults: str  # 'proc.kill mariadbd', more than one joined by ' + '
    service: str  # the probe
    driver: str
    profile: str
    style: str
    nodes: int


@dataclass(frozen=True)
class Calibration:
    """All in seconds.  ``low`` and ``high``: the bound of each of these runs (it moves with the roles of the node
    that was hit, which makes runs of another kind); ``None``: no formula.  ``below``, ``above``: runs outside of it.
    ``before_heal``: of those runs that say it, the longest outage that began before the heal."""

    setting: Setting
    seconds: tuple[float, ...]
    before_heal: tuple[float, ...]
    low: float | None
    high: float | None
    below: int
    above: int

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def share(self) -> float | None:
        """The worst measurement as a part of the upper bound: near 0 says that the bound is too wide."""
        return max(self.seconds) / self.high if self.high else None


@dataclass(frozen=True)
class _Measured:
    setting: Setting
    seconds: float
    before_heal: float | None
    low: float | None
    high: float | None


def calibrations(runs: Iterable[RunSummary]) -> list[Calibration]:
    """One for each setting and bound, sorted by scenario and service.  Runs that cannot be read are left out."""
    measured: dict[tuple[Setting, float | None, float | None], list[_Measured]] = {}
    for run in runs:
        if run.verdict in ("PASS", "FAIL"):
            for one in _windows(run.folder):
                measured.setdefault((one.setting, one.low, one.high), []).append(one)
    found = [Calibration(setting, tuple(sorted(one.seconds for one in runs)),
                         tuple(sorted(one.before_heal for one in runs if one.before_heal is not None)), low, high,
                         below=sum(low is not None and one.seconds < low for one in runs),
                         above=sum(high is not None and one.seconds > high for one in runs))
             for (setting, low, high), runs in measured.items()]
    return sorted(found, key=lambda one: (one.setting.scenario, one.setting.driver, one.setting.profile,
                                          one.setting.style, one.setting.nodes, one.setting.service, one.high or 0.0))


def _windows(folder: Path) -> list[_Measured]:
    try:
        facts = Facts.read(folder)
        windows: dict[str, dict[str, Any]] = json.loads((folder / VERDICT_FILE).read_text())["windows"]
        faults = " + ".join(f"{one.fault} {one.params.get('process', '')}".strip() for one in facts.injections)
        return [
            _Measured(Setting(facts.scenario, faults, service, facts.driver, facts.profile, facts.style,
                              len(facts.nodes)),
                      float(one["seconds"]), one.get("before_heal"), one["bound_low"], one["bound_high"])
            for service, one in windows.items()
        ]
    except (OSError, ValueError, KeyError, TypeError, HalabError):
        return []
