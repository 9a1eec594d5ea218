"""A lab after a reboot of the host: its record is there, and nothing else."""

from __future__ import annotations

import time

import pytest

from lab import state
from lab.drivers.fake import FakeDriver
from lab.errors import DeadlineError, HostError, NodeError
from lab.lab import Lab
from lab.node.access import login
from lab.ops.wait import wait_healthy
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state.home import LabPaths
from lab.status import status

NAME = "unitreboot"


@pytest.fixture
def record() -> Lab:
    """A lab that was whole, of which only the folder is left."""
    plan = make_plan(topology_from_options(name=NAME))
    paths = LabPaths.of(NAME)
    state.write_atomically(paths.plan, plan.model_dump_json())
    state.record(paths, state.Phase.RUNNING)
    return Lab.open(NAME)


def test_status_says_that_nothing_runs_in_one_line_for_each_gate(record: Lab) -> None:
    now = status(NAME)
    assert not now.healthy and {node.power for node in now.nodes} == {"off"}
    assert not [gate.name for gate in now.gates if gate.ok or "\n" in gate.detail]
    assert "namespace halab.unitreboot is gone" in next(gate.detail for gate in now.gates if gate.name == "ssh")


def test_waiting_is_refused_at_once(record: Lab) -> None:
    begun = time.monotonic()
    with pytest.raises(HostError, match="is gone") as refused:
        wait_healthy(NAME, 60)
    assert time.monotonic() - begun < 20
    assert f"lab.resume --name={NAME}" in refused.value.remedy and f"lab.down --name={NAME}" in refused.value.remedy


def test_waiting_is_as_patient_as_the_nodes_are_slow(record: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = make_plan(topology_from_options(name=NAME, driver="fake"))
    state.write_atomically(record.paths.plan, fake.model_dump_json())
    monkeypatch.setattr(FakeDriver, "slowness", 4.0)
    begun = time.monotonic()
    with pytest.raises(DeadlineError, match="not healthy after 2 s"):
        wait_healthy(NAME, 0.5)
    assert time.monotonic() - begun > 2


def test_a_command_on_a_node_says_the_same(record: Lab) -> None:
    with pytest.raises(NodeError, match="cannot be reached") as refused:
        record.shell.run("n1", "true")
    assert "\n" not in refused.value.where and f"lab.resume --name={NAME}" in refused.value.remedy


def test_a_login_is_refused_with_the_way_out(record: Lab) -> None:
    state.write_atomically(record.paths.ssh_config, "Host n1\n")
    with pytest.raises(HostError, match="is gone") as refused:
        login(NAME, "n1")
    assert f"lab.resume --name={NAME}" in refused.value.remedy


def test_waiting_for_a_login_ends_with_the_way_to_this_labs_console(record: Lab) -> None:
    with pytest.raises(DeadlineError, match="takes no SSH login") as late:
        record.shell.await_ssh("n1", 0.0)
    assert late.value.remedy.startswith(f"./inv lab.logs --node=n1 --name={NAME} ")
