"""``python -m tests.live.killed LAB FAULT TARGET PARAMS STEP DELAY``: a run that kills itself at one step of its fault.

It is the ordinary runner with its probes and journal.  ``DELAY`` (seconds) is for the steps that take time.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from chaos import journal, runner
from chaos.faults import get_fault
from chaos.scenario import Converge, Heal, Hold, Inject, Scenario, Steady, Step, Workload
from lab.lab import Lab

SCENARIO = "killed"


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def within(act: Callable[..., Any], delay: float) -> Callable[..., Any]:
    """``act``, in the middle of which the process dies, or just after it."""
    def dies(*words: Any) -> Any:
        threading.Timer(delay, die).start()
        act(*words)
        die()

    return dies


def arrange(fault: type, step: str, delay: float) -> None:
    """Have this process die at ``step``."""
    do = runner._Run._do

    def until_proved(run: runner._Run, one: Step) -> None:
        die() if isinstance(one, Hold) else do(run, one)

    where: dict[str, tuple[Any, str, Callable[..., Any]]] = {
        "journalled": (fault, "inject", die),  # on record, and not yet done
        "acting": (fault, "inject", within(getattr(fault, "inject"), delay)),  # noqa: B009 - a class of any fault
        "acted": (runner, "await_proof", die),
        "proved": (runner._Run, "_do", until_proved),
        "healing": (fault, "heal", within(getattr(fault, "heal"), delay)),  # noqa: B009
        "healed": (journal.Journal, "mark_healed", die),  # undone and proven, and not yet on record
    }
    setattr(*where[step])


STEPS = ("journalled", "acting", "acted", "proved", "healing", "healed")
# By the kind of their inverse: cheap ones that every run of the live tier may take.
KINDS: dict[str, tuple[str, ...]] = {
    "a table": ("net.port_block", "net.loss", "lb.check_block", "cache.blackhole"),
    "a script in the node": ("lb.backend_slow", "proc.pause", "cache.pause", "proc.crashloop", "db.desync",
                             "mq.alarm_mem", "mq.alarm_disk", "vip.duplicate", "net.flap"),
    "the host's own": ("disk.slow", "net.link_down", "fence.unreachable", "fence.slow", "fence.false_success"),
    "the cluster's": ("vip.move", "pcmk.ban", "pcmk.standby", "pcmk.maintenance", "pcmk.resource_fail")}


def handful(seed: int) -> tuple[tuple[str, str], ...]:
    """A fault of each kind with a step to be killed at; two are always in the middle of its act and at its very end."""
    rng = random.Random(seed)
    always = ("acting", "healed")
    steps = [*always, *rng.sample([step for step in STEPS if step not in always], len(KINDS) - len(always))]
    rng.shuffle(steps)
    return tuple((rng.choice(names), step) for names, step in zip(KINDS.values(), steps, strict=True))


def main() -> None:
    name, fault, target, params, step, delay = sys.argv[1:]
    arrange(type(get_fault(fault)), step, float(delay))
    scenario = Scenario(
        name=SCENARIO, description="The runner dies.", teaches="Nothing.", sla={},
        workload=Workload(probes=("vip_tcp",), period=0.1),
        steps=(Steady(seconds=0.1), Inject(fault=fault, target=target, params=json.loads(params)),
               Hold(seconds=0.1), Heal(), Converge()))
    runner.run(Lab.open(name), scenario)


if __name__ == "__main__":
    main()
