"""A lab for suites: runs that never happened, with their folders, and snapshots that are a list."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from synthetic import Story, recording

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "chaos_inject"))
from inject_fakes import make_lab

from chaos import preflight, suite
from chaos.facts import Facts
from chaos.model import Proof
from chaos.scenario import Scenario
from chaos.verdict import Verdict, verdict_of
from lab.errors import InterruptedByUser
from lab.lab import Lab
from lab.ops import snapshot

COMMAND = "./inv chaos.suite smoke --name=suited --resume"
GOOD, BAD = Story(), Story().but_facts(took_effect=Proof(False, "c1 still answers"))


def a_snapshot(name: str, at: float) -> snapshot.Snapshot:
    return snapshot.Snapshot(name=name, at=at, driver="fake", style="collapsed", profile="tuned", nodes=3,
                             plan="digest", seconds=1.0, pause_seconds=0.1, size_bytes=1)


@dataclass
class Suited:
    """``calls``: what was done, in order; ``bad``: scenarios that prove nothing; ``at_run`` is asked before each
    run, ``refuse`` where a real lab would be looked at before anything is touched."""

    lab: Lab
    calls: list[str] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    kept: list[snapshot.Snapshot] = field(default_factory=list)
    bad: tuple[str, ...] = ("vip-holder-frozen",)
    at_run: Callable[[str], None] = lambda name: None
    refuse: Callable[[], None] = lambda: None
    save_refuses: bool = True  # a snapshot is of a healthy lab too
    clock: float = 1000.0
    _samples: dict[bool, Verdict] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def run(self, lab: Lab, scenario: Scenario) -> Verdict:
        self.at_run(scenario.name)
        self.ran.append(scenario.name)
        sample = self.sample(scenario.name in self.bad)
        folder = lab.paths.runs / f"{next(self._numbers):03}-{scenario.name}"
        shutil.copytree(sample.run_dir, folder)
        replace(Facts.read(folder), scenario=scenario.name).write(folder)
        return replace(sample, scenario=scenario.name, run_dir=folder)

    def sample(self, bad: bool) -> Verdict:
        """A run that is written and judged once: all others are copies, for the sake of time."""
        if bad not in self._samples:
            self._samples[bad] = verdict_of(recording(self.lab.paths.root / f"sample-{bad}", BAD if bad else GOOD))
        return self._samples[bad]

    def save(self, *_: object, **__: object) -> snapshot.Snapshot:
        if self.save_refuses:
            self.refuse()
        self.calls.append("save")
        self.clock += 1
        self.kept.append(a_snapshot(suite.SNAPSHOT, self.clock))
        return self.kept[-1]

    def restore(self, *_: object, **__: object) -> None:
        self.calls.append("restore")

    def delete(self, *_: object, **__: object) -> None:
        self.calls.append("delete")
        self.kept.clear()


def suited(monkeypatch: pytest.MonkeyPatch) -> Suited:
    """Every scenario passes but the frozen one."""
    made = Suited(make_lab("suited"))
    monkeypatch.setattr(suite, "run", made.run)
    monkeypatch.setattr(preflight, "refuse", lambda *_: made.refuse())
    monkeypatch.setattr(snapshot, "snapshots", lambda _name: made.kept)
    for name in ("save", "restore", "delete"):
        monkeypatch.setattr(snapshot, name, getattr(made, name))
    return made


def names() -> list[str]:
    """The scenarios of the suite that is run, in its order."""
    return [one.name for one in suite.choose("smoke")]


def stop_at(world: Suited, nth: int, error: BaseException | None = None) -> None:
    """The run number ``nth`` (from 0) is not finished."""
    def at_run(_name: str) -> None:
        if len(world.ran) == nth:
            world.at_run = lambda _name: None
            raise error or InterruptedByUser("stopped on request", where="before: hold")

    world.at_run = at_run


def record(world: Suited) -> dict[str, Any]:
    """The newest ``suite.json``."""
    newest = sorted(world.lab.paths.suites.iterdir())[-1]
    loaded: dict[str, Any] = json.loads((newest / "suite.json").read_text())
    return loaded
