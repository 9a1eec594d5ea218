"""Which packages were under test: a verdict is about versions."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.lab import Lab

PACKAGES = ("corosync", "pacemaker", "resource-agents", "fence-agents", "mariadb-server", "galera-4",
            "rabbitmq-server", "erlang-base", "haproxy", "memcached", "python3-keystone", "uwsgi-core",
            "systemd")


def read_versions(lab: Lab, node: str) -> dict[str, str]:
    """Package versions of one node (all nodes come from one image) and the host's kernel."""
    # dpkg-query exits 1 when one of the names is not installed, and lists the others all the same.
    query = "dpkg-query --show --showformat='${Package} ${Version}\\n' " + " ".join(PACKAGES)
    return {**parse(lab.shell.run(node, query, check=False).stdout), "kernel": platform.release()}


def parse(text: str) -> dict[str, str]:
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
