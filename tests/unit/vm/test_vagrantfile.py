"""The Vagrantfile that a lab of three machines gets, word for word."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("libvirt", reason="the vagrant driver's libraries are not installed")
pytest.importorskip("vagrant", reason="the vagrant driver's libraries are not installed")

from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state.home import LabPaths, home
from lab.vm import project

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("accelerated", [True, False], ids=["kvm", "emulated"])
def test_golden(accelerated: bool) -> None:
    plan = make_plan(topology_from_options(name="demo", driver="vagrant"))
    text = project.render(plan, LabPaths.of("demo"), box="halab/0123", kernel=home() / "images/0123/vmlinuz",
                          uri="qemu:///system?socket=/s", accelerated=accelerated)
    shown = text.replace(str(home()), "HOME")
    golden = GOLDEN / f"Vagrantfile-{'kvm' if accelerated else 'emulated'}.txt"
    if os.environ.get("HALAB_REGENERATE"):
        golden.write_text(shown)
    assert shown == golden.read_text()
