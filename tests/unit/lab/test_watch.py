"""The live view: what an agent reads, what becomes of it, and how it looks when a node dies."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cli.views.watch import rendered, show_once
from lab.errors import NodeError
from lab.lab import Lab
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state.events import EventLog
from lab.state.home import LabPaths
from lab.watch import Cost, Look, agent
from lab.watch.feed import STALE, Feed, Sample, questions
from lab.watch.picture import Picture, picture
from lab.watch.said import Said, said_from

SAMPLES = Path(__file__).parent / "explain" / "samples"
TRIE = """\
Local:
  +-- 0.0.0.0/0 3 0 5
        +-- 10.66.1.0/24 2 0 2
           |-- 10.66.1.12
              /32 host LOCAL
           |-- 10.66.1.200
              /32 host LOCAL
           |-- 10.66.1.255
              /32 link BROADCAST
"""
TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 0C01420A:1628 00000000:0000 0A 00000000:00000000 00:00000000 00000000   106
   1: 0C01420A:0CEA 0B01420A:1629 01 00000000:00000000 00:00000000 00000000   105
"""
NODES = ("n1", "n2", "n3")
QUORUM, CRM, STAT = ((SAMPLES / name).read_text() for name in ("n1.quorum.txt", "crm_mon.xml", "stat.csv"))
BROKERS = "{ok, {[rabbit@n1, rabbit@n2, rabbit@n3], [rabbit@n1, rabbit@n2, rabbit@n3], 0, 0, pause_minority, 0}}"


def test_what_the_kernel_says() -> None:
    assert agent.addresses(TRIE) == {"10.66.1.12", "10.66.1.200"}
    assert agent.listens(TCP, 5672) and not agent.listens(TCP, 3306) and not agent.listens("", 5672)


def test_what_the_daemons_say_is_read_here() -> None:
    said = said_from({"vips": [], "cpu": 0.1, "quorum": QUORUM, "crm": CRM, "stat": STAT, "brokers": BROKERS,
                      "check": "HTTP/1.0 200 OK\r\n\r\nWSREP_CLUSTER_STATUS=Primary, WSREP_LOCAL_STATE=4\n"})
    assert said.quorum is not None and said.quorum.quorate and said.quorum.members == (1, 2, 3)
    assert said.crm is not None and said.crm.dc == "n2" and [one.name for one in said.crm.members] == list(NODES)
    assert said.crm.places("vip-public") == {"n2": "Started"} and len(said.crm.places("galera")) == 3
    assert said.brokers is not None and (said.brokers.running, said.brokers.partitions) == (NODES, 0)
    assert [(one.proxy, one.name, one.status) for one in said.backends] == [("galera", node, "UP") for node in NODES]
    assert said.galera == "Synced"
    silent = said_from({"vips": [], "cpu": 0.1, "quorum": "Cannot initialize QUORUM service\n", "stat": "", "check": "",
                        "crm": "crm_mon: Not connected", "brokers": "error: connection refused"})
    assert (silent.quorum, silent.crm, silent.brokers, silent.backends, silent.galera) == (None, None, None, (), "")
    outside = {"vips": [], "cpu": 0.1, "check": "WSREP_CLUSTER_STATUS=non-Primary, WSREP_LOCAL_STATE=0"}
    assert said_from(outside).galera == "Undefined non-Primary"


def test_each_host_is_asked_for_what_it_has() -> None:
    plan = make_plan(topology_from_options(nodes="4", qdevice=True, driver="fake"))
    first = questions(plan, plan.nodes[0], leads=True)
    assert set(first["commands"]) == {"quorum", "crm", "brokers"} and first["proxy"] and first["check"] == 9200
    assert set(questions(plan, plan.nodes[1], leads=False)["commands"]) == {"quorum"}
    assert plan.qnetd is not None
    assert questions(plan, plan.qnetd, leads=False) | {"vips": [], "control": ""} == {
        "vips": [], "control": "", "commands": {}, "check": 0, "listens": 0, "proxy": ""}


def test_a_daemon_is_asked_again_when_its_log_has_grown(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\n")
    asked: list[int] = []
    source = agent.Asked(str(log), 60)
    for _ in range(3):
        source.get(lambda: asked.append(1))
    assert len(asked) == 1
    log.write_text("one\ntwo\n")
    source.get(lambda: asked.append(1))
    assert len(asked) == 2


def test_the_program_speaks_each_second_and_ends_with_its_input() -> None:
    source = Path(agent.__file__).read_text()
    config = {"vips": [], "control": "127.0.0.1", "check": 0, "listens": 0, "proxy": "",
              "commands": {"quorum": {"text": f"cat {SAMPLES / 'n1.quorum.txt'}", "log": ""}}}
    with subprocess.Popen([sys.executable, "-c", "import sys; exec(sys.stdin.read(int(sys.stdin.readline())))"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write(f"{len(source)}\n{source}{json.dumps(config)}\n")
        child.stdin.flush()
        first = said_from(json.loads(child.stdout.readline()))
        second = said_from(json.loads(child.stdout.readline()))
        assert first.vips == () and first.quorum is not None and second.cpu >= first.cpu > 0
        child.stdin.close()
        assert child.wait(5) == 0


# --- the picture -------------------------------------------------------------------------------


def words(lead: bool = False, **changes: Any) -> Said:
    raw: dict[str, Any] = {
        "vips": [], "quorum": QUORUM, "check": "WSREP_CLUSTER_STATUS=Primary, WSREP_LOCAL_STATE=4",
        "listens": True, "cpu": 0.5}
    if lead:
        raw |= {"crm": CRM, "brokers": BROKERS}
    return said_from(raw | changes)


def healthy() -> dict[str, Said]:
    return {"n1": words(lead=True), "n2": words(vips=["10.66.1.200", "10.66.1.201"], stat=STAT),
            "n3": words()}


def seen(said: dict[str, Said], ages: dict[str, float] | None = None, power: dict[str, str] | None = None) -> Picture:
    plan = make_plan(topology_from_options(name="demo", driver="fake"))
    latest = {node: Sample(100.0 - (ages or {}).get(node, 0.2), one) for node, one in said.items()}
    return picture(plan, dict.fromkeys(NODES, "on") | (power or {}), latest, 100.0)


def test_a_healthy_lab() -> None:
    shown = seen(healthy())
    assert [node.cluster for node in shown.nodes] == ["online", "online DC", "online"]
    assert {node.rabbitmq for node in shown.nodes} == {"running"} and not shown.trouble
    assert [vip.holder for vip in shown.vips] == ["n2", "n2"]
    (cluster,) = shown.clusters
    assert (cluster.quorate, cluster.members, cluster.dc) == (True, 3, "n2")
    assert ("galera", "Promoted n1 n2 n3") in cluster.resources


def test_what_a_dead_node_said_is_old_and_counts_for_nothing() -> None:
    shown = seen(healthy(), ages={"n2": 12.0}, power={"n2": "off"})
    dead = shown.nodes[1]
    assert dead.stale and dead.power == "off" and dead.vips == ("public", "internal")
    assert [vip.holder for vip in shown.vips] == ["", ""] and shown.backends == ()


def test_trouble_is_told() -> None:
    said = healthy()
    alone = QUORUM.replace("Quorate:          Yes", "Quorate:          No")
    apart = BROKERS.replace("[rabbit@n1, rabbit@n2, rabbit@n3]", "[rabbit@n1]", 1).replace("0, 0", "1, 0")
    said["n1"] = words(lead=True, vips=["10.66.1.200"], quorum=alone, brokers=apart)
    said["n2"] = words(vips=["10.66.1.200"], quorum=None, listens=False)
    said["n3"] = words(quorum=None, check="")
    shown = seen(said)
    assert shown.trouble == ("controllers: NO QUORUM", "public: 2 holders", "RabbitMQ: 1 partitions")
    assert [node.rabbitmq for node in shown.nodes] == ["running", "down", "apart"]
    assert seen({}).trouble == ("controllers: no node answers",)


@pytest.mark.parametrize("columns", [80, 200])
def test_it_fits(columns: int) -> None:
    screen = Console(width=columns, record=True, force_terminal=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    screen.print(rendered(Look(100.0, seen(healthy(), ages={"n3": 7.0}, power={"n3": "off"}), Cost(0.021, 0.013))))
    text = screen.export_text()
    lines = text.splitlines()
    assert max(map(len, lines)) <= columns
    rows = {line.split()[0]: line.split() for line in lines if line.startswith(("n1 ", "n2 ", "n3 "))}
    assert rows["n2"] == ["n2", "on", "now", "online", "DC", "Synced", "running", "public", "internal"]
    assert rows["n3"] == ["n3", "off", "7", "s", "ago", "online", "(Synced)", "(running)"]
    assert "public 10.66.1.200 on n2" in " ".join(text.split())
    assert "watching costs 2.1% of a core here, 1.3% on the nodes; Ctrl-C ends it" in text
    for word in ("NODE", "BACKEND", "controllers", "quorate", "3 of 3 members", "DC n2", "Promoted n1 n2 n3"):
        assert word in text
    assert "..." not in text and "\u2026" not in text


def test_sixteen_nodes_fit_too(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    plan = make_plan(topology_from_options(name="demo", driver="fake", nodes="16"))
    latest = {node.name: Sample(99.9, words(lead=node.name == "n1")) for node in plan.nodes}
    show_once(Look(100.0, picture(plan, {node.name: "on" for node in plan.nodes}, latest, 100.0)))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80 and len([line for line in lines if " now " in line]) == 16
    assert not any("\033" in line for line in lines)


# --- the feed -------------------------------------------------------------------------------


class Streams:
    """Agents that speak ten times a second, as long as their node lives."""

    def __init__(self) -> None:
        self.dead: set[str] = set()
        self.open: set[str] = set()
        self.leading: list[str] = []

    def stream(self, node: str, command: str, ended: threading.Event, *, stdin: str = "") -> Iterator[str]:
        config = json.loads(stdin.splitlines()[-1])
        if "crm" in config["commands"]:
            self.leading.append(node)
        self.open.add(node)
        try:
            while not ended.is_set():
                if node in self.dead:
                    raise NodeError("the stream broke")
                yield json.dumps({"vips": [], "cpu": 0.1, "crm": None})
                ended.wait(0.02)
        finally:
            self.open.discard(node)

    def close(self) -> None: ...


def test_the_feed_finds_another_speaker_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan(topology_from_options(name="fake", driver="fake"))
    paths = LabPaths.of("fake")
    paths.root.mkdir(parents=True)
    lab = Lab(plan, paths, EventLog(paths.events))
    streams = Streams()
    lab.__dict__["shell"] = streams
    for node in NODES:
        lab.driver.power.on(node)
    monkeypatch.setattr("lab.watch.feed.STALE", 0.2)
    with Feed(lab) as feed:
        await_(lambda: set(feed.latest()) == set(NODES))
        assert streams.leading == ["n1"]
        streams.dead.add("n1")
        await_(lambda: bool(feed.latest()) and "n2" in streams.leading)
        assert "n1" in feed.latest()  # its last words are kept
    assert streams.open == set()


def await_(holds: Any) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_stale_is_more_than_two_missed_words() -> None:
    assert 2 * agent.PERIOD < STALE
