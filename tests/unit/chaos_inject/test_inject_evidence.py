"""Proofs that must be able to fail: silence is neither an effect nor a cure.

The scripts of the faults run in a real shell here, with clients of daemons that answer or do not.
"""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from inject_fakes import crm_mon, make_lab, namespace_of, shell_of
from inject_shell import lab_with_shell, loop_of, node_of

from chaos import deadman
from chaos.evidence import UNASKED
from chaos.faults import get_fault
from chaos.faults.base import FAULT_ID
from chaos.faults.guestbase import GuestFault
from chaos.journal import Journal, heal_all, unhealed
from chaos.model import Target
from lab import interrupt
from lab.drivers.base import PowerState
from lab.errors import HalabError, NodeError, RefusedError
from lab.lab import Lab
from lab.node.shell import Completed
from lab.state.events import read_events


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


def test_a_failure_that_was_not_asked_for_is_none(lab: Lab) -> None:
    """crm_failcount ends with 0 and prints no value when there is no cluster (seen)."""
    fault, target = get_fault("vip.remove"), Target(("n2",))
    vip = lab.plan.internal_vip or lab.plan.vips[0]
    node_of(lab).client("ip", f"echo '2: control inet {vip.address}/32'")
    node_of(lab).client("crm_failcount", "echo 'scope=status  name=fail-count-x value='")
    assert not fault.took_effect(lab, target).ok
    node_of(lab).client("crm_failcount", "echo 'scope=status  name=fail-count-x value=1'")
    assert fault.took_effect(lab, target).ok


@pytest.mark.parametrize("name", ["vip.remove", "vip.duplicate"])
def test_an_address_is_neither_there_nor_gone_where_nobody_can_be_asked(lab: Lab, name: str) -> None:
    fault, target = get_fault(name), Target(("n2",), {FAULT_ID: "ab12"})
    vip = lab.plan.internal_vip or lab.plan.vips[0]
    there = name == "vip.duplicate"
    node_of(lab).client("crm_failcount", "echo 'scope=status  name=fail-count-x value=0'")
    for proof in (fault.took_effect(lab, target), fault.healed(lab, target)):
        assert not proof.ok, proof
    assert "cannot look" in fault.took_effect(lab, target).evidence
    node_of(lab).client("ip", f"echo '2: control inet {vip.address}/32'")
    assert fault.took_effect(lab, target).ok is there
    node_of(lab).client("ip", "echo '2: control inet 10.1.2.3/24'")
    assert fault.took_effect(lab, target).ok is not there
    assert fault.healed(lab, target).ok is there


def test_one_holder_is_not_the_only_one_while_another_node_is_silent() -> None:
    lab, fault, target = make_lab(), get_fault("vip.remove"), Target(("n2",))
    vip = lab.plan.internal_vip or lab.plan.vips[0]
    on = {"n1": str(vip.address)}
    shell_of(lab).answers = {"address show": lambda node, _: f"2: control inet {on.get(node, '10.1.2.3')}/32"}
    assert fault.healed(lab, target).ok
    namespace_of(lab).cut.add(str(lab.plan.node("n3").mgmt))
    proof = fault.healed(lab, target)
    assert not proof.ok and "n3 may have it too" in proof.evidence
    namespace_of(lab).cut.clear()

    def breaks(node: str, _: str) -> str:
        raise NodeError("the connection broke")

    shell_of(lab).answers = {"address show": breaks}
    assert "n1, n2, n3 may have it too" in fault.healed(lab, target).evidence


def test_the_address_that_was_removed_has_to_be_back() -> None:
    """Another of the lab's addresses on the same node says nothing about it."""
    lab, fault, target = make_lab(), get_fault("vip.remove"), Target(("n2",))
    public, internal = (str(vip.address) for vip in lab.plan.vips)
    shell_of(lab).answers = {"address show": f"2: control inet {public}/32"}
    assert not fault.healed(lab, target).ok
    on = {"n1": internal}
    shell_of(lab).answers = {"address show": lambda node, _: f"2: control inet {on.get(node, public)}/32"}
    proof = fault.healed(lab, target)
    assert proof.ok and proof.evidence == f"{internal} is on n1"


def test_a_move_is_proven_by_an_address_that_left(lab: Lab) -> None:
    fault, target = get_fault("vip.move"), Target(("n2",), {FAULT_ID: "ab12"})
    vip = next(vip for vip in lab.plan.vips if vip.name == "public")
    node_of(lab).client("cibadmin", "echo '<rsc_location id=\"cli-ban-vip-public-on-n2\"/>'")
    node_of(lab).client("crm_mon", f"echo '{crm_mon(n1='vip-public')}'")
    assert "cannot look" in fault.took_effect(lab, target).evidence
    node_of(lab).client("ip", f"echo '2: control    inet {vip.address}/32 scope global'")
    assert not fault.took_effect(lab, target).ok and not fault.healed(lab, target).ok
    node_of(lab).client("ip", "echo '2: control    inet 10.1.2.3/24 scope global'")
    assert fault.took_effect(lab, target).ok
    node_of(lab).client("cibadmin", "echo '<constraints/>'")
    assert not fault.took_effect(lab, target).ok and fault.healed(lab, target).ok


def test_a_restart_is_not_over_while_its_unit_is_down(lab: Lab) -> None:
    target = Target(("n2",), {FAULT_ID: "ab12", "unit": "haproxy", "before": {"n2": "100"}})
    for state, over in (("active", True), ("failed", False), ("activating", False)):
        node_of(lab).client("systemctl", f"echo ActiveState={state}")
        assert get_fault("svc.restart").healed(lab, target).ok is over


def test_a_lost_position_is_proven_by_a_dead_server() -> None:
    lab, fault = make_lab(), get_fault("db.rm_grastate")
    shell_of(lab).answers = {"pgrep": "812:9001 end"}
    target = fault.prepare(lab, Target(("n2",), {FAULT_ID: "ab12"}))
    assert "survived" in fault.took_effect(lab, target).evidence
    shell_of(lab).answers = {"pgrep": "end"}
    proof = fault.took_effect(lab, target)
    assert proof.ok and "not running" in proof.evidence


@pytest.mark.parametrize("name", ["fence.unreachable", "fence.slow", "fence.false_success"])
def test_a_bmc_is_proven_by_how_it_says_that_it_acts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order in its folder is ours: it may not have been read, and who has died reads nothing."""
    lab, fault, target = make_lab(), get_fault(name), Target(("n2",), {FAULT_ID: "ab12"})
    told = {"fence.unreachable": None, "fence.slow": "slow", "fence.false_success": "lying"}[name]
    for acts in ("normal", "slow", "lying", "unknown", None):
        monkeypatch.setattr("lab.bmc.acts_by", lambda lab, node, acts=acts: acts)
        fault.inject(lab, target)
        assert fault.took_effect(lab, target).ok is (acts == told)
        fault.heal(lab, target)
        assert fault.healed(lab, target).ok is (acts == "normal")
    monkeypatch.setattr("lab.bmc.acts_by", lambda lab, node: None)
    assert not fault.took_effect(lab, target).ok  # silent, and nobody told it to be


def test_a_cable_that_is_not_there_is_not_pulled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node without power has none: neither a proof of the fault nor one of its end."""
    lab, fault, target = make_lab(), get_fault("net.link_down"), Target(("n2",), {FAULT_ID: "ab12"})
    for shown, ok, down, up in (("", False, False, False), ("7: n2c: <BROADCAST,UP,LOWER_UP> mtu", True, False, True),
                                ("7: n2c: <BROADCAST> mtu 1500", True, True, False)):
        monkeypatch.setattr("chaos.faults.net_link_down.run",
                            lambda *_, shown=shown, ok=ok, **__: SimpleNamespace(stdout=shown, ok=ok))
        assert (fault.took_effect(lab, target).ok, fault.healed(lab, target).ok) == (down, up)


def test_a_cable_that_is_not_there_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is healed before the power of its node is: the others' cables must be put back all the same."""
    lab, fault, target = make_lab(), get_fault("net.link_down"), Target(("n1", "n2"), {FAULT_ID: "ab12"})
    set_up: list[str] = []

    def ip(argv: list[str], *, timeout: float, check: bool = True) -> SimpleNamespace:
        gone = "n1" in argv[-1] or "n1" in argv[-2]
        if "show" not in argv:
            if gone:
                raise HalabError("Cannot find device")
            set_up.append(argv[-2])
        return SimpleNamespace(stdout="" if gone else "7: x: <BROADCAST> mtu", ok=not gone)

    monkeypatch.setattr("chaos.faults.net_link_down.run", ip)
    fault.heal(lab, target)
    assert set_up == [lab.driver.interface("n2", "control")]


def test_the_address_that_clients_use_is_the_one_that_fails() -> None:
    """Seen: the public one failed, its clients are elsewhere, and a run of no consequence passed."""
    lab, fault = make_lab(), get_fault("pcmk.resource_fail")
    shell_of(lab).answers = {"crm_mon": crm_mon()}
    assert fault.prepare(lab, Target(("n2",))).params["resource"] == "vip-internal"
    assert fault.prepare(lab, Target(("n2",), {"resource": "haproxy"})).params["resource"] == "haproxy"


def test_a_restart_that_nobody_can_date_is_none(lab: Lab) -> None:
    target = Target(("n2",), {"unit": "haproxy", "before": {"n2": "100"}})
    assert not get_fault("svc.restart").took_effect(lab, target).ok
    node_of(lab).client("systemctl", "echo 200")
    assert get_fault("svc.restart").took_effect(lab, target).ok


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


def flapping(lab: Lab, runs: bool, mute: bool) -> None:
    node_of(lab).client("systemctl", f"echo ActiveState={'active' if runs else 'inactive'}")
    node_of(lab).client("nft", f"echo {'table netdev halab_flap_eth2' if mute else ''}")


def test_a_flap_is_proven_by_a_mute_interface_and_healed_when_nothing_of_it_is_left(lab: Lab) -> None:
    fault, target = get_fault("net.flap"), Target(("n2",), {FAULT_ID: "ab12", "network": "ring"})
    for runs, mute, acts, gone in ((True, True, True, False), (True, False, False, False),
                                   (False, True, False, False), (False, False, False, True)):
        flapping(lab, runs, mute)
        assert (fault.took_effect(lab, target).ok, fault.healed(lab, target).ok) == (acts, gone), (runs, mute)
    node_of(lab).client("nft", "exit 1")
    assert "cannot look" in fault.healed(lab, target).evidence


@pytest.mark.parametrize(("name", "params", "client"), [("net.flap", {"network": "ring"}, "nft"),
                                                        ("proc.crashloop", {"process": "haproxy"}, "pkill")])
def test_a_loop_that_cannot_act_ends(lab: Lab, name: str, params: dict[str, Any], client: str) -> None:
    script = loop_of(lab, name, params)
    node_of(lab).client("sleep", "exit 0")
    node_of(lab).client(client, "exit 3")
    assert not lab.shell.run("n2", script, check=False).ok  # for ever, if it went on


def test_a_crash_loop_goes_on_while_nobody_is_there(lab: Lab) -> None:
    script = loop_of(lab, "proc.crashloop", {"process": "haproxy"})
    folder = node_of(lab)._folder
    node_of(lab).client("pkill", "exit 1")
    node_of(lab).client("sleep", f"echo >> {folder}/rounds; [ $(wc -l < {folder}/rounds) -lt 3 ] || kill $PPID")
    lab.shell.run("n2", script, check=False)
    assert (folder / "rounds").read_text().count("\n") == 3


def test_a_crash_loop_is_proven_by_a_death() -> None:
    lab, fault = make_lab(), get_fault("proc.crashloop")
    shell_of(lab).answers = {"pgrep": "end"}
    with pytest.raises(RefusedError, match="no haproxy runs on n2"):
        fault.prepare(lab, Target(("n2",), {"process": "haproxy"}))
    shell_of(lab).answers = {"pgrep": "812:9001 end"}
    target = fault.prepare(lab, Target(("n2",), {FAULT_ID: "ab12", "process": "haproxy"}))
    assert not fault.took_effect(lab, target).ok  # the loop runs, and kills nobody
    shell_of(lab).answers = {"pgrep": "813:9077 end"}
    proof = fault.took_effect(lab, target)
    assert proof.ok and "was PID 812, now PID 813" in proof.evidence


@pytest.mark.parametrize("name", ["node.reset", "node.reboot", "node.shutdown"])
def test_a_silent_node_is_no_proof_of_a_reset(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lab, fault = make_lab(), get_fault(name)
    shell_of(lab).answers = {"/proc/1/stat": "boot-a\n100"}
    target = fault.prepare(lab, Target(("n2",)))

    def silent(*_: object, **__: object) -> Completed:
        raise HalabError("n2 cannot be reached")

    monkeypatch.setattr(shell_of(lab), "run", silent)
    proof = fault.took_effect(lab, target)
    assert not proof.ok and "cannot be reached" in proof.evidence
    monkeypatch.undo()
    assert "still in its old life" in fault.took_effect(lab, target).evidence
    shell_of(lab).answers = {"/proc/1/stat": "boot-b\n100"}
    assert fault.took_effect(lab, target).ok


def test_a_reset_is_proven_by_the_diary(monkeypatch: pytest.MonkeyPatch) -> None:
    lab, fault = make_lab(), get_fault("node.reset")
    waits: list[tuple[float, PowerState]] = []
    monkeypatch.setattr(interrupt, "wait", lambda seconds: waits.append((seconds, lab.driver.power.state("n2"))))
    shell_of(lab).answers = {"/proc/1/stat": "boot-a\n100"}
    target = fault.prepare(lab, Target(("n2",)))
    fault.inject(lab, target)
    assert waits == [(lab.plan.profile.bmc.post, PowerState.OFF)] and lab.driver.power.state("n2") is PowerState.ON
    assert fault.took_effect(lab, target).evidence == "n2: lost its power"
    assert not fault.took_effect(lab, Target(("n1",), {**target.params, "boot": {"n1": "boot-a\n100"}})).ok


@pytest.mark.parametrize(("answer", "arrived"), [("stopping", True), ("running", False), ("", False)])
def test_an_order_to_reboot_is_proven_by_its_answer(answer: str, arrived: bool) -> None:
    lab, fault = make_lab(), get_fault("node.reboot")
    shell_of(lab).answers = {"/proc/1/stat": "boot-a\n100", "is-system-running": answer}
    target = fault.prepare(lab, Target(("n2",)))
    fault.inject(lab, target)
    assert fault.took_effect(lab, target).ok is arrived
    assert any(event.kind == "node.stopping" for event in read_events(lab.paths.events)) is arrived
    if not arrived:
        shell_of(lab).answers["is-system-running"] = "stopping"  # it takes a while: something delays the shutdown
        assert fault.took_effect(lab, target).ok
        shell_of(lab).answers["is-system-running"] = answer
        assert not fault.took_effect(lab, target).ok
    # Without a word from it, its end or its return is waited for.
    assert fault.shows_within > get_fault("node.reset").shows_within
    lab.driver.power.off("n2")
    assert fault.took_effect(lab, target).ok


def test_a_fault_is_not_over_before_a_slow_scenario_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The timer on the node goes by the node's pace, as the scenario's waits do."""
    lab = make_lab()
    monkeypatch.setattr(type(lab.driver), "slowness", 15.0)
    fault = get_fault("db.desync")
    assert isinstance(fault, GuestFault) and fault.lasts({}) == deadman.LONGEST
    fault.inject(lab, Target(("n2",), {FAULT_ID: "ab12"}))
    assert any(f"--on-active={15 * deadman.LASTS}s" in command for _, command in shell_of(lab).asked)


def test_no_filter_ends_as_if_nobody_could_be_asked() -> None:
    assert UNASKED not in (0, 1, 2, 126, 127)
