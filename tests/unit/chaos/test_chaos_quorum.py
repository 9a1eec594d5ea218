"""S6, whoever has no quorum stops: addresses, writes and the broker, and who was seen for long enough."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from synthetic import LOOKED, NODES, SOUND, T0, VIP, Story, finding
from violations import STARVED, Violation, must_be_found

from chaos.looks import NodeLook
from chaos.model import Result

# All of them cut from each other, and seen so until the heal.
HALVES = STARVED.but(after=20.0, looks=tuple(replace(one, node=node, vips=()) for one in STARVED.looks
                                             for node in NODES)).but_facts(
    heal_begin=T0 + 15, heal_end=T0 + 15.5, converged_at=T0 + 17, ended_at=T0 + 20, sla={})


def starved(**changes: Any) -> Story:
    """The starved node does something else from +13 s on."""
    return STARVED.but(looks=tuple(replace(one, **changes) if one.asked >= T0 + 13 else one for one in STARVED.looks))


VIOLATIONS: dict[str, Violation] = {
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
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_planted_violation_is_found(name: str, tmp_path: Path) -> None:
    must_be_found(tmp_path, VIOLATIONS[name])


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


def test_s6_does_not_apply_where_nobody_lost_quorum(tmp_path: Path) -> None:
    told = finding(tmp_path, SOUND.but(looks=tuple(one for one in LOOKED if one.quorate)), "S6")
    assert told.skipped
