"""A probe on its schedule for some seconds, and what tests that measure time need."""

from __future__ import annotations

import asyncio

import pytest

from chaos.model import Probe, Sample
from chaos.probes.schedule import Schedule

# Two processors that do something else for a moment are no bug of ours.
MEASURES_TIME = pytest.mark.flaky(reruns=2)


def run_for(probe: Probe, period: float, seconds: float) -> list[Sample]:
    """Its samples, in the order of their slots; both times in seconds."""
    samples: list[Sample] = []

    async def go() -> None:
        schedule = Schedule(probe, period, samples.append)
        asyncio.get_running_loop().call_later(seconds, schedule.stop)
        await probe.open()
        await schedule.run()
        await probe.close()

    asyncio.run(go())
    return sorted(samples, key=lambda sample: sample.slot)
