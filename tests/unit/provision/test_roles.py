"""Roles: seeds that several nodes must agree on, and names that must be right on each."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from chaos.probes.config import DATABASE, TABLE
from chaos.probes.sql import SqlProbe
from chaos.probes.sql_bank import SqlBank
from chaos.probes.sql_read import SqlRead
from chaos.probes.sql_write import SqlWrite
from daemons import cib
from daemons.galera import CREATE_PROBE_TABLE
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state.secrets import Secrets
from provision.apply import node_files
from provision.roles import all_roles
from provision.roles.galera import _SCHEMA, _saved_view
from provision.roles.pacemaker import _changes, _with_sections, wanted_cib
from provision.roles.rabbitmq import _definitions


def test_every_role_has_a_place_in_the_order() -> None:
    assert [role.name for role in all_roles()] == [
        "base", "corosync", "qdevice", "galera", "galera_check", "rabbitmq", "memcached", "haproxy", "pacemaker",
        "clients", "keystone"]


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
    for style, nodes, qdevice in (("collapsed", "4", True), ("segregated", "12", False), ("mixed", "9", False)):
        plan = make_plan(topology_from_options(style=style, nodes=nodes, qdevice=qdevice))
        secrets = Secrets(tmp_path / style)
        for node in plan.hosts:
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


def files_of(tmp_path: Path, node: str, **options: str | bool) -> dict[str, str]:
    """Path -> content (or the link's target) of one node."""
    plan = make_plan(topology_from_options(**options))
    return {file.path: file.link or file.content.decode("latin-1")
            for file in node_files(plan, plan.node(node), Secrets(tmp_path / "s"))}


WANTS = "/etc/systemd/system/multi-user.target.wants/"
CIB = "/var/lib/pacemaker/cib/cib.xml"


def test_core_leaves_stateless_services_to_systemd(tmp_path: Path) -> None:
    files = files_of(tmp_path, "n1")
    assert {WANTS + "memcached.service", WANTS + "rabbitmq-server.service", WANTS + "haproxy.service"} <= set(files)
    assert "Restart=always" in files["/etc/systemd/system/memcached.service.d/halab.conf"]
    assert 'type="memcached"' not in files[CIB] and "rabbitmq" not in files[CIB]


def test_full_has_every_service_in_the_cib_and_none_enabled(tmp_path: Path) -> None:
    files = files_of(tmp_path, "n1", pacemaker="full")
    for unit in ("memcached", "rabbitmq-server", "haproxy"):
        assert WANTS + f"{unit}.service" not in files
        assert not any(path.startswith(f"/etc/systemd/system/{unit}.service.d/") for path in files)
        assert f'class="systemd" type="{unit}"' in files[CIB]
    # Who starts the broker does not change its model.
    assert "pause_minority" in files["/etc/rabbitmq/rabbitmq.conf"]


@pytest.mark.parametrize("scope", ["core", "full"])
def test_the_agent_of_rabbitmq_gets_mirrored_queues_and_no_list_of_peers(tmp_path: Path, scope: str) -> None:
    files = files_of(tmp_path, "n2", rabbitmq="pacemaker", pacemaker=scope)
    config = files["/etc/rabbitmq/rabbitmq.conf"]
    assert "cluster_partition_handling = ignore" in config and "classic_config" not in config
    assert "definitions.local.path" in config  # whichever broker is first starts with an empty disk
    assert WANTS + "rabbitmq-server.service" not in files
    assert 'type="rabbitmq-cluster"' in files[CIB] and 'type="rabbitmq-server"' not in files[CIB]
    assert json.loads(files["/etc/rabbitmq/definitions.json"])["policies"][0]["definition"]["ha-mode"] == "all"


def test_without_mirrored_queues_there_is_no_policy(tmp_path: Path) -> None:
    assert "policies" not in json.loads(files_of(tmp_path, "n1")["/etc/rabbitmq/definitions.json"])


def test_a_cluster_without_a_service_has_no_resource_of_it(tmp_path: Path) -> None:
    files = files_of(tmp_path, "db1", style="segregated", nodes="12", pacemaker="full", rabbitmq="pacemaker")
    assert "rabbitmq" not in files[CIB] and "memcached" not in files[CIB]


def test_an_even_cluster_asks_the_quorum_device(tmp_path: Path) -> None:
    files = files_of(tmp_path, "n1", nodes="4", qdevice=True)
    plan = make_plan(topology_from_options(nodes="4", qdevice=True))
    assert plan.qnetd is not None
    config = files["/etc/corosync/corosync.conf"]
    assert f"host: {plan.qnetd.control}" in config and "algorithm: ffsplit" in config and "tls: required" in config
    assert WANTS + "corosync-qdevice.service" in files and WANTS + "corosync-qnetd.service" not in files
    password = files["/etc/halab/qnet/identity.password"].strip().encode()
    bundle = files["/etc/halab/qnet/identity.p12"].encode("latin-1")
    _, certificate, _ = pkcs12.load_key_and_certificates(bundle, password)
    authority = x509.load_pem_x509_certificate(files["/etc/halab/qnet/ca.pem"].encode())
    assert certificate is not None
    certificate.verify_directly_issued_by(authority)
    name = re.search(r"cluster_name: (\S+)", config)
    # qnetd refuses a cluster whose certificate has another name.
    assert name and certificate.subject.rfc4514_string() == f"CN={name[1]}"


def test_the_quorum_device_s_host_is_in_no_cluster(tmp_path: Path) -> None:
    files = files_of(tmp_path, "qnetd", nodes="4", qdevice=True)
    assert WANTS + "corosync-qnetd.service" in files and "-s req -c on" in files["/etc/default/corosync-qnetd"]
    assert not any(path.startswith(("/etc/corosync/", "/var/lib/pacemaker")) for path in files)
    assert WANTS + "corosync.service" not in files and WANTS + "pacemaker.service" not in files
    assert "qnetd.mgmt" in files["/etc/hosts"]


def test_an_odd_cluster_has_no_quorum_device(tmp_path: Path) -> None:
    files = files_of(tmp_path, "n1")
    assert "device {" not in files["/etc/corosync/corosync.conf"] and WANTS + "corosync-qdevice.service" not in files


def test_a_cib_is_brought_to_the_plan_in_one_replacement() -> None:
    """Section by section, the constraint on a fencing device that is gone makes Pacemaker refuse: seen."""
    five, three = (make_plan(topology_from_options(nodes=str(nodes))) for nodes in (5, 3))
    live = ElementTree.fromstring(wanted_cib(five, five.clusters[0]))
    wanted = ElementTree.fromstring(wanted_cib(three, three.clusters[0]))
    whole = _with_sections(live, wanted, ["resources", "constraints"])
    assert [part.tag for part in whole] == [part.tag for part in live.find("configuration") or ()]
    named = {one.attrib["rsc"] for one in whole.iterfind("constraints/rsc_location") if "rsc" in one.attrib}
    assert named == {"fence-n1", "fence-n2", "fence-n3"}
    assert named <= {one.attrib["id"] for one in whole.iterfind("resources/primitive")}


def test_the_first_start_waits_for_every_member_and_is_tried_again(tmp_path: Path) -> None:
    unit = files_of(tmp_path, "n1")["/etc/systemd/system/halab-galera-first-start.service"]
    flag = "/var/lib/halab/galera-first-start"
    # Given up half-way the server neither ends nor serves, and the view forms with it: seen, and blocked for ever.
    assert "TimeoutStartSec=infinity" in unit and "SendSIGKILL=no" not in unit
    assert f"ExecStartPost=+/bin/rm -f {flag}" in unit and "ExecStartPre" not in unit


def test_a_database_stops_once_the_proxies_have_seen_that_it_leaves(tmp_path: Path) -> None:
    files = files_of(tmp_path, "n1")
    script, check = files["/usr/local/sbin/halab-mariadbd"], files["/usr/local/sbin/halab-galera-check"]
    assert "sleep 1.3\n" in script  # inter 1 s, fastinter 0.2 s, 0.1 s for a late one
    assert "/run/mysqld/leaving" in script and '"/run/mysqld/leaving"' in check


def test_the_proxy_is_in_no_lasting_order_before_pacemaker(tmp_path: Path) -> None:
    for options in ({}, {"pacemaker": "full"}, {"rabbitmq": "pacemaker"}):
        files = files_of(tmp_path, "n1", **options)
        lasting = {path: text for path, text in files.items() if path.startswith("/etc/systemd/system/")}
        assert "haproxy.service" not in lasting["/etc/systemd/system/pacemaker.service.d/halab.conf"]
        assert not [path for path, text in lasting.items() if "haproxy.service.d" in path and "pacemaker" in text]
    assert "Before=pacemaker.service" in files_of(tmp_path, "n1")["/etc/halab/haproxy-held.conf"]


def test_a_timer_below_a_second_reaches_pacemaker_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "lab.yml").write_text("timers: {pacemaker: {vip_monitor: 0.5, galera_monitor: 10.5, "
                                      "galera_promoted_monitor: 10}}\n")
    plan = make_plan(topology_from_options(topology=tmp_path / "lab.yml"))
    read = cib.read(wanted_cib(plan, plan.clusters[0]).decode())
    assert read.monitor("IPaddr2") == 0.5
    assert (read.monitor("galera"), read.monitor("galera", promoted=True)) == (10.5, 10.0)


def test_what_differs_in_the_cib_says_so_itself() -> None:
    plan = make_plan(topology_from_options(name="fake", driver="fake"))
    cluster = plan.clusters[0]
    wanted, live = (ElementTree.fromstring(wanted_cib(plan, cluster)) for _ in range(2))
    assert _changes(cluster, live, wanted) == []
    configuration = live.find("configuration")
    assert configuration is not None
    configuration.remove(configuration.find("constraints"))  # type: ignore[arg-type]
    fencing = live.find(".//nvpair[@name='stonith-enabled']")
    assert fencing is not None
    fencing.set("value", "maybe")
    assert [(one.what, one.detail, one.kind) for one in _changes(cluster, live, wanted)] == [
        ("CIB constraints", "", "cib"), ("CIB property stonith-enabled", "maybe -> true", "cib")]


def test_the_probes_find_the_table_that_provisioning_made() -> None:
    """Two statements of the same table differed in the length of a client's name once."""
    assert CREATE_PROBE_TABLE in _SCHEMA
    assert CREATE_PROBE_TABLE.startswith(f"CREATE TABLE IF NOT EXISTS {DATABASE}.{TABLE} ")


def test_no_probe_makes_the_table_again() -> None:
    """Galera aborts all writes of a table that somebody wants to make: the first five of one run in ten failed."""
    assert not any("probe_rows" in statement for probe in (SqlProbe, SqlRead, SqlWrite, SqlBank)
                   for statement in probe.setup)


@pytest.mark.parametrize(("profile", "leaves"), [("tuned", True), ("guide", False)])
def test_a_proxy_that_systemd_has_given_up_is_not_tried_again(profile: str, leaves: bool) -> None:
    """Where systemd revives it (not in the guide's way), Pacemaker's first failure already moves the virtual IP."""
    plan = make_plan(topology_from_options(profile=profile))
    config = cib.read(wanted_cib(plan, plan.clusters[0]).decode())
    assert config.one_try("haproxy") is leaves
    assert not config.one_try("galera") and not config.one_try("no such agent")
