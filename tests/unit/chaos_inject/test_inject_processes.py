"""Proofs of units and processes: restarted, dead, or dying again and again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inject_fakes import make_lab, shell_of
from inject_shell import lab_with_shell, loop_of, node_of

from chaos.faults import get_fault
from chaos.faults.base import FAULT_ID
from chaos.model import Target
from lab.errors import RefusedError
from lab.lab import Lab


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return lab_with_shell(tmp_path, monkeypatch)


def test_a_restart_that_nobody_can_date_is_none(lab: Lab) -> None:
    target = Target(("n2",), {"unit": "haproxy", "before": {"n2": "100"}})
    assert not get_fault("svc.restart").took_effect(lab, target).ok
    node_of(lab).client("systemctl", "echo 200")
    assert get_fault("svc.restart").took_effect(lab, target).ok


def test_a_restart_is_not_over_while_its_unit_is_down(lab: Lab) -> None:
    target = Target(("n2",), {FAULT_ID: "ab12", "unit": "haproxy", "before": {"n2": "100"}})
    for state, over in (("active", True), ("failed", False), ("activating", False)):
        node_of(lab).client("systemctl", f"echo ActiveState={state}")
        assert get_fault("svc.restart").healed(lab, target).ok is over


def test_a_lost_position_is_proven_by_a_dead_server() -> None:
    lab, fault = make_lab(), get_fault("db.rm_grastate")
    shell_of(lab).answers = {"pgrep": "812:9001 end"}
    target = fault.prepare(lab, Target(("n2",), {FAULT_ID: "ab12"}))
    assert "survived" in fault.took_effect(lab, target).evidence
    shell_of(lab).answers = {"pgrep": "end"}
    proof = fault.took_effect(lab, target)
    assert proof.ok and "not running" in proof.evidence


@pytest.mark.parametrize(("name", "params", "client"), [("net.flap", {"network": "ring"}, "nft"),
                                                        ("proc.crashloop", {"process": "haproxy"}, "pkill")])
def test_a_loop_that_cannot_act_ends(lab: Lab, name: str, params: dict[str, Any], client: str) -> None:
    script = loop_of(lab, name, params)
    node_of(lab).client("sleep", "exit 0")
    node_of(lab).client(client, "exit 3")
    assert not lab.shell.run("n2", script, check=False).ok  # for ever, if it went on


def test_a_crash_loop_goes_on_while_nobody_is_there(lab: Lab) -> None:
    script = loop_of(lab, "proc.crashloop", {"process": "haproxy"})
    folder = node_of(lab)._folder
    node_of(lab).client("pkill", "exit 1")
    node_of(lab).client("sleep", f"echo >> {folder}/rounds; [ $(wc -l < {folder}/rounds) -lt 3 ] || kill $PPID")
    lab.shell.run("n2", script, check=False)
    assert (folder / "rounds").read_text().count("\n") == 3


def test_a_crash_loop_is_proven_by_a_death() -> None:
    lab, fault = make_lab(), get_fault("proc.crashloop")
    shell_of(lab).answers = {"pgrep": "end"}
    with pytest.raises(RefusedError, match="no haproxy runs on n2"):
        fault.prepare(lab, Target(("n2",), {"process": "haproxy"}))
    shell_of(lab).answers = {"pgrep": "812:9001 end"}
    target = fault.prepare(lab, Target(("n2",), {FAULT_ID: "ab12", "process": "haproxy"}))
    assert not fault.took_effect(lab, target).ok  # the loop runs, and kills nobody
    shell_of(lab).answers = {"pgrep": "813:9077 end"}
    proof = fault.took_effect(lab, target)
    assert proof.ok and "was PID 812, now PID 813" in proof.evidence
