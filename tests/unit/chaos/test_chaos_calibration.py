"""Bounds beside measurements: which runs count, and what is comparable."""

from __future__ import annotations

import json
from pathlib import Path

from synthetic import Story, build

from chaos.calibration import calibrations
from chaos.runs import RunSummary
from chaos.verdict import judge


def run(folder: Path, away: float, verdict: str = "PASS") -> RunSummary:
    folder.mkdir(parents=True)
    build(folder, Story().but(away={"vip_tcp": (0.0, away), "sql_write": (0.0, away + 0.1)}))
    judged = judge(folder)
    return RunSummary(folder.name, judged.scenario, verdict, folder, None)


def test_valid_runs_of_one_setting_stand_in_one_line(tmp_path: Path) -> None:
    runs = [run(tmp_path / str(away), away) for away in (4.2, 4.6, 4.4)]
    found = {one.setting.service: one for one in calibrations(runs)}
    vip = found["vip_tcp"]
    assert [round(one, 1) for one in vip.seconds] == [4.2, 4.4, 4.6] and round(vip.median, 1) == 4.4
    assert vip.low is not None and vip.high is not None and vip.low < 4.2 < vip.high
    assert (vip.below, vip.above) == (0, 0) and vip.share is not None and 0.4 < vip.share < 1
    assert vip.setting.faults.startswith("node.poweroff") and vip.setting.nodes == 3


def test_what_an_outage_cost_before_the_heal_is_kept_apart(tmp_path: Path) -> None:
    one = run(tmp_path / "new", 4.2)
    old = run(tmp_path / "old", 4.2)
    said = json.loads((old.folder / "verdict.json").read_text())
    del said["windows"]["vip_tcp"]["before_heal"]  # by a halab that did not say it
    (old.folder / "verdict.json").write_text(json.dumps(said))
    found = {one.setting.service: one for one in calibrations([one, old])}
    assert len(found["vip_tcp"].seconds) == 2 and [round(s, 1) for s in found["vip_tcp"].before_heal] == [4.2]


def test_a_run_outside_of_its_bound_is_counted(tmp_path: Path) -> None:
    runs = [run(tmp_path / "good", 4.2), run(tmp_path / "slow", 11.0)]
    found = {one.setting.service: one for one in calibrations(runs)}
    assert found["vip_tcp"].above == 1


def test_a_run_with_another_bound_stands_in_a_line_of_its_own(tmp_path: Path) -> None:
    """The queue's leader was lost, and once it was the virtual IP's holder too: '2.35 to 1.00' was said of both."""
    runs = [run(tmp_path / str(away), away) for away in (4.2, 4.6)]
    verdict = runs[1].folder / "verdict.json"
    said = json.loads(verdict.read_text())
    said["windows"]["vip_tcp"].update(bound_low=0.0, bound_high=1.0)
    verdict.write_text(json.dumps(said))
    vips = [one for one in calibrations(runs) if one.setting.service == "vip_tcp"]
    assert [(len(one.seconds), one.above) for one in vips] == [(1, 1), (1, 0)]
    assert vips[0].high == 1.0 and (vips[1].high or 0) > 4.6


def test_what_proves_nothing_or_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    invalid = run(tmp_path / "invalid", 4.2, verdict="INVALID")
    empty = RunSummary("empty", "x", "PASS", tmp_path / "nothing", None)
    assert calibrations([invalid, empty]) == []
