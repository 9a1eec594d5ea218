"""How results look, and that their JSON has the shape that docs/commands.md promises."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chaos.journal import Entry, Healing
from chaos.measure import Window
from chaos.model import Finding, Proof, Result, Target
from chaos.verdict import Verdict
from chaos.windows import Span
from cli.views import chaos as chaos_views
from cli.views import lab as lab_views
from cli.views import provision as provision_views
from cli.views.plain import plain
from lab.status import ClusterStatus, GateStatus, NodeStatus, Status, VipStatus
from provision.role import Change
from provision.verify.model import Finding as Requirement
from provision.verify.model import Result as Verified

STATUS = Status(
    lab="demo",
    style="collapsed",
    driver="container",
    profile="tuned",
    healthy=False,
    gates=[
        GateStatus(name="power", ok=True, seconds=0.01, detail="3/3 on"),
        GateStatus(name="vip", ok=False, seconds=0.5, detail="nobody holds public", show="ip -br address"),
    ],
    clusters=[ClusterStatus(name="controllers", services=["galera"], nodes=["n1", "n2", "n3"], quorate=True)],
    nodes=[NodeStatus(name="n1", power="on", cluster="controllers", addresses={"mgmt": "10.0.0.1"})],
    vips=[VipStatus(name="public", address="10.0.0.9", holder=None)],
    unhealed=[],
    capabilities=["poweroff", "suspend"],
    warnings=["corosync runs without real time on n1"],
)


def test_status(capsys: pytest.CaptureFixture[str]) -> None:
    lab_views.status_view(STATUS, "table")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "lab demo: NOT HEALTHY (collapsed, driver container, profile tuned)"
    assert "vip    FAILS  0.50     nobody holds public" in lines
    assert "public  10.0.0.9  nobody" in lines
    assert lines[-1] == "warning: corosync runs without real time on n1"
    lab_views.status_view(STATUS, "json")
    assert json.loads(capsys.readouterr().out).keys() == {
        "lab", "style", "driver", "profile", "healthy", "gates", "clusters", "nodes", "vips", "unhealed",
            "capabilities", "warnings",
    }  # fmt: skip


def verdict(**changes: Any) -> Verdict:
    window = Window(
        service="sql_write",
        seconds=5.25,
        span=Span(0.0, 5.25),
        by_intended=5.25,
        by_completion=5.2,
        downtime=5.25,
        outages=1,
        operations=100,
        period=0.02,
        bound_low=3.0,
        bound_high=7.0,
        bound_why="token",
        sla=9.0,
    )
    values: dict[str, Any] = {
        "scenario": "vip-holder-poweroff",
        "result": Result.FAIL,
        "target": ("n2",),
        "windows": {"sql_write": window},
        "findings": (
            Finding("S1", "no acknowledged write is lost", "safety", ok=False, evidence="row 17"),
            Finding("S3", "fenced before the VIP moved", "safety", ok=True, evidence="no loss", skipped=True),
        ),
        "phases": (),
        "inject_begin": 1.0,
        "converged_seconds": 31.5,
        "run_dir": Path("/runs/1"),
    }
    return Verdict(**{**values, **changes})


def test_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    chaos_views.verdict_view(verdict(), "table")
    shown = capsys.readouterr().out
    assert shown.startswith("FAIL  vip-holder-poweroff  target: n2\n")
    assert "sql_write  5.25 s  3.00 s to 7.00 s  9.00 s" in shown
    assert "FAIL  S1  no acknowledged write is lost: row 17" in shown
    assert "skip  S3" in shown
    assert "whole again 31.5 s after the fault" in shown
    assert "run: /runs/1 (verdict.json there has all evidence)" in shown
    chaos_views.verdict_view(verdict(), "json")
    assert json.loads(capsys.readouterr().out)["verdict"] == "FAIL"


LONG = "; ".join(f"{name} 3.71 s +/- 0.02 (SLA 8.70 s, by intended time 3.70)" for name in ("vip_tcp", "cache"))


def test_evidence_is_one_line_each_and_whole_for_what_failed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    findings = (
        Finding("L1", "outage windows within the SLA", "liveness", ok=False, evidence=LONG),
        Finding("V6", "no window is too short", "validity", ok=True, evidence=LONG),
    )
    chaos_views.verdict_view(verdict(findings=findings), "table")
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines if not line.startswith("run:")) <= 60
    assert "FAIL  L1  outage windows within the SLA: vip_tcp 3.71 s ..." in lines
    assert "ok    V6  no window is too short: vip_tcp 3.71 s +/- ..." in lines
    assert lines[-7:] == [
        "L1  outage windows within the SLA",
        "  vip_tcp 3.71 s +/- 0.02 (SLA 8.70 s, by intended time",
        "    3.70)",
        "  cache 3.71 s +/- 0.02 (SLA 8.70 s, by intended time 3.70)",
        "",
        "FAIL  The cluster broke its word: L1 (outage windows within",
        "      the SLA) does not hold.",
    ]
    chaos_views.verdict_view(verdict(findings=findings), "json")
    assert json.loads(capsys.readouterr().out)["checks"][1]["evidence"] == LONG


def test_a_pass_needs_no_reason(capsys: pytest.CaptureFixture[str]) -> None:
    chaos_views.verdict_view(verdict(result=Result.PASS, findings=()), "table")
    assert capsys.readouterr().out.splitlines()[-1].startswith("run: ")


def test_verdict_of_a_run_that_broke_early(capsys: pytest.CaptureFixture[str]) -> None:
    broken = Finding("V1", "the fault took effect", "validity", ok=False, evidence="nobody looked")
    chaos_views.verdict_view(
        verdict(
            result=Result.BROKEN,
            target=(),
            windows={},
            findings=(broken,),
            converged_seconds=None,
            error="n2 cannot be reached over SSH",
        ),
        "table",
    )
    shown = capsys.readouterr().out
    assert shown.startswith("BROKEN  vip-holder-poweroff  target: none\n")
    assert shown.endswith("\n\nBROKEN  The tool failed: n2 cannot be reached over SSH\n")
    assert shown.count("nobody looked") == 1


def test_healing(capsys: pytest.CaptureFixture[str]) -> None:
    entry = Entry("ab12", "node.poweroff", Target(("n2",)), 1.0)
    chaos_views.unhealed_list([entry], "table")
    chaos_views.heal_result([Healing(entry, Proof(True, "n2 is on"))], "table")
    chaos_views.heal_result([], "table")
    assert capsys.readouterr().out.splitlines() == [
        "not healed: node.poweroff on n2",
        "healed: node.poweroff on n2: n2 is on",
        "there was nothing to heal",
    ]


def test_changes(capsys: pytest.CaptureFixture[str]) -> None:
    provision_views.apply_result([], "table")
    provision_views.diff_result([Change("n1", "/etc/hosts", "content")], "table")
    assert capsys.readouterr().out.splitlines() == [
        "nothing changed: every node is as it should be",
        "NODE  WHAT        DETAIL",
        "n1    /etc/hosts  content",
    ]


def test_findings_of_requirements(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    found = [Requirement("R1", Verified.PASS, "Three members or more.", "n1$ corosync-quorumtool -si: 3"),
             Requirement("R17", Verified.FAIL, "Fencing is on.", "n1$ cibadmin: " + "words " * 12, "./inv lab.status")]
    provision_views.findings(found, "table")
    shown = capsys.readouterr().out
    assert shown.splitlines() == [
        "R1   pass          Three members or more.",
        "                   n1$ corosync-quorumtool -si: 3",
        "R17  FAIL          Fencing is on.",
        "                   n1$ cibadmin: words words words words words words words words",
        "                   words words words words",
        "                   try: ./inv lab.status",
        "",
        "1 fail, 1 pass",
    ]
    provision_views.findings(found, "json")
    assert json.loads(capsys.readouterr().out)["requirements"][1] == {
        "id": "R17", "result": "fail", "sentence": "Fencing is on.",
        "evidence": found[1].evidence, "try": "./inv lab.status"}


def test_plain_values() -> None:
    assert plain({1: (Path("/x"), {"b"}), "change": Change("n1", "a")}) == {
        "1": ["/x", ["b"]],
        "change": {"node": "n1", "what": "a", "detail": "", "kind": "file"},
    }
