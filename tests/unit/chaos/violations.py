"""Stories for several groups of checks, and what it takes for a planted violation to be found."""

from __future__ import annotations

from pathlib import Path

from synthetic import LOOKED, LOOKS, NODES, SOUND, T0, VIP, Story, recording

from chaos.facts import PrimarySighting, Timers
from chaos.looks import NodeLook
from chaos.model import Result
from chaos.verdict import verdict_of

# (check, story, verdict, words that the evidence must hold)
Violation = tuple[str, Story, Result, str]

# A database is killed; nobody is lost and nothing moves.
PLAIN = SOUND.but(holders=((-9.0, "c1"),), events=(), log=(), away={"sql_write": (0.1, 2.0)}).but_facts(
    fault="proc.kill", params={"process": "mariadbd"}, wants_fencing=False, detected_at=None)
UNREAD = SOUND.but_facts(timers=Timers())

# Two of three nodes lose their power; c3 is left without quorum, and nobody may fence anybody.
STARVED = PLAIN.but(looks=tuple(
    NodeLook("c3", T0 + at, T0 + at + 0.1, quorate=at < 2, component="Primary" if at < 2 else "non-Primary",
             write="" if at < 2 else "refused", broker="" if at < 2 else "refused", vips=(VIP,) if at < 4 else ())
    for at in range(-4, 16))).but_facts(starves=True)

# The sound run goes on for half a minute, and is looked at all the time.
LONG = SOUND.but(after=30.0, looks=LOOKED + tuple(
    NodeLook(node, T0 + at, T0 + at + 0.1, quorate=True, component="Primary", vips=(VIP,) if node == "c2" else ())
    for at in range(10, 30, 1) for node in NODES)).but_facts(ended_at=T0 + 30, primaries=(*LOOKS, *(
        PrimarySighting(T0 + at, (NODES,), NODES) for at in range(12, 30))))


def away(service: str, begin: float, end: float) -> Story:
    """The sound run with another outage of one service."""
    return SOUND.but(away={**SOUND.away, service: (begin, end)})


def must_be_found(run_dir: Path, planted: Violation) -> None:
    """Its check fails with these words, and the run comes to that result."""
    check, story, result, words = planted
    verdict = verdict_of(recording(run_dir, story))
    failed = next(one for one in verdict.findings if one.id == check)
    assert not failed.ok, failed
    assert words in failed.evidence, failed.evidence
    assert verdict.result is result, verdict.result
