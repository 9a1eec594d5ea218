"""Topology -> Plan: names, addresses, VIPs, and in words what does not fit.

Addresses are a function of the node's index alone, so every lab may use the same ones: each lives
in a network namespace of its own.  The same topology gives the same plan on the same host: how fast
machines are here (:mod:`lab.vm.hypervisor`) decides memory, warnings and the profile left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from daemons.services import OPTIONAL, SERVICES
from lab.drivers.traits import traits
from lab.plan import Cluster, DriverName, Network, Node, Plan, Service, Vip
from lab.plan.addresses import BMC_OCTET, BRIDGE_MACS, HOST_OCTET, NETWORKS, NODE_OCTET, QNETD, VIP_OCTETS, address
from lab.plan.overrides import overridden
from lab.plan.profile import Profile
from lab.plan.profiles import load_profile
from lab.plan.shape import MAX_MEMBERS, Shape
from lab.plan.topology import Topology

MANY_WRITERS = 7
SLOW_DETECTION_MS = 15_000


def make_plan(topology: Topology) -> Plan:
    """The plan of a lab; on one host the same topology always gives an equal plan.

    Reads the topology's timer profile and asks, by the driver's traits, how this host runs machines.
    Raises RefusedError if that file is not valid.
    """
    layout = topology.layout
    profile = overridden(load_profile(topology.profile), topology.timers)
    nodes = _nodes(topology.driver, layout)
    clusters = tuple(
        Cluster(
            name=part.cluster,
            nodes=tuple(node.name for node in nodes if node.cluster == part.cluster),
            services=part.services,
            qdevice=topology.qdevice and part.size % 2 == 0,
        )
        for part in layout.parts
    )
    qnetd = machine(QNETD, 0, "", (), traits(topology.driver).memory_mb(())) if topology.qdevice else None
    machines = (*nodes, *([qnetd] if qnetd else []))
    return Plan(
        lab=topology.name,
        style=topology.style,
        driver=topology.driver,
        pacemaker=topology.pacemaker,
        rabbitmq=topology.rabbitmq,
        queues=topology.queues,
        profile=profile,
        box=topology.box,
        networks=_networks(),
        clusters=clusters,
        nodes=nodes,
        qnetd=qnetd,
        vips=_vips(topology, clusters),
        not_deployed=tuple(_not_deployed(topology, layout)),
        warnings=(*traits(topology.driver).warnings(), *_host_warnings(topology, layout),
                  *cluster_warnings(clusters, profile)),
        memory_mb=needed_memory_mb(topology.driver, machines),
        disk_mb=needed_disk_mb(topology.driver, machines),
    )


def _networks() -> tuple[Network, ...]:
    return tuple(
        Network(
            name=name,
            cidr=cidr,
            host=address(name, HOST_OCTET),
            bridge=f"br-{name}",
            bridge_mac=BRIDGE_MACS[name],
        )
        for name, cidr in NETWORKS.items()
    )


def _nodes(driver: DriverName, layout: Shape) -> tuple[Node, ...]:
    members = [(part, name) for part in layout.parts for name in part.nodes]
    return tuple(
        machine(name, index, part.cluster, part.services, part.memory_mb or traits(driver).memory_mb(part.services))
        for index, (part, name) in enumerate(members, start=1)
    )


def machine(name: str, index: int, cluster: str, services: tuple[Service, ...], memory: int) -> Node:
    """One node; its addresses are a function of its index alone."""
    return Node(
        name=name,
        index=index,
        cluster=cluster,
        services=services,
        mgmt=address("mgmt", NODE_OCTET + index),
        control=address("control", NODE_OCTET + index),
        ring=address("ring", NODE_OCTET + index),
        bmc=address("mgmt", BMC_OCTET + index),
        memory_mb=memory,
    )


def _vips(topology: Topology, clusters: tuple[Cluster, ...]) -> tuple[Vip, ...]:
    """Every VIP is where HAProxy is: colocation does not reach across clusters."""
    holder = next(cluster.name for cluster in clusters if "haproxy" in cluster.services)
    return tuple(
        Vip(name=name, address=topology.vips.address(name), cluster=holder) for name in VIP_OCTETS
    )


def needed_memory_mb(driver: DriverName, machines: Iterable[Node]) -> int:
    """What all ``machines`` take of the host's memory, with what the host spends on each of them, in MB."""
    return sum(node.memory_mb + traits(driver).overhead_mb() for node in machines)


def needed_disk_mb(driver: DriverName, machines: Collection[Node], *, image: bool = True) -> int:
    """What all ``machines`` take of the host's disk, with the ``image`` that they stand on, in MB."""
    known = traits(driver)
    return (known.image_disk_mb if image else 0) + known.node_disk_mb * len(machines)


def _not_deployed(topology: Topology, layout: Shape) -> list[str]:
    """One sentence per component that the lab will not have: why, and what would bring it."""
    missing = [
        f"{service} ({daemon.letters}): no cluster of the topology has it among its services." if topology.clusters else
        f"{service} ({daemon.letters}): needs three hosts of its own in the {topology.style} style, and "
        f"{topology.nodes} have no three left for it. --nodes=12 has room for it; "
        f"--style=mixed --nodes={topology.nodes} runs it in the core."
        for service, daemon in SERVICES.items()
        if service not in layout.services | OPTIONAL
    ]
    missing.append(
        "cinder-api and cinder-scheduler (API), cinder-volume (AP): halab does not deploy them yet, whatever the style."
        if "keystone" in layout.services else
        "keystone (API): only where it is asked for: " + (
            "name it among the services of a cluster" if topology.clusters else "--api") + ". The rest of API "
        "(cinder-api, cinder-scheduler) and AP (cinder-volume): not yet, whatever the style."
    )
    return missing


def _host_warnings(topology: Topology, layout: Shape) -> list[str]:
    """What happens to hosts that were asked for and are not built, and to labs above the limit."""
    warnings = []
    built = sum(part.size for part in layout.parts)
    if layout.api_hosts:
        warnings.append(
            f"{layout.api_hosts} of the {topology.nodes} hosts are kept free for the API tier, which only "
            f"--api deploys: {built} nodes are built."
        )
    sizes = ", ".join(f"{part.cluster} {part.size}" for part in layout.parts)
    if layout.extra_pairs:
        warnings.append(
            f"The reference has no layout for {topology.nodes} hosts: what a smaller one leaves goes out in "
            f"pairs, the database first: {sizes}."
        )
    if layout.spare_hosts:
        warnings.append(
            f"1 of the {topology.nodes} hosts is left over: with {sizes} it would make a cluster even, so it "
            "is kept free for the monitor, which is not deployed yet, and not built."
        )
    if topology.nodes > MAX_MEMBERS:
        warnings.append(
            f"{topology.nodes} nodes are above the {MAX_MEMBERS} that halab is made for; "
            "this is not well tested."
        )
    return warnings


def cluster_warnings(clusters: tuple[Cluster, ...], profile: Profile) -> list[str]:
    """Judged per cluster, never on the total: quorum is a matter of one cluster."""
    warnings = []
    for cluster in clusters:
        members = len(cluster.nodes)
        half = members // 2
        odd = f"{members - 1} or {members + 1}" if members < MAX_MEMBERS else f"{members - 1}"
        if members % 2 == 0 and not cluster.qdevice:
            warnings.append(
                f"Cluster {cluster.name} is even: cut {half}:{half}, neither half has quorum and both stop, "
                f"and it outlives no more losses than {members - 1} members do. Better {odd}, or --qdevice: "
                "a tie-breaking vote from a host outside."
            )
        if members == MAX_MEMBERS:
            warnings.append(f"Cluster {cluster.name} is at corosync's limit of {MAX_MEMBERS} members.")
        if members > MAX_MEMBERS:
            warnings.append(
                f"Cluster {cluster.name} has {members} members: "
                f"corosync is not well tested above {MAX_MEMBERS}."
            )
        if "galera" in cluster.services and members >= MANY_WRITERS:
            warnings.append(
                f"Galera runs on {members} nodes: each commit goes to all of them and waits for the slowest, "
                "so more nodes make writes slower, not faster. "
                "A mixed or segregated lab keeps the database on 3 or 5."
            )
        detection = profile.corosync.detection_ms(members)
        if detection > SLOW_DETECTION_MS:
            warnings.append(
                f"With the {profile.name} profile, {members} members of {cluster.name} need "
                f"{detection / 1000:.1f} s (token and consensus) to notice a dead one."
            )
    return warnings
