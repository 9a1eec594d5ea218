"""A suite that was stopped says how far it came, and goes on from there."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from suited import Suited, a_snapshot, suited

from chaos import suite, suitefolder
from chaos.model import Result
from chaos.suite import SuiteStopped, run_suite
from cli.program import main
from lab import interrupt, state
from lab.errors import HalabError, InterruptedByUser, RefusedError
from lab.lab import Lab
from lab.plan import Plan
from lab.state.events import read_events

COMMAND = "./inv chaos.suite smoke --name=suited --resume"


class Killed(BaseException):
    """SIGKILL, as far as a process can see it from inside: nothing runs after it that says so."""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Suited:
    return suited(monkeypatch)


def names() -> list[str]:
    return [one.name for one in suite.choose("smoke")]


def stop_at(world: Suited, nth: int, error: BaseException | None = None) -> None:
    """The run number ``nth`` (from 0) is not finished."""
    def at_run(_name: str) -> None:
        if len(world.ran) == nth:
            world.at_run = lambda _name: None
            raise error or InterruptedByUser("stopped on request", where="before: hold")

    world.at_run = at_run


def record(world: Suited) -> dict[str, Any]:
    """The newest ``suite.json``."""
    newest = sorted(world.lab.paths.suites.iterdir())[-1]
    loaded: dict[str, Any] = json.loads((newest / "suite.json").read_text())
    return loaded


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


def test_ctrl_c_says_how_far_it_came_and_what_goes_on(world: Suited) -> None:
    stop_at(world, 2)
    with pytest.raises(SuiteStopped) as caught:
        run_suite(world.lab, "smoke")
    missing, total = names()[2:], len(names())
    assert caught.value.exit_code == 130
    assert f"2 of {total} scenarios have run, missing: {', '.join(missing)}" in caught.value.what
    assert caught.value.remedy == f"resume: {COMMAND}    take down: ./inv lab.down --name=suited"
    result = caught.value.result
    assert result.missing == tuple(missing) and result.result is Result.INVALID, "two of six prove nothing of six"
    assert world.calls == ["save"], "the snapshot stays, to go on from the same beginning"
    page = (result.folder / "report.html").read_text()
    assert f"2 of {total} scenarios have run" in page and COMMAND in page and all(name in page for name in missing)
    body = ElementTree.parse(result.folder / "junit.xml").getroot()[0]
    assert (body.get("tests"), body.get("skipped"), body.get("errors")) == (str(total), str(total - 2), "0")
    skipped = {case.get("name"): case.find("skipped") for case in body if case.find("skipped") is not None}
    assert list(skipped) == missing
    told = skipped[missing[0]]
    words = told.get("message", "") if told is not None else ""
    assert COMMAND in words and f"2 of {total}" in words


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


def test_what_ends_a_suite_is_told_with_the_way_on(world: Suited) -> None:
    stop_at(world, 1, RefusedError("lab 'suited' is not healthy", where="gate galera: 2 of 3",
                                   remedy="./inv lab.wait --name=suited"))
    with pytest.raises(SuiteStopped) as caught:
        run_suite(world.lab, "smoke", restore="never")
    assert caught.value.exit_code == RefusedError.exit_code and "gate galera: 2 of 3" in caught.value.where
    assert caught.value.remedy == f"./inv lab.wait --name=suited, then {COMMAND}"
    stop_at(world, 2, HalabError("the host fell over"))
    with pytest.raises(SuiteStopped) as broken:
        run_suite(world.lab, "smoke", resume=True)
    assert broken.value.exit_code == 4 and world.calls == [], "no snapshot was asked for, and none is made"


def test_a_full_suite_names_the_first_that_are_missing(world: Suited) -> None:
    stop_at(world, 0)
    with pytest.raises(SuiteStopped) as caught:
        run_suite(world.lab, "full", restore="never")
    total = len(caught.value.result.turns)
    assert f"0 of {total} scenarios have run" in caught.value.what and f" and {total - 8} more" in caught.value.what


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


def test_the_screen_shows_what_there_is(world: Suited, capsys: pytest.CaptureFixture[str]) -> None:
    from cli.views.suite import stopped_view

    stop_at(world, 1)
    with pytest.raises(SuiteStopped) as caught:
        run_suite(world.lab, "smoke", repeat=2)
    stopped_view(caught.value.result, "table")
    shown = capsys.readouterr().out
    assert f"PASS     {names()[0]}" in shown and f"not run: {names()[0]} (2 of 2)" in shown
    assert f"1 of {2 * len(names())} scenarios have run" in shown and f"go on: {COMMAND}" in shown
    stopped_view(caught.value.result, "json")
    assert capsys.readouterr().out == "", "the one document is the error's"


def test_typed_stopped_with_ctrl_c_and_typed_again(world: Suited, monkeypatch: pytest.MonkeyPatch,
                                                   capsys: pytest.CaptureFixture[str]) -> None:
    """The command line as a person has it, with a real signal."""
    monkeypatch.setattr(Lab, "open", lambda _name: world.lab)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.chdir(Path(__file__).parents[3])

    def typed(*words: str) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["./inv", "chaos.suite", "smoke", "--name=suited", *words])
        with pytest.raises(SystemExit) as end:
            main(["./inv", "chaos.suite", "smoke", "--name=suited", *words])
        return (end.value.code or 0, *capsys.readouterr())

    def ctrl_c(_name: str) -> None:
        if len(world.ran) == 2:
            world.at_run = lambda _name: None
            signal.raise_signal(signal.SIGINT)
            interrupt.check("hold for 20 s")

    world.at_run = ctrl_c
    code, out, err = typed("--seed=7")
    assert code == 130 and "2 of 6 scenarios have run" in out and out.count("\nnot run: ") == 4
    assert [line.split()[0] for line in err.splitlines()[-3:]] == ["error", "where", "try"]
    assert f"try    resume: {COMMAND}    take down: ./inv lab.down --name=suited" in err
    assert typed("--resume", "--seed=8")[0] == 2, "another order is another suite"
    world.at_run = lambda _name: None
    code, out, err = typed("--resume", "--format=json")
    shown = json.loads(out)
    assert code == 0 and shown["verdict"] == "PASS" and len(shown["runs"]) == 6 == len(world.ran)
    assert "going on with " in err and typed("--resume")[0] == 2


def test_an_unreadable_record_is_an_error_and_no_traceback(tmp_path: Path, world: Suited) -> None:
    with pytest.raises(RefusedError):
        suitefolder.load(world.lab.paths, tmp_path)
