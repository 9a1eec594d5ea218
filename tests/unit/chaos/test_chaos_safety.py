"""S1..S8 but S6: one holder, one writer, fenced before recovered, nothing lost, nobody innocent pays."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

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
    base_facts,
    build,
    finding,
    recording,
)
from violations import LONG, Violation, must_be_found

from chaos.checks import all_checks
from chaos.facts import Facts, NodeRows, PrimarySighting, SqlAudit
from chaos.looks import NodeLook
from chaos.model import Result
from chaos.verdict import judge

# c1 is cut off, keeps its address and is not fenced.
STUBBORN = tuple(NodeLook(node, T0 + at, T0 + at + 0.1, quorate=node != "c1" or at < 0,
                          vips=(VIP,) if node == "c1" or (node == "c2" and at > 4) else ())
                 for at in range(-4, 12, 2) for node in NODES)

VIOLATIONS: dict[str, Violation] = {
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
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_planted_violation_is_found(name: str, tmp_path: Path) -> None:
    must_be_found(tmp_path, VIOLATIONS[name])


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


def written(run_dir: Path, every: float, *servers: str) -> Path:
    """The rows of a client that asks once in ``every`` seconds, and who took them."""
    folder = build(run_dir, SOUND.but_facts(period=every))
    (folder / "samples" / "sql_write.jsonl").write_text("".join(
        json.dumps([slot, at, at, at + 0.01, "ok", server]) + "\n"
        for slot, server in enumerate(servers) for at in (T0 + slot * every,)))
    return folder


def test_s2_sees_two_writers_also_where_clients_ask_once_a_second(tmp_path: Path) -> None:
    """On emulated machines three rows take two seconds; a proxy there needs many more to move a writer and back."""
    slow = replace(TIMERS, haproxy_inter=5.0, haproxy_fastinter=2.0, haproxy_fall=3, haproxy_rise=2)
    folder = written(tmp_path, 1.0, "c1", "c2", "c1", "c2")
    facts = Facts.read(folder)
    replace(facts, injections=(replace(facts.injections[0], timers=slow),)).write(folder)
    found = next(one for one in judge(folder).findings if one.id == "S2")
    assert (found.ok, found.kind) == (False, "safety") and "within 2.00 s" in found.evidence


def test_s2_says_that_a_client_asked_too_seldom(tmp_path: Path) -> None:
    """With these timers the proxies may have moved the writer and back between two rows of a client."""
    folder = written(tmp_path, 5.0, "c1", "c2", "c1")
    found = next(one for one in judge(folder).findings if one.id == "S2")
    assert (found.ok, found.kind) == (False, "validity") and "asks too seldom" in found.evidence


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


def test_s4_ignores_a_node_that_is_not_synced_but_names_it(tmp_path: Path) -> None:
    facts = Facts.read(build(tmp_path, SOUND.but(lost_rows={"c3": 5})))
    assert facts.sql is not None
    raw = facts.to_json()
    raw["sql"]["nodes"][2]["synced"] = False
    story = SOUND.but_facts(sql=Facts.from_json(raw).sql)
    assert "not read from a Synced c3" in finding(tmp_path, story, "S4").evidence
    story = story.but_facts(converged_at=None)  # L4 says what that means
    assert "not judged: c3" in finding(tmp_path, story, "S4").evidence
