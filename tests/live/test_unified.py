"""A whole lab on cgroup v2 alone, also where the host has the older layout.

In a mount namespace where ``/sys/fs/cgroup`` is the unified hierarchy, halab, nspawn and the
nodes' systemd see what they see on a host that has nothing else; only controllers may be missing.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from test_lifecycle import ROOT

from lab.host import cgroups

NAME = "halabv2"
# As a person does it, in one such namespace: up, a power cycle and a freeze, healthy again, down.
STORY = """
import sys, time
sys.path[:0] = [{root!r}, {here!r}]
from hosttraces import await_none
from lab import gates
from lab.host import cgroups
from lab.host.cgroups import Cgroup
from lab.ops.down import take_down
from lab.drivers.base import PowerState
from lab.lab import Lab
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.ops.up import bring_up

name = {name!r}
assert cgroups.is_v2()
try:
    bring_up(make_plan(topology_from_options(name=name)), "style: collapsed\\n", timeout=240)
    lab = Lab.open(name)
    power = lab.driver.power
    assert cgroups.members(name) == ["bmc", "firmware", "making", "n1", "n2", "n3"]
    power.suspend("n2")
    assert power.state("n2") is PowerState.SUSPENDED
    power.resume("n2")
    power.off("n3")
    assert power.state("n3") is PowerState.OFF and not Cgroup(name, "n3").pids()
    power.on("n3")
    gates.await_all(lab, time.monotonic() + 120)
    lab.shell.close()
finally:
    take_down(name)
left = await_none(name)
assert left == [], left
"""


@pytest.mark.skipif(cgroups.is_v2(), reason="the host has cgroup v2 alone: all tests here are on it")
@pytest.mark.timeout(420)
def test_a_lab_lives_on_the_unified_hierarchy() -> None:
    story = STORY.format(root=str(ROOT), here=str(Path(__file__).parent), name=NAME)
    # The namespace goes with the process, and with it whatever mount a failure may leave.
    inside = ["unshare", "--mount", "sh", "-ec", 'mount -t cgroup2 none /sys/fs/cgroup; exec "$@"', "sh",
              sys.executable, "-c", story]
    done = subprocess.run(inside, cwd=ROOT, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr[-3000:]
    assert not (Path("/sys/fs/cgroup/unified/halab") / NAME).exists()
