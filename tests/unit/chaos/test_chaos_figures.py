"""The figures, and when a lab's runs are above them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

import pytest
from invoke import Context
from invoke.exceptions import Exit

from chaos.calibration import Calibration, Setting
from chaos.figures import Measured, broken, figures, measured
from chaos.probes import names
from chaos.scenario import list_scenarios
from cli.report import bounds
from lab.plan.profiles import PROFILES


def runs(seconds: Iterable[float], service: str = "sql_write", profile: str = "tuned", nodes: int = 3,
         high: float = 6.7, scenario: str = "vip-holder-poweroff",
         before_heal: tuple[float, ...] = ()) -> Calibration:
    setting = Setting(scenario, "node.poweroff", service, "container", profile, "collapsed", nodes)
    return Calibration(setting, tuple(sorted(seconds)), before_heal, 2.0, high, 0, 0)


def of(found: list[Measured], scenario: str = "vip-holder-poweroff") -> Measured:
    (one,) = [one for one in found if one.scenario == scenario]
    return one


def test_a_median_above_its_figure_is_named() -> None:
    good, bad = measured([runs([1, 4, 4.9, 9, 9])]), measured([runs([1, 4, 5.1, 9, 9])])
    assert of(good).median == 4.9 and of(good).kept is True and not broken(good)
    assert of(bad).median == 5.1 and of(bad).kept is False and broken(bad)


def test_of_few_runs_nothing_is_said() -> None:
    found = measured([runs([9, 9, 9, 9])])
    assert of(found).kept is None and not broken(found)
    assert of(found, "haproxy-killed").median is None and of(found, "haproxy-killed").kept is None


def test_runs_of_another_bound_are_counted_together() -> None:
    assert of(measured([runs([1, 2]), runs([6, 7, 8], high=1.0)])).seconds == (1, 2, 6, 7, 8)


def test_a_figure_of_the_fault_leaves_out_what_its_end_costs() -> None:
    """A standby costs a writer 0.2 s; that its database comes back costs 0.5."""
    found = measured([runs([0.5] * 5, scenario="node-standby", before_heal=(0.1, 0.2, 0.2, 0.2, 0.3)),
                      runs([0.1] * 5, before_heal=(9,) * 5)])
    assert of(found, "node-standby").kept is True and of(found).seconds == (0.1,) * 5
    assert of(measured([runs([0.5] * 5, scenario="node-standby")]), "node-standby").kept is None


def test_the_profile_has_its_own_figure_and_other_labs_have_none() -> None:
    assert of(measured([runs([4] * 5, profile="floor")])).kept is False
    assert measured([runs([99] * 5, profile="guide")]) == measured([runs([99] * 5, nodes=5)]) == []
    assert of(measured([runs([99] * 5, service="cache")])).seconds == ()


def test_each_figure_is_of_something_that_exists() -> None:
    scenarios = {one.name for one in list_scenarios()}
    for one in figures().figures:
        assert one.scenario in scenarios and one.service in names(), one
        assert all((PROFILES / f"{profile}.yml").is_file() for profile in one.most), one


def test_the_command_shows_them_and_fails_for_one(monkeypatch: pytest.MonkeyPatch,
                                                  capsys: pytest.CaptureFixture[str]) -> None:
    found = [runs([6] * 5), runs([0.3] * 4, scenario="haproxy-killed")]
    monkeypatch.setattr("chaos.calibration.calibrations", lambda _runs: found)
    with pytest.raises(Exit) as caught:
        bounds(Context())
    assert caught.value.code == 1
    told = capsys.readouterr().out
    assert re.search(r"vip-holder-poweroff +sql_write +tuned +5 +6.00 +5 +ABOVE", told)
    assert re.search(r"haproxy-killed +sql_write +tuned +4 +0.30 +0.5 +needs 5 runs", told)
    with pytest.raises(Exit):
        bounds(Context(), format="json")
    (one, *_) = json.loads(capsys.readouterr().out)["figures"]
    assert one["median"] == 6 and one["kept"] is False
