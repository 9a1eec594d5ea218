"""Blocking client libraries under the open-loop schedule: a bounded set of threads.

The rule of outcomes lives here: an attempt that ran out of time is ``unknown`` if its request
may have left, and ``fail`` if it surely had not.  :meth:`Operation.send` draws that line
atomically, so a thread that is late never sends after its slot was already written down.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from chaos.model import Outcome

# About timeout/period threads hang in an outage (50), and as many again while late ones unwind.
WORKERS = 96
_STACK = 256 * 1024
T = TypeVar("T")


class Abandoned(Exception):
    """The slot was written down as failed before its request was sent."""


class Operation:
    """One attempt as its thread sees it."""

    def __init__(self, timeout: float) -> None:
        self._deadline = time.monotonic() + timeout
        self._lock = threading.Lock()
        self._sent = False
        self._abandoned = False

    def left(self) -> float:
        """Seconds until the slot's timeout, never below 10 ms (sockets take 0 for 'do not block')."""
        return max(0.01, self._deadline - time.monotonic())

    @property
    def late(self) -> bool:
        return time.monotonic() >= self._deadline

    def send(self) -> None:
        """Call this just before the request goes out."""
        with self._lock:
            if self._abandoned:
                raise Abandoned
            self._sent = True

    @property
    def sent(self) -> bool:
        """Whether the request went out."""
        return self._sent

    def abandon(self) -> bool:
        """Give the attempt up; True if its request may have been sent."""
        with self._lock:
            self._abandoned = True
            return self._sent


class Pool(Generic[T]):
    """Idle connections that are known to be healthy; at most ``keep`` of them, newest first."""

    def __init__(self, close: Callable[[T], None], keep: int = 4) -> None:
        self._close = close
        self._keep = keep
        self._idle: list[T] = []
        self._lock = threading.Lock()

    def take(self) -> T | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def give(self, connection: T) -> None:
        """Only after a complete and timely answer; anything else must be closed."""
        with self._lock:
            if len(self._idle) < self._keep:
                self._idle.append(connection)
                return
        self._close(connection)

    def clear(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            self._close(connection)


class ThreadedProbe:
    """A probe whose ``operate`` blocks.  ``operate`` must call ``operation.send()`` before its
    request, must close its connection after any error, and must not return one that was late."""

    name = ""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        threading.stack_size(_STACK)
        self._executor = ThreadPoolExecutor(WORKERS, thread_name_prefix=self.name)

    def operate(self, slot: int, operation: Operation) -> tuple[Outcome, str]:
        raise NotImplementedError

    def succeeded(self, slot: int) -> None:
        """Called on the event loop for each attempt that will be recorded as ok."""

    async def open(self) -> None:
        """Nothing to do: connections are made when they are needed."""

    async def attempt(self, slot: int) -> tuple[Outcome, str]:
        operation = Operation(self.timeout)
        running = asyncio.get_running_loop().run_in_executor(self._executor, self.operate, slot, operation)
        try:
            outcome, detail = await asyncio.wait_for(running, self.timeout)
        except TimeoutError:
            sent = operation.abandon()
            return (Outcome.UNKNOWN, "no answer in time") if sent else (Outcome.FAIL, "no connection in time")
        if outcome is Outcome.OK:
            self.succeeded(slot)
        return outcome, detail

    async def close(self) -> None:
        # The threads hang in sockets with timeouts of their own and the process is about to end.
        self._executor.shutdown(wait=False, cancel_futures=True)
