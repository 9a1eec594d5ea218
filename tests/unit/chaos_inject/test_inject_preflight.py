"""What is refused, with its reason, before a run has touched anything."""

from __future__ import annotations

from typing import Any

import pytest
from inject_fakes import make_lab
from inject_runner import RED, fake_world, scenario

from chaos.faults import get_fault
from chaos.journal import Journal
from chaos.model import Result, Target
from chaos.preflight import probes_for
from chaos.runner import heal, run
from lab import gates
from lab.drivers.base import PowerState
from lab.errors import (
    CapabilityError,
    NodeError,
    NothingThereError,
    RefusedError,
)
from lab.lab import Lab
from lab.state import exclusive


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    return fake_world(monkeypatch)


def untouched(lab: Lab, log: list[str]) -> None:
    assert log == [] and not lab.paths.runs.exists() and lab.driver.power.state("n2") is PowerState.ON


def test_an_unhealed_lab_is_refused(log: list[str]) -> None:
    lab = make_lab()
    Journal(lab.paths.journal).arm("node.freeze", Target(("n1",)))
    with pytest.raises(RefusedError) as caught:
        run(lab, scenario())
    assert caught.value.remedy == "./inv chaos.heal --name=fake"
    untouched(lab, log)
    assert [one.entry.fault for one in heal(lab)] == ["node.freeze"]


def test_an_unhealthy_lab_is_refused(log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    lab = make_lab()
    monkeypatch.setattr(gates, "check_all", lambda _lab: RED)
    with pytest.raises(RefusedError, match="not healthy") as caught:
        run(lab, scenario())
    assert caught.value.where == "gate vip: on no node"
    untouched(lab, log)


def test_a_missing_capability_is_refused_by_name(log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    lab = make_lab()
    monkeypatch.setattr(type(lab.driver), "capabilities", frozenset({"shell"}))
    with pytest.raises(CapabilityError, match="poweroff"):
        run(lab, scenario())
    untouched(lab, log)


def test_an_unknown_target_style_or_size_is_refused(log: list[str]) -> None:
    lab = make_lab()
    needs = scenario().needs
    with pytest.raises(RefusedError, match="n9"):
        run(lab, scenario(target="n9"))
    with pytest.raises(RefusedError, match="segregated"):
        run(lab, scenario(needs=needs.model_copy(update={"styles": ("segregated",)})))
    with pytest.raises(RefusedError, match="5 nodes"):
        run(lab, scenario(needs=needs.model_copy(update={"nodes": 5})))
    untouched(lab, log)


def test_what_the_first_fault_cannot_find_is_told_before_anything_starts(
        log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt resource was found when the step came, after eight seconds of probes, and the run was BROKEN."""
    lab = make_lab()

    def prepare(self: Any, lab: Lab, target: Target) -> Target:
        raise NothingThereError("no vip-publik runs on n2", where="n2")

    monkeypatch.setattr(type(get_fault("node.poweroff")), "prepare", prepare)
    with pytest.raises(NothingThereError, match="vip-publik"):
        run(lab, scenario())
    assert log == [] and not list(lab.paths.runs.glob("*"))


@pytest.mark.parametrize("error", [NodeError("no node could be asked"), ValueError("not a number"),
                                   RefusedError("eth1 of n2 has a netem already")])
def test_what_the_run_will_meet_again_is_left_to_it(log: list[str], error: Exception,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    """The clients' queue, and so its leader, of a lab that no client has used yet; or a moment's silence."""
    asked: list[str] = []

    def prepare(self: Any, lab: Lab, target: Target) -> Target:
        asked.append("prepare")
        if len(asked) == 1:
            raise error
        return target

    monkeypatch.setattr(type(get_fault("node.poweroff")), "prepare", prepare)
    assert run(make_lab(), scenario()).result is Result.PASS and len(asked) == 2


def test_a_busy_lab_is_refused(log: list[str]) -> None:
    lab = make_lab()
    with exclusive(lab.name, "lab.down"), pytest.raises(RefusedError, match="busy"):
        run(lab, scenario())
    untouched(lab, log)


def test_probes_of_what_is_not_deployed_are_left_out() -> None:
    lab = make_lab(style="segregated", nodes=9)
    started = probes_for(lab.plan, scenario().workload.probes)
    assert not {"cache", "api_http"} & set(started) and "sql_write" in started
