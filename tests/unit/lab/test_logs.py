"""One log on one clock: journals of nodes whose clocks differ, and the lab's diary between their lines."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from cli.views.logs import clock_notes, log_lines
from lab.errors import NodeError, RefusedError
from lab.lab import Lab
from lab.node import logs
from lab.node.logs import Entry, Offset, Query, merged, parse
from lab.node.shell import Completed
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state import write_atomically
from lab.state.events import EventLog
from lab.state.home import LabPaths

NOW = time.time() + 10_000  # later than anything that the diary says meanwhile


def line(at: float, text: object, who: str = "corosync", pid: str | None = "7") -> str:
    """As ``journalctl --output=json`` writes it."""
    raw = {"__REALTIME_TIMESTAMP": str(int(at * 1e6)), "MESSAGE": text, "SYSLOG_IDENTIFIER": who}
    return json.dumps(raw | ({"_PID": pid} if pid else {}))


class Nodes:
    """Journals by node, and by how much each node's clock is ahead."""

    def __init__(self, journals: dict[str, list[str]], ahead: dict[str, float]) -> None:
        self.journals, self.ahead = journals, ahead
        self.asked: list[str] = []

    def run(self, node: str, command: str, **_: Any) -> Completed:
        self.asked.append(command)
        if command.startswith("date"):
            return Completed(f"{time.time() + self.ahead.get(node, 0.0):.6f}\n", "", 0)
        if node not in self.journals:
            raise NodeError(f"{node} cannot be reached")
        return Completed("\n".join(self.journals[node]) + "\n", "", 0)

    def close(self) -> None: ...


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    plan = make_plan(topology_from_options(name="fake", driver="fake"))
    paths = LabPaths.of("fake")
    write_atomically(paths.plan, plan.model_dump_json())
    lab = Lab(plan, paths, EventLog(paths.events))
    for node in plan.nodes:
        lab.driver.power.on(node.name)
    monkeypatch.setattr(Lab, "open", classmethod(lambda cls, name: lab))
    return lab


def having(lab: Lab, journals: dict[str, list[str]], ahead: dict[str, float] | None = None) -> Nodes:
    nodes = Nodes(journals, ahead or {})
    lab.__dict__["shell"] = nodes
    return nodes


def texts(found: logs.Merged) -> list[str]:
    return [entry.text for entry in found.entries if entry.event is None]


def test_the_host_of_the_quorum_device_is_read_too(lab: Lab) -> None:
    lab.__dict__["plan"] = make_plan(topology_from_options(name="fake", driver="fake", nodes="4", qdevice=True))
    assert logs._nodes(lab, Query()) == ["n1", "n2", "n3", "n4", "qnetd"]
    assert logs._nodes(lab, Query(node="qnetd")) == ["qnetd"]


def test_lines_come_by_time_with_the_diary_between_them(lab: Lab) -> None:
    having(lab, {"n1": [line(NOW + 1, "first"), line(NOW + 400, "third")], "n2": [line(NOW + 2, "second")], "n3": []})
    found = merged("fake", Query(since=100))
    assert texts(found) == ["first", "second", "third"]
    kinds = [entry.event.kind for entry in found.entries if entry.event is not None]
    assert kinds.count("power.on") == 3 and found.entries[-1].text == "third"
    assert found.offsets == {} and found.notes == ()  # these nodes share the host's clock: nobody is asked


class Tails(Nodes):
    """Streams that give all of a node's journal from the asked moment on, and break after each reading."""

    def stream(self, node: str, command: str, ended: threading.Event, *, stdin: str = "") -> Iterator[str]:
        self.asked.append(command)
        since = float(command.split("--since=@")[1].split()[0])
        for raw in list(self.journals.get(node, [])):
            if int(json.loads(raw)["__REALTIME_TIMESTAMP"]) / 1e6 >= since:
                yield raw
        raise NodeError("the stream broke")


def test_no_line_is_lost_between_the_merged_log_and_its_tails_nor_shown_twice(lab: Lab) -> None:
    now = time.time()
    nodes = Tails({"n1": [line(now - 60, "old"), line(now - 0.1, "shown")], "n2": [], "n3": []}, {})
    lab.__dict__["shell"] = nodes
    found = merged("fake", Query())
    assert texts(found) == ["old", "shown"]
    # Before the tails are there.
    nodes.journals["n1"].append(line(found.at + 0.001, "between"))
    lab.events.emit("note", text="in the diary")
    following = logs.follow("fake", Query(), found)
    said = [next(following), next(following)]
    assert {entry.text.split()[-1] for entry in said} == {"between", "diary"}
    nodes.journals["n1"].append(line(time.time(), "after the stream broke"))
    assert next(following).text == "after the stream broke"
    following.close()  # type: ignore[attr-defined]


def test_a_clock_that_is_ahead_is_measured_and_corrected(lab: Lab) -> None:
    lab.driver.capabilities = frozenset({"own_clock"})
    nodes = having(lab, {"n1": [line(NOW + 60.5, "later")], "n2": [line(NOW + 2, "sooner")], "n3": []}, {"n1": 58.0})
    found = merged("fake", Query(since=100))
    assert texts(found) == ["sooner", "later"]
    assert found.offsets["n1"].ahead == pytest.approx(58.0, abs=0.1)
    assert abs(found.offsets["n2"].ahead) < 0.1
    # The question to the node is on its own clock.
    since = [float(command.split("--since=@")[1].split()[0]) for command in nodes.asked if "--since" in command]
    assert max(since) - min(since) == pytest.approx(58, abs=2)


def test_a_node_without_power_is_read_from_its_disk(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.driver.power.off("n3")
    having(lab, {"n1": [line(NOW, "alive")], "n2": []})
    missing = merged("fake", Query())
    assert missing.notes == ("n3 is off: its journal cannot be read; ./inv lab.logs --node=n3 --name=fake shows its "
                             "console",)
    (lab.paths.node("n3") / "upper/var/log/journal").mkdir(parents=True)
    monkeypatch.setattr(logs, "from_disk", lambda folder, command: line(NOW - 5, "last words"))
    found = merged("fake", Query())
    assert texts(found) == ["last words", "alive"]
    assert found.notes == ("n3 is off: its journal is read from its disk",)


def test_patterns_and_counts(lab: Lab) -> None:
    having(lab, {"n1": [line(NOW + at, f"token {at}") for at in range(5)], "n2": [line(NOW, "quorum", "pacemaker")],
                 "n3": []})
    assert texts(merged("fake", Query(pattern="TOKEN [12]"))) == ["token 1", "token 2"]
    assert texts(merged("fake", Query(pattern="pacemaker"))) == ["quorum"]
    assert texts(merged("fake", Query(lines=2))) == ["token 3", "token 4"]
    assert {entry.node for entry in merged("fake", Query(node="n2")).entries} == {"n2"}
    with pytest.raises(RefusedError, match="is not a pattern"):
        merged("fake", Query(pattern="(("))
    with pytest.raises(RefusedError, match="There is no node 'n9'"):
        merged("fake", Query(node="n9"))


def test_odd_lines() -> None:
    text = "\n".join([line(1.5, list(b"caf\xc3\xa9")), "{torn", line(2, None), "null", line(3, "no pid", pid=None)])
    assert parse("n1", text, Offset(0.5, 0.0)) == [
        Entry(1.0, "n1", "corosync[7]", "caf\u00e9"), Entry(2.5, "n1", "corosync", "no pid")]


def test_how_it_looks(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    lab.events.emit("power.off", "n1")
    having(lab, {"n1": [line(NOW + 99, "gone")], "n2": [], "n3": []}, {"n1": 58.0})
    found = merged("fake", Query())
    log_lines(found.entries)
    shown = capsys.readouterr().out.splitlines()
    assert shown[-1].endswith("  n1    corosync[7]: gone") and shown[-2].endswith("halab: power.off")
    clock_notes(logs.Merged((), {"n1": Offset(-0.25, 0.01)}, ("n3 is off",)))
    assert capsys.readouterr().err.splitlines() == [
        "n1: its clock is 0.250 s behind the host's (+-0.010 s); its lines are moved by that", "n3 is off"]
