"""The checks together: a sound run passes them all, and each says where it does not apply."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from synthetic import SOUND, build, finding, recording
from violations import PLAIN, STARVED

from chaos.checks import all_checks
from chaos.model import Result
from chaos.verdict import judge, verdict_of


def test_a_sound_run_passes_every_check(tmp_path: Path) -> None:
    verdict = judge(build(tmp_path))
    assert [one for one in verdict.findings if not one.ok] == []
    assert [one.id for one in verdict.findings if one.skipped] == []
    assert verdict.result is Result.PASS


def test_every_check_has_its_own_id() -> None:
    ids = [check.id for check in all_checks()]
    assert ids == ["S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "L1", "L2", "L3", "L4", "L5",
                   "V1", "V2", "V3", "V4", "V5", "V6"]


def test_a_killed_database_that_only_its_clients_notice_passes(tmp_path: Path) -> None:
    assert verdict_of(recording(tmp_path, PLAIN)).result is Result.PASS


@pytest.mark.parametrize("check", ["S2", "S6"])
def test_an_old_recording_without_looks_is_judged_by_the_other_checks(check: str, tmp_path: Path) -> None:
    old = recording(tmp_path, STARVED.but_facts(looked=False))
    old = replace(old, looks=(), samples={**old.samples, "sql_write": tuple(
        replace(one, detail="") for one in old.samples["sql_write"])})
    assert next(one for one in all_checks() if one.id == check).judge(old).skipped


def test_a_fault_without_fencing_skips_what_needs_it(tmp_path: Path) -> None:
    story = SOUND.but(events=()).but_facts(fault="proc.kill", params={"process": "mariadbd"}, wants_fencing=False,
                                           fencing=None)
    assert finding(tmp_path, story, "S3").skipped
    assert finding(tmp_path, story, "V5").skipped
