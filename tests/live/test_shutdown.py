"""A node that is told to power off or to reboot does so at once, and leaves its cluster in good order."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from chaos.faults.node_reset import BOOT
from lab import gates
from lab.drivers.base import PowerState
from lab.errors import HalabError
from lab.gates.vip import holders
from lab.lab import Lab
from lab.state.events import read_events

WITHIN = 45.0  # seconds; off after 4 to 8, up again 6 later.  The order that hung took the proxy's stop timeout, 60 s


def _await(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN
    while not what():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("word", ["poweroff", "reboot"])
def test_a_vip_holder_leaves_in_good_order(lab: Lab, word: str) -> None:
    (leaver,) = holders(lab)["internal"]
    other = next(node.name for node in lab.plan.nodes if node.name != leaver)
    fenced = _fencings(lab, other, leaver)
    life = lab.shell.run(leaver, BOOT).stdout
    begun = time.time()
    lab.shell.run(leaver, f"systemctl --no-block {word}", check=False)
    lab.shell.forget(leaver)
    if word == "poweroff":
        _await(lambda: lab.driver.power.state(leaver) is PowerState.OFF)
        assert leaver not in holders(lab, reachable_only=True)["internal"]
        lab.driver.power.on(leaver)
    else:
        _await(lambda: _life(lab, leaver) not in ("", life))
    gates.await_all(lab, time.monotonic() + 90)
    assert [event.data for event in read_events(lab.paths.events, begun)
            if event.kind == "power.off" and event.node == leaver] == [{"by": "its own system"}]
    assert leaver not in holders(lab)["internal"]
    assert _fencings(lab, other, leaver) == fenced


def _fencings(lab: Lab, asked: str, node: str) -> str:
    return lab.shell.run(asked, f"stonith_admin --history={node}", check=False).stdout


def _life(lab: Lab, node: str) -> str:
    try:
        return lab.shell.run(node, BOOT, timeout=2).stdout
    except HalabError:
        return ""


def test_a_database_that_is_stopped_has_left_the_proxies_before(lab: Lab) -> None:
    """The proxies take it out because its check says so, not because its port refuses their clients."""
    (holder,) = holders(lab)["internal"]
    leaver = next(node.name for node in lab.plan.nodes if node.name != holder)
    begun = lab.shell.run(holder, "date +%s.%N").stdout.strip()
    standby = f"crm_attribute --type nodes --node {leaver} --name standby --update"
    lab.shell.run(holder, f"{standby} on")
    try:
        _await(lambda: f"Server galera/{leaver} is DOWN" in _proxy_log(lab, holder, begun))
        assert "code: 503" in _proxy_log(lab, holder, begun)
    finally:
        lab.shell.run(holder, f"{standby} off")
        gates.await_all(lab, time.monotonic() + 90)


def test_a_database_that_does_not_end_is_ended(lab: Lab) -> None:
    """Seen: a member into which a state transfer had failed took SIGTERM for 116 s, until its agent killed it."""
    (holder,) = holders(lab)["internal"]
    node = next(node.name for node in lab.plan.nodes if node.name != holder)
    pid = lab.shell.run(node, "pgrep -x mariadbd").stdout.strip()
    lab.shell.run(node, f"kill -STOP {pid}; kill $(cat /run/mysqld/mysqld.pid)")
    _await(lambda: lab.shell.run(node, f"kill -0 {pid} 2>/dev/null && echo there; true").stdout == "")
    gates.await_all(lab, time.monotonic() + 90)


def _proxy_log(lab: Lab, node: str, since: str) -> str:
    said = lab.shell.run(node, f"journalctl -u haproxy -o cat --since=@{since}").stdout
    return "\n".join(line for line in said.splitlines() if "is DOWN" in line)
