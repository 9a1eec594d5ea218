"""Proofs that must be able to fail: silence is neither an effect nor a cure.

The scripts of the faults run in a real shell here, with clients of daemons that answer or do not.
"""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from inject_fakes import make_lab, shell_of
from inject_shell import lab_with_shell, node_of

from chaos import deadman
from chaos.evidence import UNASKED
from chaos.faults import get_fault
from chaos.faults.base import FAULT_ID
from chaos.faults.guestbase import GuestFault
from chaos.journal import Journal, heal_all, unhealed
from chaos.model import Target
from lab.errors import HalabError
from lab.lab import Lab


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return lab_with_shell(tmp_path, monkeypatch)


# Fault, its parameters, the client that its look asks, and what that one says with the fault and without it.
LOOKS: tuple[tuple[str, dict[str, Any], str, str, str], ...] = (
    ("db.desync", {}, "mariadb", "wsrep_local_state_comment Donor/Desynced", "wsrep_local_state_comment Synced"),
    ("mq.alarm_mem", {}, "erl_call", "{ok, [{{resource_limit,memory,rabbit@n2},[]}]}", "{ok, []}"),
    ("mq.alarm_disk", {}, "erl_call", "{ok, [{{resource_limit,disk,rabbit@n2},[]}]}", "{ok, []}"),
    ("svc.stop", {"unit": "haproxy"}, "systemctl", "ActiveState=failed", "ActiveState=active"),
    ("net.delay", {}, "tc", "qdisc netem 8001: delay 50ms\n Sent 4200 bytes 12 pkt", "qdisc noqueue 0:\n Sent 0 bytes"),
)


@pytest.mark.parametrize(("name", "params", "client", "there", "gone"), LOOKS, ids=[one[0] for one in LOOKS])
def test_who_cannot_be_asked_proves_nothing(lab: Lab, name: str, params: dict[str, Any], client: str, there: str,
                                            gone: str) -> None:
    fault, target = get_fault(name), Target(("n2",), {FAULT_ID: "ab12", **params})
    for proof in (fault.took_effect(lab, target), fault.healed(lab, target)):
        assert not proof.ok and "cannot look" in proof.evidence
    node_of(lab).client(client, f"printf '%s\\n' '{there}'")
    assert fault.took_effect(lab, target).ok and not fault.healed(lab, target).ok
    node_of(lab).client(client, f"printf '%s\\n' '{gone}'")
    assert not fault.took_effect(lab, target).ok and fault.healed(lab, target).ok


def test_a_server_that_names_no_state_is_neither_behind_nor_back(lab: Lab) -> None:
    node_of(lab).client("mariadb", "exit 0")
    fault, target = get_fault("db.desync"), Target(("n2",), {FAULT_ID: "ab12"})
    for proof in (fault.took_effect(lab, target), fault.healed(lab, target)):
        assert not proof.ok and "cannot look" in proof.evidence


def test_an_error_of_the_broker_is_no_list_of_alarms(lab: Lab) -> None:
    node_of(lab).client("erl_call", "echo '{error, badrpc}'")
    assert not get_fault("mq.alarm_mem").healed(lab, Target(("n2",), {FAULT_ID: "ab12"})).ok


def test_no_filter_ends_as_if_nobody_could_be_asked() -> None:
    assert UNASKED not in (0, 1, 2, 126, 127)


def test_the_timer_and_the_journal_stay_until_the_proof(lab: Lab) -> None:
    """Maintenance mode and a silent Pacemaker: neither its deletion nor the look at it came through."""
    journal = Journal(lab.paths.journal)
    journal.arm("pcmk.maintenance", Target(("n2",)))
    with pytest.raises(HalabError) as caught:
        heal_all(lab, within=0.0)
    assert "cannot look" in caught.value.where and len(unhealed(lab.paths)) == 1
    assert not any("halab-undo" in command for _, command in node_of(lab).asked)
    node_of(lab).client("crm_attribute", "echo false")
    node_of(lab).client("systemctl", "exit 0")
    heal_all(lab, within=0.0)
    assert unhealed(lab.paths) == []
    assert "systemctl stop halab-undo" in node_of(lab).asked[-1][1]


def test_a_timer_that_could_not_be_stopped_keeps_the_fault_open(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would undo the same fault of a later run."""
    Journal(lab.paths.journal).arm("pcmk.maintenance", Target(("n2",)))
    node_of(lab).client("crm_attribute", "echo false")

    def cut(*_: object) -> None:
        raise HalabError("the cable is out")

    monkeypatch.setattr(deadman, "disarm", cut)
    with pytest.raises(HalabError, match="not everything"):
        heal_all(lab, within=0.0)
    assert len(unhealed(lab.paths)) == 1


def test_the_inverse_is_repeated_until_the_daemon_takes_it(lab: Lab, tmp_path: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    """A Pacemaker that has just been started is silent for its first seconds."""
    monkeypatch.setattr("chaos.faults.guestbase._BACK_WITHIN", 60.0)
    asked = tmp_path / "asked"

    def a_moment(_seconds: float) -> None:
        node_of(lab).client("crm_attribute", f"echo \"$@\" >> {asked}; echo false")

    # Not time.sleep itself: subprocess waits with it as well.
    monkeypatch.setattr("chaos.faults.guestbase.time", SimpleNamespace(monotonic=time.monotonic, sleep=a_moment))
    get_fault("pcmk.maintenance").heal(lab, Target(("n2",), {FAULT_ID: "ab12"}))
    assert "--delete" in asked.read_text()


def test_a_fault_is_not_over_before_a_slow_scenario_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The timer on the node goes by the node's pace, as the scenario's waits do."""
    lab = make_lab()
    monkeypatch.setattr(type(lab.driver), "slowness", 15.0)
    fault = get_fault("db.desync")
    assert isinstance(fault, GuestFault) and fault.lasts({}) == deadman.LONGEST
    fault.inject(lab, Target(("n2",), {FAULT_ID: "ab12"}))
    assert any(f"--on-active={15 * deadman.LASTS}s" in command for _, command in shell_of(lab).asked)
