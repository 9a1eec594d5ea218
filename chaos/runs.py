"""The runs that a lab has behind it, found in its folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from chaos.verdict import VERDICT_FILE
from lab.choices import unknown_choice
from lab.errors import NotFoundError
from lab.state.home import LabPaths


@dataclass(frozen=True)
class RunSummary:
    """One run; ``verdict`` is '' when it was cut off before it was judged.  ``report`` may not exist."""

    name: str
    scenario: str
    verdict: str
    folder: Path
    report: Path | None


def list_runs(lab: str) -> list[RunSummary]:
    """A lab's runs, newest first (their names begin with the time)."""
    folder = LabPaths.of(lab).runs
    if not folder.is_dir():
        return []
    return [_summary(path) for path in sorted(folder.iterdir(), reverse=True) if path.is_dir()]


def find_run(lab: str, run: str) -> RunSummary:
    """One run by its folder's name, or by ``last``; RefusedError lists the runs there are."""
    runs = list_runs(lab)
    if run == "last" and runs:
        return runs[0]
    for one in runs:
        if one.name == run:
            return one
    raise unknown_choice("run", run, ["last", *(one.name for one in runs)], where=f"lab '{lab}'")


def report_path(lab: str, run: str | None = None) -> Path:
    """The page of one run (None: the newest that has one); NotFoundError if there is none."""
    runs = list_runs(lab)
    if run is not None:
        runs = [find_run(lab, run)]
    for one in runs:
        if one.report is not None:
            return one.report
    raise NotFoundError(
        "there is no report yet",
        where=f"lab '{lab}'",
        remedy=f"./inv chaos.run vip-holder-poweroff --name={lab}",
    )


def _summary(folder: Path) -> RunSummary:
    try:
        verdict = json.loads((folder / VERDICT_FILE).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        verdict = {}
    page = next(iter(sorted(folder.glob("*.html"))), None)
    # '<UTC time>-<scenario>', see chaos.runfolder
    scenario = verdict.get("scenario") or folder.name.partition("-")[2]
    return RunSummary(folder.name, scenario, verdict.get("verdict", ""), folder, page)
