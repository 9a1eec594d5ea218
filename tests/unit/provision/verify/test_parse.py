"""Words of daemons become facts; words that make no sense are no facts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from daemons import corosync, galera, haproxy, rabbitmq
from daemons.corosync import Quorum
from daemons.galera import Member
from daemons.rabbitmq import View
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from provision.render import nodefile
from provision.verify import parse, read
from provision.verify.facts import Socket, Unit
from provision.verify.read import node_facts

CLIENTS = """
[DEFAULT]
transport_url = rabbit://u:secret@10.66.1.11:5672,u:secret@10.66.1.12:5672//
[database]
connection = mysql+pymysql://u:sec:ret@10.66.1.201:3306/halab
max_retries = -1
[cache]
memcache_servers = inet:10.66.1.11:11211,10.66.1.12:11211
[oslo]
host = localhost
admin_password = secret
"""


def test_a_real_node_s_words_are_understood() -> None:
    """What n1 of a real lab said, word for word."""
    plan = make_plan(topology_from_options())
    recorded = json.loads((Path(__file__).parent / "answers-n1.json").read_text())
    facts = node_facts(plan, plan.node("n1"), (), {**recorded, "digests": {}})
    assert facts.quorum.get() == Quorum(
        "corosync_votequorum", True, 3, 3, 2, ("Quorate", "WaitForAll"), (1, 2, 3), False)
    assert Socket("tcp", "10.66.1.201", 3306, "haproxy") in facts.sockets.get()
    assert not [one for one in facts.sockets.get() if one.anywhere]
    assert facts.units.get()["memcached.service"] == Unit("memcached.service", True, True, "always")
    assert not facts.units.get()["mariadb.service"].enabled
    assert facts.packages.get()["corosync"].startswith("3.1")
    assert {one.type for one in facts.cib.get().primitives} == {"fence_ipmilan", "IPaddr2", "haproxy", "galera"}
    assert facts.cib.get().properties["stonith-enabled"] == "true" and len(facts.cib.get().constraints) == 8
    assert [(one.name, one.status, one.address) for one in facts.servers.get()] == [
        (f"n{number}", "UP", f"10.66.1.1{number}:3306") for number in (1, 2, 3)]
    assert facts.table.get().startswith("table: galera, type: ip")
    assert facts.galera.get() == Member("Synced", "Primary", 3, name="n1")
    nodes = ("n1", "n2", "n3")
    assert facts.broker.get() == View(nodes, nodes, 0, 0, "pause_minority")
    assert len(facts.clients.get()) == 10


def test_every_host_of_a_client_s_configuration_is_seen() -> None:
    found = [(one.option, one.host, one.port) for one in parse.clients(CLIENTS)]
    assert found == [
        ("DEFAULT/transport_url", "10.66.1.11", 5672), ("DEFAULT/transport_url", "10.66.1.12", 5672),
        ("database/connection", "10.66.1.201", 3306), ("cache/memcache_servers", "10.66.1.11", 11211),
        ("cache/memcache_servers", "10.66.1.12", 11211), ("oslo/host", "localhost", None)]


def test_a_node_says_no_password(tmp_path: Path) -> None:
    """The program that runs on the nodes masks them before anything leaves."""
    path = tmp_path / "clients.conf"
    path.write_text(CLIENTS)
    sheet = {"commands": {"hello": "echo hello; exit 3"}, "texts": [str(path), "/no/such"],
             "digests": [str(path), "/no"]}
    said = subprocess.run([sys.executable, "-c", nodefile("halab-facts").decode()], input=json.dumps(sheet),
                          capture_output=True, text=True, check=True).stdout
    document = json.loads(said)
    assert "secret" not in said and "sec:ret" not in said
    assert document["answers"] == {"hello": {"out": "hello\n", "err": "", "code": 3}}
    assert document["texts"]["/no/such"] is None and document["digests"]["/no"] is None
    masked = [(one.option, one.host, one.port) for one in parse.clients(document["texts"][str(path)])]
    assert masked == [(one.option, one.host, one.port) for one in parse.clients(CLIENTS)]


def test_sockets_on_any_address_are_seen() -> None:
    text = ('tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=1,fd=3))\n'
            "tcp LISTEN 0 128 [::]:11211 [::]:*\n"
            'tcp LISTEN 0 128 *:15672 *:* users:(("beam.smp",pid=9,fd=7),("x",pid=8,fd=1))\n'
            'udp UNCONN 0 0 127.0.0.1%lo:323 0.0.0.0:*\n')
    found = parse.sockets(text)
    assert [(one.protocol, one.address, one.port, one.program, one.anywhere) for one in found] == [
        ("tcp", "0.0.0.0", 22, "sshd", True), ("tcp", "::", 11211, "", True), ("tcp", "*", 15672, "beam.smp", True),
        ("udp", "127.0.0.1", 323, "", False)]


@pytest.mark.parametrize("reader", [corosync.quorum, read._servers, haproxy.table_head, galera.member, rabbitmq.view])
def test_silence_is_no_fact(reader: object) -> None:
    for text in ("", "Cannot initialize QUORUM service\n"):
        with pytest.raises((ValueError, KeyError)):
            reader(text)  # type: ignore[operator]
