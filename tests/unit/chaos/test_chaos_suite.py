"""Suites, JUnit XML and judging again, on runs that never happened."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from synthetic import Story, build, recording

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "chaos_inject"))
from inject_fakes import make_lab

from chaos import junit, report, suite
from chaos.model import Proof, Result
from chaos.rejudge import rejudge
from chaos.scenario import Scenario
from chaos.verdict import Verdict, verdict_of
from lab import state
from lab.errors import CapabilityError, HalabError, RefusedError
from lab.lab import Lab
from lab.ops import snapshot
from lab.state.events import read_events

GOOD, BAD = Story(), Story().but_facts(took_effect=Proof(False, "c1 still answers"))


def a_verdict(tmp_path: Path, story: Story = GOOD) -> Verdict:
    return verdict_of(recording(tmp_path / "run", story))


def test_junit_tells_windows_and_phases_and_what_failed(tmp_path: Path) -> None:
    good, bad = a_verdict(tmp_path), a_verdict(tmp_path / "bad", BAD)
    assert (good.result, bad.result) == (Result.PASS, Result.INVALID)
    root = ElementTree.parse(junit.write(tmp_path, "halab.smoke", [good, bad])).getroot()
    (body,) = root.findall("testsuite")
    assert body.attrib == {"name": "halab.smoke", "tests": "2", "failures": "0", "errors": "1"}
    first, second = body.findall("testcase")
    shown = {one.get("name"): one.get("value") for one in first.findall("./properties/property")}
    assert shown["window.sql_write"] == "4.320" and shown["phase.detected"] == "2.200" and shown["target"] == "c1"
    assert first.find("error") is None
    error = second.find("error")
    assert error is not None and error.get("type") == "INVALID" and "c1 still answers" in (error.text or "")


def test_a_failure_that_was_expected_is_none(tmp_path: Path) -> None:
    """And one that was expected and did not come is one."""
    lies = GOOD.but(events=GOOD.events[:1]).but_facts(expect="FAIL", expect_checks=("S3",))
    kept, missed = a_verdict(tmp_path, lies), a_verdict(tmp_path / "missed", GOOD.but_facts(
        expect="FAIL", expect_checks=("S3",)))
    assert (kept.word, missed.word) == ("FAIL as expected", "PASS but expected otherwise")
    body = junit.document("halab.full", [kept, missed])[0]
    assert (body.get("failures"), body.get("errors")) == ("1", "0")
    assert body[0].find("failure") is None
    failure = body[1].find("failure")
    assert failure is not None and failure.get("message") == "FAIL was expected"

    def of(*verdicts: Verdict) -> Result:
        return suite.SuiteResult("full", "lab", 0, verdicts, (), 1.0, 0, tmp_path).result

    assert of(kept) is Result.PASS and of(kept, missed) is Result.FAIL
    page = report.render_suite(suite.SuiteResult("full", "lab", 0, (kept, missed), (), 1.0, 0, tmp_path))
    assert "FAIL as expected" in page
    run = report.render(recording(tmp_path / "run", lies), kept)
    assert "As this scenario expects, the cluster breaks its word: S3" in run


def test_a_run_is_judged_again_by_another_promise_and_stays_as_it_is(tmp_path: Path) -> None:
    lab = make_lab("judged")
    folder = build(lab.paths.runs / "20260101T000000Z-x", GOOD)
    before = sorted(path.name for path in folder.iterdir())
    promise = tmp_path / "sla.yml"
    promise.write_text('sla: {"*": 1, converged: 60}\n')
    assert rejudge("judged", "last", None).result is Result.PASS
    again = rejudge("judged", folder.name, promise)
    assert again.result is Result.FAIL and {window.sla for window in again.windows.values()} == {1.0}
    assert sorted(path.name for path in folder.iterdir()) == before
    promise.write_text("sla: {sql_wrte: 1}\n")
    with pytest.raises(RefusedError) as caught:
        rejudge("judged", folder.name, promise)
    assert "sql_write" in caught.value.remedy and caught.value.where.startswith("sla.yml:1")
    with pytest.raises(RefusedError) as unknown:
        rejudge("judged", "20260101T000000Z-y", None)
    assert folder.name in unknown.value.remedy
    for text, words in (("sla: [", "see chaos/scenarios/"), ("- sla", "see chaos/scenarios/"),
                        (None, "ls chaos/scenarios/")):
        promise.unlink(missing_ok=True)
        if text:
            promise.write_text(text)
        with pytest.raises(RefusedError) as wrong:
            rejudge("judged", folder.name, promise)
        assert words in wrong.value.remedy and "topologies" not in wrong.value.remedy


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lab:
    """A lab on which every scenario passes but the frozen one, which proves nothing."""
    made = make_lab("suited")

    def run(_lab: Lab, scenario: Scenario, _listener: object) -> Verdict:
        story = BAD if scenario.name == "vip-holder-frozen" else GOOD
        return replace(a_verdict(tmp_path, story), scenario=scenario.name)

    calls: list[str] = []
    made.__dict__["calls"] = calls
    monkeypatch.setattr(suite, "run", run)
    monkeypatch.setattr(snapshot, "snapshots", lambda _name: [])
    monkeypatch.setattr(snapshot, "save", lambda *_, **__: calls.append("save"))
    monkeypatch.setattr(snapshot, "restore", lambda *_, **__: calls.append("restore"))
    monkeypatch.setattr(snapshot, "delete", lambda *_, **__: calls.append("delete"))
    return made


def test_a_suite_runs_all_that_the_lab_can_take_and_names_the_rest(lab: Lab) -> None:
    told: list[str] = []
    result = suite.run_suite(lab, "fencing", tell=lambda verdict: told.append(verdict.scenario))
    assert told == [one.scenario for one in result.verdicts] and "vip-holder-frozen" in told
    assert "vip-holder-panic" in {one.scenario for one in result.left_out}
    assert result.result is Result.INVALID, "the worst verdict is the suite's"
    # Put back after the one that proved nothing, unless it was the last.
    expected = 0 if told[-1] == "vip-holder-frozen" else 1
    assert lab.__dict__["calls"] == ["save", *["restore"] * expected, "delete"] and result.restores == expected
    saved = json.loads((result.folder / "suite.json").read_text())
    assert saved["verdict"] == "INVALID" and len(saved["runs"]) == len(told)
    page = (result.folder / "report.html").read_text()
    assert all(name in page for name in told) and "Left out" in page and "panic" in page
    assert (result.folder / "junit.xml").exists()


def test_repeat_seed_and_restore(lab: Lab) -> None:
    once = suite.run_suite(lab, "smoke", restore="never")
    again = suite.run_suite(lab, "smoke", repeat=2, seed=7, restore="each")
    assert len(again.verdicts) == 2 * len(once.verdicts) and again.restores == len(again.verdicts)
    assert lab.__dict__["calls"].count("save") == 1
    same = suite.run_suite(lab, "smoke", repeat=2, seed=7, restore="never")
    assert [one.scenario for one in same.verdicts] == [one.scenario for one in again.verdicts]


def test_a_snapshot_of_another_day_is_not_restored(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    old = snapshot.Snapshot(name=suite.SNAPSHOT, at=1.0, driver="fake", style="collapsed", profile="tuned", nodes=3,
                            plan="another", seconds=1.0, pause_seconds=0.1, size_bytes=1)
    monkeypatch.setattr(snapshot, "snapshots", lambda _name: [old])
    suite.run_suite(lab, "vip-holder-poweroff", restore="each")
    assert lab.__dict__["calls"] == ["delete", "save", "restore", "delete"]


def test_the_snapshot_goes_whatever_ends_the_suite_and_stays_for_a_restore(lab: Lab,
                                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise HalabError("a gate stays red")

    calls = lab.__dict__["calls"]
    monkeypatch.setattr(suite, "run", broken)
    with pytest.raises(HalabError, match="red"):
        suite.run_suite(lab, "vip-holder-poweroff")
    assert calls == ["save", "delete"]
    calls.clear()
    state.record(lab.paths, state.Phase.RESTORING, suite.SNAPSHOT)
    with pytest.raises(HalabError, match="red"):
        suite.run_suite(lab, "vip-holder-poweroff", restore="each")
    assert calls == ["save", "restore"], "lab.resume goes on with it"


def test_each_needs_snapshots_and_says_so_before_anything_runs(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(lab.driver), "capabilities", lab.driver.capabilities - {"snapshot"})
    with pytest.raises(CapabilityError) as caught:
        suite.run_suite(lab, "vip-holder-poweroff", restore="each")
    assert "--restore=each" in caught.value.where
    assert lab.__dict__["calls"] == [] and not lab.paths.suites.exists()
    assert len(suite.run_suite(lab, "vip-holder-poweroff").verdicts) == 1  # the default does without
    assert lab.__dict__["calls"] == []


def test_a_page_that_cannot_be_drawn_ends_no_suite(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(report, "write_suite", bug)
    result = suite.run_suite(lab, "smoke")
    assert len(result.verdicts) > 1 and (result.folder / "suite.json").exists()
    assert any("a bug" in event.data.get("text", "") for event in read_events(lab.paths.events))


def test_a_word_that_is_no_suite() -> None:
    with pytest.raises(RefusedError) as caught:
        suite.choose("smok")
    assert "smoke" in caught.value.remedy
    assert {one.name for one in suite.choose("full")} >= {one.name for one in suite.choose("smoke")}
