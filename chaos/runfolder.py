"""The folder of a run: made here, filled by the runner and the probes, read by the checks."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.recording import EVENTS_FILE
from lab.state.events import read_events

if TYPE_CHECKING:
    from chaos.facts import Timers
    from chaos.scenario import Scenario
    from lab.lab import Lab


def make(lab: Lab, scenario: Scenario) -> Path:
    """A new folder ``<UTC time>-<scenario>`` with the scenario and the plan in it."""
    folder = fresh(lab.paths.runs, scenario.name)
    if scenario.source is not None:
        shutil.copyfile(scenario.source, folder / "scenario.yml")
    else:
        (folder / "scenario.json").write_text(scenario.model_dump_json(indent=1) + "\n")
    (folder / "plan.json").write_text(lab.plan.model_dump_json(indent=1) + "\n")
    return folder


def fresh(parent: Path, name: str) -> Path:
    """A new folder ``<UTC time>-<name>`` in ``parent``; a number follows where that is taken."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder, number = parent / f"{stamp}-{name}", 1
    while folder.exists():
        number += 1
        folder = parent / f"{stamp}-{name}-{number}"
    folder.mkdir(mode=0o700)
    return folder


def write_timers(folder: Path, timers: Timers, notes: list[str]) -> None:
    body = {"timers": asdict(timers), "not_read": notes}
    (folder / "timers.json").write_text(json.dumps(body, indent=1) + "\n")


def write_versions(folder: Path, versions: dict[str, str]) -> None:
    (folder / "versions.json").write_text(json.dumps(versions, indent=1) + "\n")


def copy_events(lab: Lab, folder: Path, since: float) -> None:
    """The lab's diary from ``since`` on, so that the folder stands alone."""
    lines = [event.line() for event in read_events(lab.paths.events, since)]
    (folder / EVENTS_FILE).write_text("".join(lines))
