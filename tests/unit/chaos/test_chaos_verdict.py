"""What the findings of a run come to, and what was expected of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from synthetic import FROZEN, REQUEST, SOUND, recording

from chaos.model import Result
from chaos.verdict import verdict_of


def test_an_expected_failure_keeps_the_promise(tmp_path: Path) -> None:
    lies = SOUND.but(events=(FROZEN, REQUEST)).but_facts(expect="FAIL", expect_checks=("S3",))
    verdict = verdict_of(recording(tmp_path, lies))
    assert verdict.result is Result.FAIL and verdict.kept and verdict.exit_code == 0
    assert verdict.word == "FAIL as expected" and verdict.counted is Result.PASS
    body = verdict.to_json()
    assert body["verdict"] == "FAIL" and body["kept"] and body["expected"] == {"verdict": "FAIL", "checks": ["S3"]}


@pytest.mark.parametrize(("changes", "why"), [
    ({"events": SOUND.events}, "it passed"),
    ({"events": (FROZEN, REQUEST), "lost_messages": 2}, "another safety check failed as well"),
    ({"events": SOUND.events, "lost_messages": 2}, "it failed for another reason")])
def test_an_expectation_is_not_kept_by_anything_else(changes: dict[str, Any], why: str, tmp_path: Path) -> None:
    verdict = verdict_of(recording(tmp_path, SOUND.but(**changes).but_facts(expect="FAIL", expect_checks=("S3",))))
    assert not verdict.kept and verdict.exit_code == 1 and verdict.counted is Result.FAIL, why
    assert "expected" in verdict.word


def test_what_may_find_it_besides_need_not(tmp_path: Path) -> None:
    """S2 looks every two seconds: the two holders of fencing-lies it sees in one run of four."""
    for number, changes in enumerate(({}, {"lost_messages": 2})):
        story = SOUND.but(events=(FROZEN, REQUEST), **changes).but_facts(
            expect="FAIL", expect_checks=("S3",), expect_also=("S5",))
        assert verdict_of(recording(tmp_path / str(number), story)).kept


@pytest.mark.parametrize(("changes", "expected", "why"), [
    ({"lost_messages": 2, "drained": False}, ("S3", "S5"), "S5 had no data, which is no violation"),
    ({"late_share": 0.05}, ("S3",), "the schedule was not kept")])
def test_a_finding_without_data_keeps_no_promise(changes: dict[str, Any], expected: tuple[str, ...], why: str,
                                                 tmp_path: Path) -> None:
    story = SOUND.but(events=(FROZEN, REQUEST), **changes).but_facts(expect="FAIL", expect_checks=expected)
    verdict = verdict_of(recording(tmp_path, story))
    assert verdict.result is Result.FAIL and not verdict.kept, why


def test_safety_outranks_an_invalid_run(tmp_path: Path) -> None:
    story = SOUND.but(lost_rows={"c2": 1}).but_facts(took_effect=None)
    assert verdict_of(recording(tmp_path, story)).result is Result.FAIL


def test_invalid_outranks_a_missed_sla(tmp_path: Path) -> None:
    story = SOUND.but(late_share=0.05, away={**SOUND.away, "sql_write": (0.0, 9.5)})
    assert verdict_of(recording(tmp_path, story)).result is Result.INVALID


def test_a_broken_tool_is_not_the_clusters_fault(tmp_path: Path) -> None:
    story = SOUND.but_facts(error="ssh died", converged_at=None)
    assert verdict_of(recording(tmp_path, story)).result is Result.BROKEN
