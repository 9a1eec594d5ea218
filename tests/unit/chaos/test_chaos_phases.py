"""When the interrupted services answered again: the fault's own outages, and no later one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from synthetic import PERIOD, T0, Story, build

from chaos.measure import Phase, phases, windows
from chaos.recording import Recording

# No node is lost, so nothing is detected and no VIP moves: the bound alone says what is the fault's.
KILLED = Story(away={"sql_write": (0.1, 1.9)}, holders=((-9.0, "c1"),), events=()).but_facts(
    fault="proc.kill", params={"process": "mariadbd"}, wants_fencing=False, detected_at=None)


def plant(run_dir: Path, probe: str, begin: float, end: float) -> None:
    """No success of ``probe`` from ``begin`` to ``end``, seconds from the fault."""
    path = run_dir / "samples" / f"{probe}.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        if begin <= row[1] - T0 < end:
            row[4:] = ["fail", "planted"]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def first_success(run_dir: Path) -> Phase:
    return next(phase for phase in phases(Recording.load(run_dir)) if phase.name == "first success")


def since_fault(phase: Phase) -> float:
    assert phase.at is not None
    return phase.at - T0


def test_it_is_the_end_of_the_last_outage(tmp_path: Path) -> None:
    assert since_fault(first_success(build(tmp_path))) == pytest.approx(4.3, abs=0.01)


@pytest.mark.parametrize("probe", ["sql_write", "cache"])  # interrupted by the fault, or not at all
def test_a_later_gap_does_not_move_it(tmp_path: Path, probe: str) -> None:
    run = build(tmp_path)
    plant(run, probe, 9.0, 9.4)
    assert windows(Recording.load(run))[probe].outages >= 1
    assert since_fault(first_success(run)) == pytest.approx(4.3, abs=0.01)


def test_not_even_a_later_gap_that_is_the_longest(tmp_path: Path) -> None:
    run = build(tmp_path)
    plant(run, "mq_publish", 7.0, 9.0)  # its outage by the fault took 1.06 s
    assert windows(Recording.load(run))["mq_publish"].seconds == pytest.approx(2.0, abs=0.05)
    assert since_fault(first_success(run)) == pytest.approx(4.3, abs=0.01)


def test_an_outage_that_begins_while_the_vip_is_down_counts(tmp_path: Path) -> None:
    run = build(tmp_path)
    plant(run, "cache", 3.0, 5.5)
    assert since_fault(first_success(run)) == pytest.approx(5.5, abs=0.03)


def test_without_a_move_the_bound_ends_it(tmp_path: Path) -> None:
    run = build(tmp_path, KILLED)
    plant(run, "sql_write", 8.0, 8.5)
    plant(run, "cache", 10.0, 10.5)
    assert since_fault(first_success(run)) == pytest.approx(1.9, abs=0.01)


def test_a_hiccup_is_no_interruption(tmp_path: Path) -> None:
    run = build(tmp_path, KILLED.but(away={"sql_write": (0.1, 0.1 + 5 * PERIOD)}))
    assert first_success(run) == Phase("first success", None, "no service was interrupted", due=False)


def test_a_service_that_never_answered_again_leaves_it_open(tmp_path: Path) -> None:
    run = build(tmp_path, Story(away={"vip_tcp": (0.0, 4.2), "sql_write": (0.0, 99.0)}))
    assert first_success(run) == Phase("first success", None, "")
