"""The faults that only a real machine can take: each acts, its proof says so, it heals, its proof says so."""

from __future__ import annotations

import time
from typing import Any

from chaos.faults import all_faults
from lab import gates
from lab.lab import Lab
from tests.drill import strike

# fault, parameters; all of them on n2, whose quality suffers and who stays a member
FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("net.delay", {"ms": 200, "jitter": 50}),
    ("net.rate", {"kbit": 2000}),
    ("net.corrupt", {"percent": 1}),
    ("net.dup", {"percent": 10}),
    ("net.reorder", {"percent": 10, "ms": 10}),
    ("clock.jump", {"seconds": 120}),
    ("clock.jump", {"seconds": -120}),
    ("clock.drift", {"percent": 5}),
    ("disk.slow", {"writes": 20}),
    ("disk.full", {}),
    ("disk.readonly", {}),
)
IN_SCENARIOS = {"node.panic", "node.watchdog"}  # test_machines
MACHINES_ONLY = frozenset({"netem", "own_clock", "panic", "blockdev", "watchdog"})


def test_every_fault_that_only_a_machine_can_take_is_tried() -> None:
    wanted = {name for name, fault in all_faults().items() if fault.needs & MACHINES_ONLY}
    assert wanted - IN_SCENARIOS == {name for name, _ in FAULTS} - {"disk.slow"}  # some containers can


def test_what_only_a_machine_can_take_acts_and_heals(lab: Lab) -> None:
    """One return to the snapshot for all of them: they are gentle, and going back takes half a minute."""
    for name, params in FAULTS:
        strike(lab, name, "n2", params, within=30, heal=120)
    gates.await_all(lab, time.monotonic() + 300)
