"""The open-loop schedule: slot k starts at t0 + k x period, whatever became of the others.

A closed loop asks the next question after the last answer, so one hang of 60 s looks like one
slow answer.  Here every slot is its own task with its own timeout, latency counts from the
intended time, and a slot that starts late says so in its sample.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from chaos.model import Outcome, Probe, Sample

# Fifty slots a second with a timeout of one second keep about fifty attempts in flight in an
# outage.  Ten times that can only be a process that stood still; more would be a burst of load.
MAX_IN_FLIGHT = 512
# The probes end their own attempts; this guard is for one that forgot, or hangs in a library.
GUARD = 0.25
_LAST = 6.0  # s that a stop waits for attempts in flight: one without a timeout of its own tells by its silence


class SampleFile:
    """Appends samples as compact JSON lines ``[slot,intended,started,ended,outcome,detail]``."""

    def __init__(self, path: Path) -> None:
        # Line-buffered: whatever kills this process, all but the last line is there.
        self._file: TextIO = path.open("w", buffering=1)

    def write(self, sample: Sample) -> None:
        row = [sample.slot, round(sample.intended, 4), round(sample.started, 4), round(sample.ended, 4),
               sample.outcome.value, sample.detail[:200]]
        self._file.write(json.dumps(row, separators=(",", ":")) + "\n")

    def close(self) -> None:
        self._file.close()


class Schedule:
    """Runs one probe until :meth:`stop`; ``on_sample`` gets every sample when its attempt ends."""

    def __init__(self, probe: Probe, period: float, on_sample: Callable[[Sample], None]) -> None:
        self._probe = probe
        self._period = period
        self._on_sample = on_sample
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = asyncio.Event()
        self._slot = 0
        # Steps of the wall clock must neither shift the schedule nor bend a latency.
        self._epoch = time.time() - time.monotonic()
        self._t0 = 0.0

    @property
    def slots(self) -> int:
        """How many slots have been started."""
        return self._slot

    def stop(self) -> None:
        """Start no more slots; attempts in flight go on until their own timeouts, and for ``_LAST`` at most."""
        self._stopped.set()

    async def run(self) -> None:
        """Start slots until stopped, then wait for those in flight."""
        self._t0 = time.monotonic()
        while not self._stopped.is_set():
            now = time.monotonic()
            # Catch up after a late wake-up: the missed slots start now, each with its own lateness.
            while self._intended(self._slot) <= now:
                self._start(self._slot)
                self._slot += 1
            await self._sleep(self._intended(self._slot) - time.monotonic())
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=min(self._probe.timeout, _LAST) + 2 * GUARD)
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        # A stop is seen at the next slot, so a plain sleep will do; it is the cheapest timer.
        await asyncio.sleep(min(seconds, 0.25))

    def _intended(self, slot: int) -> float:
        return self._t0 + slot * self._period

    def _start(self, slot: int) -> None:
        if len(self._tasks) >= MAX_IN_FLIGHT:
            now = time.monotonic() + self._epoch
            self._on_sample(Sample(slot, self._intended(slot) + self._epoch, now, now, Outcome.FAIL,
                                   "not started: too many attempts in flight"))
            return
        task = asyncio.get_running_loop().create_task(self._attempt(slot))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _attempt(self, slot: int) -> None:
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._probe.timeout + GUARD):
                outcome, detail = await self._probe.attempt(slot)
        except TimeoutError:
            outcome, detail = Outcome.UNKNOWN, "no answer in time"
        except asyncio.CancelledError:
            outcome, detail = Outcome.UNKNOWN, "stopped before the answer"
        except Exception as error:  # a probe's bug must show as data, not end the measurement
            outcome, detail = Outcome.UNKNOWN, f"probe error: {type(error).__name__}: {error}"
        self._on_sample(Sample(slot, self._intended(slot) + self._epoch, started + self._epoch,
                               time.monotonic() + self._epoch, outcome, detail))
