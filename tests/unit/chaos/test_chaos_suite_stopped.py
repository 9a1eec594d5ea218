"""A suite that was stopped says how far it came, and what goes on with it."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from suited import COMMAND, Suited, names, stop_at, suited

from chaos.model import Result
from chaos.suite import SuiteStopped, run_suite
from cli.program import main
from lab import interrupt
from lab.errors import HalabError, RefusedError
from lab.lab import Lab


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Suited:
    return suited(monkeypatch)


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
