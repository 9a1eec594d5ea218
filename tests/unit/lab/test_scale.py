"""lab.scale without machines: what is done in which order, and what an interruption leaves."""

from __future__ import annotations

from typing import Any

import pytest
from onfake import power_after_prepare, running_lab

from lab import state
from lab.drivers.base import PowerState
from lab.errors import NodeError, RefusedError
from lab.lab import Lab, read_plan
from lab.ops.resume import describe, resume
from lab.ops.scale import scale
from lab.ops.up import bring_up
from lab.state import Phase
from provision import apply, membership, push

ACTS = ("spread", "adopt_cib", "forget_strangers", "leave", "grow_queues", "set_server", "try_database")


class Acts:
    """Notes what a cluster was told; fails at the act of number ``fail_at``."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.told: list[tuple[str, tuple[str, ...]]] = []
        self.fail_at = -1
        for name in ACTS:
            patch.setattr(membership, name, self._note(name))
        patch.setattr(apply, "converge_all", lambda lab: [])
        patch.setattr(push, "digests", lambda lab, node, files: {file.path: file.digest for file in files})

    def _note(self, name: str) -> Any:
        def act(lab: Lab, *args: Any, **_: Any) -> None:
            if len(self.told) == self.fail_at:
                self.fail_at = -1
                raise NodeError("the machine burns")
            self.told.append((name, (*(str(arg) for arg in args if isinstance(arg, str)), *lab.plan.maintenance)))

        return act

    def names(self) -> list[str]:
        return [name for name, _ in self.told]


@pytest.fixture
def acts(monkeypatch: pytest.MonkeyPatch) -> Acts:
    acts = Acts(monkeypatch)
    return acts


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    lab = running_lab(monkeypatch, style="mixed")
    monkeypatch.setattr("onfake.ObedientShell.await_ssh", lambda *_: None, raising=False)
    return lab


def members(lab: Lab) -> list[str]:
    return list(read_plan(lab.paths).cluster("db").nodes)


def test_new_members_are_in_maintenance_until_they_were_tried(lab: Lab, acts: Acts) -> None:
    result = scale("fake", "db", 5)
    assert result.added == ("db4", "db5")
    assert acts.told[0] == ("spread", ("db4", "db5"))  # the proxies hear of them before they exist
    order = acts.names()
    assert order.index("adopt_cib") < order.index("try_database") < order.index("set_server")
    assert ("set_server", ("db4", "ready", "db4", "db5")) in acts.told
    assert acts.told[-1] == ("spread", ())
    now = Lab.open("fake")
    assert {now.driver.power.state(name) for name in members(lab)} == {PowerState.ON}
    assert state.recorded(lab.paths).phase is Phase.RUNNING


def test_members_leave_one_at_a_time_the_last_first(lab: Lab, acts: Acts) -> None:
    scale("fake", "db", 5)
    acts.told.clear()
    assert scale("fake", "db", 3).removed == ("db4", "db5")
    assert [said for said in acts.told if said[0] in ("leave", "set_server")] == [
        ("set_server", ("db5", "maint")), ("leave", ("db5",)), ("set_server", ("db4", "maint")), ("leave", ("db4",))]
    assert members(lab) == ["db1", "db2", "db3"]
    assert not (lab.paths.node("db5")).exists()


def test_who_is_elsewhere_is_shown_unchanged(lab: Lab, acts: Acts) -> None:
    result = scale("fake", "db", 5)
    by_node = {node.node: node for node in result.nodes}
    assert [change.path for change in by_node["core1"].changes] == ["/etc/haproxy/haproxy.cfg"]
    assert by_node["db4"].before == "" and by_node["db4"].after
    assert {change.path for change in by_node["db1"].changes} >= {"/etc/corosync/corosync.conf", "/etc/hosts"}


def test_the_size_that_it_has_changes_nothing(lab: Lab, acts: Acts) -> None:
    result = scale("fake", "db", 3)
    assert (result.added, result.removed, acts.told) == ((), (), [])
    assert all(node.before == node.after for node in result.nodes)


@pytest.mark.parametrize("size", [5, 3])
@pytest.mark.parametrize("at", range(9))
def test_interrupted_anywhere_it_is_finished_by_resume(lab: Lab, acts: Acts, size: int, at: int) -> None:
    if size == 3:
        scale("fake", "db", 5)
    acts.told.clear()
    acts.fail_at = at
    try:
        scale("fake", "db", size)
    except NodeError:
        assert describe(Lab.open("fake")) == f"cluster db was on its way to {size} members"
        with pytest.raises(RefusedError, match="another change"):
            scale("fake", "db", 7)
        with pytest.raises(RefusedError, match="middle of a change"):
            bring_up(read_plan(lab.paths), "")
        resume("fake")
    assert len(members(lab)) == size
    assert read_plan(lab.paths).maintenance == ()
    assert state.recorded(lab.paths).phase is Phase.RUNNING


def break_off(acts: Acts, size: int) -> None:
    """A change of the databases to ``size`` members fails at its second act."""
    if size == 3:
        scale("fake", "db", 5)
    acts.told.clear()
    acts.fail_at = 2
    with pytest.raises(NodeError):
        scale("fake", "db", size)


@pytest.mark.parametrize("size", [5, 3])
def test_after_a_reboot_of_the_host_in_the_middle_resume_gives_power_first(lab: Lab, acts: Acts, size: int) -> None:
    for node in lab.plan.nodes:
        (lab.paths.node(node.name)).mkdir(parents=True)
        (lab.paths.node(node.name) / "created").touch()
    break_off(acts, size)
    for node in read_plan(lab.paths).nodes:
        Lab.open("fake").driver.power.off(node.name)
    resume("fake")
    now = Lab.open("fake")
    assert {now.driver.power.state(node.name) for node in now.plan.nodes} == {PowerState.ON}
    assert (len(members(lab)), state.recorded(lab.paths).phase) == (size, Phase.RUNNING)


@pytest.mark.parametrize("sizes", [(6, 4), (8, 4)])
def test_a_cluster_with_a_quorum_device_passes_through_odd_sizes(
        monkeypatch: pytest.MonkeyPatch, acts: Acts, sizes: tuple[int, ...]) -> None:
    lab = running_lab(monkeypatch, nodes="4", qdevice=True)
    monkeypatch.setattr("onfake.ObedientShell.await_ssh", lambda *_: None, raising=False)
    for size in sizes:
        scale("fake", "controllers", size)
        assert len(read_plan(lab.paths).cluster("controllers").nodes) == size
        assert state.recorded(lab.paths).phase is Phase.RUNNING
    with pytest.raises(RefusedError, match="quorum device"):
        scale("fake", "controllers", 5)
    assert state.recorded(lab.paths).phase is Phase.RUNNING


@pytest.mark.parametrize("size", [5, 3])
def test_a_change_that_goes_on_asks_nobody_for_power_before_the_driver_is_prepared(
        lab: Lab, acts: Acts, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    break_off(acts, size)
    order = power_after_prepare(monkeypatch)
    resume("fake")
    assert order[0] == "prepare"


def test_a_lab_that_is_not_running_is_not_scaled(lab: Lab, acts: Acts) -> None:
    state.record(lab.paths, Phase.STOPPED)
    with pytest.raises(RefusedError, match="stopped, not running"):
        scale("fake", "db", 5)
    assert acts.told == []
