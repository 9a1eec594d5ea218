"""What recorded runs prove, and of which lab."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from chaos.facts import Facts, Injection
from chaos.model import Outcome, Sample
from chaos.probes.cache import KEYS
from chaos.recording import Recording
from lab.plan import Plan
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state.events import EventLog
from lab.state.home import LabPaths
from provision.verify import proof, runs

T0 = 1_800_000_000.0
SERVERS = ("10.66.1.11:11211", "10.66.1.12:11211", "10.66.1.13:11211")


def recording(answers: dict[int, str], *, until: float = 20.0, back: float = 10.0) -> Recording:
    """The cache probe's samples: key k lives on server k % 3, from the fault to ``back`` where ``answers`` says."""
    samples = []
    for slot in range(-500, int(until * 50)):
        at, home = T0 + slot / 50, slot % KEYS % 3
        server = answers.get(home, SERVERS[home]) if 0 <= at - T0 < back else SERVERS[home]
        outcome = Outcome.FAIL if server.startswith("lost") else Outcome.OK
        samples.append(Sample(slot + 64_000, at, at, at + 0.001, outcome, server))
    facts = Facts("vip-holder-poweroff", "default", "fake", "collapsed", "tuned", ("n1", "n2", "n3"), ("cache",), 0.02,
                  (Injection("node.poweroff", ("n1",), begin=T0, end=T0),), ended_at=T0 + until)
    return Recording(Path("/nonexistent"), facts, {"cache": tuple(samples)})


def test_keys_of_a_lost_server_go_elsewhere_and_come_back() -> None:
    effect = runs.cache_effect(recording({0: SERVERS[1]}), {SERVERS[0]}, 3)
    assert (effect.keys, effect.lost, effect.moved, effect.elsewhere) == (64, 22, 0, 22)
    assert effect.settled is not None and 9.9 < effect.settled < 10.1


def test_keys_that_move_without_need_are_counted() -> None:
    effect = runs.cache_effect(recording({0: SERVERS[1], 1: SERVERS[2]}), {SERVERS[0]}, 3)
    assert effect.moved == 21


def test_failures_are_no_new_home_and_an_end_without_peace_is_not_settled() -> None:
    effect = runs.cache_effect(recording({0: "lost: refused"}, until=10.0, back=9.8), {SERVERS[0]}, 3)
    assert effect.elsewhere == 0 and effect.settled is None


def test_only_runs_of_this_very_lab_since_it_was_built_count() -> None:
    plan = make_plan(topology_from_options(driver="fake"))
    paths = LabPaths.of(plan.lab)
    paths.root.mkdir(parents=True)
    lab: Any = SimpleNamespace(plan=plan, paths=paths, name=plan.lab)
    EventLog(paths.events).emit("note", text="built")
    other = make_plan(topology_from_options(driver="fake", profile="guide"))
    _record(paths, plan, "20200101T000000Z")  # of an earlier lab of this name
    _record(paths, other, "20990101T000000Z")
    _record(paths, plan, "20990101T000001Z")
    _record(paths, plan, "20990101T000002Z", damaged=True)
    found = runs.runs_of(lab)
    assert [(run.name, run.fault, run.target, run.verdict, run.failed) for run in found] == [
        ("20990101T000001Z-x", "node.freeze", ("n2",), "FAIL", ("S3",))]


def test_a_hiccup_proves_nothing_about_a_loss() -> None:
    plan = make_plan(topology_from_options(driver="fake"))
    paths = LabPaths.of(plan.lab)
    paths.root.mkdir(parents=True)
    lab: Any = SimpleNamespace(plan=plan, paths=paths, name=plan.lab)
    EventLog(paths.events).emit("note", text="built")
    _record(paths, plan, "20990101T000001Z", params={"seconds": 0.5, "short": True})
    (found,) = runs.runs_of(lab)
    assert found.fault not in proof.NODE_LOSS and found.cache is None
    kinds = {one.name: one.fault for one in runs.scenarios()}
    assert kinds["short-freeze"] not in proof.NODE_LOSS and kinds["vip-holder-frozen"] == "node.freeze"


def _record(paths: LabPaths, plan: Plan, stamp: str, damaged: bool = False, **injection: Any) -> None:
    folder = paths.runs / f"{stamp}-x"
    folder.mkdir(parents=True)
    names = tuple(node.name for node in plan.nodes)
    facts = Facts("x", plan.lab, "fake", plan.style, plan.profile.name, names, (), 0.02,
                  (Injection("node.freeze", ("n2",), **injection),))
    (folder / "plan.json").write_text(plan.model_dump_json())
    (folder / "facts.json").write_text("{" if damaged else json.dumps(asdict(facts)))
    (folder / "verdict.json").write_text(json.dumps({"verdict": "FAIL", "checks": [
        {"id": "S3", "ok": False, "skipped": False}, {"id": "S5", "ok": False, "skipped": True}]}))


def test_the_name_of_a_run_is_its_time() -> None:
    at = datetime(2026, 11, 22, 20, 12, 15, tzinfo=UTC).timestamp()
    assert runs._started("20261122T201215Z-vip-holder-poweroff") == at + 1
    assert runs._started("notes") == 0.0
