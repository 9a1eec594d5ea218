"""Live tests: one real three-node lab, shared by all, on the container driver.

The lab is called ``halabtest`` and lives in the machine's own HALAB_HOME, because the image is
worth keeping.  Tests that break it put it back; ``lab`` proves green gates before each of them.
HALAB_TEST_LAB gives it another name, for a second run beside one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab import gates
from lab.errors import NotFoundError
from lab.lab import Lab
from lab.ops.down import take_down
from lab.ops.up import bring_up
from lab.plan.layouts import make_plan
from lab.plan.topology import Topology, topology_from_options

NAME = os.environ.get("HALAB_TEST_LAB", "halabtest")
HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here are live; without root there is nothing they could do.

    Here means this folder: pytest hands over the items of the whole session, and a unit test that
    was taken for a live one worked in the machine's own home.
    """
    for item in items:
        if HERE not in item.path.parents:
            continue
        item.add_marker(pytest.mark.live)
        if os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="needs root: network namespaces and containers"))


@pytest.fixture(scope="session")
def shared_lab() -> Iterator[Lab]:
    """The lab, made once for the whole session and taken down after it."""
    with made(topology_from_options(name=NAME), "style: collapsed\n") as opened:
        yield opened


@pytest.fixture
def lab(shared_lab: Lab) -> Lab:
    """The shared lab, healthy."""
    gates.await_all(shared_lab, time.monotonic() + 120)
    return shared_lab


@contextmanager
def made(topology: Topology, text: str, timeout: float = 240) -> Iterator[Lab]:
    """A lab of this topology, whose file says ``text``; there is none of its name before and after."""
    remove(topology.name)
    try:
        bring_up(make_plan(topology), text, timeout=timeout)
        opened = Lab.open(topology.name)
        yield opened
        opened.shell.close()
    finally:
        remove(topology.name)


def remove(name: str) -> None:
    """Take a test's lab down if it is there."""
    try:
        take_down(name)
    except NotFoundError:
        return
