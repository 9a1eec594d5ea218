"""Gates on words that real daemons said, and on words that must not be taken for health."""

from __future__ import annotations

import copy
import shlex
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from invoke.parser import Parser

from lab import gates
from lab.errors import DeadlineError, NodeError
from lab.gates import Look
from lab.gates.haproxy import GATE as HAPROXY
from lab.gates.keystone import GATE as KEYSTONE
from lab.gates.membership import GATE as MEMBERSHIP
from lab.gates.memcached import GATE as MEMCACHED
from lab.gates.rabbitmq import GATE as RABBITMQ
from lab.gates.resources import GATE as RESOURCES
from lab.node.shell import Completed
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options

QUORUM = """Quorum information
------------------
Quorum provider:  corosync_votequorum
Nodes:            3
Node ID:          1
Ring ID:          1.9
Quorate:          Yes

Votequorum information
----------------------
Expected votes:   3
Highest expected: 3
Total votes:      3
Quorum:           2
Flags:            Quorate WaitForAll

Membership information
----------------------
    Nodeid      Votes Name
         1          1 10.66.2.11 (local)
         2          1 10.66.2.12
         3          1 10.66.2.13
"""


class FakeShell:
    """Answers by node, the same for every command."""

    def __init__(self, answers: dict[str, str]) -> None:
        self.answers = answers

    def run(self, node: str, command: str, **options: Any) -> Completed:
        if node not in self.answers:
            raise NodeError(f"{node} cannot be reached over SSH")
        return Completed(self.answers[node], "", 0)

    def on_all(self, nodes: Any, command: str, **options: Any) -> dict[str, Completed]:
        return {node: self.run(node, command) for node in nodes}


class FakeLab:
    def __init__(self, answers: dict[str, str] | str, *, api: bool = False) -> None:
        self.plan = make_plan(topology_from_options(api=api))
        names = [node.name for node in self.plan.nodes]
        self.shell = FakeShell(answers if isinstance(answers, dict) else dict.fromkeys(names, answers))
        self.name = self.plan.lab
        self.events = Events()
        self.driver = SimpleNamespace(slowness=1.0)


class Events:
    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, Any]]] = []

    def emit(self, kind: str, node: str = "", **data: Any) -> None:
        self.said.append((kind, data))


def look(gate: Any, lab: Any) -> Look:
    found: Look = gate.look(lab)
    return found


def test_membership_holds_when_all_say_the_same() -> None:
    assert look(MEMBERSHIP, FakeLab(QUORUM)).ok


@pytest.mark.parametrize(("text", "words"), [
    (QUORUM.replace("Quorate:          Yes", "Quorate:          No"), "n1 is not quorate"),
    (QUORUM.replace("         3          1 10.66.2.13\n", ""), "n1 sees members [1, 2]"),
    ("Cannot initialize QUORUM service\n", "corosync does not answer"),
])
def test_membership_names_what_does_not_hold(text: str, words: str) -> None:
    seen = look(MEMBERSHIP, FakeLab(text))
    assert not seen.ok and words in seen.detail


DEVICE = (QUORUM.replace("Votes Name", "Votes    Qdevice Name")
          .replace("         1 10.66", "         1    A,V,NMW 10.66")
          + "         0          1            Qdevice\n")


@pytest.mark.parametrize(("text", "words"), [
    (DEVICE, ""),
    (QUORUM, "no vote from the quorum device"),
    (DEVICE.replace("0          1            Qdevice", "0          0            Qdevice (votes 1)"), "no vote"),
    (DEVICE.replace("A,V,NMW 10.66.2.11", "A,NV,NMW 10.66.2.11"), "no vote"),
    (DEVICE.replace("         3          1    A,V,NMW 10.66.2.13\n", ""), "sees members [1, 2]"),
])
def test_an_even_cluster_wants_the_device_s_vote(text: str, words: str) -> None:
    lab = FakeLab(text)
    lab.plan = lab.plan.model_copy(update={
        "clusters": tuple(cluster.model_copy(update={"qdevice": True}) for cluster in lab.plan.clusters)})
    seen = look(MEMBERSHIP, lab)
    assert seen.ok is (words == "") and words in seen.detail


def test_one_node_with_another_view_is_seen() -> None:
    alone = QUORUM.replace("         3          1 10.66.2.13\n", "")
    seen = look(MEMBERSHIP, FakeLab({"n1": QUORUM, "n2": QUORUM, "n3": alone}))
    assert not seen.ok and "n3 sees" in seen.detail


def stat(*status: str) -> str:
    rows = [f"galera,n{number},{word}," for number, word in enumerate(status, 1)]
    return "# pxname,svname,status,\nhealth,FRONTEND,OPEN,\n" + "\n".join(rows) + "\ngalera,BACKEND,UP,\n"


@pytest.mark.parametrize(("text", "words"), [
    (stat("UP", "UP", "UP"), ""),
    (stat("UP", "DOWN", "UP"), "n2 is DOWN"),
    (stat("UP", "UP 1/2", "UP"), "n2 is UP 1/2"),
    (stat("UP", "UP"), "balances 2 servers, the plan has 3"),
    ("", "does not answer"),
])
def test_haproxy_wants_every_backend_up(text: str, words: str) -> None:
    seen = look(HAPROXY, FakeLab(text))
    assert seen.ok is (words == "") and words in seen.detail


def test_rabbitmq_s_answer_is_read() -> None:
    lab = FakeLab("{ok, {[rabbit@n1, rabbit@n2], [rabbit@n1, rabbit@n2, rabbit@n3], 0, 0, pause_minority, 0}}")
    lab.namespace = SimpleNamespace(connect=lambda *_, **__: SimpleNamespace(close=lambda: None))  # type: ignore[attr-defined]
    assert "n1: running are n1, n2" in look(RABBITMQ, lab).detail
    lab.shell.answers = {node: "{ok, {[rabbit@n1, rabbit@n2, rabbit@n3],\n [rabbit@n1, rabbit@n2, rabbit@n3], 0, 1, "
                               "pause_minority, 0}}" for node in ("n1", "n2", "n3")}
    assert "0 partitions, 1 alarms" in look(RABBITMQ, lab).detail
    brokers = "[rabbit@n1, rabbit@n2, rabbit@n3]"
    lab.shell.answers["n1"] = f"{{ok, {{{brokers}, {brokers}, 0, 0, ignore, 2}}}}"
    assert "n1: 2 queues lack the replica" in look(RABBITMQ, lab).detail
    lab.shell.answers = dict.fromkeys(("n1", "n2", "n3"), "error: connection refused")
    assert "the broker does not answer: error" in look(RABBITMQ, lab).detail


def test_half_an_answer_of_pacemaker_is_not_yet() -> None:
    lab = FakeLab("")
    result = gates._look(lab, RESOURCES, time.monotonic())  # type: ignore[arg-type]
    assert not result.ok and "does not answer yet" in result.detail


CRM = (Path(__file__).parent.parent / "lab" / "explain" / "samples" / "crm_mon.xml").read_text()
REMEMBERED = ('<failures><failure op_key="galera_monitor_15000" node="n2" exitstatus="not running" exitreason=""/>'
              "</failures></pacemaker-result>")


@pytest.mark.parametrize(("change", "ok", "words"), [
    (("", ""), True, "11 resource instances in place, no failed action"),
    # Recovered: Pacemaker remembers it until failure-timeout, and nothing is missing.
    (("</pacemaker-result>", REMEMBERED), True, "remembered failures: galera_monitor_15000 on n2"),
    (('id="vip-public" resource_agent="ocf:heartbeat:IPaddr2" role="Started" active="true" orphaned="false" '
      'blocked="false"', 'id="vip-public" resource_agent="ocf:heartbeat:IPaddr2" role="Started" active="true" '
      'orphaned="false" blocked="true"'), False, "vip-public is failed or blocked"),
    (('role="Promoted" active="true"', 'role="Unpromoted" active="true"'), False, "galera is n"),
    # Each is where it belongs and yet nobody would bring it back, or bring it anywhere else.
    (('blocked="false" managed="true"', 'blocked="false" managed="false"'), False, "is unmanaged"),
    (('id="vip-public" orphan="false" migration-threshold="5"',
      'id="vip-public" orphan="false" migration-threshold="5" fail-count="5" last-failure="x"'), False,
     "n2 may not take vip-public after 5 failures"),
    (('id="vip-public" orphan="false" migration-threshold="5"',
      'id="vip-public" orphan="false" migration-threshold="5" fail-count="4" last-failure="x"'), True, "in place"),
    (('id="vip-public" orphan="false" migration-threshold="5"',
      'id="vip-public" orphan="false" migration-threshold="5" fail-count="INFINITY" last-failure="x"'), False,
     "n2 may not take vip-public after INFINITY failures"),
    # Back and whole, and yet somebody still tries to switch it off.
    (('status="success" delegate', 'status="pending" extended-status="1" delegate'), False, "n3 is being fenced"),
])
def test_resources_count_what_is_missing_not_what_was_recovered(change: tuple[str, str], ok: bool, words: str) -> None:
    assert change[0] in CRM
    seen = look(RESOURCES, FakeLab(CRM.replace(*change)))
    assert seen.ok is ok and words in seen.detail


def test_an_answer_that_makes_no_sense_is_not_yet() -> None:
    class Odd:
        name = "odd"
        after = ()

        def look(self, lab: Any) -> Look:
            raise KeyError("wsrep_cluster_status")

        def show(self, lab: Any) -> str:
            return "./inv lab.status"

    result = gates._look(FakeLab(""), Odd(), time.monotonic())  # type: ignore[arg-type]
    assert not result.ok and "wsrep_cluster_status" in result.detail


def test_memcached_names_the_node_that_refuses() -> None:
    class Refusing:
        def connect(self, address: str, port: int, timeout: float) -> Any:
            raise ConnectionRefusedError(111, "Connection refused")

    lab = FakeLab("")
    lab.namespace = Refusing()  # type: ignore[attr-defined]
    assert look(MEMCACHED, lab).detail == "memcached on n1: Connection refused"


@pytest.mark.parametrize(("at_fault", "status", "words"), [
    ("", 200, "3 instances answer, and through 2 VIPs"), ("10.66.1.12", 500, "Keystone on n2 answers with 500"),
    ("10.66.1.200", 503, "Keystone on VIP public answers with 503"), ("10.66.1.13", None, "Keystone on n3: refused")])
def test_keystone_is_asked_on_each_node_and_through_each_vip(at_fault: str, status: int | None, words: str) -> None:
    class Web:
        def http_status(self, host: str, port: int, path: str, timeout: float) -> int:
            if host == at_fault and status is None:
                raise ConnectionRefusedError("refused")
            return status or 500 if host == at_fault else 200

    lab = FakeLab("", api=True)
    lab.namespace = Web()  # type: ignore[attr-defined]
    seen = look(KEYSTONE, lab)
    assert (seen.ok, seen.detail) == (at_fault == "", words)


def test_a_proxy_without_the_api_s_servers_is_not_whole() -> None:
    lab = FakeLab(stat("UP", "UP", "UP"), api=True)
    assert look(HAPROXY, lab).detail == "n1 balances 3 servers, the plan has 6"
    api = "".join(f"keystone,n{number},{word},\n" for number, word in enumerate(("UP", "DOWN", "UP"), 1))
    lab = FakeLab(stat("UP", "UP", "UP") + api, api=True)
    assert look(HAPROXY, lab).detail == "n1: n2 is DOWN"


def test_looks_are_spaced_by_what_they_cost_where_nodes_are_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        name = "slow"
        after = ()
        looks = 0

        def look(self, lab: Any) -> Look:
            self.looks += 1
            clock[0] += 20.0
            return Look(self.looks == 2, "")

        def show(self, lab: Any) -> str:
            return "./inv lab.status"

    clock = [0.0]
    slept: list[float] = []
    monkeypatch.setattr(gates.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(gates.time, "sleep", slept.append)
    for slowness in (1.0, 15.0):
        lab: Any = FakeLab("")
        lab.driver.slowness = slowness
        gates._await(lab, Slow(), {"slow": threading.Event()}, 0.0, 1e6)
    assert slept == [0.2, 20.0]


def test_waiting_ends_with_the_lowest_red_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    class Red:
        def __init__(self, name: str, after: tuple[str, ...] = ()) -> None:
            self.name, self.after = name, after

        def look(self, lab: Any) -> Look:
            return Look(False, f"{self.name} is red")

        def show(self, lab: Any) -> str:
            return f"show {self.name}"

    monkeypatch.setattr(gates, "gates_of", lambda plan: [Red("first"), Red("second", ("first",))])
    with pytest.raises(DeadlineError, match="gate 'first' is not green") as caught:
        gates.await_all(FakeLab(""), time.monotonic() + 0.1)  # type: ignore[arg-type]
    assert caught.value.where == "show first"


def test_a_gate_that_turns_red_while_others_are_waited_for_is_waited_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[bool] = []

    class Flickers:
        name, after = "flickers", ()

        def look(self, lab: Any) -> Look:
            looks.append(len(looks) != 1)  # green, red in the look together, then green
            return Look(looks[-1], "")

        def show(self, lab: Any) -> str:
            return ""

    monkeypatch.setattr(gates, "gates_of", lambda plan: [Flickers()])
    results = gates.await_all(FakeLab(""), time.monotonic() + 5)  # type: ignore[arg-type]
    assert [result.ok for result in results] == [True] and looks == [True, False, True, True]


def test_the_commands_that_gates_name_can_be_typed() -> None:
    """Each is parsed by the real command line."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    from tasks import namespace

    lab: Any = FakeLab("")
    for gate in gates.gates_of(lab.plan):
        words = shlex.split(gate.show(lab))
        assert words[0] == "./inv"
        # A copy: invoke takes the help texts out of a task when it makes its arguments.
        parsed = Parser(contexts=copy.deepcopy(namespace).to_contexts()).parse_argv(words[1:])
        assert parsed[0].name.startswith("lab.")
