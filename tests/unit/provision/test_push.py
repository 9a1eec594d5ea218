"""Drift of files on a node, and what an interrupted push still owes."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from lab.node.files import File
from lab.node.shell import Completed
from provision import push
from provision.render import nodefile

CONF = File("/etc/halab/a.conf", b"token: 1\n", on_change=("a.service",))
UNIT = File("/etc/systemd/system/a.service", b"[Unit]\n")
LINK = File("/etc/systemd/system/multi-user.target.wants/a.service", link="/lib/systemd/system/a.service")
ONCE = File("/var/lib/a/data", b"x", initial=True)


class Node:
    """A lab with one node that answers the manifest and records everything else."""

    def __init__(self, files: dict[str, list[str]], pending: list[str] | None = None) -> None:
        self.answer = json.dumps({"files": files, "pending": pending or []})
        self.ran: list[tuple[str, Any]] = []
        self.shell = self

    def run(self, node: str, command: str, *, stdin: Any = None, timeout: float = 30) -> Completed:
        if command.startswith("python3 -c"):
            return Completed(self.answer, "", 0)
        self.ran.append((command, stdin))
        return Completed("", "", 0)


def as_found(file: File, **changes: str) -> list[str]:
    fields = {"digest": file.digest, "mode": f"{file.mode:o}", "owner": file.owner, "group": file.group, **changes}
    return list(fields.values())


@pytest.mark.parametrize(("found", "why"), [
    ({}, "missing"),
    ({CONF.path: as_found(CONF, digest="0" * 64)}, "content"),
    ({CONF.path: as_found(CONF, mode="600")}, "mode"),
    ({CONF.path: as_found(CONF, owner="mysql")}, "owner"),
])
def test_each_kind_of_drift_is_named(found: dict[str, list[str]], why: str) -> None:
    lab: Any = Node(found)
    assert [(item.what, item.why) for item in push.drift(lab, "n1", [CONF, ONCE])] == [(CONF.path, why)]


def test_no_drift_runs_nothing() -> None:
    lab: Any = Node({CONF.path: as_found(CONF)})
    push.mend(lab, "n1", push.drift(lab, "n1", [CONF, ONCE]))
    assert lab.ran == []


def test_mending_pushes_one_archive_and_restarts_once() -> None:
    lab: Any = Node({})
    push.mend(lab, "n1", push.drift(lab, "n1", [CONF, UNIT, LINK, ONCE]))
    (tar, archive), (restart, _) = lab.ran
    assert tar.startswith("tar --extract")
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        names = opened.getnames()
    assert names == [file.path.lstrip("/") for file in (CONF, UNIT, LINK)] + ["var/lib/halab/pending-restarts"]
    assert restart == ("systemctl daemon-reload && systemctl restart a.service && "
                       "rm -f /var/lib/halab/pending-restarts")


def test_a_push_that_broke_off_before_the_restart_is_known_to_the_next() -> None:
    lab: Any = Node({CONF.path: as_found(CONF)}, pending=["a.service"])
    drifted = push.drift(lab, "n1", [CONF])
    assert [(item.what, item.why) for item in drifted] == [("a.service", "restart owed")]
    push.mend(lab, "n1", drifted)
    assert lab.ran[0][0].startswith("systemctl restart a.service")


def test_the_manifest_program_tells_files_and_links(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"hello")
    (tmp_path / "b").symlink_to("/nowhere")
    asked = "\n".join([str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "missing")])
    said = subprocess.run([sys.executable, "-c", nodefile("halab-manifest").decode()], input=asked, text=True,
                          capture_output=True, check=True)
    answer = json.loads(said.stdout)
    assert set(answer["files"]) == {str(tmp_path / "a"), str(tmp_path / "b")}
    assert answer["files"][str(tmp_path / "a")][0] == File("/a", b"hello").digest
    assert answer["files"][str(tmp_path / "b")][0] == File("/b", link="/nowhere").digest
