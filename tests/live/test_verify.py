"""``provision.verify`` on a real lab: nothing fails on the healthy one, and what is planted is found."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cli.views.provision import findings
from lab.lab import Lab
from provision import apply
from provision.verify.model import Finding, Result
from provision.verify.verify import look, verify

# One edit of every proxy's configuration: five violations at once.
_PROXY = r"""
sed -i -e '/^ *server n3 /d' -e '/^ *stick\|taught/d' -e 's/ backup$//' \
  -e 's/inter 1000ms/inter 5s/' /etc/haproxy/haproxy.cfg
printf '\nfrontend wide\n    bind 0.0.0.0:3399\n' >> /etc/haproxy/haproxy.cfg
printf '\nlisten queue\n    bind {vip}:5672\n    server n1 {broker}:5672\n' >> /etc/haproxy/haproxy.cfg
systemctl reload haproxy
"""
_NODE = {
    "n1": "sed -i '/wait_for_all/d' /etc/corosync/corosync.conf",
    "n2": "systemctl --quiet enable mariadb 2>&1; sed -i 's/@{vip}:3306/@localhost:3306/; "
          "s/^memcached_servers = [^,]*,/memcached_servers = /' /etc/halab/clients.conf",
    "n3": "sed -i 's/^-l .*/-l 0.0.0.0/' /etc/memcached.conf; systemctl restart memcached; "
          "until ss -Hltn | grep -q 0.0.0.0:11211; do sleep 0.1; done; "
          "sed -i 's/corosync_votequorum/none/' /etc/corosync/corosync.conf",
}
_CLUSTER = ("crm_attribute --type crm_config --name stonith-enabled --update false && "
            "cibadmin --delete --xpath \"//rsc_location[@rsc='fence-n2']\" && "
            "cibadmin --delete --xpath \"//primitive[@id='fence-n2']\"")
_UNDO = "systemctl --quiet disable mariadb 2>&1"


@contextmanager
def planted(lab: Lab, commands: dict[str, str]) -> Iterator[dict[str, Finding]]:
    """What is found with these violations on the lab; afterwards it is as it was, and healthy."""
    assert lab.plan.internal_vip is not None
    words = {"{vip}": str(lab.plan.internal_vip.address), "{broker}": str(lab.plan.nodes[0].control)}
    try:
        for node, command in commands.items():
            for mark, value in words.items():
                command = command.replace(mark, value)
            lab.shell.run(node, command)
        yield {one.id: one for one in verify(lab)}
    finally:
        lab.shell.on_all([node.name for node in lab.plan.nodes], _UNDO, check=False)
        apply.apply(lab)
        assert apply.diff(lab) == []


def test_a_healthy_lab_fails_nowhere(lab: Lab) -> None:
    begun = time.monotonic()
    found = {one.id: one for one in verify(lab)}
    took = time.monotonic() - begun
    assert {one.id: one.evidence for one in found.values() if one.result is Result.FAIL} == {}
    for tried in ("R27", "R30", "R31", "R32", "R34"):
        assert found[tried].result is Result.PASS, found[tried]
    assert took < 12, f"{took:.1f} s; 5 s are wanted, and an unloaded host keeps them"


def test_violations_of_the_proxies_are_found(lab: Lab) -> None:
    with planted(lab, {node.name: _PROXY for node in lab.plan.running("haproxy")}) as found:
        for one, words in (("R22", "0.0.0.0:3399"), ("R23", "lacks n3"), ("R28", "proxies RabbitMQ"),
                           ("R30", "stick"), ("R33", "every 5 s")):
            assert found[one].result is Result.FAIL and words in found[one].evidence, found[one]


def test_violations_of_nodes_and_cluster_are_found(lab: Lab) -> None:
    with planted(lab, {**_NODE, "n1": f"{_NODE['n1']}; {_CLUSTER}"}) as found:
        for one, words in (("R13", "mariadb.service is enabled"), ("R17", "stonith-enabled=false"),
                           ("R17", "no fence device for n2"), ("R20", "wait_for_all: missing"),
                           ("R20", "provider: none"), ("R22", "0.0.0.0:11211"), ("R25", "localhost"),
                           ("R29", "10.66.1.12:11211,10.66.1.13:11211")):
            assert found[one].result is Result.FAIL and words in found[one].evidence, found[one]


def test_the_lab_is_as_before_after_the_trials(lab: Lab) -> None:
    facts = look(lab)
    assert facts.desync.value is not None and facts.desync.value.up is not None
    asked = "systemctl list-timers --all 'halab-undo-verify*'"
    timers = lab.shell.on_all([node.name for node in lab.plan.nodes], asked)
    assert all("halab-undo-verify" not in said.stdout for said in timers.values())


def test_no_secret_is_in_what_is_said(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    findings(verify(lab), "json")
    said = capsys.readouterr().out
    assert len(json.loads(said)["requirements"]) == 38
    for name in ("bmc", "galera-probe", "rabbitmq-probe"):
        assert lab.secrets.password(name) not in said
