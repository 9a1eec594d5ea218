"""The same act on many nodes at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def for_each(items: Iterable[T], act: Callable[[T], R]) -> list[R]:
    """What ``act`` returned for every item, in their order, all at the same time; the first error is raised when
    all have ended."""
    listed = list(items)
    if not listed:
        return []
    with ThreadPoolExecutor(len(listed)) as pool:
        running = [pool.submit(act, item) for item in listed]
        wait(running)
    return [one.result() for one in running]
