"""Snapshots without machines: names, refusals, what is recorded, what an interruption leaves."""

from __future__ import annotations

import errno
import multiprocessing
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from onfake import GREEN, running_lab

from chaos.journal import Journal
from chaos.model import Target
from lab import interrupt, state, suppression
from lab.drivers.base import PowerState, Saved
from lab.drivers.fake import FakeSnapshots
from lab.errors import CapabilityError, DeadlineError, HostError, InterruptedByUser, RefusedError
from lab.gates import GateResult
from lab.lab import Lab
from lab.ops import snapshot, up
from lab.ops.resume import resume
from lab.ops.start import start
from lab.ops.up import bring_up
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state import Phase
from lab.state.events import read_events


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    return running_lab(monkeypatch)


def power(lab: Lab) -> list[PowerState]:
    return [lab.driver.power.state(node.name) for node in lab.plan.nodes]


def test_a_lab_is_put_back_to_what_it_was(lab: Lab) -> None:
    kept = snapshot.save("fake", "clean")
    assert (kept.nodes, kept.driver, kept.plan) == (3, "fake", lab.plan.digest)
    lab.driver.power.off("n2")
    result = snapshot.restore("fake", "clean")
    assert power(lab) == [PowerState.ON] * 3 and result.gates == GREEN
    assert state.recorded(lab.paths).phase is Phase.RUNNING


def test_they_are_listed_in_the_order_of_their_making(lab: Lab) -> None:
    for name in ("b", "a"):
        snapshot.save("fake", name)
    assert [one.name for one in snapshot.snapshots("fake")] == ["b", "a"]
    snapshot.delete("fake", "b")
    assert [one.name for one in snapshot.snapshots("fake")] == ["a"]
    assert [path.name for path in lab.paths.snapshots.iterdir()] == ["a"]


@pytest.mark.parametrize("name", ["", "..", "Clean", "a/b", ".x", "a b", "x" * 32])
def test_what_cannot_be_a_name(lab: Lab, name: str) -> None:
    with pytest.raises(RefusedError, match="cannot be a snapshot's name"):
        snapshot.save("fake", name)
    assert not lab.paths.snapshots.exists()


def test_a_name_is_not_taken_twice(lab: Lab) -> None:
    snapshot.save("fake", "clean")
    with pytest.raises(RefusedError, match="already"):
        snapshot.save("fake", "clean")


@pytest.mark.parametrize("act", [snapshot.restore, snapshot.delete])
def test_an_unknown_name_is_answered_with_the_near_one(lab: Lab, act: Callable[[str, str], object]) -> None:
    with pytest.raises(RefusedError, match="has no snapshots"):
        act("fake", "claen")
    snapshot.save("fake", "clean")
    with pytest.raises(RefusedError, match="no snapshot 'claen'") as refused:
        act("fake", "claen")
    assert "did you mean clean?" in refused.value.remedy


def test_a_sick_lab_is_not_kept(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot.gates, "check_all", lambda lab: [GateResult("vip", False, 0.0, "nobody holds it")])
    with pytest.raises(RefusedError, match="not healthy") as refused:
        snapshot.save("fake", "clean")
    assert "nobody holds it" in refused.value.where
    assert not lab.paths.snapshots.exists()


def test_a_lab_without_power_is_not_kept(lab: Lab) -> None:
    lab.driver.power.off("n3")
    with pytest.raises(RefusedError, match="does not run") as refused:
        snapshot.save("fake", "clean")
    assert "n3" in refused.value.where


@pytest.mark.parametrize("act", [snapshot.save, snapshot.restore])
def test_a_broken_lab_is_neither_kept_nor_put_back(lab: Lab, act: Callable[[str, str], object]) -> None:
    snapshot.save("fake", "clean")
    Journal(lab.paths.journal).arm("node.poweroff", Target(("n1",), {}, "n1"))
    with pytest.raises(RefusedError, match="still broken"):
        act("fake", "clean" if act is snapshot.restore else "other")


def test_a_snapshot_of_another_plan_is_refused(lab: Lab) -> None:
    snapshot.save("fake", "clean")
    other = make_plan(topology_from_options(name="fake", driver="fake", nodes="5"))
    state.write_atomically(lab.paths.plan, other.model_dump_json())
    with pytest.raises(RefusedError, match="another plan") as refused:
        snapshot.restore("fake", "clean")
    assert "3 nodes" in refused.value.where and "5 nodes" in refused.value.where


def test_a_snapshot_of_another_driver_is_refused(lab: Lab) -> None:
    kept = snapshot.save("fake", "clean")
    state.write_atomically(lab.paths.snapshots / "clean" / "snapshot.json",
                           kept.model_copy(update={"driver": "vagrant"}).model_dump_json())
    with pytest.raises(RefusedError, match="made by the vagrant driver"):
        snapshot.restore("fake", "clean")


def test_no_room_is_said_before_anything_is_touched(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot.save("fake", "clean")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100 << 20, 99 << 20, 1 << 20))
    for act, name in ((snapshot.save, "other"), (snapshot.restore, "clean")):
        with pytest.raises(CapabilityError, match="no room"):
            act("fake", name)
    assert state.recorded(lab.paths).phase is Phase.RUNNING


def test_a_disk_that_fills_up_leaves_no_half_snapshot(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: FakeSnapshots, name: str, folder: Path) -> Saved:
        (folder / "half").touch()
        raise OSError(errno.ENOSPC, "No space left on device", str(folder))

    monkeypatch.setattr(FakeSnapshots, "save", full)
    with pytest.raises(HostError, match="disk is full"):
        snapshot.save("fake", "clean")
    assert list(lab.paths.snapshots.iterdir()) == [] and suppression.suppressed_by(lab.paths) == ""


def test_what_a_killed_save_left_is_not_listed_and_does_not_disturb(lab: Lab) -> None:
    draft = lab.paths.snapshots / ".clean"
    draft.mkdir(parents=True)
    (draft / "half").touch()
    assert snapshot.snapshots("fake") == []
    snapshot.save("fake", "clean")
    assert not draft.exists() and not (lab.paths.snapshots / "clean" / "half").exists()


def up_again(name: str) -> None:
    bring_up(Lab.open(name).plan, "driver: fake\n")


@pytest.mark.parametrize("act", [resume, start, up_again, lambda name: snapshot.save(name, "other"),
                                 lambda name: snapshot.delete(name, "half")],
                         ids=["resume", "start", "up", "save", "delete"])
def test_nodes_that_a_killed_save_left_standing_go_on_with_the_next_command(
        lab: Lab, act: Callable[[str], object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "_wary", lambda lab, pause: 0.0)
    monkeypatch.setattr(up, "check_driver", lambda plan: None)
    monkeypatch.setattr(up, "_ready_image", lambda *_: None)
    monkeypatch.setattr(up, "_settle", lambda *_, **__: GREEN)
    draft = lab.paths.snapshots / ".half"
    draft.mkdir(parents=True)
    for node in lab.plan.nodes:
        lab.driver.power.suspend(node.name)
    act("fake")
    assert power(lab) == [PowerState.ON] * 3
    assert not draft.exists() and ("delete", "half") in lab.driver.calls  # type: ignore[attr-defined]
    assert "half" not in [one.name for one in snapshot.snapshots("fake")]
    told = [event.data["text"] for event in read_events(lab.paths.events) if event.kind == "note"]
    assert told[-1] == ("removed what was there of 'half', whose saving or deleting was killed; "
                        "n1, n2, n3 stood still and go on")


def test_resume_says_that_a_save_was_killed(lab: Lab) -> None:
    (lab.paths.snapshots / ".half").mkdir(parents=True)
    assert resume("fake").found == "the saving or deleting of snapshot 'half' was not finished"
    assert resume("fake").found == "nothing was interrupted"


def test_what_a_fault_holds_is_not_let_go_by_a_delete(lab: Lab) -> None:
    (lab.paths.snapshots / ".half").mkdir(parents=True)
    Journal(lab.paths.journal).arm("node.freeze", Target(("n1",), {}, "n1"))
    lab.driver.power.suspend("n1")
    with pytest.raises(RefusedError, match="still broken"):
        snapshot.delete("fake", "half")
    assert lab.driver.power.state("n1") is PowerState.SUSPENDED


def test_ctrl_c_while_the_copy_is_made_leaves_nothing_of_it(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot.save("fake", "clean")
    monkeypatch.setattr(FakeSnapshots, "stage", lambda *_: interrupt._asked.set())
    monkeypatch.setattr(FakeSnapshots, "unstage", lambda *_: undone.append("upper.next"))
    undone: list[str] = []
    try:
        with pytest.raises(InterruptedByUser):
            snapshot.restore("fake", "clean")
    finally:
        interrupt._asked.clear()
    assert undone == ["upper.next"]
    assert state.recorded(lab.paths).phase is Phase.RUNNING


def test_ctrl_c_before_the_nodes_stand_still_leaves_no_draft(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupt, "check", raise_interrupt)
    with pytest.raises(InterruptedByUser):
        snapshot.save("fake", "clean")
    assert snapshot.unfinished(lab.paths) == []


def raise_interrupt(where: str = "") -> None:
    raise InterruptedByUser("stopped on request")


def test_an_interrupted_restore_is_on_record(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot.save("fake", "clean")

    def late(lab: Lab, deadline: float) -> Any:
        raise DeadlineError("gate 'vip' is not green")

    monkeypatch.setattr(snapshot.gates, "await_all", late)
    with pytest.raises(DeadlineError):
        snapshot.restore("fake", "clean")
    recorded = state.recorded(lab.paths)
    assert (recorded.phase, recorded.snapshot) == (Phase.RESTORING, "clean")


def test_fencing_is_suppressed_no_longer_than_its_process_lives(lab: Lab) -> None:
    def hold() -> None:
        with suppression.suppressed(lab.paths, "a test"):
            time.sleep(60)

    assert suppression.suppressed_by(lab.paths) == ""
    child = multiprocessing.get_context("fork").Process(target=hold)
    child.start()
    deadline = time.monotonic() + 10
    while suppression.suppressed_by(lab.paths) != f"a test, pid {child.pid}":
        assert time.monotonic() < deadline
    child.kill()
    child.join()
    assert suppression.suppressed_by(lab.paths) == ""


def test_a_pause_below_the_token_needs_no_waiting(lab: Lab) -> None:
    assert snapshot._wary(lab, 0.2) == 0.0
    assert snapshot._wary(lab, 0.8) == pytest.approx(1.0 + 1.2 + 3.0)


def test_the_state_of_an_older_halab_is_understood(lab: Lab) -> None:
    lab.paths.state.write_text('{"complete": true, "at": 1.0}')
    assert state.recorded(lab.paths).phase is Phase.RUNNING
    lab.paths.state.write_text('{"complete": false, "at": 1.0}')
    assert state.recorded(lab.paths).phase is Phase.BUILDING
