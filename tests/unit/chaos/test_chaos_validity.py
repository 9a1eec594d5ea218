"""V1..V6: whether a run can prove anything at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from synthetic import SOUND, base_injection, build, finding, recording
from violations import PLAIN, UNREAD, Violation, away, must_be_found

from chaos.model import Proof, Result
from chaos.verdict import judge, verdict_of

VIOLATIONS: dict[str, Violation] = {
    "timers not read, absolute promise": ("V6", UNREAD.but_facts(sla={"*": 8}), Result.INVALID, "the timer token"),
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
    "a load that was killed": ("V1", PLAIN.but_facts(fault="res.io", sla={}, held=Proof(False, "c1: not in effect")),
                               Result.INVALID, "not any more before the heal: c1: not in effect"),
    "somebody set the clock": ("V4", SOUND.but(clock=-1.0), Result.INVALID, "clock was set by 1000 ms"),
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
    must_be_found(tmp_path, VIOLATIONS[name])


def test_v1_does_not_mind_that_a_power_cut_ended_it(tmp_path: Path) -> None:
    """A full disk's node was fenced: what its kernel refused before it lost its power is told by the first proof."""
    assert finding(tmp_path, SOUND.but_facts(held=Proof(False, "c1: cannot look")), "V1").ok


def test_v3_counts_from_the_fault_s_own_window(tmp_path: Path) -> None:
    """A hiccup in the last second may be a service's longest window: seen on a real lab."""
    assert finding(tmp_path, away("cache", 11.0, 11.4), "V3").ok


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
