"""A suite that was stopped goes on with what is missing, from the same beginning."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from suited import COMMAND, Suited, a_snapshot, names, record, stop_at, suited

from chaos import suite, suitefolder
from chaos.model import Result
from chaos.suite import SuiteStopped, run_suite
from lab import state
from lab.errors import RefusedError
from lab.plan import Plan
from lab.state.events import read_events


class Killed(BaseException):
    """SIGKILL, as far as a process can see it from inside: nothing runs after it that says so."""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Suited:
    return suited(monkeypatch)


def test_all_that_is_planned_is_on_record_before_the_first_run(world: Suited) -> None:
    seen: list[dict[str, Any]] = []
    world.at_run = lambda _name: seen.append(record(world))
    result = run_suite(world.lab, "smoke", repeat=2, seed=7)
    first, last = seen[0], record(world)
    assert first["complete"] is False and first["runs"] == [] and (first["repeat"], first["seed"]) == (2, 7)
    assert [one["scenario"] for one in first["planned"]] == world.ran
    assert sorted(one["repeat"] for one in first["planned"]) == [1] * len(names()) + [2] * len(names())
    assert [one["run"] for one in seen[1]["planned"]][:2] == [f"001-{world.ran[0]}", None]
    assert last["complete"] is True and last["resume"] is None and result.result is Result.PASS
    assert {one["verdict"] for one in last["planned"]} == {"PASS"}


def test_it_goes_on_with_the_missing_ones_alone(world: Suited) -> None:
    whole = run_suite(world.lab, "smoke", repeat=2, seed=7)
    order = [one.scenario for one in whole.turns]
    world.ran.clear(), world.calls.clear()
    stop_at(world, 3)
    with pytest.raises(SuiteStopped) as caught:
        run_suite(world.lab, "smoke", repeat=2, seed=7)
    told: list[str] = []
    result = run_suite(world.lab, "smoke", resume=True, tell=lambda verdict: told.append(verdict.scenario))
    assert world.ran == order, "each once, in the order of the seed"
    assert told == order[3:] and [one.scenario for one in result.verdicts] == order
    assert result.folder == caught.value.result.folder and not result.missing and result.result is Result.PASS
    assert world.calls == ["save", "restore", "delete"], "back to the beginning, for nobody knows what the stop left"
    assert result.restores == 1 and record(world)["restores"] == 1
    with pytest.raises(RefusedError, match="nothing to resume"):
        run_suite(world.lab, "smoke", resume=True)


def test_a_suite_can_be_stopped_more_than_once(world: Suited) -> None:
    for nth in (1, 3):
        stop_at(world, nth)
        with pytest.raises(SuiteStopped, match=f"{nth} of "):
            run_suite(world.lab, "smoke", resume=nth > 1)
    assert run_suite(world.lab, "smoke", resume=True).result is Result.PASS
    assert world.ran == names() and world.calls == ["save", "restore", "restore", "delete"]


def test_a_killed_suite_goes_on_too(world: Suited) -> None:
    stop_at(world, 2, Killed())
    with pytest.raises(Killed):
        run_suite(world.lab, "smoke")
    assert record(world)["complete"] is False and world.kept, "as SIGKILL leaves it"
    assert run_suite(world.lab, "smoke", resume=True).result is Result.PASS
    assert world.ran == names() and not world.kept


def test_a_run_whose_files_are_gone_or_torn_runs_again(world: Suited) -> None:
    stop_at(world, 3)
    with pytest.raises(SuiteStopped):
        run_suite(world.lab, "smoke")
    gone, torn, whole = sorted(world.lab.paths.runs.iterdir())
    shutil.rmtree(gone)
    (torn / "samples" / "sql_write.jsonl").write_text("")  # as a power cut leaves what was not flushed
    world.ran.clear()
    result = run_suite(world.lab, "smoke", resume=True)
    assert world.ran == [*names()[:2], *names()[3:]] and result.verdicts[2].run_dir == whole


def test_a_torn_status_or_ledger_is_no_traceback(world: Suited) -> None:
    stop_at(world, 3)
    with pytest.raises(SuiteStopped):
        run_suite(world.lab, "smoke")
    status, ledger, whole = sorted(world.lab.paths.runs.iterdir())
    (status / "samples" / "cache.status.json").write_text('{"slo')
    (ledger / "ledgers" / "sql_write.txt").write_bytes(b"run1/1\n\xff\xfe")
    world.ran.clear()
    result = run_suite(world.lab, "smoke", resume=True)
    assert world.ran == [*names()[:2], *names()[3:]] and result.verdicts[2].run_dir == whole


@pytest.mark.parametrize("another", [None, 1.0])
def test_without_its_own_snapshot_a_new_one_is_made_of_a_healthy_lab(world: Suited, another: float | None) -> None:
    """lab.down took it, or another suite has made its own since."""
    stop_at(world, 1)
    with pytest.raises(SuiteStopped):
        run_suite(world.lab, "smoke")
    world.kept[:] = [] if another is None else [a_snapshot(suite.SNAPSHOT, another)]
    world.calls.clear()

    def sick() -> None:
        raise RefusedError("lab 'suited' is not healthy")

    world.refuse = sick
    before = record(world)
    with pytest.raises(RefusedError, match="not healthy"):
        run_suite(world.lab, "smoke", resume=True)
    assert world.calls == [] and record(world) == before, "nothing is touched"
    world.refuse = lambda: None
    run_suite(world.lab, "smoke", resume=True)
    assert world.calls == [*(["delete"] if another else []), "save", "delete"], "no restore: it is made of now"


def test_a_new_suite_takes_nothing_from_a_stopped_one_before_it_may_begin(world: Suited) -> None:
    stop_at(world, 1)
    with pytest.raises(SuiteStopped):
        run_suite(world.lab, "smoke")
    world.calls.clear()

    def sick() -> None:
        raise RefusedError("lab 'suited' is not healthy")

    world.refuse = sick
    with pytest.raises(RefusedError, match="not healthy"):
        run_suite(world.lab, "smoke")
    assert world.calls == [] and len(list(world.lab.paths.suites.iterdir())) == 1
    world.refuse = lambda: None
    state.record(world.lab.paths, state.Phase.RESTORING, suite.SNAPSHOT)
    with pytest.raises(RefusedError) as caught:
        run_suite(world.lab, "smoke")
    assert "lab.resume" in caught.value.remedy and world.calls == [], "lab.resume needs the snapshot"
    state.record(world.lab.paths, state.Phase.RUNNING)
    assert len(run_suite(world.lab, "smoke").verdicts) == len(names())
    notes = [event.data.get("text", "") for event in read_events(world.lab.paths.events)]
    assert any("was stopped before" in text and "--resume" in text for text in notes)


def test_what_cannot_be_resumed_is_refused_before_anything_is_touched(world: Suited,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RefusedError, match="nothing to resume"):
        run_suite(world.lab, "smoke", resume=True)
    assert not world.lab.paths.suites.exists()
    stop_at(world, 1)
    with pytest.raises(SuiteStopped):
        run_suite(world.lab, "smoke", seed=7, repeat=2)
    before, calls = record(world), list(world.calls)
    for given in ({"seed": 8}, {"repeat": 1}, {"restore": "each"}):
        with pytest.raises(RefusedError) as other:
            run_suite(world.lab, "smoke", resume=True, **given)  # type: ignore[arg-type]
        ((option, value),) = given.items()
        assert f"--{option}={value}" in other.value.where and other.value.remedy == COMMAND
    with pytest.raises(RefusedError, match="'network'"):
        run_suite(world.lab, "network", resume=True)
    monkeypatch.setattr(Plan, "digest", "another")
    with pytest.raises(RefusedError, match="another plan") as caught:
        run_suite(world.lab, "smoke", resume=True)
    assert "1 of " in caught.value.where
    assert (record(world), world.calls, len(world.ran)) == (before, calls, 1)
    monkeypatch.undo()


def test_a_suite_that_runs_has_not_stopped(world: Suited) -> None:
    stop_at(world, 1)
    with pytest.raises(SuiteStopped) as caught:
        run_suite(world.lab, "smoke")
    other = os.open(caught.value.result.folder, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    calls = list(world.calls)
    with pytest.raises(RefusedError, match="running"):
        run_suite(world.lab, "smoke", resume=True)
    assert world.calls == calls
    os.close(other)
    assert not run_suite(world.lab, "smoke", resume=True).missing


def test_records_of_another_halab_are_passed_over(world: Suited) -> None:
    for number, text in enumerate(("{}", "", json.dumps({"suite": "smoke", "runs": []}))):
        folder = world.lab.paths.suites / f"2099010{number}T000000Z-smoke"
        folder.mkdir(parents=True)
        (folder / "suite.json").write_text(text)
    assert suitefolder.stopped(world.lab.paths, "smoke") is None
    stop_at(world, 1)
    with pytest.raises(SuiteStopped) as caught:
        run_suite(world.lab, "smoke")
    assert suitefolder.stopped(world.lab.paths, "smoke") == caught.value.result.folder


def test_an_unreadable_record_is_an_error_and_no_traceback(tmp_path: Path, world: Suited) -> None:
    with pytest.raises(RefusedError):
        suitefolder.load(world.lab.paths, tmp_path)
