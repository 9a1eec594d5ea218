"""A lab as Vagrant sees it: the Vagrantfile in the lab's folder, and where its machines' files lie."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lab.net import network
from lab.plan import NETWORK_NAMES, NetworkName, Plan
from lab.state.home import LabPaths
from lab.vm.box import CMDLINE
from lab.vm.daemon import Daemon
from lab.vm.machines import pool_of, prefix_of
from lab.vm.store import vagrant_home

TEMPLATE = Path(__file__).resolve().parent.parent.parent / "Vagrantfile.j2"
_FOREVER = 10 * 365 * 86400  # s


@dataclass(frozen=True)
class Nic:
    """One network card; ``interface`` is its end on the host, where the faults find it."""

    network: str
    mac: str
    interface: str


@dataclass(frozen=True)
class Machine:
    """One machine of the Vagrantfile."""

    name: str
    memory_mb: int
    nics: tuple[Nic, ...]
    initrd: Path
    console: Path
    cmdline: str


def libvirt_networks(plan: Plan) -> dict[str, str]:
    """libvirt's name of each of the lab's networks, and the bridge behind it."""
    return {prefix_of(plan.lab) + name: plan.network(name).bridge for name in NETWORK_NAMES}


def machines(plan: Plan, paths: LabPaths) -> list[Machine]:
    return [Machine(
        name=node.name,
        memory_mb=node.memory_mb,
        nics=tuple(Nic(prefix_of(plan.lab) + name, mac(node.index, name), network.host_interface(node.name, name))
                   for name in NETWORK_NAMES),
        initrd=initrd(paths, node.name),
        console=paths.node(node.name) / "console.log",
        cmdline=f"{CMDLINE} systemd.hostname={node.name}",
    ) for node in plan.hosts]


def mac(index: int, name: NetworkName) -> str:
    """The MAC of a node's card, without colons as Vagrant wants it."""
    return network.guest_mac(index, name).replace(":", "")


def initrd(paths: LabPaths, node: str) -> Path:
    """The initrd of one node, with the node's own files in it."""
    return paths.node(node) / "initrd.img"


def render(plan: Plan, paths: LabPaths, *, box: str, kernel: Path, uri: str, accelerated: bool) -> str:
    """The Vagrantfile of the lab."""
    environment = Environment(loader=FileSystemLoader(TEMPLATE.parent), undefined=StrictUndefined, trim_blocks=True,
                              lstrip_blocks=True, keep_trailing_newline=True, autoescape=False)
    return environment.get_template(TEMPLATE.name).render(
        plan=plan, nodes=machines(plan, paths), box=box, kernel=kernel, uri=uri, prefix=prefix_of(plan.lab),
        pool=pool_of(plan.lab), key=paths.secrets / "root.ssh", accelerated=accelerated, vagrant_home=vagrant_home())


def write_leases(plan: Plan, daemon: Daemon) -> None:
    """Tell libvirt which machine has which management address.

    The addresses are fixed and nobody serves DHCP; but Vagrant asks libvirt for the lease of a
    machine's first card, and libvirt answers from this file of its own format.
    """
    bridge = plan.network("mgmt").bridge
    until = int(time.time()) + _FOREVER
    folder = daemon.folder / "var" / "dnsmasq"
    folder.mkdir(parents=True, exist_ok=True)
    leases = [lease(node.mgmt, network.guest_mac(node.index, "mgmt"), until) for node in plan.hosts]
    (folder / f"{bridge}.status").write_text(json.dumps(leases, indent=1))


def lease(address: IPv4Address, card: str, until: int) -> dict[str, str | int]:
    """One lease as libvirt's own helper of dnsmasq notes it; ``until`` in epoch seconds."""
    return {"ip-address": str(address), "mac-address": card, "expiry-time": until}
