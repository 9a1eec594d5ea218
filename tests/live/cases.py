"""Whom each fault hits, and how, when it is tried on the shared lab; and what it must not leave behind."""

from __future__ import annotations

import os
from typing import Any

from chaos.faults import all_faults
from chaos.journal import unhealed
from lab import bmc
from lab.host.process import run
from lab.lab import Lab

Case = tuple[str, str, dict[str, Any]]  # fault, target, parameters

# Nobody feels it while nobody writes: it is tried by its scenario, which has clients.
FELT_BY_CLIENTS = frozenset({"db.flow_control"})

# Tried by every run of the live tier.
GENTLE: tuple[Case, ...] = (
    ("proc.pause", "one(not(vip_holder))", {"process": "haproxy"}),
    ("cache.pause", "n2", {}),
    ("cache.kill", "n2", {}),
    ("cache.blackhole", "n2", {}),
    ("proc.crashloop", "n3", {"process": "memcached"}),
    ("svc.stop", "n1", {"unit": "halab-galera-check"}),
    ("svc.restart", "n1", {"unit": "memcached"}),
    ("svc.stop", "vip_holder", {"resource": "vip-internal"}),
    ("svc.restart", "vip_holder", {"resource": "vip-public"}),
    ("svc.restart", "one(not(vip_holder))", {"resource": "haproxy"}),
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
    ("disk.slow", "n3", {}),
    ("lb.backend_slow", "galera_writer", {}),
    ("db.kill_all", "role:db", {}),
)

# These take nodes away or cut them off, and each takes the lab half a minute to recover from.  The scenarios and
# test_nft have most of them; all are tried when HALAB_SWEEP=1 asks for it.
HARSH: tuple[Case, ...] = (
    ("proc.kill", "one(not(galera_writer))", {"process": "mariadbd"}),
    ("db.rm_grastate", "one(not(galera_writer))", {}),
    ("fence.request", "n3", {}),
    ("net.isolate", "n3", {}),
    ("net.split", "minority(1)", {}),
    ("net.oneway", "n3", {}),
    ("net.bridge", "n2", {}),
    ("net.majorities_ring", "all", {}),
    ("net.mtu_drop", "n3", {"bytes": 1000}),
    ("node.freeze", "n3", {}),
    ("node.poweroff", "n3", {}),
    ("node.reset", "n3", {}),
    ("node.reboot", "n3", {}),
    ("node.shutdown", "n3", {}),
    ("nodes.lose_quorum", "not(vip_holder)", {}),
    ("cluster.blackout", "all", {"dark": 3}),
)
SWEEP = os.environ.get("HALAB_SWEEP") == "1"

_LEFTOVERS = """
systemctl list-units --all --plain --no-legend 'halab-fault-*' 'halab-undo-*' | cut -d' ' -f1
ls -d /run/halab-grastate.kept /var/lib/halab-filler* /var/lib/halab-trial /var/tmp/halab-* 2>/dev/null
ps -eo stat=,comm= | grep ^T
nft list tables | grep halab
tc qdisc show | grep -F netem
crm_mon -1 --output-as=xml | grep -oE 'maintenance-mode="true"|standby="true"'
cibadmin --query --scope=constraints | grep -oE 'id="cli-[^"]*"'
true
"""


def possible(lab: Lab) -> tuple[Case, ...]:
    """The cases of every fault that this lab can take; a fault without a case is an error."""
    wanted = {name for name, fault in all_faults().items() if fault.needs <= lab.driver.capabilities} - FELT_BY_CLIENTS
    cases = tuple(case for case in (*GENTLE, *HARSH) if case[0] in wanted)
    assert {case[0] for case in cases} == wanted
    return cases


def left(lab: Lab) -> list[str]:
    """What is still to be seen of any fault, on the nodes and around them."""
    tables = run(lab.namespace.command(["nft", "list", "tables"]), timeout=10).stdout.splitlines()
    found = [line for line in tables if "halab_fault" in line]
    for node in lab.plan.nodes:
        found += [f"{node.name}: {line}" for line in lab.shell.run(node.name, _LEFTOVERS).stdout.splitlines()]
        if (mode := bmc.mode(lab.paths, node.name)) != "normal":
            found.append(f"the BMC of {node.name} is {mode}")
        if limit := lab.driver.disks.throttled(node.name):
            found.append(f"{node.name}: {limit} writes a second")
    return found + [f"in the journal: {entry.fault}" for entry in unhealed(lab.paths)]
