"""Scripts of the faults in a real shell, with clients of daemons that answer or do not."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from inject_fakes import FakeShell, make_lab

from chaos.faults import get_fault
from chaos.faults.base import FAULT_ID
from chaos.model import Target
from lab.errors import HalabError
from lab.lab import Lab
from lab.node.shell import Completed

CLIENTS = ("cibadmin", "crm_attribute", "crm_failcount", "crm_mon", "crm_resource", "erl_call", "ip", "mariadb", "nft",
           "pgrep", "pkill", "sleep", "systemctl", "systemd-run", "tc")


class RealShell(FakeShell):
    """Scripts run for real, with a PATH on which the clients of the daemons are this test's own."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        super().__init__(lab)
        self._folder = folder
        folder.mkdir()
        for name in CLIENTS:
            self.client(name, "exit 102")

    def client(self, name: str, script: str) -> None:
        path = self._folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def run(self, node: str, command: str, *, timeout: float = 30.0, stdin: str | bytes | None = None,
            check: bool = True) -> Completed:
        self.asked.append((node, command))
        done = subprocess.run(["sh", "-c", command], env={**os.environ, "PATH": f"{self._folder}:{os.environ['PATH']}"},
                              capture_output=True, text=True, timeout=20, check=False)
        if check and done.returncode:
            raise HalabError("a command failed")
        return Completed(done.stdout, done.stderr, done.returncode)


def lab_with_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """n1..n3, none of whose daemons answers."""
    made = make_lab()
    made.__dict__["shell"] = RealShell(made, tmp_path / "bin")
    monkeypatch.setattr("chaos.faults.guestbase._BACK_WITHIN", 0.0)
    return made


def node_of(lab: Lab) -> RealShell:
    shell: Any = lab.shell
    assert isinstance(shell, RealShell)
    return shell


def loop_of(lab: Lab, name: str, params: dict[str, Any]) -> str:
    """The script that the fault leaves on the node."""
    node_of(lab).client("systemd-run", 'for last; do :; done; printf "%s" "$last" > "$0.script"')
    fault = get_fault(name)
    fault.inject(lab, Target(("n2",), {FAULT_ID: "ab12", **params}))
    (script,) = node_of(lab)._folder.glob("systemd-run.script")
    return script.read_text()
