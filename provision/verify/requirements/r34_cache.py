"""R34..R38: memcached, seen by its clients."""

from __future__ import annotations

from math import sqrt

from daemons.services import port
from lab.plan import Plan
from provision.verify.facts import CacheEffect, LabFacts, Run
from provision.verify.model import Judgement, Requirement, judged, not_deployed, unproven
from provision.verify.proof import KILLS, how_to_prove, newest

_NONE = "no node runs memcached"
_MINUTES = 120.0  # seconds; "within minutes", and the guide's overall recovery of one to two


def _spread(plan: Plan, facts: LabFacts) -> Judgement:
    if not plan.running("memcached"):
        return not_deployed(_NONE)
    seen = facts.spread.get()
    want = {f"{node.control}:{port('memcached')}" for node in plan.running("memcached")}
    problems = [facts.spread.shows(f"{server} holds none of {seen.keys} keys") for server in sorted(want)
                if not seen.held.get(server)]
    if seen.astray:
        problems.append(facts.spread.shows(f"{seen.astray} of {seen.keys} keys are on no server or on two"))
    return judged(problems, facts.spread.shows(f"{seen.keys} keys: " + ", ".join(
        f"{server} {count}" for server, count in seen.held.items())))


def _by_fault(plan: Plan, facts: LabFacts) -> tuple[Run, CacheEffect] | Judgement:
    """The newest run in which memcached was lost somewhere and the probe saw it, or what that leaves to say."""
    if not plan.running("memcached"):
        return not_deployed(_NONE)
    run = newest(facts, lambda one: one.cache is not None)
    if run is None or run.cache is None:
        killed = how_to_prove(plan, facts, KILLS, "memcached")
        return unproven("no recorded run of this lab loses a memcached server",
                        killed if killed.startswith("./inv") else how_to_prove(plan, facts, ("node.poweroff",)))
    if run.cache.lost == 0:
        return unproven(f"in {run.name} no key had its home on the server that was lost",
                        how_to_prove(plan, facts, ("node.poweroff",)))
    return run, run.cache


def _share(plan: Plan, facts: LabFacts) -> Judgement:
    found = _by_fault(plan, facts)
    if isinstance(found, Judgement):
        return found
    run, effect = found
    share = 1 / effect.servers
    # Three standard deviations of a fair hash: 64 keys are few.
    most = share + 3 * sqrt(share * (1 - share) / effect.keys)
    problems = [] if effect.lost / effect.keys <= most else [
        f"{run.name}: {effect.lost} of {effect.keys} keys were on the lost server of {effect.servers}"]
    if effect.moved:
        problems.append(f"{run.name}: {effect.moved} keys of living servers lost their home too")
    return judged(problems, f"{run.name}, cache probe: {effect.lost} of {effect.keys} keys lost with 1 of "
                  f"{effect.servers} servers, the other {effect.keys - effect.lost} stayed where they were")


def _by_itself(plan: Plan, facts: LabFacts) -> Judgement:
    found = _by_fault(plan, facts)
    if isinstance(found, Judgement):
        return found
    run, effect = found
    problems = [] if effect.elsewhere else [f"{run.name}: no key of the lost server was served by another one"]
    if effect.gap is None:
        problems.append(f"{run.name}: no success after the fault")
    return judged(problems, f"{run.name}, cache probe, one client process throughout: {effect.elsewhere} keys of the "
                  f"lost server served by others, longest gap {effect.gap or 0:.2f} s")


def _minutes(plan: Plan, facts: LabFacts) -> Judgement:
    found = _by_fault(plan, facts)
    if isinstance(found, Judgement):
        return found
    run, effect = found
    if effect.settled is None:
        return unproven(f"{run.name} ended before the keys were back home", f"./inv chaos.run {run.scenario} "
                        f"--name={plan.lab}")
    problems = [] if effect.settled <= _MINUTES else [f"{run.name}: {effect.settled:.0f} s until all was as before"]
    return judged(problems, f"{run.name}, cache probe: every key answered from its home again {effect.settled:.1f} s "
                  "after the fault")


def _ephemeral(plan: Plan, facts: LabFacts) -> Judgement:
    if not plan.running("memcached") or not plan.running("keystone"):
        return not_deployed(_NONE if plan.running("keystone") else "nothing caches in a lab without the API tier")
    seen = facts.api.get()
    problems = [facts.api.shows(f"{what} is answered with {status} after flush_all") for what, status, wanted in (
        ("a token from before", seen.kept, 200), ("a request for a token", seen.fresh, 201)) if status != wanted]
    if not problems and not seen.held:
        return unproven(facts.api.shows("the caches were empty before flush_all, although a token was looked at twice"),
                        f"./inv lab.logs --unit=keystone --name={plan.lab}")
    return judged(problems, facts.api.shows(f"after flush_all on {seen.flushed} servers with {seen.held} items a token "
                                            "from before is still good, and another one is given"))


REQUIREMENTS = (
    Requirement("R34", "Keys are spread over all memcached servers by the client's hash.",
                "trial: keys of our own set through a client's hash over the clients' own list, then looked for on "
                "each server", _spread),
    Requirement("R35", "Losing one of n servers loses about 1/n of the keys; the others still hit.",
                "the cache probe's samples of the newest recorded run that lost a memcached server", _share),
    Requirement("R36", "The client drops a dead server by itself.", "the same samples: one client process throughout",
                _by_itself),
    Requirement("R37", "The whole effect of a lost server is over within minutes (here: 120 s).",
                "the same samples: until every key is answered from its home again", _minutes),
    Requirement("R38", "Only ephemeral data is in memcached: flushing all servers costs nothing but hits.",
                "trial: every memcached is flushed, a token from before is shown and another one asked for (API tier)",
                _ephemeral),
)
