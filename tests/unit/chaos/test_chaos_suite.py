"""Suites, JUnit XML and judging again, on runs that never happened."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from suited import BAD, GOOD, Suited, a_snapshot, make_lab, names, record, suited
from synthetic import Story, build, recording

from chaos import junit, report, suite
from chaos.model import Result
from chaos.rejudge import rejudge
from chaos.suitefolder import Restore, SuiteResult, Turn
from chaos.verdict import Verdict, verdict_of
from lab.errors import CapabilityError, HalabError, NothingThereError, RefusedError
from lab.state.events import read_events


def a_verdict(tmp_path: Path, story: Story = GOOD) -> Verdict:
    return verdict_of(recording(tmp_path / "run", story))


def test_junit_tells_windows_and_phases_and_what_failed(tmp_path: Path) -> None:
    good, bad = a_verdict(tmp_path), a_verdict(tmp_path / "bad", BAD)
    assert (good.result, bad.result) == (Result.PASS, Result.INVALID)
    root = ElementTree.parse(junit.write(tmp_path, "halab.smoke", [good, bad])).getroot()
    (body,) = root.findall("testsuite")
    assert body.attrib == {"name": "halab.smoke", "tests": "2", "failures": "0", "errors": "1", "skipped": "0"}
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

    def of(*verdicts: Verdict) -> SuiteResult:
        turns = tuple(Turn(one.scenario, 1, one) for one in verdicts)
        return SuiteResult("full", "lab", "digest", 1, 0, "failed", turns, (), tmp_path)

    assert of(kept).result is Result.PASS and of(kept, missed).result is Result.FAIL
    page = report.render_suite(of(kept, missed))
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
def world(monkeypatch: pytest.MonkeyPatch) -> Suited:
    return suited(monkeypatch)


def test_a_suite_runs_all_that_the_lab_can_take_and_names_the_rest(world: Suited) -> None:
    told: list[str] = []
    result = suite.run_suite(world.lab, "fencing", tell=lambda verdict: told.append(verdict.scenario))
    assert told == [one.scenario for one in result.verdicts] and "vip-holder-frozen" in told
    assert "vip-holder-panic" in {one.scenario for one in result.left_out}
    assert result.result is Result.INVALID, "the worst verdict is the suite's"
    # Put back after the one that proved nothing, unless it was the last.
    expected = 0 if told[-1] == "vip-holder-frozen" else 1
    assert world.calls == ["save", *["restore"] * expected, "delete"] and result.restores == expected
    saved = json.loads((result.folder / "suite.json").read_text())
    assert saved["verdict"] == "INVALID" and len(saved["runs"]) == len(told)
    page = (result.folder / "report.html").read_text()
    assert all(name in page for name in told) and "Left out" in page and "panic" in page
    assert (result.folder / "junit.xml").exists()


def test_repeat_seed_and_restore(world: Suited) -> None:
    once = suite.run_suite(world.lab, "smoke", restore="never")
    again = suite.run_suite(world.lab, "smoke", repeat=2, seed=7, restore="each")
    assert len(again.verdicts) == 2 * len(once.verdicts) and again.restores == len(again.verdicts)
    assert world.calls.count("save") == 1
    same = suite.run_suite(world.lab, "smoke", repeat=2, seed=7, restore="never")
    assert [one.scenario for one in same.verdicts] == [one.scenario for one in again.verdicts]


def test_a_snapshot_of_another_day_is_not_restored(world: Suited) -> None:
    world.kept.append(a_snapshot(suite.SNAPSHOT, 1.0))
    suite.run_suite(world.lab, "vip-holder-poweroff", restore="each")
    assert world.calls == ["delete", "save", "restore", "delete"]


def test_a_snapshot_that_cannot_be_deleted_hides_no_verdict(world: Suited, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object, **__: object) -> None:
        raise HalabError("the lab is busy")

    monkeypatch.setattr(suite.snapshot, "delete", busy)
    assert suite.run_suite(world.lab, "vip-holder-poweroff").result is Result.PASS
    assert any("was not deleted" in event.data.get("text", "") for event in read_events(world.lab.paths.events))


def refuse_at(world: Suited, *attempts: int) -> list[str]:
    """Runs that are refused, as counted from 0; all that were tried."""
    tried: list[str] = []

    def at_run(name: str) -> None:
        tried.append(name)
        if len(tried) - 1 in attempts:
            raise RefusedError("lab 'suited' is not healthy, so breaking it would prove nothing")

    world.at_run = at_run
    return tried


def test_a_red_gate_after_a_run_that_passed_is_put_right_once(world: Suited) -> None:
    tried = refuse_at(world, 1)
    result = suite.run_suite(world.lab, "vip-holder-poweroff", repeat=2)
    assert result.result is Result.PASS and len(result.verdicts) == 2 and len(tried) == 3
    assert world.calls == ["save", "restore", "delete"] and result.restores == 1
    assert any("not healthy" in event.data.get("text", "") for event in read_events(world.lab.paths.events))


@pytest.mark.parametrize("at", [0, 1])
def test_what_nothing_answers_to_now_is_left_out_by_name_and_the_suite_goes_on(at: int, world: Suited) -> None:
    """A broker that the cluster's agent runs is no unit that one could stop."""
    missing = names()[at]

    def refuse() -> None:
        if at == 0:  # the first one is looked at before the suite begins
            raise NothingThereError("no rabbitmq-server runs on n1")

    def at_run(name: str) -> None:
        if name == missing:
            world.refuse = lambda: None
            raise NothingThereError("no rabbitmq-server runs on n1")

    world.at_run, world.save_refuses, world.refuse = at_run, False, refuse
    result = suite.run_suite(world.lab, "smoke")
    assert [one.scenario for one in result.verdicts] == [one for one in names() if one != missing]
    assert ("no rabbitmq-server runs on n1" in [one.why for one in result.left_out]
            and missing in [one.scenario for one in result.left_out])
    assert missing in [one["scenario"] for one in record(world)["left_out"]]


@pytest.mark.parametrize(("restore", "refused", "calls"), [
    ("failed", (1, 2), ["save", "restore"]),  # put back, and red still
    ("each", (1,), ["save", "restore", "restore"]),  # it has just been put back
    ("never", (1,), [])])
def test_a_refusal_in_the_second_repeat_keeps_the_verdict_of_the_first(
        world: Suited, restore: Restore, refused: tuple[int, ...], calls: list[str]) -> None:
    refuse_at(world, *refused)
    told: list[str] = []
    with pytest.raises(suite.SuiteStopped, match="1 of 2 scenarios have run") as caught:
        suite.run_suite(world.lab, "vip-holder-poweroff", repeat=2, restore=restore,
                        tell=lambda verdict: told.append(verdict.word))
    assert told == ["PASS"] and [one.word for one in caught.value.result.verdicts] == ["PASS"]
    assert world.calls == calls
    saved = json.loads((caught.value.result.folder / "suite.json").read_text())
    assert [one["verdict"] for one in saved["planned"]] == ["PASS", None]


def test_each_needs_snapshots_and_says_so_before_anything_runs(world: Suited,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    driver = world.lab.driver
    monkeypatch.setattr(type(driver), "capabilities", driver.capabilities - {"snapshot"})
    with pytest.raises(CapabilityError) as caught:
        suite.run_suite(world.lab, "vip-holder-poweroff", restore="each")
    assert "--restore=each" in caught.value.where
    assert world.calls == [] and not world.lab.paths.suites.exists()
    assert len(suite.run_suite(world.lab, "vip-holder-poweroff").verdicts) == 1  # the default does without
    assert world.calls == []


def test_a_page_that_cannot_be_drawn_ends_no_suite(world: Suited, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(report, "write_suite", bug)
    result = suite.run_suite(world.lab, "smoke")
    assert len(result.verdicts) > 1 and (result.folder / "suite.json").exists()
    assert any("a bug" in event.data.get("text", "") for event in read_events(world.lab.paths.events))


def test_a_word_that_is_no_suite() -> None:
    with pytest.raises(RefusedError) as caught:
        suite.choose("smok")
    assert "smoke" in caught.value.remedy
    assert {one.name for one in suite.choose("full")} >= {one.name for one in suite.choose("smoke")}
