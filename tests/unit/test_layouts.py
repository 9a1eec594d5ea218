"""Invariants of every plan: nobody in two clusters, no component lost without a word."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.errors import RefusedError
from lab.plan import Plan
from lab.plan.layouts import make_plan
from lab.plan.shape import SERVICES, STYLES
from lab.plan.styles import style_tables
from lab.plan.topology import Topology, topology_from_options

# Each example reads a profile's YAML; a loaded machine must not turn that into a failure.
few = settings(max_examples=40, deadline=None)


def _plan(style: str, nodes: int, **more: str | bool) -> Plan:
    return make_plan(topology_from_options(style=style, nodes=nodes, **more))


@st.composite
def topologies(draw: st.DrawFn) -> Topology:
    """Every topology that is accepted, including sizes above 16 with the override."""
    style = draw(st.sampled_from(STYLES))
    bottlenecks = st.lists(st.sampled_from(["db", "mq", "lb"]), unique=True, max_size=3)
    segregate = draw(bottlenecks) if style == "mixed" else []
    least = {"collapsed": 3, "segregated": 9, "mixed": max(6, 3 * (1 + len(segregate)))}[style]
    return topology_from_options(
        style=style,
        nodes=draw(st.integers(least, 64)),
        segregate=",".join(segregate),
        driver=draw(st.sampled_from(["container", "vagrant", "fake"])),
        profile=draw(st.sampled_from(["tuned", "guide", "floor", "emulated"])),
        allow_large=True,
    )


@few
@given(topologies())
def test_every_component_is_somewhere_or_named_as_missing(topology: Topology) -> None:
    plan = make_plan(topology)
    said = " ".join(plan.not_deployed)
    for service in SERVICES:
        assert bool(plan.running(service)) != (service in said)
    assert "API" in said
    assert "cinder-volume" in said


@few
@given(topologies())
def test_every_component_is_in_one_cluster_with_three_members_at_least(topology: Topology) -> None:
    plan = make_plan(topology)
    for service in SERVICES:
        running = plan.running(service)
        assert len({node.cluster for node in running}) <= 1
        assert not running or len(running) >= 3
    for cluster in plan.clusters:
        assert len(cluster.nodes) >= 3
        assert cluster.services


@few
@given(topologies())
def test_no_host_is_in_two_clusters_and_the_clusters_match_the_nodes(topology: Topology) -> None:
    plan = make_plan(topology)
    members = [name for cluster in plan.clusters for name in cluster.nodes]
    assert members == [node.name for node in plan.nodes]
    assert len(set(members)) == len(members)
    assert [node.index for node in plan.nodes] == list(range(1, len(members) + 1))
    for cluster in plan.clusters:
        assert tuple(node.name for node in plan.members(cluster.name)) == cluster.nodes
        assert all(node.services == cluster.services for node in plan.members(cluster.name))


@few
@given(topologies())
def test_addresses_are_unique_and_inside_their_networks(topology: Topology) -> None:
    plan = make_plan(topology)
    used = [network.host for network in plan.networks]
    used += [vip.address for vip in plan.vips]
    for node in plan.nodes:
        assert node.bmc in plan.network("mgmt").cidr
        used.append(node.bmc)
        for network in plan.networks:
            address = node.address(network.name)
            assert address in network.cidr
            assert address not in (network.cidr.network_address, network.cidr.broadcast_address)
            used.append(address)
    assert len(set(used)) == len(used)
    assert all(not left.cidr.overlaps(right.cidr) for left, right in pairwise(plan.networks))


@few
@given(topologies())
def test_the_vips_are_where_haproxy_is(topology: Topology) -> None:
    plan = make_plan(topology)
    assert [vip.name for vip in plan.vips] == ["public", "internal"]
    for vip in plan.vips:
        assert "haproxy" in plan.cluster(vip.cluster).services
        assert vip.address in plan.network("control").cidr


@few
@given(topologies())
def test_parity_is_judged_per_cluster(topology: Topology) -> None:
    plan = make_plan(topology)
    for cluster in plan.clusters:
        warned = any(f"Cluster {cluster.name} is even" in warning for warning in plan.warnings)
        assert warned == (len(cluster.nodes) % 2 == 0)
    if plan.style != "collapsed":
        assert all(len(cluster.nodes) % 2 for cluster in plan.clusters)


@few
@given(topologies())
def test_hosts_that_are_not_built_are_named(topology: Topology) -> None:
    plan = make_plan(topology)
    missing = topology.nodes - len(plan.nodes)
    said = [warning for warning in plan.warnings if f"of the {topology.nodes} hosts" in warning]
    assert sum(int(warning.split()[0]) for warning in said) == missing


@few
@given(topologies())
def test_a_plan_survives_json_and_is_deterministic(topology: Topology) -> None:
    plan = make_plan(topology)
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    assert make_plan(topology) == plan


@pytest.mark.parametrize(("nodes", "row"), style_tables()["segregated"].sizes.items())
def test_rows_of_the_segregated_table_use_every_host(nodes: int, row: dict[str, int]) -> None:
    assert sum(row.values()) == nodes
    assert all(size % 2 for size in row.values())


@pytest.mark.parametrize(("nodes", "row"), style_tables()["mixed"].sizes.items())
def test_rows_of_the_mixed_table_use_every_host(nodes: int, row: dict[str, int]) -> None:
    assert sum(row.values()) == nodes
    assert all(size % 2 for size in row.values())


@pytest.mark.parametrize("nodes", [7, 9, 15])
def test_many_galera_members_are_a_warning(nodes: int) -> None:
    assert any("Galera" in warning for warning in _plan("collapsed", nodes).warnings)


def test_an_odd_small_lab_has_no_warnings() -> None:
    assert _plan("collapsed", 3).warnings == _plan("mixed", 9).warnings == ()


def test_the_override_is_a_warning() -> None:
    assert any("not well tested" in text for text in _plan("collapsed", 17, allow_large=True).warnings)


def test_slow_detection_is_a_warning_of_the_guide_s_timers() -> None:
    warned = [text for text in _plan("collapsed", 16, profile="guide").warnings if "26.6 s" in text]
    assert len(warned) == 1
    assert not any("notice" in text for text in _plan("collapsed", 16).warnings)


def test_sizes_between_the_rows_say_who_got_the_rest() -> None:
    for style, nodes in (("mixed", 8), ("mixed", 11), ("segregated", 11), ("segregated", 14)):
        assert any("db 5" in text for text in _plan(style, nodes).warnings)


def test_named_bottlenecks_leave_the_core_and_grow_first() -> None:
    plan = _plan("mixed", 8, segregate="mq")
    assert [(c.name, len(c.nodes), c.services) for c in plan.clusters] == [
        ("core", 3, ("haproxy", "galera", "memcached")),
        ("mq", 5, ("rabbitmq",)),
    ]


@pytest.mark.parametrize(
    ("driver", "memory", "disk"), [("container", 1350, 2400), ("vagrant", 2604, 2400), ("fake", 0, 0)]
)
def test_needs_of_the_host(driver: str, memory: int, disk: int) -> None:
    plan = _plan("collapsed", 3, driver=driver)
    assert (plan.memory_mb, plan.disk_mb) == (memory, disk)


@few
@given(style=st.sampled_from(STYLES), nodes=st.integers(-5, 100))
def test_every_size_gives_a_plan_or_a_refusal_with_a_remedy(style: str, nodes: int) -> None:
    try:
        plan = _plan(style, nodes)
    except RefusedError as error:
        assert "--nodes=" in error.remedy
    else:
        assert 3 <= len(plan.nodes) <= nodes <= 16


def test_a_quorum_device_is_outside_every_cluster() -> None:
    plan = _plan("collapsed", 4, qdevice=True)
    assert plan.qnetd is not None
    assert plan.hosts == (*plan.nodes, plan.qnetd)
    assert plan.node("qnetd").cluster == ""
    assert plan.cluster("controllers").qdevice
    assert str(plan.qnetd.control) not in {str(node.control) for node in plan.nodes}
    assert not any("is even" in text for text in plan.warnings)
    assert plan.memory_mb > _plan("collapsed", 4).memory_mb
