"""The open-loop schedule keeps time whatever its probe does."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from pathlib import Path

import pytest
from scheduled import MEASURES_TIME, run_for

from chaos.model import Outcome, Sample
from chaos.probes.schedule import MAX_IN_FLIGHT, SampleFile
from chaos.recording import read_samples

pytestmark = MEASURES_TIME


class Hanging:
    """Every attempt hangs until its timeout."""

    name = "hanging"

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self.now = self.most = 0

    async def open(self) -> None: ...

    async def attempt(self, slot: int) -> tuple[Outcome, str]:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.timeout)
        finally:
            self.now -= 1
        return Outcome.UNKNOWN, "hung"

    async def close(self) -> None: ...


def test_hanging_attempts_do_not_stop_the_schedule() -> None:
    probe = Hanging(timeout=0.2)
    samples = run_for(probe, 0.005, 0.8)  # 160 slots, if the test machine has nothing else to do
    assert [sample.slot for sample in samples] == list(range(len(samples)))
    assert len(samples) >= 55
    assert probe.most > 20  # a closed loop would never have more than one
    for before, after in pairwise(samples):
        assert after.intended - before.intended == pytest.approx(0.005, abs=1e-6)
    on_time = sum(sample.started - sample.intended < 0.05 for sample in samples)
    assert on_time >= 0.5 * len(samples)  # a hung attempt takes 0.2 s: a schedule that waited would keep 1 in 40


def test_attempts_in_flight_are_finished_after_the_stop() -> None:
    samples = run_for(Hanging(timeout=0.15), 0.02, 0.1)
    assert all(sample.detail == "hung" for sample in samples)


def test_a_probe_that_forgets_its_timeout_is_cut_off() -> None:
    class Forgetful(Hanging):
        async def attempt(self, slot: int) -> tuple[Outcome, str]:
            await asyncio.sleep(60)
            return Outcome.OK, ""

    samples = run_for(Forgetful(timeout=0.05), 0.05, 0.1)
    assert {sample.detail for sample in samples} <= {"no answer in time", "stopped before the answer"}
    assert {sample.outcome for sample in samples} == {Outcome.UNKNOWN}


def test_a_session_that_waits_for_ever_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """sql_held's attempt may take 90 s; its process was killed after 5, and the run was BROKEN for that."""
    monkeypatch.setattr("chaos.probes.schedule._LAST", 0.1)
    begun = time.monotonic()
    samples = run_for(Hanging(timeout=60), 0.05, 0.1)
    assert time.monotonic() - begun < 10
    assert {(one.outcome, one.detail) for one in samples} == {(Outcome.UNKNOWN, "stopped before the answer")}


def test_a_bug_in_a_probe_is_recorded_and_does_not_end_the_run() -> None:
    class Buggy(Hanging):
        async def attempt(self, slot: int) -> tuple[Outcome, str]:
            raise ValueError("oops")

    samples = run_for(Buggy(timeout=0.1), 0.02, 0.1)
    assert len(samples) >= 4
    assert "ValueError: oops" in samples[0].detail


def test_a_stall_of_the_process_shows_as_late_starts_not_as_missing_slots() -> None:
    class Blocking(Hanging):
        async def attempt(self, slot: int) -> tuple[Outcome, str]:
            if slot == 2:
                time.sleep(0.15)
            return Outcome.OK, ""

    samples = run_for(Blocking(timeout=0.1), 0.01, 0.25)
    assert [sample.slot for sample in samples] == list(range(len(samples)))
    assert max(sample.started - sample.intended for sample in samples) > 0.1


def test_too_many_in_flight_are_refused_not_queued() -> None:
    samples = run_for(Hanging(timeout=0.5), 0.0005, 0.4)
    refused = [sample for sample in samples if sample.detail.startswith("not started")]
    assert len(samples) > MAX_IN_FLIGHT
    assert len(samples) - len(refused) <= 2 * MAX_IN_FLIGHT
    assert refused


def test_samples_survive_the_file(tmp_path: Path) -> None:
    file = SampleFile(tmp_path / "s.jsonl")
    written = Sample(3, 1_800_000_000.06, 1_800_000_000.0612, 1_800_000_000.07, Outcome.FAIL, "refused")
    file.write(written)
    file.close()
    assert (tmp_path / "s.jsonl").read_text().count(" ") == 0
    assert read_samples(tmp_path / "s.jsonl") == [written]
