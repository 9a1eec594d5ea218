"""lab.scale's plan: who stays stays as it was, and what else may change (R9, R26)."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import RefusedError
from lab.plan import Plan
from lab.plan.layouts import make_plan
from lab.plan.resize import next_size, resized
from lab.plan.topology import topology_from_options
from lab.state.secrets import Secrets
from provision.apply import node_files

LABS = {
    "collapsed": {"style": "collapsed", "nodes": 3},
    "segregated": {"style": "segregated", "nodes": 12},
    "mixed": {"style": "mixed", "nodes": 9},
}
PROXY = "/etc/haproxy/haproxy.cfg"
CLIENTS = "/etc/halab/clients.conf"


def _plan(style: str) -> Plan:
    return make_plan(topology_from_options(**LABS[style]))


def _digests(plan: Plan, secrets: Secrets) -> dict[str, dict[str, str]]:
    return {node.name: {file.path: file.digest for file in node_files(plan, node, secrets) if not file.initial}
            for node in plan.nodes}


@pytest.mark.parametrize("cluster", ["lb", "db", "mq", "mc"])
def test_scaling_touches_the_cluster_itself_and_the_proxies_list_of_backends(tmp_path: Path, cluster: str) -> None:
    old, secrets = _plan("segregated"), Secrets(tmp_path)
    new = resized(old, cluster, 5)
    before, after = _digests(old, secrets), _digests(new, secrets)
    changed = {(node.cluster, path) for node in old.nodes for path, digest in after[node.name].items()
               if before[node.name].get(path) != digest and node.cluster != cluster}
    # R26's exception: what is not proxied is listed in every client's configuration.
    clients = {(one.name, CLIENTS) for one in old.clusters if one.name != cluster}
    assert changed == {"db": {("lb", PROXY)}, "mq": clients, "mc": clients, "lb": set()}[cluster]
    assert all(before[node.name].keys() == after[node.name].keys() for node in old.nodes)


@pytest.mark.parametrize("style", LABS)
def test_who_stays_keeps_index_and_addresses_and_who_returns_gets_its_place_back(style: str) -> None:
    old = _plan(style)
    for cluster in old.clusters:
        bigger = resized(old, cluster.name, 5)
        assert [node for node in bigger.nodes if not node.late] == list(old.nodes)
        assert len({node.index for node in bigger.nodes}) == len(bigger.nodes)
        assert len({node.control for node in bigger.nodes}) == len(bigger.nodes)
        assert bigger.members(cluster.name)[:3] == old.members(cluster.name)
        assert [node.name for node in bigger.members(cluster.name)] == list(bigger.cluster(cluster.name).nodes)
        back = resized(bigger, cluster.name, 3)
        assert (back.nodes, back.clusters) == (old.nodes, old.clusters)
        assert resized(back, cluster.name, 5) == bigger


def test_a_new_member_comes_after_its_cluster_s_own_though_lower_places_are_free() -> None:
    plan = resized(resized(_plan("segregated"), "lb", 5), "db", 5)
    plan = resized(resized(plan, "lb", 3), "mc", 5)
    members = plan.members("mc")
    assert [node.index for node in members] == sorted(node.index for node in members)
    assert members[0].name == "mc1"


def test_new_members_get_nothing_that_forms_a_cluster(tmp_path: Path) -> None:
    plan = resized(_plan("collapsed"), "controllers", 5)
    for node in plan.nodes:
        files = node_files(plan, node, Secrets(tmp_path))
        assert any(file.initial for file in files) == (not node.late)


def test_a_backend_in_maintenance_is_disabled_in_every_proxy_s_file(tmp_path: Path) -> None:
    plan = resized(_plan("segregated"), "db", 5).model_copy(update={"maintenance": ("db4", "db5")})
    for node in plan.members("lb"):
        text = next(file.content.decode() for file in node_files(plan, node, Secrets(tmp_path)) if file.path == PROXY)
        disabled = [line.split()[1] for line in text.splitlines() if line.endswith(" disabled")]
        assert disabled == ["db4", "db5"]


@pytest.mark.parametrize(("cluster", "size", "said"), [
    ("db", 2, "not a highly available cluster"), ("db", 1, "only two of three"), ("db", 0, "only two of three"),
    ("db", 17, "not well tested"), ("bd", 5, "no cluster 'bd'"),
])
def test_sizes_and_clusters_that_cannot_be(cluster: str, size: int, said: str) -> None:
    with pytest.raises(RefusedError, match=said) as caught:
        resized(_plan("segregated"), cluster, size)
    assert caught.value.where.startswith("--")
    assert caught.value.remedy


def test_a_cluster_that_was_allowed_to_be_large_may_change_its_size() -> None:
    plan = make_plan(topology_from_options(nodes="17", allow_large=True))
    assert [len(resized(plan, "controllers", size).nodes) for size in (19, 17, 16)] == [19, 17, 16]


def test_an_even_size_is_a_warning() -> None:
    assert any("Cluster db is even" in text for text in resized(_plan("segregated"), "db", 4).warnings)


def test_a_cluster_with_a_quorum_device_stays_even() -> None:
    plan = make_plan(topology_from_options(nodes="4", qdevice=True))
    assert len(resized(plan, "controllers", 6).nodes) == 6
    with pytest.raises(RefusedError, match="quorum device"):
        resized(plan, "controllers", 5)
    assert len(resized(plan, "controllers", 5, passing=True).nodes) == 5


def test_a_new_member_whose_name_makes_no_interface_is_refused(tmp_path: Path) -> None:
    """An interface's name has at most 15 letters: server10.control has 16."""
    file = tmp_path / "lab.yml"
    names = ", ".join(f"server{number}" for number in range(7, 10))
    file.write_text(f"clusters: {{db: {{nodes: [{names}], services: [galera, haproxy]}}}}\n")
    plan = make_plan(topology_from_options(topology=file))
    with pytest.raises(RefusedError, match="would be server10") as caught:
        resized(plan, "db", 5)
    assert "cluster db" in caught.value.where and caught.value.remedy


@pytest.mark.parametrize(("now", "wanted", "steps"), [
    (3, 5, [5]), (3, 16, [5, 9, 16]), (5, 3, [4, 3]), (3, 3, []), (4, 5, [5])])
def test_in_each_step_those_that_are_there_are_a_majority(now: int, wanted: int, steps: list[int]) -> None:
    taken = []
    while now != wanted:
        now = next_size(now, wanted)
        taken.append(now)
    assert taken == steps
