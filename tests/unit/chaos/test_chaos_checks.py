"""Every check passes on a sound run and fails on the violation that it is for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from synthetic import (
    CUT,
    FROZEN,
    LEFT,
    LOOKED,
    LOOKS,
    MEMBERSHIP,
    NODES,
    REQUEST,
    SOUND,
    T0,
    TIMERS,
    VIP,
    Story,
    base_facts,
    base_injection,
    build,
    finding,
    recording,
)

from chaos.bounds import bounds
from chaos.checks import all_checks
from chaos.checks.l3_latency import judged
from chaos.facts import Facts, GateResult, NodeRows, PrimarySighting, Roles, SqlAudit, Timers
from chaos.looks import NodeLook
from chaos.model import Proof, Result
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


# The VIP was elsewhere, so nothing moves; node c1 is frozen and nobody fences it.
BYSTANDER = SOUND.but(holders=((-9.0, "c2"),), events=(FROZEN,), away={"sql_write": (0.0, 2.0)}).but_facts(
    roles=Roles("c2", "c2"), sla={})


# A database is killed; nobody is lost and nothing moves.
PLAIN = SOUND.but(holders=((-9.0, "c1"),), events=(), log=(), away={"sql_write": (0.1, 2.0)}).but_facts(
    fault="proc.kill", params={"process": "mariadbd"}, wants_fencing=False, detected_at=None)
UNREAD = SOUND.but_facts(timers=Timers())
# Two of three nodes lose their power; c3 is left without quorum, and nobody may fence anybody.
STARVED = PLAIN.but(looks=tuple(
    NodeLook("c3", T0 + at, T0 + at + 0.1, quorate=at < 2, component="Primary" if at < 2 else "non-Primary",
             write="" if at < 2 else "refused", broker="" if at < 2 else "refused", vips=(VIP,) if at < 4 else ())
    for at in range(-4, 16))).but_facts(starves=True)
# All of them cut from each other, and seen so until the heal.
HALVES = STARVED.but(after=20.0, looks=tuple(replace(one, node=node, vips=()) for one in STARVED.looks
                                             for node in NODES)).but_facts(
    heal_begin=T0 + 15, heal_end=T0 + 15.5, converged_at=T0 + 17, ended_at=T0 + 20, sla={})
# c1 is cut off, keeps its address and is not fenced.
STUBBORN = tuple(NodeLook(node, T0 + at, T0 + at + 0.1, quorate=node != "c1" or at < 0,
                          vips=(VIP,) if node == "c1" or (node == "c2" and at > 4) else ())
                 for at in range(-4, 12, 2) for node in NODES)


# The sound run goes on for half a minute, and is looked at all the time.
LONG = SOUND.but(after=30.0, looks=LOOKED + tuple(
    NodeLook(node, T0 + at, T0 + at + 0.1, quorate=True, component="Primary", vips=(VIP,) if node == "c2" else ())
    for at in range(10, 30, 1) for node in NODES)).but_facts(ended_at=T0 + 30, primaries=(*LOOKS, *(
        PrimarySighting(T0 + at, (NODES,), NODES) for at in range(12, 30))))


def starved(**changes: Any) -> Story:
    """The starved node does something else from +13 s on."""
    return STARVED.but(looks=tuple(replace(one, **changes) if one.asked >= T0 + 13 else one for one in STARVED.looks))


def away(service: str, begin: float, end: float) -> Story:
    """The sound run with another outage of one service."""
    return SOUND.but(away={**SOUND.away, service: (begin, end)})


# (check, story, verdict, words that the evidence must hold)
VIOLATIONS = {
    "duplicate VIP": ("S1", SOUND.but(also_answers=((5.0, 5.3, "c3"),)), Result.FAIL, "c2 (52:54"),
    "VIP flips": ("S1", SOUND.but(holders=(*SOUND.holders, (5.0, "c3"), (5.1, "c2"))), Result.FAIL, "again"),
    "no ARP answers": ("S1", SOUND.but(holders=((-9.0, ""),)), Result.INVALID, "cannot be judged"),
    "cut off with the address": ("S2", SOUND.but(looks=STUBBORN), Result.FAIL, "was on c2 while c1 had it too"),
    "one of two addresses is mute": ("S1", SOUND.but_facts(vips={"public": VIP, "internal": "10.66.0.101"}),
                                     Result.INVALID, "nobody ever answered for 10.66.0.101"),
    "a bystander that nobody looked at": ("S2", SOUND.but(looks=tuple(one for one in LOOKED if one.node != "c3")),
                                          Result.INVALID, "c3 was looked at 0 times in the 12 s"),
    "nobody looked at a bystander for long": ("S2", LONG.but(looks=tuple(
        one for one in LONG.looks if one.node != "c3" or not T0 + 6 < one.asked < T0 + 19)), Result.INVALID,
        "nobody looked at c3 for 13 s in which it had power (at most 12 s is allowed)"),
    "nobody looked at the target after its boot": ("S2", LONG.but(looks=tuple(
        one for one in LONG.looks if one.node != "c1" or one.asked < T0)), Result.INVALID,
        "nobody looked at c1 for 24 s"),
    "two writers": ("S2", SOUND.but(writers=(*SOUND.writers, (6.0, "c3"), (6.3, "c2"))), Result.FAIL,
                    "acknowledged by c2, c3 and c2 again within"),
    "nobody looked at the addresses": ("S2", SOUND.but(looks=LOOKED[:3]), Result.INVALID, "nobody asked the nodes"),
    "rows that nobody signed": ("S2", SOUND.but(writers=((-9.0, ""),)), Result.INVALID, "which database took it"),
    "address kept without quorum": ("S6", starved(vips=(VIP,)), Result.FAIL, "c3 still has 10.66.0.100, 10.9 s after"),
    "write outside the component": ("S6", starved(write="accepted"), Result.FAIL, "c3 took a write outside"),
    "address kept beside silence": (
        "S6", starved(vips=(VIP,)).but(looks=tuple(
            replace(one, quorate=None) if T0 + 8 < one.asked < T0 + 9 else one for one in starved(vips=(VIP,)).looks)),
        Result.FAIL, "c3 still has 10.66.0.100, 10.9 s after"),
    "nobody tried to write": ("S6", STARVED.but(looks=tuple(replace(one, write="") for one in STARVED.looks)),
                              Result.INVALID, "no write was tried and refused"),
    "only silence met the writes": ("S6", STARVED.but(looks=tuple(
        replace(one, write="no answer" if one.write else "") for one in STARVED.looks)),
        Result.INVALID, "no write was tried and refused"),
    "one of two halves was not seen": ("S6", HALVES.but(looks=tuple(
        one for one in HALVES.looks if one.node != "c2" or one.asked < T0 + 6)), Result.INVALID,
        "not seen without quorum for the 10.2 s that stopping may take: c2 (3.1 s)"),
    "a broker that serves alone": ("S6", starved(broker="serves"), Result.FAIL,
                                   "c3 still lets clients in: its broker"),
    "the starved node was not seen": ("S6", STARVED.but(looks=STARVED.looks[:6]), Result.INVALID, "no node was seen"),
    "the starved node was not seen for long": ("S6", STARVED.but(looks=STARVED.looks[:9]), Result.INVALID,
                                               "nobody was seen without quorum for the 10.2 s"),
    "two Primary components, once": ("S4", SOUND.but_facts(primaries=(
        *LOOKS[:4], PrimarySighting(LOOKS[4].at, (("c1",), ("c2", "c3")), NODES), *LOOKS[5:])), Result.FAIL, "c1 | c2"),
    "a bystander is fenced": ("S7", SOUND.but(events=(*SOUND.events, (9.0, "bmc.request", "c3", {"command": "off"}))),
                              Result.FAIL, "node.poweroff takes nobody of them away: c3 at +9.00 s"),
    "a fencing loop": ("S7", SOUND.but(events=(*SOUND.events, (9.0, "bmc.request", "c1", {"command": "off"}))),
                       Result.FAIL, "fenced once more for the same loss: c1 at +9.00 s"),
    "a bystander is dropped": ("S8", SOUND.but(log=(*LEFT, (8.0, "c2", MEMBERSHIP.format("joined: 1 left: 3")))),
                               Result.FAIL, "c3 was dropped at +8.00 s, say c2, although node.poweroff"),
    "no log of who stayed": ("S8", SOUND.but(log=()).but_facts(logged=("c1",)), Result.INVALID,
                             "no log was read of those who stayed (c2, c3)"),
    "VIP up before power off": (
        "S3", SOUND.but(events=(FROZEN, REQUEST,
                                (4.5, "power.off", "c1", {}))), Result.FAIL, "went off only at +4.50 s"),
    "fencing lies": (
        "S3", SOUND.but(events=(FROZEN, REQUEST)),
        Result.FAIL, "c1 was never off"),
    "taken over unasked": ("S3", SOUND.but(events=(CUT,)), Result.FAIL,
                           "no fencing of c1 was requested"),
    "only a status call": (
        "S3", SOUND.but(events=(CUT, (3.6, "bmc.request", "c1", {"command": "status"}))),
        Result.FAIL, "no fencing"),
    "asked too late": (
        "S3", SOUND.but(events=(CUT, (5.0, "bmc.request", "c1", {"command": "off"}))),
        Result.FAIL, "only at +5.00 s"),
    "deleted row": ("S4", SOUND.but(lost_rows={"c2": 3}), Result.FAIL, "c2 lacks 3 of"),
    "two Primary components": (
        "S4", SOUND.but_facts(primaries=(PrimarySighting(T0 + 1, (("c1",), ("c2", "c3"))),)),
        Result.FAIL, "c1 | c2"),
    "two Primary components, look after look": (
        "S4", SOUND.but_facts(primaries=tuple(
            PrimarySighting(one.at, (("c1",), ("c2", "c3")), ("c1", "c2", "c3")) for one in LOOKS[4:7]) + LOOKS[7:]),
        Result.FAIL, "c1 | c2"),
    "nobody looked for components": ("S4", SOUND.but_facts(primaries=()), Result.INVALID, "only 0 looks"),
    "the watch died early": ("S4", SOUND.but_facts(primaries=LOOKS[:3]), Result.INVALID, "only 1 looks"),
    "nobody looked for long": ("S4", LONG.but_facts(primaries=tuple(
        one for one in LONG.facts["primaries"] if not T0 + 6 < one.at < T0 + 20)), Result.INVALID,
        "nobody looked at the Primary components for 14 s"),
    "the watch saw nobody": ("S4", SOUND.but_facts(primaries=tuple(PrimarySighting(one.at, (), ()) for one in LOOKS)),
                             Result.INVALID, "only 0 looks"),
    "one server's word": ("S4", SOUND.but_facts(primaries=tuple(
        PrimarySighting(one.at, (("c2",),), ("c2",)) for one in LOOKS)), Result.INVALID, "only 0 looks"),
    "no checksums": ("S4", SOUND.but(sums=dict.fromkeys(NODES, "")), Result.INVALID,
                     "no checksum of a table was read from c1, c2, c3"),
    "one member read": (
        "S4", SOUND.but_facts(sql=SqlAudit(585, (NodeRows("c1", True, 585), NodeRows("c2", False, 0, 585)))),
        Result.INVALID, "not read from a Synced c2, c3"),
    "rows not read": ("S4", SOUND.but_facts(sql=None), Result.INVALID, "cannot be judged"),
    "money made": ("S4", SOUND.but(bank=(64000, 64007)), Result.FAIL, "readers saw the bank hold 64000, 64007"),
    "money gone in the end": ("S4", SOUND.but(bank=(64009, 64009)), Result.FAIL,
                              "held 64009 during the run, and in the end c1 holds 64000"),
    "the bank was not read": ("S4", SOUND.but(bank=()), Result.INVALID, "nobody read the bank's total"),
    "tables differ": ("S4", SOUND.but(sums={"c3": "4712"}), Result.FAIL,
                      "probe_rows differs: c1 4711, c2 4711, c3 4712"),
    "dropped message": ("S5", SOUND.but(lost_messages=2), Result.FAIL, "2 lost"),
    "messages over and over": ("S5", SOUND.but(again=401), Result.FAIL, "401 duplicates (at most 400)"),
    "queue not drained": ("S5", SOUND.but(lost_messages=2, drained=False), Result.INVALID, "queue empty"),
    "too long away": ("L1", away("sql_write", 0.0, 9.5), Result.FAIL, "sql_write 9.5"),
    "timers not read": ("L1", UNREAD, Result.INVALID, "vip_tcp has no limit for 'bound + 2s': the timer token was not"),
    "timers not read, absolute promise": ("V6", UNREAD.but_facts(sla={"*": 8}), Result.INVALID, "the timer token"),
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
    "fault did nothing": ("V1", SOUND.but_facts(took_effect=Proof(False, "c1 still answers")), Result.INVALID,
                          "still answers"),
    "nobody looked": ("V1", SOUND.but_facts(took_effect=None), Result.INVALID, "nobody looked"),
    "not healed": ("V2", SOUND.but_facts(healed=Proof(False, "rules remain")), Result.INVALID, "remain"),
    "too little before": ("V3", SOUND.but(before=1.0), Result.INVALID, "vip_tcp 50 before"),
    "unwell before": ("V3", away("cache", -2.0, -1.0), Result.INVALID, "cache 1"),
    "starved schedule": ("V4", SOUND.but(late_share=0.05), Result.INVALID, "on time"),
    "overloaded host": ("V4", SOUND.but(busy=1.0), Result.INVALID, "saturated in 100 %"),
    "a disk's load is no processor's": ("V4", PLAIN.but(busy=1.0).but_facts(fault="res.io", sla={}), Result.INVALID,
                                        "saturated in 100 %"),
    "lab in line": ("V4", SOUND.but(busy=1.0, waited=0.6), Result.INVALID, "the lab waited for it 60 % of the time"),
    "too fast for a slow BMC": (
        "V6", SOUND.but_facts(sla={}, injections=(
            replace(base_injection(), fault="fence.slow", wants_fencing=False), base_injection())),
        Result.INVALID, "vip_tcp 4.22 s below 10.35 s (from +0.0 s: Tm 2.20"),
    "no fencing": ("V5", SOUND.but_facts(fencing=Proof(False, "stonith-enabled=false")),
                   Result.INVALID, "stonith"),
    "too good": ("V6", away("vip_tcp", 0.0, 0.5), Result.INVALID, "vip_tcp 0.52 s below"),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_planted_violation_is_found(name: str, tmp_path: Path) -> None:
    check, story, result, words = VIOLATIONS[name]
    verdict = verdict_of(recording(tmp_path, story))
    failed = next(one for one in verdict.findings if one.id == check)
    assert not failed.ok
    assert words in failed.evidence
    assert verdict.result is result


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


def test_a_killed_database_that_only_its_clients_notice_passes(tmp_path: Path) -> None:
    assert verdict_of(recording(tmp_path, PLAIN)).result is Result.PASS


def test_a_starved_node_that_stops_passes(tmp_path: Path) -> None:
    told = finding(tmp_path, STARVED, "S6")
    assert told.ok and not told.skipped
    assert "14 writes refused outside the Primary component, none taken" in told.evidence


def test_each_half_that_was_seen_without_quorum_is_enough(tmp_path: Path) -> None:
    assert finding(tmp_path / "1", HALVES, "S6").ok
    # c2 had no power, or only at the end: it could not be seen for as long.
    gone = HALVES.but(looks=tuple(one for one in HALVES.looks if one.node != "c2" or one.asked > T0 + 12))
    off = ((0.1, "power.off", "c2", {}), (10.0, "power.on", "c2", {}))
    assert finding(tmp_path / "2", gone.but(events=off), "S6").ok
    assert not finding(tmp_path / "3", gone, "S6").ok


def test_s6_lets_a_broker_serve_that_has_a_majority_of_its_own(tmp_path: Path) -> None:
    """Two halves with a node between them: corosync counted one of them out, and the broker was in the other."""
    serves = starved(broker="serves")
    assert not finding(tmp_path / "1", serves, "S6").ok
    told = finding(tmp_path / "2", serves.but_facts(fault="net.bridge"), "S6")
    assert told.ok and "broker" not in told.evidence
    assert not finding(tmp_path / "3", starved(broker="serves", vips=(VIP,)).but_facts(fault="net.bridge"), "S6").ok


def test_s6_claims_nothing_that_nobody_can_have_seen(tmp_path: Path) -> None:
    """A node that boots alone is without quorum for a moment: nothing has to have stopped by then."""
    booted = tuple(NodeLook("c1", T0 + at, T0 + at + 0.1, quorate=at > 7, vips=(VIP,)) for at in (6.5, 7.0, 9.0))
    told = finding(tmp_path / "1", SOUND.but(looks=booted), "S6")
    assert told.skipped and told.evidence.endswith("for up to 0.6 s, and no write was tried: stopping may take 6.5 s")
    refused = (replace(booted[0], write="refused"), *booted[1:])
    told = finding(tmp_path / "2", SOUND.but(looks=refused), "S6")
    assert not told.skipped and told.ok and "address" not in told.evidence
    long = tuple(NodeLook("c1", T0 + at, T0 + at + 0.1, quorate=False) for at in (2.0, 4.0, 6.0, 9.0))
    told = finding(tmp_path / "3", SOUND.but(looks=long), "S6")
    assert told.ok and "no address later than 6.5 s" in told.evidence and "broker" not in told.evidence


def test_a_hole_in_the_looks_is_none_while_the_node_has_no_power(tmp_path: Path) -> None:
    """Nor is it one for the databases, while whoever was not hit answers."""
    off = ((6.5, "power.suspend", "c3", {}), (18.5, "power.resume", "c3", {}))
    looks = tuple(one for one in LONG.looks if one.node != "c3" or not T0 + 6 < one.asked < T0 + 19)
    assert finding(tmp_path / "1", LONG.but(looks=looks, events=(*LONG.events, *off)), "S2").ok
    alone = tuple(replace(one, answered=("c3",)) if T0 + 6 < one.at < T0 + 20 else one
                  for one in LONG.facts["primaries"])
    story = LONG.but_facts(primaries=alone, target=("c1", "c2"))
    assert "nobody looked" not in finding(tmp_path / "2", story, "S4").evidence
    assert "nobody looked" in finding(tmp_path / "3", LONG.but_facts(primaries=alone), "S4").evidence


@pytest.mark.parametrize("check", ["S2", "S6"])
def test_an_old_recording_without_looks_is_judged_by_the_other_checks(check: str, tmp_path: Path) -> None:
    old = recording(tmp_path, STARVED.but_facts(looked=False))
    old = replace(old, looks=(), samples={**old.samples, "sql_write": tuple(
        replace(one, detail="") for one in old.samples["sql_write"])})
    assert next(one for one in all_checks() if one.id == check).judge(old).skipped


def test_s6_does_not_apply_where_nobody_lost_quorum(tmp_path: Path) -> None:
    told = finding(tmp_path, SOUND.but(looks=tuple(one for one in LOOKED if one.quorate)), "S6")
    assert told.skipped


def test_s2_takes_a_move_between_two_looks_for_what_it_is(tmp_path: Path) -> None:
    """c1 is asked first and has it, c2 is asked last and has it."""
    moved = tuple(NodeLook(node, at + 0.2 * turn, at + 0.2 * turn + 0.1, quorate=True,
                           vips=(VIP,) if node == ("c1" if at + 0.2 * turn < T0 + 2.1 else "c2") else ())
                  for at in (T0 + offset for offset in range(-4, 12, 2)) for turn, node in enumerate(NODES))
    assert finding(tmp_path, SOUND.but(looks=moved), "S2").ok


def test_s2_knows_that_a_power_cut_ends_a_holding(tmp_path: Path) -> None:
    """c1 had the address, lost its power, and has it again; c2 had it in between."""
    seen = tuple(NodeLook(node, T0 + at, T0 + at + 0.1, quorate=True, vips=(VIP,))
                 for at, node in ((-2, "c1"), (4, "c2"), (9, "c1")))
    seen += tuple(NodeLook(node, T0 + at, T0 + at + 0.1, quorate=True) for at in (6, 11) for node in ("c2", "c3"))
    assert finding(tmp_path, SOUND.but(looks=seen), "S2").ok
    assert not finding(tmp_path, SOUND.but(looks=seen, events=()), "S2").ok


def test_s2_knows_a_row_that_was_under_way_when_the_writer_changed(tmp_path: Path) -> None:
    run = recording(tmp_path)
    rows = list(run.samples["sql_write"])
    slow = next(at for at, one in enumerate(rows) if one.intended > T0 - 1)
    rows[slow] = replace(rows[slow], ended=T0 + 4.4)  # c1 was asked before the fault and says yes after c2 did
    told = next(check for check in all_checks() if check.id == "S2").judge(
        replace(run, samples={**run.samples, "sql_write": tuple(rows)}))
    assert told.ok and "c1 -> c2" in told.evidence


@pytest.mark.parametrize(("promise", "allowed"), [(4, 60.0), ("4s", 60.0), ("bound", 0.0), ("bound + 2s", 2.0)])
def test_l4_stretches_what_is_promised_for_nodes_at_full_speed_and_no_bound(promise: float | str, allowed: float,
                                                                           tmp_path: Path) -> None:
    slow = SOUND.but_facts(timers=replace(TIMERS, slowness=15.0), sla={"converged": promise})
    if "bound" in str(promise):
        allowed += bounds(recording(tmp_path / "for its bound", slow).facts).highest or 0.0
    assert f"SLA {allowed:.1f} s" in finding(tmp_path / "judged", slow, "L4").evidence


def test_s1_takes_two_macs_of_one_node_for_one_holder(tmp_path: Path) -> None:
    macs = {**base_facts().macs, "52:54:00:00:00:03": "c2"}
    story = SOUND.but(also_answers=((5.0, 5.3, "c3"),)).but_facts(macs=macs)
    assert finding(tmp_path, story, "S1").ok


def test_s1_wants_looks_without_holes(tmp_path: Path) -> None:
    run_dir = build(tmp_path)
    ledger = run_dir / "ledgers" / "vip_arp.txt"
    ledger.write_text("".join(ledger.read_text().splitlines(keepends=True)[:50]))
    failed = next(one for one in judge(run_dir).findings if one.id == "S1")
    assert (failed.ok, failed.kind) == (False, "validity")


def test_v4_does_not_mind_what_fills_the_rest_of_the_host(tmp_path: Path) -> None:
    verdict = verdict_of(recording(tmp_path, SOUND.but(busy=1.0, waited=0.2)))
    assert verdict.result is Result.PASS
    assert "waited for it 20 % of the time" in next(one for one in verdict.findings if one.id == "V4").evidence


def test_v4_sees_that_a_probe_was_cut_off_before_the_end(tmp_path: Path) -> None:
    """What is left is without a hole, and 80 % of the run long."""
    run_dir = build(tmp_path)
    path = run_dir / "samples" / "cache.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:len(lines) * 8 // 10]))

    def words() -> str:
        failed = next(one for one in judge(run_dir).findings if one.id == "V4")
        return "" if failed.ok else failed.evidence

    assert "cache" in words() and "160 slots missing" in words() and "ended 3.2 s before the run" in words()
    status = run_dir / "samples" / "cache.status.json"
    status.write_text('{"slots": 640}')  # it says so itself: it stopped early
    assert "slots missing" not in words() and "ended 3.2 s before the run" in words()
    path.write_text("".join(lines))
    status.unlink()
    assert "did not end in order" in words()


def test_every_target_has_to_be_fenced(tmp_path: Path) -> None:
    story = SOUND.but_facts(target=("c1", "c3"))
    assert "fence requested: MISSING" in finding(tmp_path, story, "L5").evidence


def test_s4_ignores_a_node_that_is_not_synced_but_names_it(tmp_path: Path) -> None:
    facts = Facts.read(build(tmp_path, SOUND.but(lost_rows={"c3": 5})))
    assert facts.sql is not None
    raw = facts.to_json()
    raw["sql"]["nodes"][2]["synced"] = False
    story = SOUND.but_facts(sql=Facts.from_json(raw).sql)
    assert "not read from a Synced c3" in finding(tmp_path, story, "S4").evidence
    story = story.but_facts(converged_at=None)  # L4 says what that means
    assert "not judged: c3" in finding(tmp_path, story, "S4").evidence


def test_a_fault_without_fencing_skips_what_needs_it(tmp_path: Path) -> None:
    story = SOUND.but(events=()).but_facts(fault="proc.kill", params={"process": "mariadbd"}, wants_fencing=False,
                                           fencing=None)
    assert finding(tmp_path, story, "S3").skipped
    assert finding(tmp_path, story, "V5").skipped


def test_v3_counts_from_the_fault_s_own_window(tmp_path: Path) -> None:
    """A hiccup in the last second may be a service's longest window: seen on a real lab."""
    assert finding(tmp_path, away("cache", 11.0, 11.4), "V3").ok


def test_the_tail_is_judged_where_one_stall_of_the_host_cannot_make_it() -> None:
    """Seen: a stall of 100 ms delayed six of 250 slots, and the whole run failed by its p99."""
    assert [judged(count) for count in (30, 100, 250, 999, 1000)] == [
        (0.50,), (0.50, 0.90), (0.50, 0.95), (0.50, 0.95), (0.50, 0.99)]


def test_l3_leaves_out_what_the_last_look_at_the_gates_costs(tmp_path: Path) -> None:
    """Ten gates at once held writes up for 0.3 s, in the last half second of a run of five seconds after the fault."""
    slow = SOUND.but(latency=0.003, slower=((11.0, 100.0),)).but_facts(sla={"latency": "3x"}, converged_at=T0 + 8.0)
    assert not finding(tmp_path / "1", slow, "L3").ok
    assert finding(tmp_path / "2", slow.but_facts(undisturbed_until=T0 + 10.9), "L3").ok
