"""Tests on real machines: one lab of three, made once and kept as a snapshot that each test begins from.

The lab is called ``halabvm`` and lives in the machine's own HALAB_HOME, because the image is worth keeping.
Emulated, making it takes minutes and going back to the snapshot half a minute.  ``HALAB_KEEP=1`` leaves it and
uses it again: for whoever works on these tests.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos import journal
from lab.errors import NotFoundError
from lab.lab import Lab, names
from lab.ops import snapshot
from lab.ops.down import take_down
from lab.ops.up import bring_up
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options

NAME = "halabvm"
HERE = Path(__file__).resolve().parent
BASE = "base"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here build machines; without root or Vagrant there is nothing they could do."""
    lacks = "needs root" if os.geteuid() else "" if shutil.which("vagrant") else "needs vagrant: ./inv lab.doctor" \
        " --driver=vagrant"
    for item in items:
        if HERE not in item.path.parents:  # pytest hands over the items of the whole session
            continue
        item.add_marker(pytest.mark.live)
        item.add_marker(pytest.mark.timeout(1800))
        if lacks:
            item.add_marker(pytest.mark.skip(reason=lacks))


@pytest.fixture(scope="session")
def shared_lab() -> Iterator[Lab]:
    """The lab with its snapshot, made once for the whole session and taken down after it."""
    keep = os.environ.get("HALAB_KEEP") == "1"
    try:
        if not keep or NAME not in names():
            remove(NAME)
            bring_up(make_plan(topology_from_options(name=NAME, driver="vagrant")), "driver: vagrant\n")
        if BASE not in [one.name for one in snapshot.snapshots(NAME)]:
            snapshot.save(NAME, BASE)
        opened = Lab.open(NAME)
        yield opened
        opened.shell.close()
    finally:
        if not keep:
            remove(NAME)


@pytest.fixture
def lab(shared_lab: Lab) -> Lab:
    """The shared lab as it was when it was made: healthy."""
    shared_lab.shell.close()
    journal.heal_all(shared_lab)  # what a test that failed left; nothing if there is none
    snapshot.restore(NAME, BASE)
    return shared_lab


def remove(name: str) -> None:
    """Take a test's lab down if it is there."""
    try:
        take_down(name)
    except NotFoundError:
        return
