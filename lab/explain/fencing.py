"""Fencing: the device of each node, who would fence whom and when, and what happened lately."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from xml.etree.ElementTree import ParseError, fromstring

from daemons.cib import Cib, FenceDevice
from daemons.pacemaker import Status
from lab import bmc
from lab.drivers.base import PowerState
from lab.errors import HalabError
from lab.explain.model import Explanation, Point, listed
from lab.gates import on_node
from lab.gates.fencing import ask_bmc
from lab.lab import Lab
from lab.node import crm
from lab.node.asking import answers
from lab.parallel import for_each
from lab.plan import Cluster

HISTORY = "stonith_admin --history '*' --verbose --output-as=xml"


@dataclass(frozen=True)
class FencingFacts:
    """One cluster.  ``devices`` is, by node that answers, the list of devices that its fencer knows;
    ``bmcs`` what each BMC said just now; ``modes`` the BMCs that a fault keeps from their work."""

    cluster: str
    nodes: tuple[str, ...]
    status: Status
    cib: Cib
    history: str
    devices: Mapping[str, str]
    bmcs: Mapping[str, str]
    power: Mapping[str, str]
    modes: Mapping[str, str]


def explain(lab: Lab) -> Explanation:
    told = [tell(read(lab, cluster)) for cluster in lab.plan.clusters]
    show = on_node(lab, lab.plan.nodes[0].name, "stonith_admin --history '*' --verbose")
    points = [replace(point, about=point.about if len(told) == 1 else f"{cluster.name}: {point.about}")
              for cluster, one in zip(lab.plan.clusters, told, strict=True) for point in one.points]
    return Explanation("fencing", "; ".join(one.answer for one in told), tuple(points), show)


def read(lab: Lab, cluster: Cluster) -> FencingFacts:
    node = crm.reachable(lab, cluster)
    config = crm.cib(lab, node)
    power = {name: str(lab.driver.power.state(name)) for name in cluster.nodes}
    asked = for_each(cluster.nodes, lambda name: _bmc(lab, cluster, name, config, power))
    bmcs = dict(zip(cluster.nodes, asked, strict=True))
    return FencingFacts(
        cluster.name, cluster.nodes, crm.status(lab, node), config,
        lab.shell.run(node, HISTORY, timeout=10, check=False).stdout,
        answers(lab, cluster.nodes, "stonith_admin --list-registered", timeout=10), bmcs, power,
        {name: mode for name in cluster.nodes if (mode := bmc.mode(lab.paths, name)) != "normal"})


def _bmc(lab: Lab, cluster: Cluster, node: str, config: Cib, power: Mapping[str, str]) -> str:
    asking = [one for one in cluster.nodes if one != node and power[one] == PowerState.ON]
    if not asking:
        return "nobody is there to ask it"
    devices = config.fences(node)
    if not devices:
        return "no answer: it has no device"
    try:
        return ask_bmc(lab, asking[0], devices[0])
    except HalabError as error:
        return f"no answer: {error.what}"


def tell(facts: FencingFacts) -> Explanation:
    """Pure: the sentences for these facts."""
    config = facts.cib
    devices = {node: config.fences(node) for node in facts.nodes}
    bare = [node for node, found in devices.items() if not found]
    answer = f"cluster {facts.cluster}: fencing is {'on' if config.fencing_on else 'OFF (stonith-enabled)'}, " + (
        "every node has a device" if not bare else f"no device for {listed(bare)}")
    return Explanation("fencing", answer, (
        *(_of_node(facts, node, found) for node, found in devices.items()), _delays(config), _history(facts)))


def _of_node(facts: FencingFacts, node: str, devices: Sequence[FenceDevice]) -> Point:
    if not devices:
        return Point(node, f"{node} cannot be fenced: if it is lost, its resources are never recovered.")
    device = devices[0]
    homes = sorted(facts.status.places(device.id))
    able = [name for name, known in facts.devices.items()
            if name != node and device.id in known.split()]
    first = [name for name in homes if name in able]
    who = f"{listed(first, 'or')} would do it first, because the device's monitor runs there; " if first else ""
    others = [name for name in able if name not in first]
    who += f"{listed(others, 'or')} could too" if others else "nobody else could"
    says = f"{node} is fenced by {device.id} ({device.agent}) at {device.params.get('ip', '?')}: {who}."
    evidence = [f"its BMC says: {facts.bmcs.get(node, 'not asked')}",
                f"the driver says: power {facts.power.get(node, '?')}"]
    if node in facts.modes:
        evidence.append(f"a fault holds this BMC: mode {facts.modes[node]}")
    evidence.append(f"registered on {listed(able)}; monitored by {listed(homes)}")
    return Point(node, says, tuple(evidence))


def _delays(config: Cib) -> Point:
    devices = config.fence_devices
    delayed = [f"{one.id}: pcmk_delay_base {one.delay:g} s" for one in devices if one.delay]
    waits = {one.power_wait for one in devices}
    priority = config.properties.get("priority-fencing-delay")
    says = "Delays decide who shoots first when both halves of a split want to." if delayed or priority else \
        "No device is delayed: in a split of equal halves both would shoot at once."
    says += f" The agent waits power_wait {listed([f'{wait:g} s' for wait in sorted(waits)], 'or')} after off."
    limit = config.properties.get("stonith-timeout")
    evidence = [*delayed, *([f"priority-fencing-delay = {priority}"] if priority else []),
                *([f"stonith-timeout = {limit}"] if limit else [])]
    return Point("delays", says, tuple(evidence))


def _history(facts: FencingFacts) -> Point:
    try:
        events = list(fromstring(facts.history).iter("fence_event"))
    except ParseError:
        return Point("history", "The fencer did not say what it has done.")
    if not events:
        return Point("history", "Nobody has been fenced since this cluster started.")
    lines = [f"{one.get('completed', 'under way')}: {one.get('action')} of {one.get('target')} by "
             f"{one.get('delegate') or 'nobody'} for {one.get('client')}@{one.get('origin')}: {one.get('status')}"
             + (f" ({one.get('exit-reason')})" if one.get("exit-reason") else "")
             for one in sorted(events, key=lambda one: one.get("completed", ""), reverse=True)]
    failed = sum(one.get("status") == "failed" for one in events)
    return Point("history", f"{len(events)} fencing operations are remembered, {failed} of them failed; newest first.",
                 tuple(lines[:8]))
