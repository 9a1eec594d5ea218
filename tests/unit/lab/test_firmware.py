"""A container that ends by itself: the diary hears of it, a reboot begins another life, and a power switch wins."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from lab.drivers import firmware
from lab.drivers.container import ContainerPower
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state.events import EventLog, read_events
from lab.state.home import LabPaths

ENDS: tuple[tuple[str, bool], ...] = (("exit 133", True), ("exit 0", False), ("exit 1", False), ("kill -9 $$", False))


def watch(folder: Path, end: str, life: str = "cafe") -> Path:
    """A life of that name that ends so, watched as the life ``cafe``; the file that another life would leave."""
    python, paths = folder / "python", LabPaths(folder)
    python.write_text(f'#!/bin/sh\necho "$@" > {folder}/called\n')
    python.chmod(0o755)
    firmware.life_file(paths, "n1").parent.mkdir(parents=True, exist_ok=True)
    firmware.life_file(paths, "n1").write_text(life)
    words = firmware._watcher(0.01, str(python), "lab", paths, "n1", "cafe")
    subprocess.run([*words, "sh", "-c", end], timeout=10, check=True)
    return folder / "called"


@pytest.mark.parametrize(("end", "again"), ENDS)
def test_only_a_reboot_begins_another_life(tmp_path: Path, end: str, again: bool) -> None:
    called = watch(tmp_path, end)
    assert called.exists() is again
    assert not again or called.read_text() == "-m lab.drivers.firmware lab n1 cafe\n"


@pytest.mark.parametrize("end", [end for end, _ in ENDS])
def test_the_diary_hears_of_a_node_that_ends_by_itself(tmp_path: Path, end: str) -> None:
    """The page of a run showed a node that had shut down as on."""
    before = time.time()
    watch(tmp_path, end)
    (event,) = read_events(LabPaths(tmp_path).events)
    assert (event.kind, event.node, event.data) == ("power.off", "n1", {"by": "its own system"})
    assert before - 0.01 <= event.at <= time.time()


@pytest.mark.parametrize("end", [end for end, _ in ENDS])
def test_whoever_moved_the_switch_has_told_the_diary_himself(tmp_path: Path, end: str) -> None:
    assert not watch(tmp_path, end, life="beef").exists()
    assert read_events(LabPaths(tmp_path).events) == []


def test_a_switch_in_the_meantime_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan(topology_from_options(name="unit"))
    paths = LabPaths(tmp_path)
    power = ContainerPower(plan, paths, EventLog(paths.events))
    started: list[str] = []
    monkeypatch.setattr(power, "_on", started.append)
    power.boot_again("n1", "cafe")  # it never had a life, or its power was cut
    paths.node("n1").joinpath("life").write_text("beef")
    power.boot_again("n1", "cafe")  # it has another one already
    assert started == []
    power.boot_again("n1", "beef")
    assert started == ["n1"]


def test_a_lab_that_is_gone_is_left_alone() -> None:
    firmware.main("nolab", "n1", "cafe")
