"""What recorded chaos runs prove about this very lab: the same plan, and since it was built."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from chaos.facts import Facts
from chaos.probes.cache import KEYS
from chaos.recording import Recording
from chaos.runs import RunSummary, list_runs
from chaos.scenario import list_scenarios
from lab.errors import HalabError
from lab.events import read_events
from lab.lab import Lab
from lab.plan import Plan
from provision.verify.facts import CacheEffect, Known, Run

_STEADY = 1.0  # seconds of answers from home before it counts as settled


def scenarios() -> tuple[Known, ...]:
    """The scenarios that come with halab."""
    return tuple(Known(one.name, one.injection.fault, str(one.injection.params.get("process", "")))
                 for one in list_scenarios())


def runs_of(lab: Lab) -> tuple[Run, ...]:
    """Runs of this lab as it stands, newest first; those that cannot be read prove nothing and are left out."""
    built = next((event.at for event in read_events(lab.paths.events)), 0.0)
    found = []
    for summary in list_runs(lab.name):
        if _started(summary.name) < built:
            break  # of an earlier lab of the same name; the names begin with the time
        run = _run(lab, summary)
        if run is not None:
            found.append(run)
    return tuple(found)


def _started(name: str) -> float:
    try:
        return datetime.strptime(name[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp() + 1
    except ValueError:
        return 0.0


def _run(lab: Lab, summary: RunSummary) -> Run | None:
    try:
        if Plan.model_validate_json((summary.folder / "plan.json").read_text()) != lab.plan:
            return None
        facts = Facts.read(summary.folder)
        document: dict[str, Any] = json.loads((summary.folder / "verdict.json").read_text())
        return Run(
            name=summary.name, scenario=facts.scenario, fault=facts.fault,
            process=str(facts.params.get("process", "")), target=facts.target, verdict=str(document["verdict"]),
            failed=tuple(check["id"] for check in document["checks"] if not check["ok"] and not check.get("skipped")),
            cache=_cache_effect(lab.plan, summary, facts))
    except (OSError, ValueError, KeyError, HalabError):
        return None


def _cache_effect(plan: Plan, summary: RunSummary, facts: Facts) -> CacheEffect | None:
    """None when the fault took no memcached, or the probe was not there to see it."""
    hit = [node for node in plan.running("memcached") if node.name in facts.target]
    takes = facts.fault.startswith("node.") or facts.params.get("process") == "memcached"
    if not hit or not takes or "cache" not in facts.probes or facts.inject_begin is None:
        return None
    return cache_effect(Recording.load(summary.folder), {f"{node.control}:11211" for node in hit},
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
