"""Every requirement is found violated where it is; a healthy lab of any style violates none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from healthy import EFFECT, Story, proven, run, story, unread

from provision.verify import proof
from provision.verify.facts import Desync, Maintenance, Moved, Spread
from provision.verify.model import Result
from provision.verify.requirements import all_requirements

COROSYNC, HAPROXY, CLIENTS = "/etc/corosync/corosync.conf", "/etc/haproxy/haproxy.cfg", "/etc/halab/clients.conf"
EXAMPLES = Path(__file__).resolve().parents[4] / "topologies" / "examples"
API = {"api": "true"}
STYLES = [{}, {"profile": "guide"}, {"nodes": "5"}, {"nodes": "4"}, {"style": "mixed", "nodes": "6"},
          {"style": "mixed", "nodes": "9"}, {"style": "mixed", "nodes": "16"},
          {"style": "segregated", "nodes": "12"}, {"nodes": "16"},
          {"style": "segregated", "nodes": "9"}, {"api": "true"}, {"api": "true", "pacemaker": "full"},
          {"api": "true", "style": "mixed"}, {"api": "true", "style": "segregated", "nodes": "15"},
          *({"topology": str(EXAMPLES / f"{name}.yml")} for name in (
              "database-only", "big-database", "named-nodes", "even-with-qdevice", "own-vips", "slow-network"))]


def test_every_line_of_the_reference_has_one_requirement() -> None:
    assert [one.id for one in all_requirements()] == [f"R{number}" for number in range(1, 39)]


@pytest.mark.parametrize("options", STYLES, ids=str)
def test_a_healthy_lab_of_any_style_fails_nowhere(options: dict[str, str]) -> None:
    found = story(**options).found()
    assert {one.id: one.evidence for one in found.values() if one.result is Result.FAIL} == {}
    assert all(one.evidence for one in found.values())


def test_a_layout_of_one_s_own_is_not_the_reference_s_mixed() -> None:
    assert story(topology=str(EXAMPLES / "own-clusters.yml")).failing() == {"R10"}


def test_what_only_a_fault_can_prove_is_not_passed_on_configuration() -> None:
    found = story().found()
    unproven = {one.id for one in found.values() if one.result is Result.UNPROVEN}
    assert unproven == {"R5", "R12", "R17", "R18", "R19", "R35", "R36", "R37"}
    assert all(found[one].remedy for one in unproven)
    assert found["R12"].remedy == "./inv chaos.run vip-holder-poweroff --name=default"
    assert {one.id for one in found.values() if one.result is Result.NOT_DEPLOYED} == {
        "R8", "R9", "R10", "R14", "R15", "R24", "R25", "R38"}


def test_recorded_runs_prove_it() -> None:
    found = proven(story()).found()
    assert not [one.id for one in found.values() if one.result in (Result.UNPROVEN, Result.FAIL)]
    assert "20260101T000000Z-node.freeze" in found["R17"].evidence


def test_a_run_that_proves_nothing_does_not_count() -> None:
    told = story()
    told.facts["runs"] = (run("node.freeze", "n1", verdict="INVALID"), run("node.freeze", "n1"))
    assert told.found()["R17"].result is Result.PASS
    told.facts["runs"] = (run("node.freeze", "n1", verdict="BROKEN"),)
    found = told.found()["R17"]
    assert found.result is Result.UNPROVEN and "is BROKEN and proves nothing" in found.evidence


def test_one_lost_node_proves_only_the_components_that_it_ran() -> None:
    told = story(style="segregated", nodes="12")
    told.facts["runs"] = (run("node.poweroff", "lb1"),)
    found = told.found()["R12"]
    assert found.result is Result.UNPROVEN and "galera, rabbitmq, memcached" in found.evidence


Plant = Callable[[Story], Any]
NONE: set[str] = set()


def every(told: Story, change: Callable[[str], Any]) -> None:
    told.everywhere(change)


PLANTED: list[tuple[str, str, dict[str, str], Plant, set[str]]] = [
    ("a member that expects two votes", "R1", {}, lambda t: t.tell(
        "n2", "quorum", "Expected votes:   3", "Expected votes:   2"), NONE),
    ("an even cluster that nobody warns of", "R2", {"nodes": "4"}, lambda t: setattr(
        t, "plan", t.plan.model_copy(update={"warnings": ()})), NONE),
    ("a cluster of 17 without a warning", "R3", {"nodes": "17", "allow_large": "yes"}, lambda t: setattr(
        t, "plan", t.plan.model_copy(update={"warnings": ()})), NONE),
    ("two_node mode", "R4", {}, lambda t: t.tell("n3", "quorum", "Flags:            Quorate", "Flags:  2Node Quorate"),
     NONE),
    ("two_node in the file", "R4", {}, lambda t: t.write("n1", COROSYNC, "wait_for_all: 1",
                                                         "wait_for_all: 1\n    two_node: 1"), NONE),
    ("a part without quorum that goes on", "R5", {}, lambda t: t.tell(
        "n1", "cib", 'name="no-quorum-policy" value="stop"', 'name="no-quorum-policy" value="ignore"'), NONE),
    ("a split in which both sides served", "R5", {}, lambda t: t.facts.update(
        runs=(run("net.isolate", "n1", verdict="FAIL"),)), {"R12"}),
    ("memcached is down on one node", "R6", {}, lambda t: t.tell("n2", "sockets", '"memcached"', '"other"'), {"R12"}),
    ("the VIP goes where no proxy is", "R7", {}, lambda t: every(t, lambda n: t.tell(
        n, "cib", 'rsc="vip-public" with-rsc="haproxy-clone" score="INFINITY"',
        'rsc="vip-public" with-rsc="haproxy-clone" score="10"')), NONE),
    ("an order that restarts every proxy", "R7", {}, lambda t: every(t, lambda n: t.tell(
        n, "cib", 'then="haproxy-clone" kind="Optional"', 'then="haproxy-clone" kind="Mandatory"')), NONE),
    ("two clusters share an authkey", "R8", {"style": "mixed", "nodes": "6"}, lambda t: every(
        t, lambda n: t.documents[n]["digests"].update({"/etc/corosync/authkey": "same"})), NONE),
    ("two clusters share a name", "R8", {"style": "mixed", "nodes": "6"}, lambda t: every(
        t, lambda n: t.write(n, COROSYNC, "cluster_name: default-" + t.plan.node(n).cluster, "cluster_name: one")),
     NONE),
    ("a node of another cluster in the membership", "R8", {"style": "segregated", "nodes": "12"}, lambda t: t.tell(
        "lb1", "quorum", "         3          1", "         4          1"), {"R16"}),
    ("a database too many behind the queue's hosts file", "R9", {"style": "segregated", "nodes": "12"},
     lambda t: unread(t, moved=(Moved("galera", "mq1", "base", "/etc/hosts"),)), {"R26"}),
    ("a mixed lab whose database cluster also caches", "R10", {"style": "mixed", "nodes": "6"}, lambda t: t.tell(
        "db1", "sockets", '"sshd"', '"memcached"') or t.tell("db1", "sockets", ":22 ", ":11211 "), {"R8", "R12"}),
    ("a service that does not listen", "R12", {},
     lambda t: t.tell("n1", "sockets", "10.66.1.11:5672", "10.66.1.11:5679"),
     {"R6", "R22"}),
    ("a database outside the Primary component", "R12", {}, lambda t: t.tell(
        "n2", "galera", "wsrep_cluster_status\tPrimary", "wsrep_cluster_status\tnon-Primary"), NONE),
    ("a database that sees one member less", "R12", {}, lambda t: t.tell(
        "n2", "galera", "wsrep_cluster_size\t3", "wsrep_cluster_size\t2"), NONE),
    ("a dead node under which the database died", "R12", {}, lambda t: t.facts.update(
        runs=(run("node.poweroff", "n1", verdict="FAIL"),)), NONE),
    ("the database's own unit is enabled too", "R13", {}, lambda t: t.tell(
        "n2", "units", "Id=mariadb.service\nActiveState=inactive\nUnitFileState=disabled",
        "Id=mariadb.service\nActiveState=inactive\nUnitFileState=enabled"), NONE),
    ("a proxy that would start where the plan has none", "R13", {"style": "mixed", "nodes": "6"}, lambda t: t.tell(
        "db1", "units", "Id=haproxy.service\nActiveState=inactive\nUnitFileState=disabled",
        "Id=haproxy.service\nActiveState=inactive\nUnitFileState=enabled"), NONE),
    ("memcached in the CIB in scope core", "R13", {}, lambda t: every(t, lambda n: t.tell(
        n, "cib", "</resources>", '<primitive id="mc" class="systemd" type="memcached"/></resources>')), NONE),
    ("Galera is no resource", "R13", {}, lambda t: every(t, lambda n: t.tell(
        n, "cib", 'provider="heartbeat" type="galera"', 'provider="heartbeat" type="mysql"')), NONE),
    ("memcached without Restart=", "R14", {}, lambda t: t.tell(
        "n1", "units", "Restart=always\nId=memcached", "Restart=no\nId=memcached"), NONE),
    ("one node sees two members", "R16", {}, lambda t: t.tell("n3", "quorum", "         1          1 ", "# "), NONE),
    ("one node is not quorate", "R16", {}, lambda t: t.tell("n3", "quorum", "Quorate:          Yes",
                                                            "Quorate:          No"), NONE),
    ("fencing is off", "R17", {}, lambda t: every(t, lambda n: t.tell(
        n, "cib", 'name="stonith-enabled" value="true"', 'name="stonith-enabled" value="false"')), NONE),
    ("no fence device for n2", "R17", {}, lambda t: every(t, lambda n: t.tell(
        n, "cib", 'name="pcmk_host_list" value="n2"', 'name="pcmk_host_list" value="n1"')), NONE),
    ("a BMC that does not answer", "R17", {}, lambda t: unread(t, fencing=None), NONE),
    ("a frozen node that was not isolated", "R17", {}, lambda t: t.facts.update(
        runs=(run("node.freeze", "n1", verdict="FAIL"),)), {"R12"}),
    ("a daemon that stayed dead", "R18", {}, lambda t: t.facts.update(
        runs=(run("proc.kill", "n1", process="mariadbd", verdict="FAIL"),)), NONE),
    ("a daemon that only the heal brought back", "R18", {}, lambda t: t.facts.update(
        runs=(run("cache.kill", "n1", process="memcached", helped="nobody brought memcached back on n1"),)), NONE),
    ("a blackout that needed a person", "R19", {}, lambda t: t.facts.update(
        runs=(run("cluster.blackout", "n1", verdict="FAIL"),)), NONE),
    ("another quorum provider", "R20", {}, lambda t: t.tell(
        "n2", "quorum", "corosync_votequorum", "corosync_quorum_none"), NONE),
    ("another quorum provider in the file", "R20", {}, lambda t: t.write(
        "n2", COROSYNC, "provider: corosync_votequorum", "provider: none"), NONE),
    ("wait_for_all is missing", "R20", {}, lambda t: t.write("n1", COROSYNC, "wait_for_all: 1", ""), NONE),
    ("wait_for_all is not live", "R20", {}, lambda t: t.tell("n1", "quorum", "Quorate WaitForAll", "Quorate"), NONE),
    ("auto_tie_breaker", "R20", {}, lambda t: t.write(
        "n1", COROSYNC, "wait_for_all: 1", "wait_for_all: 1\n    auto_tie_breaker: 1"), NONE),
    ("an LSB agent", "R20", {}, lambda t: t.tell(
        "n1", "cib", "</resources>", '<primitive id="old" class="lsb" type="httpd"/></resources>'), NONE),
    ("no crmsh", "R21", {}, lambda t: t.tell("n2", "packages", "ii  crmsh", "rc  crmsh"), {"R20"}),
    ("a frontend on 0.0.0.0", "R22", {}, lambda t: t.tell("n1", "sockets", "10.66.1.201:3306", "0.0.0.0:3307"), NONE),
    ("a frontend on the node's address", "R22", {}, lambda t: t.tell(
        "n1", "sockets", "10.66.1.201:3306", "10.66.1.11:3307"), NONE),
    ("memcached on all addresses", "R22", {}, lambda t: t.tell("n3", "sockets", "10.66.1.13:11211", "0.0.0.0:11211"),
     NONE),
    ("memcached on IPv6 for all", "R22", {}, lambda t: t.tell("n3", "sockets", "10.66.1.13:11211", "[::]:11211"), NONE),
    ("a broker's plugin that listens everywhere", "R22", {}, lambda t: t.tell(
        "n2", "sockets", "10.66.1.12:25672", "*:15672"), NONE),
    ("a backend is missing", "R23", {}, lambda t: t.write("n2", HAPROXY, "server n3 ", "# server n3 "), NONE),
    ("a backend is missing in the running proxy", "R23", {}, lambda t: t.tell(
        "n2", "servers", "galera,n3,0,0,UP,10.66.1.13:3306,\n", ""), NONE),
    ("a backend at another address", "R23", {}, lambda t: t.tell("n2", "servers", "10.66.1.13:3306", "10.66.1.19:3306"),
     NONE),
    ("an active/active service that is not round robin", "R24", API, lambda t: every(t, lambda n: t.write(
        n, HAPROXY, "balance roundrobin", "balance source")), NONE),
    ("an API that nobody balances", "R24", API, lambda t: every(t, lambda n: t.write(
        n, HAPROXY, "listen keystone\n", "frontend keystone\n")), NONE),
    ("an instance of the API that the proxy does not know", "R23", API, lambda t: t.write(
        "n2", HAPROXY, "    server n3 10.66.1.13:5000 check\n", ""), NONE),
    ("a client that asks localhost", "R25", {}, lambda t: t.write("n2", CLIENTS, "10.66.1.201:3306", "localhost:3306"),
     NONE),
    ("a catalog that names a node", "R25", API, lambda t: unread(t, api=replace(
        t.facts["api"].value, catalog=(*t.facts["api"].value.catalog[1:], ("public", "10.66.1.11")))), NONE),
    ("an empty catalog", "R25", API, lambda t: unread(t, api=replace(t.facts["api"].value, catalog=())), NONE),
    ("a client that asks one node", "R25", {}, lambda t: t.write("n2", CLIENTS, "10.66.1.201:3306", "10.66.1.11:3306"),
     NONE),
    ("the database would change with the API", "R26", API, lambda t: unread(
        t, moved=(Moved("keystone", "n1", "galera", "/etc/mysql/mariadb.conf.d/99-halab.cnf"),)), NONE),
    ("the cache would change with the database", "R26", {}, lambda t: unread(
        t, moved=(Moved("galera", "n1", "memcached", "/etc/memcached.conf"),)), NONE),
    ("maintenance that is none", "R27", {}, lambda t: unread(t, maintenance=Maintenance("n3", "n2", "UP", True, "UP")),
     NONE),
    ("a backend that stays out", "R27", {}, lambda t: unread(
        t, maintenance=Maintenance("n3", "n2", "MAINT", True, "DOWN")), NONE),
    ("RabbitMQ behind the proxy", "R28", {}, lambda t: t.write(
        "n1", HAPROXY, "frontend health", "listen mq\n    bind 10.66.1.201:5672\nfrontend health"), NONE),
    ("a socket of the proxy for RabbitMQ", "R28", {}, lambda t: t.tell(
        "n1", "sockets", "10.66.1.200:8404", "10.66.1.200:5672"), NONE),
    ("an extra broker", "R28", {}, lambda t: t.tell("n1", "broker", "], 0", ", rabbit@n9], 0"), NONE),
    ("a partition handling that loses mirrors", "R28", {}, lambda t: t.tell(
        "n1", "broker", "pause_minority", "ignore"), NONE),
    ("a list with one broker less", "R28", {}, lambda t: t.write(
        "n3", CLIENTS, "@10.66.1.13:5672//", "@10.66.1.12:5672//"), NONE),
    ("a list with one cache less", "R29", {}, lambda t: t.write(
        "n3", CLIENTS, "memcache_servers = 10.66.1.11:11211,", "memcache_servers = "), NONE),
    ("a second writer", "R30", {}, lambda t: unread(t, writers=("n1",) * 49 + ("n2",)), NONE),
    ("no stick table in one proxy", "R30", {}, lambda t: t.tell(
        "n2", "table", "# table: galera, type: ip, size:1000, used:1", "No such table"), NONE),
    ("a stick table that nobody shares", "R30", {}, lambda t: t.write("n2", HAPROXY, " peers proxies\n", "\n"), NONE),
    ("a member that is no backup", "R30", {}, lambda t: t.write("n2", HAPROXY, "check port 9200 backup",
                                                                "check port 9200"), NONE),
    ("no httpchk", "R31", {}, lambda t: t.write("n2", HAPROXY, "option httpchk", "option tcp-check"), NONE),
    ("a desynced member that goes out late", "R31", {}, lambda t: unread(t, desync=Desync("n3", True, 4.5, 1.0, 2.0)),
     NONE),
    ("a desynced member that stays", "R32", {},
     lambda t: unread(t, desync=Desync("n3", True, None, 0.0, 2.0)), {"R31"}),
    ("checks every 5 s", "R33", {}, lambda t: t.write("n2", HAPROXY, "inter 1000ms", "inter 5s"), NONE),
    ("one timeout for all", "R33", {}, lambda t: t.write("n2", HAPROXY, "timeout client 90m", "timeout client 60s")
     or t.write("n2", HAPROXY, "timeout client 5s", "timeout client 60s"), NONE),
    ("a server that gets no keys", "R34", {}, lambda t: unread(t, spread=Spread(96, {
        "10.66.1.11:11211": 48, "10.66.1.12:11211": 48, "10.66.1.13:11211": 0}, 0)), NONE),
    ("keys that are nowhere", "R34", {}, lambda t: unread(t, spread=replace(t.facts["spread"].value, astray=3)), NONE),
    ("all keys lost with one server", "R35", {}, lambda t: t.facts.update(
        runs=(run("node.poweroff", "n1", cache=replace(EFFECT, lost=64)),)), NONE),
    ("keys of living servers moved", "R35", {}, lambda t: t.facts.update(
        runs=(run("node.poweroff", "n1", cache=replace(EFFECT, moved=5)),)), NONE),
    ("a client that never turns to another server", "R36", {}, lambda t: t.facts.update(
        runs=(run("node.poweroff", "n1", cache=replace(EFFECT, elsewhere=0)),)), NONE),
    ("a token that died with the cache", "R38", API, lambda t: unread(
        t, api=replace(t.facts["api"].value, kept=404)), NONE),
    ("no token while the cache is empty", "R38", API, lambda t: unread(
        t, api=replace(t.facts["api"].value, fresh=500)), NONE),
    ("an effect of an hour", "R37", {}, lambda t: t.facts.update(
        runs=(run("node.poweroff", "n1", cache=replace(EFFECT, settled=3600.0)),)), NONE),
]
# Nothing reports failures yet; R11 is about halab itself.
WITHOUT_A_PLANT = {"R11", "R15"}


@pytest.mark.parametrize(("what", "requirement", "options", "plant", "also"), PLANTED, ids=[one[0] for one in PLANTED])
def test_a_planted_violation_is_found(what: str, requirement: str, options: dict[str, str], plant: Plant,
                                      also: set[str]) -> None:
    told = story(**options)
    plant(told)
    assert told.failing() == {requirement} | also


def test_every_requirement_has_a_planted_violation() -> None:
    assert {one[1] for one in PLANTED} | WITHOUT_A_PLANT == {one.id for one in all_requirements()}


def test_a_silent_node_passes_nothing_that_needs_it() -> None:
    told = story()
    told.documents["n2"] = {"answers": {}, "texts": {}, "digests": {}}
    found = told.found()
    for one in ("R1", "R6", "R12", "R16", "R20", "R21", "R22", "R23", "R25", "R28", "R29", "R30", "R33"):
        assert found[one].result is Result.FAIL, one
        assert "n2" in found[one].evidence


def test_a_trial_that_was_not_possible_proves_nothing() -> None:
    told = story()
    unread(told, desync=None, maintenance=None)
    found = told.found()
    assert {found[one].result for one in ("R27", "R31", "R32")} == {Result.UNPROVEN}
    unread(told, writers=None, spread=None)
    assert {"R30", "R34"} <= told.failing()


def test_files_that_are_not_what_was_compared_prove_nothing() -> None:
    told = story()
    told.documents["n1"]["digests"]["/etc/memcached.conf"] = "edited"
    found = told.found()["R26"]
    assert found.result is Result.UNPROVEN and "/etc/memcached.conf" in found.evidence


def test_the_way_to_prove_is_a_scenario_that_exists() -> None:
    from provision.verify import runs

    told = story()
    told.facts["scenarios"] = runs.scenarios()
    found = told.found()
    assert found["R17"].remedy == "./inv chaos.run vip-holder-frozen --name=default"
    assert found["R5"].remedy == "./inv chaos.run split-minority --name=default"
    assert found["R18"].remedy == "./inv chaos.run galera-writer-killed --name=default"
    assert found["R35"].remedy == "./inv chaos.run memcached-killed --name=default"
    assert proof.NODE_LOSS
