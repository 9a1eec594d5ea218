"""``lab.status --watch``: a picture of the lab each second, at the cost of one small process on each node."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from dataclasses import dataclass

from lab import interrupt
from lab.lab import Lab
from lab.watch.feed import STALE, Feed
from lab.watch.picture import Picture, picture

__all__ = ["STALE", "Cost", "Look", "look_once", "watch"]
_PERIOD = 1.0
_FIRST_WORDS = 6.0  # s that a single look waits for the nodes with power


@dataclass(frozen=True)
class Cost:
    """Processor time of the last second as a share of one core: this process, and all agents together."""

    here: float
    nodes: float


@dataclass(frozen=True)
class Look:
    """One picture; ``cost`` is None before there are two to compare."""

    at: float
    picture: Picture
    cost: Cost | None = None


def watch(name: str) -> Generator[Look]:
    """A look each second until the caller stops or Ctrl-C; nothing stays on the nodes."""
    lab = Lab.open(name)
    with Feed(lab) as feed:
        before: tuple[float, float, dict[str, float]] | None = None
        while True:
            look, before = _look(lab, feed, before)
            yield look
            # In step with the clock: what the look took is part of the second.
            interrupt.wait(max(0.05, _PERIOD - (time.monotonic() - look.at)))


def look_once(name: str) -> Look:
    """One picture, when every node with power has spoken or some seconds have passed."""
    lab = Lab.open(name)
    with Feed(lab) as feed:
        deadline = time.monotonic() + _FIRST_WORDS * lab.driver.slowness
        while time.monotonic() < deadline:
            look, _ = _look(lab, feed, None)
            if not [node for node in look.picture.nodes if node.power == "on" and node.stale] \
                    and all(cluster.dc for cluster in look.picture.clusters):
                break
            interrupt.wait(0.1)
        return look


def _look(lab: Lab, feed: Feed, before: tuple[float, float, dict[str, float]] | None,
          ) -> tuple[Look, tuple[float, float, dict[str, float]]]:
    now = time.monotonic()
    latest = feed.latest()
    power = {node.name: str(lab.driver.power.state(node.name)) for node in lab.plan.hosts}
    spent = {node: sample.said.cpu for node, sample in latest.items()}
    here = sum(os.times()[:4])
    cost = None
    if before is not None:
        seconds = max(now - before[0], 0.01)
        # A lower figure is an agent that was started anew.
        nodes = sum(max(0.0, cpu - before[2].get(node, cpu)) for node, cpu in spent.items())
        cost = Cost((here - before[1]) / seconds, nodes / seconds)
    return Look(now, picture(lab.plan, power, latest, now), cost), (now, here, spent)
