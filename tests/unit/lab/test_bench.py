"""What the benchmark compares a lab with."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import gates
from lab.errors import DeadlineError, HalabError, RefusedError
from lab.ops import bench
from lab.ops.bench import without_services
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state.home import LabPaths
from lab.state.secrets import Secrets
from provision.apply import node_files


@pytest.mark.parametrize(("error", "gone"), [(RefusedError("the name 'bench' is in use"), []),
                                             (DeadlineError("gate 'vip' is not green"), ["bench"])])
def test_a_lab_that_was_refused_is_somebody_else_s(monkeypatch: pytest.MonkeyPatch, error: HalabError,
                                                   gone: list[str]) -> None:
    plan = make_plan(topology_from_options(name="bench"))
    taken: list[str] = []

    def refuse(*_: object, **__: object) -> None:
        LabPaths.of("bench").root.mkdir(parents=True)  # by another command, after the benchmark had looked
        raise error

    monkeypatch.setattr(bench, "bring_up", refuse)
    monkeypatch.setattr(bench, "take_down", taken.append)
    with pytest.raises(type(error)):
        bench.bench([(plan, "")], 1, lambda event: None)
    assert taken == gone


def test_bare_machines_have_no_cluster_and_no_service(tmp_path: Path) -> None:
    plan = make_plan(topology_from_options(nodes="4", qdevice=True))
    bare = without_services(plan)
    assert [node.name for node in bare.hosts] == [node.name for node in plan.hosts]
    assert [gate.name for gate in gates.gates_of(bare)] == ["power", "ssh"]
    started = {Path(file.path).name for file in node_files(bare, bare.nodes[0], Secrets(tmp_path))
               if ".wants/" in file.path}
    assert started == {"ssh.service", "halab-network.service"}
