"""What is kept of the nodes' logs, and how it is read."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from chaos import nodelog
from chaos.nodelog import LogLine
from lab.errors import HalabError

if TYPE_CHECKING:
    from lab.lab import Lab

# As the daemons wrote them on a real lab.
MEMBERSHIP = "[TOTEM ] A new membership (1.d) was formed. Members left: 2"
JOURNAL = (
    f"1795416511.287001 n1 corosync[38]:   {MEMBERSHIP}",
    "1795416511.300000 n1 corosync[38]:   [MAIN  ] Completed service synchronization, ready to provide service.",
    "1795416512.091000 n1 pacemaker-controld[147]:  notice: Initiating start operation vip-internal_start_0 locally",
    "1795416512.500000 n1 haproxy[801]: Server galera/n2 is DOWN, reason: Layer4 timeout, check duration: 1001ms.",
    "1795416513.000000 n1 systemd[1]: haproxy.service: Main process exited, code=killed, status=9/KILL",
    "1795416513.100000 n1 systemd[1]: halab-galera-check@17.service: Deactivated successfully.",
)
DATABASE = (
    "2026-11-23  6:48:31 0 [Note] WSREP: declaring 114e5bc6-bdf9 at tcp://10.66.1.13:4567 stable",
    "2026-11-23  6:48:32 0 [Note] WSREP: view(view_id(PRIM,114e5bc6-bdf9,8) memb {",
    "2026-11-23 16:48:33 2 [Note] WSREP: Synchronized with group, ready for connections",
)
BROKER = ("2026-11-23 06:48:39.678194+00:00 [info] <0.1416.0> rabbit on node rabbit@n1 down",
          "2026-11-23 06:48:39.700000+00:00 [info] <0.1643.0> Server startup complete; 0 plugins started.")


def epoch(hour: int, minute: int, second: float) -> float:
    return datetime(2026, 11, 23, hour, minute, tzinfo=UTC).timestamp() + second


def on_a_node(tmp_path: Path, zone: str) -> str:
    """What the script itself prints where these are the logs."""
    tools, logs = tmp_path / "bin", tmp_path / "logs"
    for folder in (tools, logs):
        folder.mkdir()
    for name, lines in (("journal", JOURNAL), ("error.log", DATABASE), ("rabbit@n1.log", BROKER)):
        (logs / name).write_text("".join(f"{line}\n" for line in lines))
    for name, body in (("journalctl", f"cat {logs}/journal"), ("date", f"echo {zone}")):
        (tools / name).write_text(f"#!/bin/sh\n{body}\n")
        (tools / name).chmod(0o755)
    script = nodelog.script(1795416500.0).replace("/var/log/mysql", str(logs)).replace("/var/log/rabbitmq", str(logs))
    return subprocess.run(["bash", "-s"], input=script, env={"PATH": f"{tools}:/usr/bin:/bin"}, capture_output=True,
                          text=True, timeout=20, check=True).stdout


def test_the_lines_that_matter_and_no_others(tmp_path: Path) -> None:
    found = nodelog.parse(on_a_node(tmp_path, "+0000"))
    assert [(source, text) for _, source, text in found] == [
        ("corosync", MEMBERSHIP),
        ("pacemaker-controld", "notice: Initiating start operation vip-internal_start_0 locally"),
        ("haproxy", "Server galera/n2 is DOWN, reason: Layer4 timeout, check duration: 1001ms."),
        ("systemd", "haproxy.service: Main process exited, code=killed, status=9/KILL"),
        ("galera", "WSREP: declaring 114e5bc6-bdf9 at tcp://10.66.1.13:4567 stable"),
        ("galera", "WSREP: Synchronized with group, ready for connections"),
        ("rabbitmq", "rabbit on node rabbit@n1 down"),
    ]
    times = [at for at, _, _ in found]
    assert times[0] == 1795416511.287001
    assert times[4:] == [epoch(6, 48, 31), epoch(16, 48, 33), epoch(6, 48, 39.678194)]


def test_an_answer_that_breaks_off_is_none(tmp_path: Path) -> None:
    said = on_a_node(tmp_path, "+0000")
    assert nodelog.whole(said)
    assert not nodelog.whole(said[: len(said) // 2]) and not nodelog.whole("")


def test_whose_logs_were_read_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """n1 has nothing to say and was read; n2 breaks off, n3 fails, n4 is silent."""
    answers = {"n1": "#journal\n#galera +0000\n#rabbitmq\n#end\n", "n2": f"#journal\n{JOURNAL[0]}\n"}

    def asked(node: str, *_: object, **__: object) -> SimpleNamespace:
        if node not in answers:
            raise HalabError("no answer", where=node, remedy="")
        return SimpleNamespace(stdout=answers[node])

    noted: list[str] = []
    lab = SimpleNamespace(
        plan=SimpleNamespace(nodes=[SimpleNamespace(name=f"n{at}") for at in range(1, 5)]),
        paths=SimpleNamespace(secrets=tmp_path), driver=SimpleNamespace(slowness=1.0),
        shell=SimpleNamespace(run=asked), events=SimpleNamespace(emit=lambda kind, **data: noted.append(data["text"])))
    monkeypatch.setattr(nodelog, "ssh_banner", lambda _, node: node != "n4")
    monkeypatch.setattr(nodelog.clock, "offset", lambda *_: SimpleNamespace(ahead=0.0))
    assert nodelog.keep(cast("Lab", lab), tmp_path, 1795416500.0) == ("n1",)
    assert nodelog.load(tmp_path / nodelog.LOG_FILE) == () and not noted
    monkeypatch.setattr(nodelog, "Redactor", lambda _: (_ for _ in ()).throw(OSError("disk")))
    assert nodelog.keep(cast("Lab", lab), tmp_path, 1795416500.0) == () and "disk" in noted[0]


def test_a_slow_node_is_given_its_time_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The shell stretches every timeout itself: 30 s became 6750 on nodes that are 15 times slower."""
    given: list[float] = []

    def asked(*_: object, timeout: float, **__: object) -> SimpleNamespace:
        given.append(timeout)
        return SimpleNamespace(stdout="#end\n")

    lab = SimpleNamespace(plan=SimpleNamespace(nodes=[SimpleNamespace(name="n1")]), shell=SimpleNamespace(run=asked),
                          paths=SimpleNamespace(secrets=tmp_path), driver=SimpleNamespace(slowness=15.0))
    monkeypatch.setattr(nodelog, "ssh_banner", lambda *_: True)
    monkeypatch.setattr(nodelog.clock, "offset", lambda *_: SimpleNamespace(ahead=0.0))
    assert nodelog.collect(cast("Lab", lab), 1795416500.0) == (("n1",), []) and given == [30.0]


def test_a_lost_member_is_kept_however_much_was_said() -> None:
    lines = [LogLine(float(at), "n1", "haproxy", "Server galera/n2 is DOWN") for at in range(nodelog.MOST + 50)]
    late = LogLine(9999.0, "n1", "corosync", MEMBERSHIP)
    assert nodelog.kept([*lines, late]) == [*lines[:nodelog.MOST], late]


def test_a_database_writes_the_time_of_its_zone(tmp_path: Path) -> None:
    found = nodelog.parse(on_a_node(tmp_path, "+0200"))
    assert [at for at, source, _ in found if source == "galera"] == [epoch(4, 48, 31), epoch(14, 48, 33)]


def test_what_is_torn_is_left_out(tmp_path: Path) -> None:
    assert nodelog.parse("#journal\nnot a line of a journal\n#galera +0000\n  map {\n#rabbitmq\n") == []
    path = tmp_path / nodelog.LOG_FILE
    path.write_text('{"at": 1.5, "node": "n1", "source": "corosync", "text": "x"}\n{"at": 2')
    assert nodelog.load(path) == (LogLine(1.5, "n1", "corosync", "x"),)
    assert nodelog.load(tmp_path / "none") == ()
