"""What the benchmark compares a lab with."""

from __future__ import annotations

from pathlib import Path

from lab import gates
from lab.ops.bench import without_services
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state.secrets import Secrets
from provision.apply import node_files


def test_bare_machines_have_no_cluster_and_no_service(tmp_path: Path) -> None:
    plan = make_plan(topology_from_options(nodes="4", qdevice=True))
    bare = without_services(plan)
    assert [node.name for node in bare.hosts] == [node.name for node in plan.hosts]
    assert [gate.name for gate in gates.gates_of(bare)] == ["power", "ssh"]
    started = {Path(file.path).name for file in node_files(bare, bare.nodes[0], Secrets(tmp_path))
               if ".wants/" in file.path}
    assert started == {"ssh.service", "halab-network.service"}
