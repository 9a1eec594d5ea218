"""A lab in which Pacemaker manages everything (R13), and four members have a fifth vote from outside."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from conftest import made

from lab import gates
from lab.lab import Lab
from lab.plan.topology import topology_from_options
from provision import apply
from provision.verify.model import Result
from provision.verify.verify import verify

NAME = "halabfull"


@pytest.fixture(scope="module")
def full_lab() -> Iterator[Lab]:
    topology = topology_from_options(name=NAME, nodes="4", qdevice=True, pacemaker="full", rabbitmq="pacemaker",
                                     api=True)
    with made(topology, "style: collapsed\n", timeout=300) as lab:
        yield lab


@pytest.fixture
def whole(full_lab: Lab) -> Lab:
    gates.await_all(full_lab, time.monotonic() + 120)
    return full_lab


def test_every_service_is_a_resource_and_no_requirement_fails(whole: Lab) -> None:
    resources = whole.shell.run("n1", "crm_resource --list-raw").stdout
    for name in ("haproxy", "memcached", "rabbitmq", "galera", "keystone"):
        assert f"{name}:" in resources, name
    assert apply.diff(whole) == []
    assert [(one.id, one.evidence) for one in verify(whole) if one.result is Result.FAIL] == []


def test_the_fifth_vote_is_counted(whole: Lab) -> None:
    said = whole.shell.run("n1", "corosync-quorumtool -s", check=False).stdout
    assert "Total votes:      5" in said, said
    assert "Qdevice" in said, said


def test_pacemaker_brings_back_a_killed_cache_broker_and_api(whole: Lab) -> None:
    """In ``core`` systemd would; here the unit is Pacemaker's, and the broker its agent's."""
    killed = ("memcached", "beam.smp", "uwsgi-core")
    before = {name: whole.shell.run("n2", f"pgrep -o {name}").stdout for name in killed}
    whole.shell.run("n2", "".join(f"pkill -KILL {name}; " for name in killed))
    deadline = time.monotonic() + 120
    while True:
        now = {name: whole.shell.run("n2", f"pgrep -o {name}", check=False).stdout for name in before}
        if all(now[name] not in ("", pid) for name, pid in before.items()):
            break
        assert time.monotonic() < deadline, f"was {before}, is {now}"
        time.sleep(0.2)
    gates.await_all(whole, time.monotonic() + 120)
