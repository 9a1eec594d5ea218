"""Every fault that a container can take, on a real lab: it acts, its proof says so, it heals, its proof says so.

No clients and no verdicts here: this is the table of the faults themselves.  What they cost is the scenarios' to say.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from chaos.faults import all_faults
from lab import gates
from lab.lab import Lab
from tests.drill import strike

# fault, target, parameters; those that take a node away come last
GENTLE: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("proc.pause", "one(not(vip_holder))", {"process": "haproxy"}),
    ("cache.pause", "n2", {}),
    ("cache.kill", "n2", {}),
    ("cache.blackhole", "n2", {}),
    ("proc.crashloop", "n3", {"process": "memcached"}),
    ("svc.stop", "n1", {"unit": "halab-galera-check"}),
    ("svc.restart", "n1", {"unit": "memcached"}),
    ("vip.duplicate", "one(not(vip_holder))", {}),
    ("vip.remove", "vip_holder", {}),
    ("vip.move", "vip_holder", {}),
    ("pcmk.ban", "vip_holder", {"resource": "vip-internal"}),
    ("pcmk.standby", "one(not(vip_holder))", {}),
    ("pcmk.maintenance", "n1", {}),
    ("pcmk.resource_fail", "vip_holder", {"resource": "vip-public"}),
    ("pcmk.dc_kill", "dc", {}),
    ("lb.kill", "one(not(vip_holder))", {}),
    ("lb.check_block", "galera_writer", {}),
    ("db.desync", "one(not(galera_writer))", {}),
    ("db.flow_control", "one(not(galera_writer))", {}),
    ("db.sst_break", "n3", {}),
    ("mq.alarm_mem", "n2", {}),
    ("mq.alarm_disk", "n2", {}),
    ("mq.leader_kill", "n2", {}),
    ("res.cpu", "n3", {"workers": 1, "seconds": 20}),
    ("res.mem", "n3", {"mb": 64, "seconds": 20}),
    ("res.io", "n3", {"seconds": 20}),
    ("fence.unreachable", "n3", {}),
    ("fence.slow", "n3", {}),
    ("fence.false_success", "n3", {}),
    ("net.link_down", "n3", {"network": "ring"}),
    ("net.flap", "n3", {"network": "ring", "period": 1}),
    ("net.loss", "n3", {"percent": 5}),
    ("net.port_block", "n2", {"port": 11211}),
)


# Written and tested against fakes, and not yet injected into a real lab: docs/faults.md says so as well.
OWED = frozenset({"cluster.blackout", "db.kill_all", "db.rm_grastate", "disk.slow", "fence.request", "lb.backend_slow",
                  "node.reboot", "node.reset", "node.shutdown", "nodes.lose_quorum"})


@pytest.mark.parametrize("case", GENTLE, ids=lambda case: str(case[0]))
def test_a_fault_acts_and_heals(lab: Lab, case: tuple[str, str, dict[str, Any]]) -> None:
    strike(lab, *case)
    gates.await_all(lab, time.monotonic() + 120)


def test_nothing_of_a_fault_is_left_on_the_nodes(lab: Lab) -> None:
    for node in lab.plan.nodes:
        ask = "systemctl list-units --all --plain --no-legend 'halab-fault-*' 'halab-undo-*'"
        units = lab.shell.run(node.name, ask)
        assert units.stdout.strip() == ""


def test_every_fault_is_in_the_table_or_in_a_scenario_or_needs_a_machine() -> None:
    """A fault that nothing ever injects is a rumour."""
    from chaos.scenario import list_scenarios

    tried = {name for name, _, _ in GENTLE} | {one.fault for s in list_scenarios() for one in s.injections}
    only_machines = {name for name, fault in all_faults().items()
                     if fault.needs & {"netem", "own_clock", "panic", "blockdev", "watchdog"}}
    in_namespaces = {"net.split", "net.oneway", "net.bridge", "net.majorities_ring", "net.mtu_drop"}  # test_nft
    assert set(all_faults()) - tried - only_machines - in_namespaces == OWED
