"""Tests on a workstation: one emulated machine, started once, with a healthy lab in it.

Its memory is kept as two snapshots, ``booted`` and ``green``; each test begins at one of them.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from machine import Workstation, recipe

from lab.image import bake
from lab.state.home import home
from provision.image import recipe as node_recipe

NAME = "station"
HERE = Path(__file__).resolve().parent
UP = f"lab.up --name={NAME}"  # the profile and the patience for an emulated host are halab's own


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here start an emulated machine."""
    lacks = "needs root" if os.geteuid() else "" if shutil.which("qemu-system-x86_64") else "needs qemu-system-x86"
    for item in items:
        if HERE not in item.path.parents:  # pytest hands over the items of the whole session
            continue
        item.add_marker(pytest.mark.live)
        item.add_marker(pytest.mark.timeout(3600))
        if lacks:
            item.add_marker(pytest.mark.skip(reason=lacks))


@pytest.fixture(scope="session")
def machine(pytestconfig: pytest.Config) -> Iterator[Workstation]:
    """Booted, at its snapshot ``booted``."""
    node_image = bake(node_recipe())
    place = home() / "workstation"
    # A home of its own: image.prune knows one image of each kind, and this is no node's.
    before = os.environ.get("HALAB_HOME")
    os.environ["HALAB_HOME"] = str(place)
    try:
        system = bake(recipe())
    finally:
        del os.environ["HALAB_HOME"]
        if before is not None:
            os.environ["HALAB_HOME"] = before
    station = Workstation(place / "machine")
    station.stop()
    station.prepare(system, node_image)
    station.start()
    try:
        say(pytestconfig, f"login {station.await_login(600):.0f} s after power on")
        station.tell("savevm booted")
        yield station
    finally:
        station.stop()
        shutil.rmtree(station.folder, ignore_errors=True)


@pytest.fixture
def booted(machine: Workstation) -> Workstation:
    machine.tell("loadvm booted")
    machine.await_login(120)
    return machine


@pytest.fixture(scope="session")
def with_lab(machine: Workstation, pytestconfig: pytest.Config) -> Workstation:
    """The first lab.up, whose result is the snapshot ``green``."""
    machine.tell("loadvm booted")
    begun = time.monotonic()
    machine.inv(UP, timeout=3400)
    say(pytestconfig, f"lab.up took {time.monotonic() - begun:.0f} s")
    machine.tell("savevm green")
    return machine


@pytest.fixture
def green(with_lab: Workstation) -> Workstation:
    """A workstation with a healthy lab."""
    with_lab.tell("loadvm green")
    with_lab.await_login(120)
    return with_lab



def say(config: pytest.Config, figure: str) -> None:
    """A figure for the person who reads the tests' output."""
    config.pluginmanager.getplugin("terminalreporter").write_line(figure)
