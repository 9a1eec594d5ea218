"""L1..L5: outages, errors, latency, convergence and phases against what is promised of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from synthetic import FROZEN, REQUEST, SOUND, T0, TIMERS, finding, recording
from violations import PLAIN, UNREAD, Violation, away, must_be_found

from chaos.bounds import bounds
from chaos.checks.l3_latency import judged
from chaos.facts import GateResult, Roles
from chaos.model import Result
from chaos.verdict import verdict_of

# The VIP was elsewhere, so nothing moves; node c1 is frozen and nobody fences it.
BYSTANDER = SOUND.but(holders=((-9.0, "c2"),), events=(FROZEN,), away={"sql_write": (0.0, 2.0)}).but_facts(
    roles=Roles("c2", "c2"), sla={})

VIOLATIONS: dict[str, Violation] = {
    "too long away": ("L1", away("sql_write", 0.0, 9.5), Result.FAIL, "sql_write 9.5"),
    "timers not read": ("L1", UNREAD, Result.INVALID, "vip_tcp has no limit for 'bound + 2s': the timer token was not"),
    "holder not known": ("L1", SOUND.but_facts(roles=Roles()), Result.INVALID, "who was vip_holder is not known"),
    "no formula": ("L1", PLAIN.but_facts(params={"process": "pacemaker-execd"}), Result.INVALID,
                   "no formula for the death of pacemaker-execd"),
    "convergence without a bound": ("L4", UNREAD.but_facts(sla={"converged": "bound + 60s"}), Result.INVALID,
                                    "the timer token was not read"),
    "untouched service away": ("L1", PLAIN.but(away={"mq_publish": (1.0, 5.0), "sql_write": (0.1, 2.0)}), Result.FAIL,
                               "mq_publish 4.02 s +/- 0.02 (SLA 3.00 s"),
    "never came back": ("L1", away("cache", 0.0, 99.0), Result.FAIL, "did not come back"),
    "many short outages": ("L2", SOUND.but_facts(sla={"*": 8, "errors": "2 %"}), Result.FAIL,
                           "vip_tcp 210 of 600 failed (35.00 %, 4.20 s' worth; budget 0.24 s)"),
    "an error budget of seconds": ("L2", SOUND.but_facts(sla={"*": 8, "errors": 20, "errors.sql_read": 1}), Result.FAIL,
                                   "sql_read 212 of 600 failed"),
    "an error budget without a bound": ("L2", UNREAD.but_facts(sla={"*": 8, "errors": "bound"}), Result.INVALID,
                                        "vip_tcp has no budget for 'bound': the timer token"),
    "slow while the fault is on": (
        "L3", SOUND.but(slower=((0.5, 200.0), (7.0, 1.0))).but_facts(sla={"latency_during": 0.5}), Result.FAIL,
        "vip_tcp p50 3 ms (n 200) before, p50 600 ms (n 90) while the fault was on (0.5)"),
    "nobody was asked after the fault": (
        "L3", SOUND.but_facts(sla={"latency": "3x"}, converged_at=T0 + 11.95), Result.INVALID,
        "cannot be judged: vip_tcp: 200 successes before and 2 operations after, too few"),
    "nobody was asked before the fault": (
        "L3", SOUND.but(before=0.04).but_facts(sla={"latency.cache": "3x"}), Result.INVALID,
        "cache: 2 successes before"),
    "asked in vain for ever": ("L3", away("cache", 0.0, 99.0).but_facts(sla={"latency": "3x"}), Result.FAIL,
                               "cache: only 0 of 150 operations succeeded after"),
    "asked in vain while the fault is on": (
        "L3", away("cache", 0.0, 6.0).but_facts(sla={"latency_during.cache": "0.5s"}), Result.FAIL,
        "cache: only 0 of 300 operations succeeded while the fault was on"),
    "slow for ever": ("L3", SOUND.but(slower=((0.0, 20.0),)), Result.FAIL, "p50 3 p90 3 ms (n 200) before"),
    "slow now and then for ever": (
        "L3", SOUND.but(slower=tuple(one for at in range(20) for one in ((at + 0.0, 20.0), (at + 0.3, 1.0)))),
        Result.FAIL, "p50 3 p90 60 ms"),
    "not redundant": ("L4", SOUND.but_facts(converged_at=None, phase_notes={"redundant": "gave up"}),
                      Result.FAIL, "not converged"),
    "redundant for a moment": ("L4", SOUND.but_facts(gates=(GateResult("power", False, 0.1, "c1 is off"),)),
                               Result.FAIL, "converged, and not whole any more at the end: power: c1 is off"),
    "redundant too late": ("L4", SOUND.but_facts(sla={"converged": 1}), Result.FAIL, "SLA 1.0 s"),
    "phase unexplained": ("L5", SOUND.but_facts(detected_at=None), Result.FAIL, "detected: MISSING"),
    "bystander not fenced": ("L5", BYSTANDER.but_facts(phase_notes={"fence requested": "did not come within 60 s"}),
                             Result.FAIL, "fence requested: MISSING"),
    "bystander not off": ("L5", BYSTANDER.but(events=(FROZEN, REQUEST)).but_facts(
        phase_notes={"fenced": "did not come within 60 s"}), Result.FAIL, "fenced: MISSING"),
    "waited in vain": ("L5", SOUND.but_facts(phase_notes={"powered_on": "did not come within 60 s"}), Result.FAIL,
                       "wait for powered_on: did not come within 60 s"),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_planted_violation_is_found(name: str, tmp_path: Path) -> None:
    must_be_found(tmp_path, VIOLATIONS[name])


def test_a_broken_promise_is_told_although_another_has_no_limit(tmp_path: Path) -> None:
    verdict = verdict_of(recording(tmp_path, UNREAD.but_facts(sla={"*": "bound", "sql_write": 2})))
    told = next(one for one in verdict.findings if one.id == "L1")
    assert (told.ok, told.kind) == (False, "liveness")
    assert "sql_write 4.32 s" in told.evidence and "vip_tcp has no limit for 'bound'" in told.evidence


@pytest.mark.parametrize(("promise", "kept"), [("0.6s", True), (0.55, False), ("190x", False), ("200x", True)])
def test_l3_judges_the_time_of_the_fault_where_that_is_promised(promise: str | float, kept: bool,
                                                                tmp_path: Path) -> None:
    """600 ms instead of 3, from +0.5 s to +5 s; the fault is healed at +6 s, and what comes then is not its time."""
    slow = SOUND.but(away={}, slower=((0.5, 200.0), (5.0, 1.0), (6.0, 400.0)))
    told = finding(tmp_path, slow.but_facts(sla={"latency_during.cache": promise}), "L3")
    assert told.ok is kept and told.kind == "liveness" and not told.skipped


def test_l3_judges_the_time_of_the_fault_of_a_lab_that_was_never_whole(tmp_path: Path) -> None:
    broken = SOUND.but(slower=((0.0, 200.0),)).but_facts(converged_at=None, sla={"latency": "3x"})
    assert finding(tmp_path / "1", broken, "L3").skipped
    assert not finding(tmp_path / "2", broken.but_facts(sla={"latency": "3x", "latency_during": "3x"}), "L3").ok


def test_l3_gives_slow_nodes_their_slowness(tmp_path: Path) -> None:
    slow = SOUND.but(slower=((0.0, 200.0), (6.0, 1.0))).but_facts(sla={"latency_during.cache": "0.4s"})
    assert not finding(tmp_path / "1", slow, "L3").ok
    assert finding(tmp_path / "2", slow.but_facts(timers=replace(TIMERS, slowness=2.0)), "L3").ok


def test_the_tail_is_judged_where_one_stall_of_the_host_cannot_make_it() -> None:
    """Seen: a stall of 100 ms delayed six of 250 slots, and the whole run failed by its p99."""
    assert [judged(count) for count in (30, 100, 250, 999, 1000)] == [
        (0.50,), (0.50, 0.90), (0.50, 0.95), (0.50, 0.95), (0.50, 0.99)]


def test_l3_leaves_out_what_the_last_look_at_the_gates_costs(tmp_path: Path) -> None:
    """Ten gates at once held writes up for 0.3 s, in the last half second of a run of five seconds after the fault."""
    slow = SOUND.but(latency=0.003, slower=((11.0, 100.0),)).but_facts(sla={"latency": "3x"}, converged_at=T0 + 8.0)
    assert not finding(tmp_path / "1", slow, "L3").ok
    assert finding(tmp_path / "2", slow.but_facts(undisturbed_until=T0 + 10.9), "L3").ok


@pytest.mark.parametrize(("promise", "allowed"), [(4, 60.0), ("4s", 60.0), ("bound", 0.0), ("bound + 2s", 2.0)])
def test_l4_stretches_what_is_promised_for_nodes_at_full_speed_and_no_bound(promise: float | str, allowed: float,
                                                                           tmp_path: Path) -> None:
    slow = SOUND.but_facts(timers=replace(TIMERS, slowness=15.0), sla={"converged": promise})
    if "bound" in str(promise):
        allowed += bounds(recording(tmp_path / "for its bound", slow).facts).highest or 0.0
    assert f"SLA {allowed:.1f} s" in finding(tmp_path / "judged", slow, "L4").evidence


def test_every_target_has_to_be_fenced(tmp_path: Path) -> None:
    story = SOUND.but_facts(target=("c1", "c3"))
    assert "fence requested: MISSING" in finding(tmp_path, story, "L5").evidence
