"""Every fault that a container can take, on a real lab: it acts, its proof says so, it heals, its proof says so.

No clients and no verdicts here: what a fault costs is the scenarios' to say.
"""

from __future__ import annotations

import time

import pytest

from chaos.faults import all_faults
from lab import gates
from lab.lab import Lab
from tests.drill import strike
from tests.live.cases import FELT_BY_CLIENTS, GENTLE, HARSH, SWEEP, Case, left


@pytest.mark.timeout(300)
@pytest.mark.parametrize("case", (*GENTLE, *HARSH) if SWEEP else GENTLE, ids=lambda case: str(case[0]))
def test_a_fault_acts_and_heals(lab: Lab, case: Case) -> None:
    strike(lab, *case, heal=120)
    gates.await_all(lab, time.monotonic() + 120)


def test_nothing_of_a_fault_is_left(lab: Lab) -> None:
    assert left(lab) == []


def test_every_fault_has_a_case_or_needs_a_machine() -> None:
    """A fault that nothing ever injects is a rumour."""
    tried = {name for name, _, _ in (*GENTLE, *HARSH)}
    only_machines = {name for name, fault in all_faults().items()
                     if fault.needs & {"netem", "own_clock", "panic", "blockdev", "watchdog"}}
    assert set(all_faults()) - tried - only_machines == FELT_BY_CLIENTS
