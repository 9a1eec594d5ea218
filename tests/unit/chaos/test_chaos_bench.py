"""The benchmark's own arithmetic, on samples whose outage is known."""

from __future__ import annotations

import pytest

from chaos.bench import PERIOD, _cost, judge
from chaos.model import Outcome, Sample
from chaos.windows import Span


def schedule(silent: Span, until: float, late: float = 0.0) -> list[Sample]:
    """Slots from 0 on: those within ``silent`` run into a timeout of 1 s, all others take 2 ms."""
    found = []
    for slot in range(round(until / PERIOD)):
        at = slot * PERIOD
        hung = silent.begin <= at < silent.end
        found.append(Sample(slot, at, at + late, at + (1.0 if hung else 0.002), Outcome.FAIL if hung else Outcome.OK))
    return found


@pytest.mark.parametrize("begin", [5.0, 5.003, 5.0199])
@pytest.mark.parametrize("seconds", [0.5, 1.0, 3.0])
def test_a_known_outage_is_measured_to_a_period(begin: float, seconds: float) -> None:
    silent = Span(begin, begin + seconds)
    found = judge(schedule(silent, 15), Span(begin - 0.02, begin + 0.02), seconds)
    assert abs(found.error) <= PERIOD + 1e-6
    # A stretch between two successes is longer by what is normal; the stall counts from the answers.
    assert found.window - found.measured == pytest.approx(PERIOD, abs=1e-6)


def test_an_outage_that_the_clients_missed_is_an_error_as_long_as_it() -> None:
    found = judge(schedule(Span(0, 0), 15), Span(5, 5), 1.0)
    assert found.error == pytest.approx(-1.0)


def test_a_late_slot_and_a_missing_one_are_not_held() -> None:
    span = Span(2, 12)
    cost = _cost("vip_tcp", True, span, 0.5, schedule(Span(0, 0), 15))
    assert cost.core == pytest.approx(0.05) and cost.on_time == 1.0
    assert _cost("vip_tcp", True, span, 0.5, schedule(Span(0, 0), 15, late=0.011)).on_time == 0.0
    half = [one for one in schedule(Span(0, 0), 15) if one.slot % 2]
    assert _cost("vip_tcp", True, span, 0.5, half).on_time == pytest.approx(0.5, abs=0.01)
