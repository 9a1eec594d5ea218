"""The commands that look into a lab, on a real one: explanations, merged log, bundle, live view."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import pytest
from conftest import NAME

from lab.bundle import bundle
from lab.errors import RefusedError
from lab.explain import SUBJECTS, explain
from lab.lab import Lab
from lab.node.asking import answers
from lab.node.logs import Query, merged
from lab.state.secrets import Secrets

ROOT = Path(__file__).resolve().parent.parent.parent
# What the shell, the agent and the journal's followers are known by on a node.
_OURS = "ps -eo args | grep -E 'sys.stdin.readline|journalctl --follow' | grep -v grep"

EXPECTED = {
    "vip": ["public is on n", "If the holder lost its power now", "vip-internal must be where vip-public is",
            "resource-stickiness is INFINITY", "it would be fenced and vip-public would go to n"],
    "galera": ["3 of 3 members are Synced, 1 Primary component(s); clients are sent to n", "would start first",
               "would ask n"],
    "fencing": ["fencing is on, every node has a device", "its BMC says: Status: ON", "n1 is fenced by fence-n1"],
    "quorum": ["is quorate: 3 of 3 votes, 2 needed", "survives the loss of one more node",
               "(3 nodes - 2) x coefficient"],
    "haproxy": ["haproxy is started on n1, n2 and n3"],
}


@pytest.mark.parametrize("subject", [*SUBJECTS, "haproxy"])
def test_explain(lab: Lab, subject: str) -> None:
    told = explain(NAME, subject)
    assert told.points and told.show
    text = " ".join([told.answer, *(f"{point.says} {' '.join(point.evidence)}" for point in told.points)])
    for word in EXPECTED[subject]:
        assert word in text


def test_explain_what_is_not_there(lab: Lab) -> None:
    with pytest.raises(RefusedError, match="There is no subject 'galer'") as refused:
        explain(NAME, "galer")
    assert "did you mean galera?" in refused.value.remedy and "vip-public" in refused.value.remedy
    with pytest.raises(RefusedError, match="runs under systemd"):
        explain(NAME, "memcached")


def test_merged_log(lab: Lab) -> None:
    lab.events.emit("note", "n1", text="a mark for the merged log")
    found = merged(NAME, Query(since=600))
    times = [entry.at for entry in found.entries]
    assert times == sorted(times) and len(times) > 50
    assert {"n1", "n2", "n3"} <= {entry.node for entry in found.entries}
    assert any("a mark for the merged log" in entry.text for entry in found.entries)
    assert found.notes == ()
    only = merged(NAME, Query(unit="corosync", pattern="member", since=600))
    assert only.entries and all("member" in f"{entry.source} {entry.text}".lower() for entry in only.entries)


def test_bundle_has_no_secret(lab: Lab, tmp_path: Path) -> None:
    result = bundle(NAME, "last", tmp_path / "bundle.tar.gz")
    assert result.path.stat().st_mode & 0o777 == 0o600 and not result.missing
    folder = Secrets(lab.paths.secrets).path("")
    secrets = {path.name: path.read_bytes().strip() for path in folder.iterdir()}
    assert len(secrets) >= 6
    with tarfile.open(result.path) as tar:
        names = tar.getnames()
        for member in tar:
            content = tar.extractfile(member).read()  # type: ignore[union-attr]
            for name, secret in secrets.items():
                assert secret not in content and secret.hex().encode() not in content, f"{name} in {member.name}"
            assert b"PRIVATE KEY-----\n" not in content
    for wanted in ("nodes/n1/outputs/cib.xml", "nodes/n3/configs/etc/corosync/corosync.conf", "nodes/n2/journal.txt",
                   "nodes/n2/outputs/pacemaker.log", "lab/events.jsonl", "status.json"):
        assert f"bundle/{wanted}" in names


def test_watch_leaves_nothing(lab: Lab) -> None:
    screen, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "40"}
    child = subprocess.Popen([sys.executable, "-m", "cli", "lab.status", "--watch", f"--name={NAME}"], cwd=ROOT,
                             stdin=terminal, stdout=terminal, stderr=subprocess.PIPE, env=environment,
                             start_new_session=True)
    os.close(terminal)
    shown = bytearray()
    reader = threading.Thread(target=_read_all, args=(screen, shown))
    reader.start()
    try:
        deadline = time.monotonic() + 30
        while b"watching costs" not in shown or b"quorate" not in shown:
            assert child.poll() is None and time.monotonic() < deadline, bytes(shown[-2000:])
            time.sleep(0.1)
        # Three agents, and no more.
        assert sum(len(said.splitlines()) for said in answers(lab, ("n1", "n2", "n3"), _OURS).values()) >= 3
        child.send_signal(signal.SIGINT)
        assert child.wait(10) == 0
    finally:
        child.kill()
        reader.join(5)
        os.close(screen)
    assert b"Traceback" not in (child.stderr.read() if child.stderr else b"")
    text = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", bytes(shown)).decode()
    for word in ("NODE", "POWER", "Synced", "running", "Promoted n1 n2 n3", "controllers"):
        assert word in text
    deadline = time.monotonic() + 5
    while left := {node: said for node, said in answers(lab, ("n1", "n2", "n3"), _OURS).items() if said}:
        assert time.monotonic() < deadline, left
        time.sleep(0.2)


def _read_all(screen: int, shown: bytearray) -> None:
    while True:
        try:
            piece = os.read(screen, 65536)
        except OSError:  # the other end is closed
            return
        if not piece:
            return
        shown += piece
