"""Ctrl-C in provision.apply: the running step ends, what is left is done by the same command."""

from __future__ import annotations

import os
import signal

import pytest

from lab import interrupt, state
from lab.errors import InterruptedByUser, RefusedError
from lab.lab import Lab
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state.events import EventLog
from lab.state.home import LabPaths, home
from provision import apply
from provision.role import Change


def test_interrupted_between_files_and_clusters_the_next_one_finishes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "runtime", lambda: home() / "run")
    paths = LabPaths.of("fake")
    lab = Lab(make_plan(topology_from_options(name="fake", driver="fake")), paths, EventLog(paths.events))
    with pytest.raises(RefusedError, match="does not run") as refused:
        apply.apply(lab)
    assert refused.value.remedy == "./inv lab.start --name=fake"
    for node in lab.plan.nodes:
        lab.driver.power.on(node.name)
    nodes, converged, keys = [], [], [True]

    def on_node(lab: Lab, node: object) -> list[Change]:
        nodes.append(node)
        if keys:
            keys.pop()
            os.kill(os.getpid(), signal.SIGINT)
        return []

    monkeypatch.setattr(apply, "_apply_node", on_node)
    monkeypatch.setattr(apply, "converge", lambda lab, cluster: converged.append(cluster) or [])
    told: list[str] = []
    with pytest.raises(InterruptedByUser) as stopped, interrupt.guard(told.append):
        apply.apply(lab)
    assert len(nodes) == 3 and not converged, "the step that ran has ended, the next has not begun"
    assert stopped.value.where == "before: clusters" and told == [interrupt.NOTICE]
    assert not state.busy("fake")
    assert apply.apply(lab) == [] and len(nodes) == 6 and len(converged) == 1
