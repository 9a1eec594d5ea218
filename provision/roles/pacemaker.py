"""Pacemaker: the CIB with virtual IPs, HAProxy, Galera and fencing through each node's BMC."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from daemons.services import SERVICES
from lab.bmc import USER as BMC_USER
from lab.drivers.traits import traits
from lab.errors import NodeError
from lab.lab import Lab
from lab.net.network import GUEST_NICS
from lab.node import crm
from lab.node.files import File
from lab.plan import Cluster, Node, Plan
from provision.render import nodefile, render
from provision.role import BaseRole, Change, NodeContext, enabled

# Sections that belong to the plan alone; crm_config also holds what Pacemaker itself writes.
_OWNED = ("resources", "constraints", "rsc_defaults", "op_defaults")
_PASSWORD_SCRIPT = "/usr/local/sbin/halab-bmc-password"


class Pacemaker(BaseRole):
    name = "pacemaker"
    # pacemaker-cli-utils is only recommended by Debian; without it the Galera agent fails and
    # nodes fence each other in turn.
    packages = ("pacemaker", "pacemaker-cli-utils", "crmsh", "fence-agents", "resource-agents", "ipmitool",
                "iputils-arping")

    def applies(self, node: Node) -> bool:
        return bool(node.cluster)

    def files(self, ctx: NodeContext) -> list[File]:
        return [
            File("/etc/default/pacemaker", nodefile("pacemaker.default")),
            File("/etc/systemd/system/pacemaker.service.d/halab.conf", nodefile("pacemaker-service.conf")),
            # Seeded before first boot; afterwards the cluster owns it and `converge` compares the live one.
            File("/var/lib/pacemaker/cib/cib.xml", wanted_cib(ctx.plan, ctx.cluster), mode=0o600,
                 owner="hacluster", group="haclient", initial=True),
            File("/etc/halab/bmc.password", ctx.secrets.password("bmc").encode() + b"\n", mode=0o600, secret=True),
            File(_PASSWORD_SCRIPT, b"#!/bin/sh\nexec cat /etc/halab/bmc.password\n", mode=0o755),
            enabled("pacemaker.service"),
        ]

    def differences(self, lab: Lab, cluster: Cluster) -> list[Change]:
        live = _live(lab, crm.reachable(lab, cluster))
        return _changes(cluster, live, ElementTree.fromstring(wanted_cib(lab.plan, cluster)))

    def converge(self, lab: Lab, cluster: Cluster) -> list[Change]:
        node = crm.reachable(lab, cluster)
        live, wanted = _live(lab, node), ElementTree.fromstring(wanted_cib(lab.plan, cluster))
        for name, (_, value) in _stale_properties(live, wanted).items():
            lab.shell.run(node, f"crm_attribute --type crm_config --name {name} --update {value}")
        if sections := _stale_sections(live, wanted):
            # All at once: a constraint and the resource that it names may only come and go together.
            xml = ElementTree.tostring(_with_sections(_live(lab, node), wanted, sections))
            lab.shell.run(node, "cibadmin --replace --scope configuration --xml-pipe", stdin=xml)
        return _changes(cluster, live, wanted)


def wanted_cib(plan: Plan, cluster: Cluster) -> bytes:
    """The whole CIB that the plan wants for one cluster, without status."""
    return render("cib.xml.j2", plan=plan, cluster=cluster, members=plan.members(cluster.name),
                  vips=[vip for vip in plan.vips if vip.cluster == cluster.name], timers=plan.profile.pacemaker,
                  patience=plan.profile.patience, own_load=traits(plan.driver).own_load, units=_units(plan, cluster),
                  rabbitmq_by_agent="rabbitmq" in cluster.services and plan.rabbitmq == "pacemaker",
                  nic=GUEST_NICS["control"], bmc_user=BMC_USER, password_script=_PASSWORD_SCRIPT)


def _units(plan: Plan, cluster: Cluster) -> list[tuple[str, str]]:
    """Services that Pacemaker runs as plain units: resource and unit."""
    plain = (*(("rabbitmq",) if plan.rabbitmq == "systemd" else ()), "memcached", "keystone")
    return [(service, SERVICES[service].unit) for service in plain
            if service in cluster.services and plan.in_pacemaker(service)]


def _live(lab: Lab, node: str) -> ElementTree.Element:
    """The live CIB whole, because what is not the plan's must stay in it; NodeError while Pacemaker is silent."""
    try:
        return ElementTree.fromstring(crm.cib_text(lab, node))
    except ElementTree.ParseError as error:
        raise NodeError(f"Pacemaker on {node} does not answer yet", where=str(error),
                        remedy=f"./inv lab.logs --node={node} --unit=pacemaker --name={lab.name}") from error


def _stale_sections(live: ElementTree.Element, wanted: ElementTree.Element) -> list[str]:
    """The sections that are not as wanted."""
    return [name for name in _OWNED if _canonical(live.find(f"configuration/{name}"))
            != _canonical(wanted.find(f"configuration/{name}"))]


def _stale_properties(live: ElementTree.Element, wanted: ElementTree.Element) -> dict[str, tuple[str | None, str]]:
    """The properties that are not as wanted: what they are, and what they shall be."""
    have = _properties(live)
    return {name: (have.get(name), value) for name, value in _properties(wanted).items() if have.get(name) != value}


def _changes(cluster: Cluster, live: ElementTree.Element, wanted: ElementTree.Element) -> list[Change]:
    return [*(Change(cluster.name, f"CIB {name}", kind="cib") for name in _stale_sections(live, wanted)),
            *(Change(cluster.name, f"CIB property {name}", f"{before} -> {value}", kind="cib")
              for name, (before, value) in _stale_properties(live, wanted).items())]


def _with_sections(live: ElementTree.Element, wanted: ElementTree.Element, names: Sequence[str]) -> ElementTree.Element:
    """The live configuration with the named sections as wanted; one that the plan does not have becomes empty."""
    configuration = live.find("configuration")
    assert configuration is not None
    for name in names:
        fresh = wanted.find(f"configuration/{name}")
        fresh = ElementTree.Element(name) if fresh is None else fresh
        old = configuration.find(name)
        if old is None:
            configuration.append(fresh)
        else:
            configuration[list(configuration).index(old)] = fresh
    return configuration


def _properties(cib: ElementTree.Element) -> dict[str, str]:
    pairs = cib.iterfind("configuration/crm_config/cluster_property_set/nvpair")
    return {pair.attrib["name"]: pair.attrib["value"] for pair in pairs}


def _canonical(section: ElementTree.Element | None) -> str:
    """A section as text that does not depend on layout or the order of attributes."""
    if section is None or len(section) == 0:
        return ""
    return ElementTree.canonicalize(ElementTree.tostring(section), strip_text=True)


ROLE = Pacemaker()
