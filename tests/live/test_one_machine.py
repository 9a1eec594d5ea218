"""One real machine, the smallest that says something of them: box, boot, BMC, and nothing left behind.

Takes some minutes where machines are emulated, so it runs when ``HALAB_MACHINES=1`` asks for it, and otherwise
with the tier vm, which has whole labs.  There a host that cannot do it is a failure, and no reason to skip.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import remove
from hosttraces import await_none, interfaces

from lab import bmc
from lab.drivers import check_driver
from lab.drivers.base import PowerState
from lab.host.doctor import check_for
from lab.host.process import run
from lab.lab import Lab
from lab.ops import up
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state import claim
from lab.state.events import EventLog
from lab.state.home import LabPaths

NAME = "halabone"
_IPMI = Path(__file__).with_name("ipmi.py")

pytestmark = [pytest.mark.timeout(1500), pytest.mark.skipif(
    os.environ.get("HALAB_MACHINES") != "1", reason="takes minutes: HALAB_MACHINES=1 ./inv test --tier=live")]


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A lab of three of which only n1 is made."""
    remove(NAME)
    plan = make_plan(topology_from_options(name=NAME, driver="vagrant"))
    check_driver(plan)  # these two say what this host lacks
    check_for(plan)
    paths = LabPaths.of(NAME)
    made = Lab(plan, paths, EventLog(paths.events))
    try:
        claim(NAME)
        up._ready_image(plan, paths, "driver: vagrant\n", made.events)
        made.driver.prepare()
        for name in ("root", "host"):
            made.secrets.ssh_public(name)
        up.make_node(made, plan.nodes[0])
        bmc.start(made)
        yield made
        made.shell.close()
    finally:
        remove(NAME)


def test_a_machine_boots_obeys_its_bmc_and_leaves_nothing(lab: Lab) -> None:
    mine = interfaces()
    patience = 60 * lab.driver.slowness
    lab.shell.await_ssh("n1", time.monotonic() + patience)
    assert "/dev/watchdog0" in lab.shell.run("n1", "ls /dev/watchdog0").stdout
    first = _boot_id(lab)
    assert _ipmi(lab, "state") == "on"
    _ipmi(lab, "off")
    assert _within(30, lambda: lab.driver.power.state("n1") is PowerState.OFF)
    assert _ipmi(lab, "state") == "off"
    lab.shell.forget("n1")
    _ipmi(lab, "on")
    assert _within(30 + lab.plan.profile.bmc.post, lambda: lab.driver.power.state("n1") is PowerState.ON)
    lab.shell.await_ssh("n1", time.monotonic() + patience)
    assert _boot_id(lab) != first
    lab.shell.close()
    remove(NAME)
    assert await_none(NAME) == []
    assert interfaces() == mine


def _boot_id(lab: Lab) -> str:
    return lab.shell.run("n1", "cat /proc/sys/kernel/random/boot_id").stdout


def _ipmi(lab: Lab, word: str) -> str:
    """One IPMI request as a client on the management network makes it."""
    argv = [sys.executable, str(_IPMI), str(lab.plan.nodes[0].bmc), bmc.USER, word]
    return run(lab.namespace.command(argv), timeout=60, input=lab.secrets.password("bmc") + "\n").stdout.strip()


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True
