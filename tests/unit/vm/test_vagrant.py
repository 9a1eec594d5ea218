"""Vagrant is played by a small script: progress, errors, deadlines, Ctrl-C."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

pytest.importorskip("vagrant", reason="the vagrant driver's libraries are not installed")

from lab import interrupt
from lab.errors import DeadlineError, HostError, InterruptedByUser
from lab.vm.vagrant import LabVagrant


def fake(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> LabVagrant:
    program = folder / "bin" / "vagrant"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n" + script)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return LabVagrant(folder, env={"LAB_WORD": "from halab"}, log=folder / "log")


def test_progress_is_told_by_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vagrant = fake(tmp_path, 'echo "==> n1: Starting domain."; echo "    n1: more"; echo "$LAB_WORD $*" >&2',
                   monkeypatch)
    told: list[tuple[str, str]] = []
    vagrant.bring_up("n1", lambda node, words: told.append((node, words)), timeout=10)
    assert told == [("n1", "Starting domain.")]
    assert "from halab up n1 --provider=libvirt --no-provision" in (tmp_path / "log").read_text()


def test_the_reason_is_found_among_the_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vagrant = fake(tmp_path, """
echo "/usr/share/gems/x.rb:7: warning: old" >&2
echo "Error while creating domain: no such network" >&2
echo "  from /usr/share/gems/vagrant/action.rb:12:in call" >&2
exit 1""", monkeypatch)
    with pytest.raises(HostError, match="'vagrant up n1' failed") as caught:
        vagrant.bring_up("n1", lambda *_: None, timeout=10)
    assert caught.value.where == "Error while creating domain: no such network"
    assert str(tmp_path / "log") in caught.value.remedy


def test_libvirts_own_reason_is_found_inside_the_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vagrant = fake(tmp_path, """
echo "/usr/share/gems/fog-libvirt/vm_action.rb:7:in x: Call to virDomainCreateWithFlags failed: internal error:" \
  "process exited while connecting to monitor: Cannot allocate memory (Libvirt::Error)" >&2
for n in $(seq 100); do echo "	from /usr/share/gems/vagrant/action.rb:$n:in call" >&2; done
exit 1""", monkeypatch)
    with pytest.raises(HostError, match="'vagrant up n1' failed") as caught:
        vagrant.bring_up("n1", lambda *_: None, timeout=10)
    assert caught.value.where == ("internal error: process exited while connecting to monitor: Cannot allocate memory")


def test_a_vagrant_that_hangs_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vagrant = fake(tmp_path, "sleep 60", monkeypatch)
    begun = time.monotonic()
    with pytest.raises(DeadlineError, match="did not end in time"):
        vagrant.bring_up("n1", lambda *_: None, timeout=0.5)
    assert time.monotonic() - begun < 10


def test_it_may_clean_up_after_ctrl_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vagrant = fake(tmp_path, f"trap 'touch {tmp_path}/cleaned; exit 1' INT; sleep 60 & wait", monkeypatch)
    monkeypatch.setattr(interrupt, "requested", lambda: True)
    with pytest.raises(InterruptedByUser):
        vagrant.bring_up("n1", lambda *_: None, timeout=10)
    assert (tmp_path / "cleaned").exists()


def test_no_vagrant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    vagrant = LabVagrant(tmp_path, env={}, log=tmp_path / "log")
    with pytest.raises(HostError, match="the program 'vagrant' is not on this host"):
        vagrant.bring_up("n1", lambda *_: None, timeout=10)


def test_answers_are_read_as_python_vagrant_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vagrant = fake(tmp_path, 'echo "1,n1,provider-name,libvirt"; echo "1,n1,state,running"', monkeypatch)
    assert [(one.name, one.state) for one in vagrant.status()] == [("n1", "running")]
