"""What recorded chaos runs prove about this very lab: the same plan, and since it was built."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from chaos.facts import Facts
from chaos.faults import get_fault
from chaos.probes.cache import KEYS
from chaos.recording import Recording
from chaos.runs import RunSummary, list_runs
from chaos.scenario import Inject, Needs, list_scenarios
from daemons.services import SERVICES, port
from lab.errors import HalabError
from lab.lab import Lab
from lab.plan import Plan
from lab.state.events import read_events
from provision.verify.facts import CacheEffect, Known, Run

_STEADY = 1.0  # seconds of answers from home before it counts as settled


def scenarios() -> tuple[Known, ...]:
    """The scenarios that come with halab, for any number of nodes, and about what a cluster has to survive."""
    return tuple(Known(one.name, _kind(step.fault, step.params), _process(step))
                 for one in list_scenarios() for step in one.injections[:1]
                 if one.needs == Needs(capabilities=one.needs.capabilities) and not one.expect.checks)


def _kind(fault: str, params: Mapping[str, Any]) -> str:
    """The fault, by another word if it is over by itself, perhaps before anybody is lost: that proves no loss."""
    return f"passing {fault}" if fault == "node.freeze" and "seconds" in params else fault


def _process(step: Inject) -> str:
    """The daemon that it kills: a parameter, or the fault's own business; '' for any other fault."""
    return str(step.params.get("process") or getattr(get_fault(step.fault), "process", ""))


def runs_of(lab: Lab) -> tuple[Run, ...]:
    """Runs of this lab as it stands, newest first; those that cannot be read prove nothing and are left out.

    A run with several faults is there once for each of them.
    """
    built = next((event.at for event in read_events(lab.paths.events)), 0.0)
    found: list[Run] = []
    for summary in list_runs(lab.name):
        if _started(summary.name) < built:
            break  # of an earlier lab of the same name; the names begin with the time
        # One recording is enough, the newest that proves anything: reading the samples takes a while.
        known = any(run.cache and run.verdict in ("PASS", "FAIL") for run in found)
        found += _faults(lab, summary, samples=not known)
    return tuple(found)


def _started(name: str) -> float:
    try:
        return datetime.strptime(name[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp() + 1
    except ValueError:
        return 0.0


def _faults(lab: Lab, summary: RunSummary, *, samples: bool) -> list[Run]:
    try:
        if Plan.model_validate_json((summary.folder / "plan.json").read_text()) != lab.plan:
            return []
        facts = Facts.read(summary.folder)
        if facts.expect != "PASS":
            return []  # it shows what no cluster survives
        document: dict[str, Any] = json.loads((summary.folder / "verdict.json").read_text())
        failed = tuple(one["id"] for one in document["checks"] if not one["ok"] and not one.get("skipped"))
        effect = _cache_effect(lab.plan, summary, facts) if samples else None
        return [Run(summary.name, facts.scenario, _kind(one.fault, one.params), str(one.params.get("process", "")),
                    one.target, str(document["verdict"]), failed, facts.probes, effect, one.helped)
                for one in facts.injections]
    except (OSError, ValueError, KeyError, HalabError):
        return []


def _cache_effect(plan: Plan, summary: RunSummary, facts: Facts) -> CacheEffect | None:
    """None when it was not one fault that took memcached away, or the probe was not there to see it."""
    if len(facts.injections) != 1 or "cache" not in facts.probes:
        return None
    one = facts.injections[0]
    hit = [node for node in plan.running("memcached") if node.name in one.target]
    died = one.params.get("process") == SERVICES["memcached"].process
    if not hit or not (died or _kind(one.fault, one.params).startswith("node.")):
        return None
    return cache_effect(Recording.load(summary.folder), {f"{node.control}:{port('memcached')}" for node in hit},
                        len(plan.running("memcached")))


def cache_effect(run: Recording, lost: set[str], servers: int) -> CacheEffect:
    """What became of the cache probe's keys when the servers ``lost`` died.  Pure."""
    begin = run.facts.inject_begin or 0.0
    samples = run.samples["cache"]
    home = {one.slot % KEYS: one.detail for one in samples if one.ended < begin and one.outcome == "ok"}
    after = [one for one in samples if one.intended >= begin and one.slot % KEYS in home]
    away = [one for one in after if one.outcome != "ok" or one.detail != home[one.slot % KEYS]]
    orphans = {key for key, server in home.items() if server in lost}
    window = run.window("cache")
    last, end = (away[-1].ended if away else begin), (after[-1].ended if after else begin)
    return CacheEffect(
        servers=servers, keys=len(home), lost=len(orphans),
        moved=len({one.slot % KEYS for one in away if one.outcome == "ok"} - orphans),
        elsewhere=len({one.slot % KEYS for one in away if one.outcome == "ok"} & orphans),
        gap=window.seconds if window else None, settled=last - begin if end - last >= _STEADY else None)
