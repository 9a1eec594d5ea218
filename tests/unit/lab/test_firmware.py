"""A container whose system reboots is started again, and only then; a power switch in the meantime wins."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lab.drivers import firmware
from lab.drivers.container import ContainerPower
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state.events import EventLog
from lab.state.home import LabPaths


@pytest.mark.parametrize(("end", "again"), [("exit 133", True), ("exit 0", False), ("exit 1", False),
                                            ("kill -9 $$", False)])
def test_only_a_reboot_begins_another_life(tmp_path: Path, end: str, again: bool) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/called\n')
    python.chmod(0o755)
    words = firmware._watcher(0.01, str(python), "lab", "n1", "cafe")
    subprocess.run([*words, "sh", "-c", end], timeout=10, check=True)
    called = tmp_path / "called"
    assert called.exists() is again
    assert not again or called.read_text() == "-m lab.drivers.firmware lab n1 cafe\n"


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
