"""A broker that will not get well by itself is ended: to systemd it is a running service."""

from __future__ import annotations

import time

from daemons import rabbitmq
from lab import gates
from lab.lab import Lab

# Only a process of the service may say how it is: the broker itself does.
_PLANT = r'os:cmd("NOTIFY_SOCKET=/run/systemd/notify systemd-notify --status=\"Startup in progress\"").'
_WATCH = "timeout 18 /usr/local/sbin/halab-broker-watch 3 {settle} n1 n2 n3"  # not the unit's 30 s
# As often as a write that fails ends it, until its supervisors give up (seen with a full disk).
_NO_LOG = "[case whereis(ra_log_wal) of undefined -> ok; P -> exit(P, kill) end || _ <- lists:seq(1, 200), " \
          "timer:sleep(10) =:= ok]."


def test_a_broker_whose_start_in_place_hangs_is_ended(lab: Lab) -> None:
    node = lab.plan.running("rabbitmq")[0].name
    main = "systemctl show rabbitmq-server --property=MainPID"
    before = lab.shell.run(node, main).stdout
    lab.shell.run(node, rabbitmq.question("test", _PLANT))
    said = lab.shell.run(node, _WATCH.format(settle=60), timeout=40, check=False).stdout
    assert "starts in place since" in said
    gates.await_all(lab, time.monotonic() + 90)
    assert lab.shell.run(node, main).stdout != before


def test_a_broker_without_a_log_for_its_queues_is_ended(lab: Lab) -> None:
    """It serves on, says that it runs, and its replicas are gone; the gate says so where there is a queue."""
    node = lab.plan.running("rabbitmq")[1].name
    main = "systemctl show rabbitmq-server --property=MainPID"
    before = lab.shell.run(node, main).stdout
    lab.shell.run(node, rabbitmq.question("test", _NO_LOG))
    assert "undefined" in lab.shell.run(node, rabbitmq.question("test", "whereis(ra_log_wal).")).stdout
    said = lab.shell.run(node, _WATCH.format(settle=3), timeout=40, check=False).stdout
    assert "no log for its quorum queues since" in said
    gates.await_all(lab, time.monotonic() + 90)
    assert lab.shell.run(node, main).stdout != before


def test_a_broker_whose_start_in_place_failed_is_ended(lab: Lab) -> None:
    """It has one try; after that its Erlang machine runs without it, as after this order."""
    node = lab.plan.running("rabbitmq")[2].name
    main = "systemctl show rabbitmq-server --property=MainPID"
    before = lab.shell.run(node, main).stdout
    lab.shell.run(node, "rabbitmqctl stop_app", timeout=60)
    said = lab.shell.run(node, _WATCH.format(settle=60), timeout=40, check=False).stdout
    assert "stopped in its Erlang machine since" in said
    gates.await_all(lab, time.monotonic() + 90)
    assert lab.shell.run(node, main).stdout != before
