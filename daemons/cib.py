"""Pacemaker's configuration, the CIB: what halab has to know of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from daemons.pacemaker import PROMOTED

COMMAND = "cibadmin --query"
_INTERVAL = re.compile(r"(?:PT)?(\d+(?:\.\d+)?)\s*(ms|msec|us|usec|s|sec|m|min|h|hr|)", re.IGNORECASE)
_UNITS = {"us": 1e-6, "usec": 1e-6, "ms": 1e-3, "msec": 1e-3, "": 1.0, "s": 1.0, "sec": 1.0,
          "m": 60.0, "min": 60.0, "h": 3600.0, "hr": 3600.0}


@dataclass(frozen=True)
class Operation:
    """``interval`` in seconds; ``role`` as the CIB has it, or empty."""

    name: str
    interval: float | None
    role: str

    @property
    def of_promoted(self) -> bool:
        return self.role in PROMOTED


@dataclass(frozen=True)
class Primitive:
    """One resource; ``agent`` is class:provider:type, ``holder`` the clone or group that it is in."""

    id: str
    agent: str
    params: Mapping[str, str]
    meta: Mapping[str, str] = field(default_factory=dict)
    operations: tuple[Operation, ...] = ()
    holder: str = ""

    @property
    def type(self) -> str:
        return self.agent.rpartition(":")[2]


@dataclass(frozen=True)
class Rule:
    """Where a location holds that names no node: ``score``, and its expressions as the CIB has them, in one line."""

    score: str
    says: str


@dataclass(frozen=True)
class Constraint:
    """``kind`` is rsc_order, rsc_colocation, ...; ``words`` its attributes but the id."""

    id: str
    kind: str
    words: Mapping[str, str]
    rules: tuple[Rule, ...] = ()

    def picks(self, resource: str) -> bool:
        """Whether its ``rsc-pattern`` takes in ``resource``, a clone or group by its own name.

        An extended regular expression that is searched for; after a ``!`` all that it is not found in.
        """
        pattern = self.words.get("rsc-pattern", "")
        try:
            found = re.search(pattern.removeprefix("!"), resource) is not None
        except re.error:  # what Pacemaker cannot compile it leaves out
            return False
        return bool(pattern) and found is not pattern.startswith("!")


@dataclass(frozen=True)
class FenceDevice:
    """One stonith primitive; ``hosts`` are the nodes that it fences.  Times in seconds."""

    id: str
    agent: str
    hosts: frozenset[str]
    params: Mapping[str, str]
    delay: float
    power_wait: float
    timeout: float | None = None  # pcmk_reboot_timeout


@dataclass(frozen=True)
class Cib:
    """One cluster's configuration.  ``properties`` holds what is set, not Pacemaker's defaults."""

    properties: Mapping[str, str]
    primitives: tuple[Primitive, ...]
    constraints: tuple[Constraint, ...]
    defaults: Mapping[str, str]  # of all resources
    nodes: tuple[str, ...]

    @property
    def fencing_on(self) -> bool:
        """``stonith-enabled``, which is on unless it is said otherwise."""
        return self.properties.get("stonith-enabled", "true").lower() in ("true", "yes", "on", "1")

    @property
    def fence_devices(self) -> tuple[FenceDevice, ...]:
        return tuple(FenceDevice(
            one.id, one.type, frozenset(one.params.get("pcmk_host_list", "").replace(",", " ").split()), one.params,
            delay=seconds(one.params.get("pcmk_delay_base", "")) or 0.0,
            power_wait=seconds(one.params.get("power_wait", "")) or 0.0,
            timeout=seconds(one.params.get("pcmk_reboot_timeout", "")))
            for one in self.primitives if one.agent.startswith("stonith:"))

    def fences(self, node: str) -> tuple[FenceDevice, ...]:
        """The devices that can fence ``node``."""
        return tuple(device for device in self.fence_devices if node in device.hosts)

    def monitor(self, agent: str, promoted: bool = False) -> float | None:
        """Seconds between two monitors of the first resource of this agent's type; None without one."""
        return next((one.interval for primitive in self.primitives if primitive.type == agent
                     for one in primitive.operations if one.name == "monitor" and one.of_promoted == promoted), None)

    def one_try(self, agent: str) -> bool:
        """Whether the first resource of this agent's type leaves a node after one failure (migration-threshold)."""
        return next((one.meta.get("migration-threshold") == "1" for one in self.primitives if one.type == agent), False)

    def holder(self, resource: str) -> str:
        """The clone or group that holds ``resource``; '' if none does."""
        return next((one.holder for one in self.primitives if one.id == resource), "")

    def stickiness(self, resource: str) -> str:
        """``resource-stickiness`` of the resource, or the default for all; '0' if none is set."""
        own = next((one.meta for one in self.primitives if one.id == resource), {})
        return own.get("resource-stickiness") or self.defaults.get("resource-stickiness", "0")


def read(text: str) -> Cib:
    """The answer to :data:`COMMAND`, or a CIB that was rendered; ValueError while Pacemaker does not answer."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"Pacemaker does not answer yet: {error}") from error
    holders = {primitive.get("id", ""): holder.get("id", "") for kind in ("clone", "master", "group")
               for holder in root.iterfind(f".//resources/{kind}") for primitive in holder.iter("primitive")}
    return Cib(
        properties=_pairs(root, ".//crm_config/cluster_property_set/nvpair"),
        primitives=tuple(_primitive(one, holders) for one in root.iterfind(".//resources//primitive")),
        constraints=tuple(_constraint(one) for one in root.iterfind(".//constraints/*")),
        defaults=_pairs(root, ".//rsc_defaults//nvpair"),
        nodes=tuple(one.get("uname", "") for one in root.iterfind(".//nodes/node")))


def _constraint(one: Element) -> Constraint:
    return Constraint(one.get("id", ""), one.tag, {key: value for key, value in one.attrib.items() if key != "id"},
                      tuple(Rule(rule.get("score", rule.get("score-attribute", "")), _says(rule))
                            for rule in one.iterfind("rule")))


def _says(rule: Element) -> str:
    parts = [f"({_says(part)})" if part.tag == "rule" else
             " ".join(part.get(key, "") for key in ("attribute", "operation", "value") if part.get(key)) or part.tag
             for part in rule]
    return f" {rule.get('boolean-op', 'and')} ".join(parts)


def _primitive(one: Element, holders: Mapping[str, str]) -> Primitive:
    return Primitive(
        one.get("id", ""), ":".join(one.get(key, "") for key in ("class", "provider", "type") if one.get(key)),
        _pairs(one, "instance_attributes/nvpair"), _pairs(one, "meta_attributes/nvpair"),
        tuple(Operation(op.get("name", ""), seconds(op.get("interval", "")), op.get("role", ""))
              for op in one.iterfind("operations/op")),
        holders.get(one.get("id", ""), ""))


def _pairs(root: Element, path: str) -> dict[str, str]:
    return {pair.get("name", ""): pair.get("value", "") for pair in root.iterfind(path)}


def seconds(text: str) -> float | None:
    """Pacemaker's way to write a time, ``2s``, ``500ms``, ``1min``, ``2``; None for anything else."""
    match = _INTERVAL.fullmatch(text.strip())
    return float(match[1]) * _UNITS[match[2].lower()] if match else None
