"""Tests on real machines: one lab of three, made once.  Minutes where nothing but emulation is there.

The lab is called ``halabvm`` and lives in the machine's own HALAB_HOME, because the image is
worth keeping.  ``lab`` proves green gates before each test.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator

import pytest

from lab import gates
from lab.down import take_down
from lab.errors import NotFoundError
from lab.lab import Lab
from lab.layouts import make_plan
from lab.topology import topology_from_options
from lab.up import bring_up

NAME = "halabvm"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here build machines; without root or Vagrant there is nothing they could do."""
    lacks = "needs root" if os.geteuid() else "" if shutil.which("vagrant") else "needs vagrant: ./inv lab.doctor" \
        " --driver=vagrant"
    for item in items:
        item.add_marker(pytest.mark.live)
        item.add_marker(pytest.mark.timeout(3000))
        if lacks:
            item.add_marker(pytest.mark.skip(reason=lacks))


@pytest.fixture(scope="session")
def shared_lab() -> Iterator[Lab]:
    """The lab, made once for the whole session and taken down after it."""
    remove(NAME)
    try:
        bring_up(make_plan(topology_from_options(name=NAME, driver="vagrant")), "driver: vagrant\n")
        opened = Lab.open(NAME)
        yield opened
        opened.shell.close()
    finally:
        remove(NAME)


@pytest.fixture
def lab(shared_lab: Lab) -> Lab:
    """The shared lab, healthy."""
    gates.await_all(shared_lab, time.monotonic() + 120 * shared_lab.driver.slowness)
    return shared_lab


def remove(name: str) -> None:
    """Take a test's lab down if it is there."""
    try:
        take_down(name)
    except NotFoundError:
        return
