"""Files laid on a running cluster: what was not read again yet is known to the next try."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

import pytest

from lab.errors import NodeError
from lab.node.files import File
from lab.node.shell import Completed
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from provision import membership

NOTE = "/var/lib/halab/pending-restarts"
FILES = [File("/etc/corosync/corosync.conf", b"totem", on_change=("reload:corosync",)),
         File("/etc/haproxy/haproxy.cfg", b"global", on_change=("reload:haproxy.service",)),
         File("/etc/rabbitmq/rabbitmq.conf", b"peers", on_change=("rabbitmq-server.service",))]


class Nodes:
    """Nodes with files, of which a command that holds ``refuse`` fails."""

    def __init__(self) -> None:
        self.plan = make_plan(topology_from_options())
        self.secrets = self.shell = self
        self.disks: dict[str, dict[str, bytes]] = {node.name: {} for node in self.plan.nodes}
        self.ran: list[str] = []
        self.refuse = ""

    def run(self, node: str, command: str, *, stdin: Any = None, timeout: float = 30) -> Completed:
        disk = self.disks[node]
        if command.startswith("python3"):
            files = {file.path: [file.digest, "644", "root", "root"] for file in FILES if file.path in disk}
            return Completed(json.dumps({"files": files, "pending": disk.get(NOTE, b"").decode().split()}), "", 0)
        if command.startswith("tar"):
            with tarfile.open(fileobj=io.BytesIO(stdin)) as archive:
                for member in archive:
                    content = archive.extractfile(member)
                    assert content is not None
                    disk[f"/{member.name}"] = content.read()
        elif command.startswith("rm -f"):
            disk.pop(NOTE, None)
        else:
            if self.refuse and self.refuse in command:
                raise NodeError("it does not reload")
            self.ran.append(f"{node}: {command}")
        return Completed("", "", 0)


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(membership, "node_files", lambda plan, node, secrets: FILES)
    return Nodes()


def test_everything_is_laid_and_read_again_once_and_nothing_is_restarted(lab: Any) -> None:
    laid = membership.spread(lab, lab.plan.nodes)
    assert len(laid) == 9 and "n1:/etc/corosync/corosync.conf" in laid
    assert sorted(lab.ran) == ["n1: corosync-cfgtool -R",
                               *(f"{node}: systemctl reload-or-restart haproxy.service" for node in lab.disks)]
    assert not [disk for disk in lab.disks.values() if NOTE in disk]
    lab.ran.clear()
    assert membership.spread(lab, lab.plan.nodes) == [] and lab.ran == []


@pytest.mark.parametrize("step", ["corosync-cfgtool", "haproxy"])
def test_what_broke_off_before_it_was_read_is_read_by_the_next_try(lab: Any, step: str) -> None:
    lab.refuse = step
    with pytest.raises(NodeError):
        membership.spread(lab, lab.plan.nodes)
    lab.refuse = ""
    lab.ran.clear()
    assert membership.spread(lab, lab.plan.nodes) == []
    assert [command for command in lab.ran if step in command]
    assert "n1: corosync-cfgtool -R" in lab.ran
    assert not [disk for disk in lab.disks.values() if NOTE in disk]


def test_a_restart_that_an_earlier_push_owes_stays_owed(lab: Any) -> None:
    lab.disks["n1"][NOTE] = b"mariadb.service"
    membership.spread(lab, lab.plan.nodes)
    assert lab.disks["n1"][NOTE] == b"mariadb.service"
    assert not [command for command in lab.ran if "mariadb" in command]


def test_what_the_proxies_were_told_already_is_only_laid(lab: Any) -> None:
    membership.spread(lab, lab.plan.nodes, reload=False)
    assert lab.ran == [] and len(lab.disks["n1"]) == 3
