"""The runner's promises: journal first, heal always, and blame itself in writing."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from inject_fakes import make_lab
from inject_runner import GREEN, RED, FakeFleet, FakeWatch, fake_world, scenario

import chaos.runner as runner
from chaos.facts import Facts, PrimarySighting
from chaos.faults import get_fault
from chaos.journal import Entry, Journal, unhealed
from chaos.model import Proof, Result, Target
from chaos.node_watch import NodeWatch
from chaos.probes.fleet import ProbeExit
from chaos.runner import heal, run
from chaos.scenario import FOLDER, Inject
from lab import gates, interrupt
from lab.drivers.base import PowerState
from lab.errors import (
    DeadlineError,
    HalabError,
    InterruptedByUser,
)
from lab.lab import Lab
from lab.state.events import read_events


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    return fake_world(monkeypatch)


def facts_of(lab: Lab) -> Facts:
    (folder,) = lab.paths.runs.iterdir()
    return Facts.read(folder)


def test_a_scenario_of_ones_own_is_run_again_from_its_file(log: list[str], tmp_path: Path) -> None:
    path = tmp_path / "my own.yml"
    path.write_text((FOLDER / "vip-holder-poweroff.yml").read_text())
    lab = make_lab()
    run(lab, scenario(str(path)))
    assert facts_of(lab).rerun == f"./inv chaos.run '{path}' --name={lab.name}"


def test_a_whole_run(log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    lab = make_lab()
    fault, real = get_fault("node.poweroff"), type(get_fault("node.poweroff")).inject

    def inject(self: Any, lab: Lab, target: Target) -> None:
        assert len(unhealed(lab.paths)) == 1, "the journal must be on the disk before the fault acts"
        assert "probes start" in log
        log.append("inject")
        real(self, lab, target)

    monkeypatch.setattr(type(fault), "inject", inject)
    verdict = run(lab, scenario())
    assert verdict.result is Result.PASS
    assert log == ["probes start", "wait 8", "inject", "wait 5", "gates", "wait 5", "probes stop", "probes stop"]
    facts = facts_of(lab)
    assert facts.logged is not None and set(facts.nodeids) == set(facts.nodes)
    assert facts.target == ("n2",) and facts.error == "" and facts.wants_fencing
    (injection,) = facts.injections
    assert injection.took_effect == Proof(True, "n2: the driver says off, and SSH is silent")
    assert injection.healed is not None and injection.healed.ok and injection.fencing == Proof(True, "n2 is fenced")
    times = [facts.started_at, facts.inject_begin, facts.inject_end, facts.heal_begin, facts.heal_end,
             facts.converged_at, facts.ended_at]
    assert None not in times and times == sorted(times)  # type: ignore[type-var]
    assert facts.phase_notes == {"powered_on": "did not come within 60 s"}
    assert injection.roles.vip_holder == "n2" and injection.detected_at == 1.0
    assert injection.members == ("n1", "n2", "n3")
    assert facts.services["galera"] == ("n1", "n2", "n3") and set(facts.macs.values()) == {"n1", "n2", "n3"}
    assert unhealed(lab.paths) == [] and lab.driver.power.state("n2") is PowerState.ON
    folder = verdict.run_dir
    assert {"scenario.yml", "plan.json", "timers.json", "versions.json", "events.jsonl", "facts.json"} \
        <= {path.name for path in folder.iterdir()}
    kinds = [event.kind for event in read_events(folder / "events.jsonl")]
    assert kinds.index("fault.inject") < kinds.index("power.off") < kinds.index("fault.heal")


@pytest.mark.parametrize("where", ["took_effect", "hold", "probe"])
def test_whatever_breaks_is_healed_and_told(log: list[str], where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = make_lab()
    if where == "took_effect":
        def bug(*_: object) -> Proof:
            raise KeyError("a bug")
        monkeypatch.setattr(type(get_fault("node.poweroff")), "took_effect", bug)
    elif where == "hold":
        def fail(seconds: float) -> None:
            if seconds == 5:
                raise HalabError("the host is on fire")
        monkeypatch.setattr(interrupt, "wait", fail)
    else:
        monkeypatch.setattr(FakeFleet, "lives", False)
    run(lab, scenario())
    facts = facts_of(lab)
    assert {"took_effect": "a bug", "hold": "on fire", "probe": "vip_tcp"}[where] in facts.error
    assert facts.injections[0].healed is not None and facts.injections[0].healed.ok
    assert unhealed(lab.paths) == [] and lab.driver.power.state("n2") is PowerState.ON
    assert log[-1] == "probes stop"


def test_a_probe_that_did_not_end_in_order_breaks_the_run(log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    lab = make_lab()
    monkeypatch.setattr(FakeFleet, "exits", (
        ProbeExit("sql_write", 1, "Traceback\nOSError: no space left"), ProbeExit("cache", -9),
        ProbeExit("vip_tcp", 0)))
    run(lab, scenario())
    assert facts_of(lab).error == ("the probe sql_write ended with 1: OSError: no space left; "
                                   "the probe cache ended with -9: no word")


def test_a_watch_that_died_breaks_the_run_and_keeps_what_it_saw(log: list[str],
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    lab, seen = make_lab(), (PrimarySighting(1.0, (("n1",), ("n2", "n3"))),)
    monkeypatch.setattr(FakeWatch, "seen", seen)
    monkeypatch.setattr(FakeWatch, "error", RuntimeError("can't start new thread"))
    run(lab, scenario())
    assert "can't start new thread" in facts_of(lab).error and facts_of(lab).primaries == seen


def test_ctrl_c_is_obeyed_also_when_a_probe_did_not_end(log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    lab = make_lab()

    def stop(*_: object) -> Proof:
        raise InterruptedByUser("stopped on request")

    monkeypatch.setattr(runner, "await_phase", stop)
    monkeypatch.setattr(FakeFleet, "exits", (ProbeExit("cache", -9),))
    with pytest.raises(InterruptedByUser):
        run(lab, scenario())


def test_ctrl_c_is_obeyed_also_when_the_watch_does_not_end(log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    lab, late = make_lab(), threading.Event()

    def stop(*_: object) -> Proof:
        raise InterruptedByUser("stopped on request")

    monkeypatch.setattr(runner, "await_phase", stop)
    monkeypatch.setattr(runner, "NodeWatch", NodeWatch)
    monkeypatch.setattr("chaos.node_watch._END_WITHIN", 0.1)
    monkeypatch.setattr("chaos.node_watch.ssh_banner", lambda *_, **__: late.wait(10) and False)
    with pytest.raises(InterruptedByUser):
        run(lab, scenario())
    late.set()
    assert "does not end" in facts_of(lab).error and "stopped on request" in facts_of(lab).error


@pytest.mark.parametrize("error", [InterruptedByUser("stopped on request"), KeyboardInterrupt()])
def test_ctrl_c_heals_writes_the_facts_and_leaves(log: list[str], error: BaseException,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    lab = make_lab()

    def stop(*_: object) -> Proof:
        raise error

    monkeypatch.setattr(runner, "await_phase", stop)
    with pytest.raises(type(error)):
        run(lab, scenario())
    assert unhealed(lab.paths) == [] and lab.driver.power.state("n2") is PowerState.ON
    assert facts_of(lab).heal_end is not None


def test_a_heal_that_fails_is_told_together_with_its_reason(log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    lab = make_lab()

    def fail(text: str) -> Any:
        def act(*_: object) -> None:
            raise HalabError(text)
        return act

    monkeypatch.setattr(runner, "await_phase", fail("first"))
    monkeypatch.setattr(type(get_fault("node.poweroff")), "heal", fail("second"))
    run(lab, scenario())
    facts = facts_of(lab)
    assert "second" in facts.error and "first" in facts.error
    assert facts.injections[0].healed is not None and not facts.injections[0].healed.ok
    assert len(unhealed(lab.paths)) == 1


def test_a_heal_that_a_full_disk_does_not_take_is_told_and_hides_no_other(log: list[str],
                                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    lab, wanted, real = make_lab(), scenario(), Journal.mark_healed
    steps = (*wanted.steps[:2], Inject(fault="node.freeze", target="n3"), *wanted.steps[2:])

    def full(self: Journal, entry: Entry) -> None:
        if entry.fault == "node.freeze":
            raise OSError(28, "No space left on device")
        real(self, entry)

    monkeypatch.setattr(Journal, "mark_healed", full)
    run(lab, wanted.model_copy(update={"steps": steps}))
    facts = facts_of(lab)
    assert "could not be written down" in facts.error and "No space left" in facts.error
    assert [one.healed is not None and one.healed.ok for one in facts.injections] == [True, True]
    assert [one.fault for one in unhealed(lab.paths)] == ["node.freeze"] and facts.heal_end is not None


def test_what_broke_the_heal_itself_does_not_keep_it_from_another_try(log: list[str],
                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    """The step ``heal`` broke; the end of the run heals."""
    lab, real, tries = make_lab(), runner.journal.heal, []

    def heal_once_more(*words: Any) -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise KeyError("a bug")
        return real(*words)

    monkeypatch.setattr(runner.journal, "heal", heal_once_more)
    run(lab, scenario())
    assert unhealed(lab.paths) == [] and "a bug" in facts_of(lab).error


def test_no_convergence_is_the_clusters_failure_and_not_the_tools(log: list[str],
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    lab = make_lab()
    looks = iter([GREEN, RED])

    def never(*_: object) -> Any:
        raise DeadlineError("gate 'vip' is not green")

    monkeypatch.setattr(gates, "await_all", never)
    monkeypatch.setattr(gates, "check_all", lambda _lab: next(looks))
    run(lab, scenario())
    facts = facts_of(lab)
    assert facts.error == "" and facts.converged_at is None
    assert [gate.ok for gate in facts.gates] == [True, False]


@pytest.mark.parametrize(("later", "kept"), [([GREEN], True), ([RED, GREEN], True), ([RED, RED], False)])
def test_the_gates_are_looked_at_again_before_the_probes_stop(later: list[Any], kept: bool, log: list[str],
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off for a third of a second: found whole, and fenced afterwards.  One red look alone may be a lost answer."""
    lab = make_lab()
    looks = iter([GREEN, *later])  # the first is before anything is touched

    def look(_lab: Lab) -> Any:
        log.append("look")
        return next(looks)

    monkeypatch.setattr(gates, "check_all", look)
    run(lab, scenario())
    facts = facts_of(lab)
    assert facts.converged_at is not None and [gate.ok for gate in facts.gates] == [True, kept]
    assert log[log.index("gates"):].index("look") < log[log.index("gates"):].index("probes stop")
    assert next(looks, None) is None


@pytest.mark.parametrize(("slowness", "waited"), [(1.0, 1.0 + 1.2 + 3.0), (15.0, 1.0 + 1.2 + 2.0 + 15.0)])
def test_heal_waits_until_the_cluster_has_acted_and_stretches_no_timer_that_is_configured(
        log: list[str], monkeypatch: pytest.MonkeyPatch, slowness: float, waited: float) -> None:
    lab, settled = make_lab(), []
    Journal(lab.paths.journal).arm("node.freeze", Target(("n1",)))
    monkeypatch.setattr(type(lab.driver), "slowness", slowness)
    monkeypatch.setattr(gates, "await_all", lambda _lab, _deadline, *, settle: settled.append(settle))
    heal(lab)
    heal(lab)  # there is nothing left that the cluster could still notice
    assert settled == pytest.approx([waited, 0.0])


def test_what_endures_is_looked_at_again_before_the_heal(log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    lab, fault = make_lab(), type(get_fault("node.poweroff"))
    run(lab, scenario())
    assert facts_of(lab).injections[0].held is None
    proofs = iter([Proof(True, "off")])
    monkeypatch.setattr(fault, "endures", True)
    monkeypatch.setattr(fault, "shows_within", 0.0)
    monkeypatch.setattr(fault, "took_effect", lambda *_: next(proofs, Proof(False, "on again")))
    again = make_lab("again")
    run(again, scenario())
    assert facts_of(again).injections[0].held == Proof(False, "on again")


def test_repeat_stops_at_the_first_verdict_that_is_not_pass(log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    lab = make_lab()
    results = iter([Result.PASS, Result.FAIL, Result.PASS])

    def judged(folder: Path) -> SimpleNamespace:
        result = next(results)
        return SimpleNamespace(result=result, kept=result is Result.PASS, run_dir=folder)

    monkeypatch.setattr(runner, "judge", judged)
    assert run(lab, scenario(repeat=3)).result is Result.FAIL
    assert len(list(lab.paths.runs.iterdir())) == 2


def test_the_real_judge_accepts_the_facts_and_never_passes_an_empty_run(log: list[str],
                                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    from chaos.verdict import judge

    lab = make_lab()
    monkeypatch.setattr(runner, "judge", judge)
    verdict = run(lab, scenario())
    assert verdict.result is Result.INVALID
    assert json.loads((verdict.run_dir / "verdict.json").read_text())["verdict"] == "INVALID"


def test_two_faults_are_told_apart_and_healed_together(log: list[str]) -> None:
    """The second strikes while the first holds; each keeps its own target, times and proofs."""
    lab = make_lab()
    wanted = scenario()
    second = Inject(fault="node.freeze", target="n3")
    steps = (*wanted.steps[:2], second, *wanted.steps[2:])
    run(lab, wanted.model_copy(update={"steps": steps}))
    facts = facts_of(lab)
    assert [(one.fault, one.target) for one in facts.injections] == [
        ("node.poweroff", ("n2",)), ("node.freeze", ("n3",))]
    assert facts.fault == "node.poweroff, then node.freeze" and facts.target == ("n2", "n3")
    begins = [one.begin for one in facts.injections]
    assert None not in begins and begins == sorted(begins)  # type: ignore[type-var]
    assert all(one.took_effect and one.took_effect.ok and one.healed and one.healed.ok for one in facts.injections)
    assert unhealed(lab.paths) == []
    assert {lab.driver.power.state(node) for node in ("n2", "n3")} == {PowerState.ON}


def test_a_second_fault_that_cannot_strike_leaves_the_first_healed(log: list[str],
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    lab = make_lab()

    def fail(*_: object) -> None:
        raise HalabError("no freezer")

    monkeypatch.setattr(type(get_fault("node.freeze")), "inject", fail)
    wanted = scenario()
    steps = (*wanted.steps[:2], Inject(fault="node.freeze", target="n3"), *wanted.steps[2:])
    run(lab, wanted.model_copy(update={"steps": steps}))
    assert "no freezer" in facts_of(lab).error and unhealed(lab.paths) == []
