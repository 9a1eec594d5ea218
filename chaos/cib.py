"""The cluster's own configuration, read alive (``lab.node.crm.cib``).

Only what a run has to know of it: how often things are monitored, and whether and how a node
would be fenced.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from chaos.model import Proof
from chaos.reach import first_answer
from lab.node import crm

if TYPE_CHECKING:
    from lab.lab import Lab

_INTERVAL = re.compile(r"(?:PT)?(\d+(?:\.\d+)?)\s*(ms|msec|us|usec|s|sec|m|min|h|hr|)", re.IGNORECASE)
_UNITS = {"us": 1e-6, "usec": 1e-6, "ms": 1e-3, "msec": 1e-3, "": 1.0, "s": 1.0, "sec": 1.0,
          "m": 60.0, "min": 60.0, "h": 3600.0, "hr": 3600.0}


@dataclass(frozen=True)
class FenceDevice:
    """One stonith primitive.  Times in seconds."""

    id: str
    agent: str
    hosts: frozenset[str]
    delay: float
    power_wait: float
    timeout: float | None = None  # pcmk_reboot_timeout


class Cib:
    """One cluster's configuration, out of the element that ``lab.node.crm.cib`` gives."""

    def __init__(self, root: Element) -> None:
        self._root = root

    def property(self, name: str) -> str | None:
        """A cluster option such as ``stonith-enabled``; None if it has its default."""
        for pair in self._root.iterfind("./configuration/crm_config//nvpair"):
            if pair.get("name") == name:
                return pair.get("value")
        return None

    def monitor(self, agent: str, promoted: bool = False) -> float | None:
        """Seconds between two monitors of the first resource with this agent; None without one."""
        for primitive in self._root.iterfind("./configuration/resources//primitive"):
            if primitive.get("type") != agent:
                continue
            for operation in primitive.iterfind("./operations/op"):
                of_promoted = operation.get("role") in ("Promoted", "Master")
                if operation.get("name") == "monitor" and of_promoted == promoted:
                    return seconds(operation.get("interval", ""))
        return None

    def fence_devices(self) -> list[FenceDevice]:
        devices = []
        for primitive in self._root.iterfind("./configuration/resources//primitive[@class='stonith']"):
            params = {pair.get("name", ""): pair.get("value", "")
                      for pair in primitive.iterfind("./instance_attributes/nvpair")}
            devices.append(FenceDevice(
                id=primitive.get("id", ""), agent=primitive.get("type", ""),
                hosts=frozenset(params.get("pcmk_host_list", "").replace(",", " ").split()),
                delay=seconds(params.get("pcmk_delay_base", "")) or 0.0,
                power_wait=seconds(params.get("power_wait", "")) or 0.0,
                timeout=seconds(params.get("pcmk_reboot_timeout", ""))))
        return devices

    def fences(self, node: str) -> Proof:
        """V5: whether this configuration would fence ``node``."""
        enabled = self.property("stonith-enabled")
        if (enabled or "true").lower() not in ("true", "yes", "on", "1"):
            return Proof(False, f"stonith-enabled is {enabled}")
        devices = [device for device in self.fence_devices() if node in device.hosts]
        if not devices:
            return Proof(False, f"no fence device names {node} in pcmk_host_list")
        named = ", ".join(f"{device.id} ({device.agent})" for device in devices)
        return Proof(True, f"stonith-enabled, {node} is fenced by {named}")


def seconds(text: str) -> float | None:
    """Pacemaker's way to write a time, ``2s``, ``500ms``, ``1min``, ``2``; None for anything else."""
    match = _INTERVAL.fullmatch(text.strip())
    return float(match[1]) * _UNITS[match[2].lower()] if match else None


def read(lab: Lab, cluster: str) -> Cib:
    """The CIB of one of the lab's clusters, from the first member that answers; NodeError if none does."""
    members = [node.name for node in lab.plan.members(cluster)]
    return Cib(first_answer(lab, members, lambda node: crm.cib(lab, node)))
