"""Roles: seeds that several nodes must agree on, and names that must be right on each."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

from lab.layouts import make_plan
from lab.secrets import Secrets
from lab.topology import topology_from_options
from provision.apply import node_files
from provision.roles import all_roles
from provision.roles.galera import _saved_view
from provision.roles.rabbitmq import _definitions


def test_every_role_has_a_place_in_the_order() -> None:
    assert [role.name for role in all_roles()] == [
        "base", "corosync", "galera", "galera_check", "rabbitmq", "memcached", "haproxy", "pacemaker", "clients"]


def test_the_saved_view_is_one_view_with_each_node_s_own_identity() -> None:
    plan = make_plan(topology_from_options(nodes="5"))
    views = [_saved_view(plan, node).decode() for node in plan.nodes]
    own = [re.search(r"my_uuid: (\S+)", view).group(1) for view in views]  # type: ignore[union-attr]
    assert len(set(own)) == 5 and all(uuid.UUID(one).version == 1 for one in own)
    assert len({view.split("\n", 1)[1] for view in views}) == 1
    assert sorted(re.findall(r"member: (\S+) 0", views[0])) == sorted(own)
    other = make_plan(topology_from_options(name="other", nodes="5"))
    assert _saved_view(other, other.nodes[0]) != _saved_view(plan, plan.nodes[0])


def test_only_one_broker_loads_the_definitions(tmp_path: Path) -> None:
    """Two that import at once meet in user_already_exists, and one does not boot: seen on a real lab."""
    plan = make_plan(topology_from_options())
    loading = [node.name for node in plan.nodes for file in node_files(plan, node, Secrets(tmp_path / "s"))
               if file.path == "/etc/rabbitmq/rabbitmq.conf" and b"definitions.local.path" in file.content]
    assert loading == ["n1"]


def test_definitions_are_the_same_at_each_rendering_and_hold_no_password() -> None:
    assert _definitions("secret-word") == _definitions("secret-word")
    assert b"secret-word" not in _definitions("secret-word")


def test_no_node_gets_a_file_twice_and_secrets_are_private(tmp_path: Path) -> None:
    for style, nodes in (("collapsed", "3"), ("segregated", "12"), ("mixed", "9")):
        plan = make_plan(topology_from_options(style=style, nodes=nodes))
        secrets = Secrets(tmp_path / style)
        for node in plan.nodes:
            files = node_files(plan, node, secrets)
            assert len({file.path for file in files}) == len(files)
            assert all(file.mode & 0o007 == 0 for file in files if file.secret)


def test_clusters_of_one_lab_share_neither_name_nor_key_nor_fencing_device(tmp_path: Path) -> None:
    """R8: two corosync clusters with one key would merge."""
    for style, nodes in (("segregated", "12"), ("mixed", "16")):
        plan = make_plan(topology_from_options(style=style, nodes=nodes))
        secrets = Secrets(tmp_path / style)
        names, keys, devices = set(), set(), []
        for cluster in plan.clusters:
            files = {file.path: file for file in node_files(plan, plan.members(cluster.name)[0], secrets)}
            names.add(re.search(rb"cluster_name: (\S+)", files["/etc/corosync/corosync.conf"].content).group(1))  # type: ignore[union-attr]
            keys.add(files["/etc/corosync/authkey"].content)
            found = re.findall(rb'id="fence-(\w+)" class="stonith"', files["/var/lib/pacemaker/cib/cib.xml"].content)
            assert [name.decode() for name in found] == list(cluster.nodes)
            devices += found
        assert len(names) == len(keys) == len(plan.clusters)
        assert len(devices) == len(set(devices)) == len(plan.nodes)
