"""Errors, exit codes and Ctrl-C are the same for every command."""

from __future__ import annotations

import errno
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from invoke.context import Context
from invoke.exceptions import Exit

from cli import command as command_module
from cli import errors
from cli.command import command
from lab import interrupt
from lab.errors import DeadlineError, HalabError, HostError, NotFoundError


def code_of(task: Any, **options: Any) -> int:
    """Run a task as invoke does; its exit code."""
    try:
        task(Context(), **options)
    except Exit as end:
        return int(end.code)
    return 0


def failing(error: BaseException, **manners: Any) -> Any:
    @command(**manners)
    def task(c: Any, name: str = "default", format: str = "table") -> None:
        """Fail."""
        raise error

    return task


def test_three_lines() -> None:
    error = HostError("'nft' failed with exit code 1", where="nft -f -; Error: no", remedy="./inv lab.doctor")
    assert errors.rendered(error) == (
        "error  'nft' failed with exit code 1\nwhere  nft -f -; Error: no\ntry    ./inv lab.doctor"
    )
    assert errors.rendered(HalabError("no more is known")) == "error  no more is known"
    assert errors.rendered(HalabError("x"), colour=True) == "\033[31merror  x\033[0m"


@pytest.mark.parametrize(
    ("error", "code"), [(NotFoundError("no"), 2), (DeadlineError("late"), 4), (HostError("broken"), 4)]
)
def test_exit_codes(error: HalabError, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(failing(error)) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == f"error  {error.what}\n"


def test_json_says_the_error_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        code_of(failing(NotFoundError("no lab", where="labs: none", remedy="./inv lab.up")), format="json")
        == 2
    )
    assert json.loads(capsys.readouterr().out) == {
        "error": {"what": "no lab", "where": "labs: none", "try": "./inv lab.up", "exit_code": 2}
    }


def test_a_bug_is_one_line_and_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(failing(ZeroDivisionError("by zero\nand more"))) == 4
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "error  unexpected ZeroDivisionError: by zero"
    log = Path(lines[1].removeprefix("where  "))
    assert log.is_relative_to(os.environ["HALAB_HOME"])
    assert "Traceback" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_bug_without_a_writable_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HALAB_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.setattr(errors.tempfile, "gettempdir", lambda: str(tmp_path))
    assert code_of(failing(RuntimeError())) == 4
    assert list(tmp_path.glob("debug-*.log"))


def test_no_root(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command_module.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(command_module.sys, "argv", ["inv", "lab.up", "--style=mixed"])
    assert code_of(failing(AssertionError("must not run"), root=True)) == 2
    assert capsys.readouterr().err.splitlines()[-1] == "try    sudo ./inv lab.up --style=mixed"


def test_files_of_root(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command_module.os, "geteuid", lambda: 1000)
    assert code_of(failing(PermissionError(13, "Permission denied", "/var/lib/halab/labs"))) == 2
    said = capsys.readouterr().err
    assert "where  /var/lib/halab/labs" in said and "try    sudo" in said


def test_what_root_may_not_do_is_no_matter_of_rights(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command_module.os, "geteuid", lambda: 0)
    assert code_of(failing(PermissionError(1, "Operation not permitted", "/sys/fs/cgroup/x"))) == 4
    said = capsys.readouterr().err
    assert "Operation not permitted" in said and "sudo" not in said


@pytest.mark.parametrize("options", [{"format": "yaml"}, {"name": "../etc"}])
def test_common_options_are_checked_first(
    options: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert code_of(failing(AssertionError("must not run")), **options) == 2
    assert capsys.readouterr().err.count("\n") == 3


def test_ctrl_c_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command_module.sys, "argv", ["inv", "lab.up", "--name=mine"])
    assert code_of(failing(KeyboardInterrupt(), polite=True), name="mine") == 130
    assert capsys.readouterr().err.splitlines() == [
        "error  interrupted; nothing was destroyed",
        "try    resume: ./inv lab.up --name=mine    take down: ./inv lab.down --name=mine",
    ]


def test_ctrl_c_in_a_command_that_only_looks(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(failing(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "error  interrupted; nothing was destroyed\n"


def test_ctrl_c_in_the_last_step_ends_the_chain(capsys: pytest.CaptureFixture[str]) -> None:
    @command(polite=True)
    def task(c: Any) -> None:
        """Is interrupted, and has no further step that would notice."""
        os.kill(os.getpid(), signal.SIGINT)

    assert code_of(task) == 130
    assert interrupt.NOTICE in capsys.readouterr().err


def test_a_code_of_its_own() -> None:
    @command()
    def task(c: Any) -> int:
        """FAIL."""
        return 1

    assert code_of(task) == 1


def test_a_full_disk_is_no_bug(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(failing(OSError(errno.ENOSPC, "No space left on device"))) == 4
    assert "error  the disk is full\nwhere  " in (said := capsys.readouterr().err) and "a bug" not in said
    assert code_of(failing(OSError(errno.EIO, "Input/output error"))) == 4
    assert "this is a bug in halab" in capsys.readouterr().err
