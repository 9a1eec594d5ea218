"""S3, fenced before recovered: which order of requests, switches and sightings it takes for a fencing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from synthetic import (
    CUT,
    FROZEN,
    LEFT,
    MEMBERSHIP,
    NODES,
    REQUEST,
    SOUND,
    T0,
    base_injection,
    finding,
    recording,
)

from chaos.facts import Roles
from chaos.model import Result
from chaos.report.moments import moments
from chaos.verdict import verdict_of


def test_s3_passes_for_a_frozen_node_that_was_fenced_in_time(tmp_path: Path) -> None:
    story = SOUND.but(events=(FROZEN, REQUEST, (3.8, "power.off", "c1", {})))
    assert "c1 off at +3.80 s" in finding(tmp_path, story, "S3").evidence


def test_s3_accepts_a_node_that_was_powered_on_again_before_a_slow_takeover(tmp_path: Path) -> None:
    """The power-on self test may end before the VIP is started: the node's life had ended."""
    fenced = (FROZEN, (2.6, "bmc.request", "c1", {"command": "off"}), (2.8, "power.off", "c1", {}))
    assert finding(tmp_path, SOUND.but(events=(*fenced, (3.9, "power.on", "c1", {}))), "S3").ok


def test_s3_wants_the_off_after_the_request(tmp_path: Path) -> None:
    """Off by the fault, on again by whomever, and then a BMC that lies: it never was off for the cluster."""
    story = SOUND.but(events=(CUT, (1.0, "power.on", "c1", {}), REQUEST))
    assert "never off" in finding(tmp_path, story, "S3").evidence


def test_a_watched_power_is_told_once(tmp_path: Path) -> None:
    """Seen on a page of machines: "power off" twice, of the switch and of the witness."""
    both = (FROZEN, REQUEST, (3.7, "power.off", "c1", {}), SEEN_OFF)
    for at, witnessed in ((3.7, False), (3.9, True)):
        story = SOUND.but(events=both).but_facts(witnessed=witnessed)
        told = moments(recording(tmp_path / str(witnessed), story))
        assert [round(one.since, 1) for one in told if (one.who, one.what) == ("power", "off")] == [at]


SEEN_OFF = (3.9, "power.seen", "c1", {"state": "off", "by": "libvirt", "why": "destroyed"})


def test_s3_believes_the_witness_before_the_switch(tmp_path: Path) -> None:
    """Where the driver has its machines watched, the moment and the fact are the witness's."""
    story = SOUND.but(events=(FROZEN, REQUEST, (3.7, "power.off", "c1", {}), SEEN_OFF)).but_facts(witnessed=True)
    assert "c1 off at +3.90 s (seen by libvirt: destroyed)" in finding(tmp_path / "1", story, "S3").evidence
    late = (4.6, *SEEN_OFF[1:])
    story = SOUND.but(events=(FROZEN, REQUEST, (3.7, "power.off", "c1", {}), late)).but_facts(witnessed=True)
    found = finding(tmp_path / "2", story, "S3")
    assert not found.ok
    assert "c1 went off only at +4.60 s" in found.evidence


def test_s3_fails_on_an_off_that_nobody_saw(tmp_path: Path) -> None:
    """A BMC that lies, or a switch that did: the machine runs, and the witness says so."""
    claimed = (FROZEN, REQUEST, (3.7, "power.off", "c1", {}), (0.03, "power.seen", "c1", {"state": "suspended"}))
    found = finding(tmp_path, SOUND.but(events=claimed).but_facts(witnessed=True), "S3")
    assert not found.ok
    assert "c1 was never off" in found.evidence


def test_s3_knows_a_machine_that_turned_itself_off(tmp_path: Path) -> None:
    itself = (2.0, "power.seen", "c1", {"state": "off", "by": "libvirt", "why": "turned itself off"})
    assert finding(tmp_path, SOUND.but(events=(itself, REQUEST)).but_facts(witnessed=True), "S3").ok


def test_s3_is_skipped_when_nothing_moved(tmp_path: Path) -> None:
    story = SOUND.but(holders=((-9.0, "c2"),)).but_facts(roles=Roles(vip_holder="c2"))
    assert finding(tmp_path, story, "S3").skipped


def test_s3_knows_the_fencing_of_a_node_that_is_off_already(tmp_path: Path) -> None:
    """The agent asks for the status, hears "off", and sends "on" alone: seen on a real lab."""
    asked = tuple((at, "bmc.request", "c1", {"command": command}) for at, command in ((3.5, "status"), (3.6, "on")))
    assert finding(tmp_path, SOUND.but(events=(CUT, *asked, (7.6, "power.on", "c1", {}))), "S3").ok


def test_s3_judges_the_move_after_each_of_two_losses(tmp_path: Path) -> None:
    """c1 is fenced and c2 takes over; then c2 is lost, and c3 takes over without having it fenced."""
    second = replace(base_injection(), target=("c2",), begin=T0 + 6.0, end=T0 + 6.03)
    story = SOUND.but(holders=(*SOUND.holders, (6.0, ""), (8.0, "c3"))).but_facts(
        injections=(base_injection(), second))
    found = finding(tmp_path / "1", story, "S3")
    assert not found.ok
    assert "up on c3 at +8.00 s, and no fencing of c2 was requested" in found.evidence
    assert verdict_of(recording(tmp_path / "2", story)).result is Result.FAIL
    fenced = (*story.events, (7.0, "bmc.request", "c2", {"command": "off"}), (7.2, "power.off", "c2", {}))
    assert "then VIP 10.66.0.100 up on c3" in finding(tmp_path / "3", story.but(events=fenced), "S3").evidence


def test_s3_does_not_take_the_fencing_of_an_earlier_life_for_that_of_a_later(tmp_path: Path) -> None:
    """c1 is fenced, comes back, gets the address again and is lost once more: nobody has it fenced this time."""
    second = replace(base_injection(), target=("c1",), begin=T0 + 8.0, end=T0 + 8.03)
    back = (*SOUND.events, (6.0, "power.on", "c1", {}), (8.0, "power.suspend", "c1", {}))
    story = SOUND.but(events=back, holders=(*SOUND.holders, (7.0, "c1"), (9.5, "c2"))).but_facts(
        injections=(base_injection(), second))
    found = finding(tmp_path / "1", story, "S3")
    assert not found.ok
    assert "up on c2 at +9.50 s, and no fencing of c1 was requested" in found.evidence
    again = (*back, (8.6, "bmc.request", "c1", {"command": "off"}), (8.9, "power.off", "c1", {}))
    found = finding(tmp_path / "2", story.but(events=again), "S3")
    assert found.ok and "c1 off at +8.90 s, fencing requested at +8.60 s" in found.evidence


def test_s3_judges_each_fencing_of_a_node_that_no_fault_meant(tmp_path: Path) -> None:
    """c3 held nothing the first time; the second time its address comes up elsewhere before it was off."""
    third = (*SOUND.events, (4.5, "bmc.request", "c3", {"command": "off"}), (4.6, "power.off", "c3", {}),
             (6.0, "power.on", "c3", {}), (8.0, "bmc.request", "c3", {"command": "off"}))
    story = SOUND.but(events=third, holders=(*SOUND.holders, (7.0, "c3"), (8.5, "c2")))
    found = finding(tmp_path, story, "S3")
    assert not found.ok and "c3 was never off" in found.evidence


def test_s3_judges_whom_a_split_took_away_although_nobody_was_fenced(tmp_path: Path) -> None:
    """A fence agent that is content with a question: the half that went on takes over, and no order came to a BMC."""
    halves = SOUND.but(events=()).but_facts(fault="net.split", params={"peers": 4}, wants_fencing=False,
                                            target=("c1", "c4"), members=(*NODES, "c4"))
    found = finding(tmp_path / "1", halves, "S3")
    assert not found.ok and "and no fencing of c1 was requested" in found.evidence
    # After the heal both halves may start what they had stopped.
    late = halves.but(holders=((-9.0, "c1"), (0.0, ""), (7.0, "c2")))
    assert finding(tmp_path / "2", late, "S3").skipped
    # Of one that stayed a member nothing is said, nor of one whom another had lost, or whom it has met again.
    assert finding(tmp_path / "3", halves.but(log=()), "S3").skipped
    assert finding(tmp_path / "4", halves.but(log=LEFT[1:]), "S3").skipped
    back = halves.but(log=(*LEFT, (3.0, "c2", MEMBERSHIP.format("joined: 1"))))
    assert finding(tmp_path / "5", back, "S3").skipped
    # The word of the one that took over is missing.
    blind = finding(tmp_path / "6", halves.but(log=()).but_facts(logged=("c1",)), "S3")
    assert not blind.ok and blind.kind == "validity" and "c2, whose log was not read" in blind.evidence
