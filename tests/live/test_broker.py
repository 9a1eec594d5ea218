"""A broker that hangs while it starts again in place is ended: to systemd it is a running service."""

from __future__ import annotations

import time

from daemons import rabbitmq
from lab import gates
from lab.lab import Lab

# Only a process of the service may say how it is: the broker itself does.
_PLANT = r'os:cmd("NOTIFY_SOCKET=/run/systemd/notify systemd-notify --status=\"Startup in progress\"").'
_WATCH = "timeout 25 /usr/local/sbin/halab-broker-watch 3 60 n1 n2 n3"  # not the unit's 30 s


def test_a_broker_whose_start_in_place_hangs_is_ended(lab: Lab) -> None:
    node = lab.plan.running("rabbitmq")[0].name
    main = "systemctl show rabbitmq-server --property=MainPID"
    before = lab.shell.run(node, main).stdout
    lab.shell.run(node, rabbitmq.question("test", _PLANT))
    said = lab.shell.run(node, _WATCH, timeout=40, check=False).stdout
    assert "starts in place since" in said
    gates.await_all(lab, time.monotonic() + 90)
    assert lab.shell.run(node, main).stdout != before
