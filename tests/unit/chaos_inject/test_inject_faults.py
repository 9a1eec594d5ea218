"""Faults against machines that do not exist: what they do, what they prove, what they refuse."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from inject_fakes import make_lab, namespace_of, shell_of

import chaos.nft as real_nft
from chaos.faults import all_faults, get_fault
from chaos.faults.base import FAULT_ID, power_back_on
from chaos.faults.netbase import NetFault
from chaos.model import HealRank, Target
from lab.drivers import container
from lab.drivers.base import PowerState
from lab.errors import NodeError, RefusedError


def test_every_fault_has_what_the_engine_relies_on() -> None:
    assert set(all_faults()) >= {"node.poweroff", "node.freeze", "net.isolate", "proc.kill"}
    for name, fault in all_faults().items():
        assert fault.name == name and fault.summary and fault.needs and isinstance(fault.rank, HealRank)


def test_unknown_fault_names_the_likely_one() -> None:
    with pytest.raises(RefusedError, match=r"node\.powerof"):
        get_fault("node.powerof")


@pytest.mark.parametrize(("name", "state"), [("node.poweroff", PowerState.OFF), ("node.freeze", PowerState.SUSPENDED)])
def test_power_faults_are_proven_and_healed(name: str, state: PowerState) -> None:
    lab, fault, target = make_lab(), get_fault(name), Target(("n2",))
    assert not fault.took_effect(lab, target).ok  # nothing was done yet: the proof must be able to fail
    fault.inject(lab, target)
    assert lab.driver.power.state("n2") is state
    assert fault.took_effect(lab, target).ok
    assert not fault.healed(lab, target).ok
    fault.heal(lab, target)
    fault.heal(lab, target)
    assert fault.healed(lab, target).ok
    assert lab.driver.power.state("n1") is PowerState.ON


def test_a_freeze_that_was_fenced_heals_to_powered_on() -> None:
    lab, fault, target = make_lab(), get_fault("node.freeze"), Target(("n2",))
    fault.inject(lab, target)
    lab.driver.power.off("n2")
    fault.heal(lab, target)
    assert fault.healed(lab, target).ok


def test_a_node_whose_power_off_broke_off_is_power_cycled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its cables go first, mgmt among them: killed there, the tool leaves a node that runs and nobody can reach."""
    lab, fault, target = make_lab(), get_fault("node.poweroff"), Target(("n2",))
    monkeypatch.setattr("chaos.faults.nodebase._LISTEN", 0.0)
    monkeypatch.setattr("chaos.faults.nodebase.time.sleep", lambda _seconds: None)
    driver: Any = lab.driver
    before = len(driver.calls)
    namespace_of(lab).cut.add(str(lab.plan.node("n2").mgmt))
    fault.heal(lab, target)
    assert driver.calls[before:] == []  # it has had its power for a moment only: it may be on its way
    monkeypatch.setattr("chaos.faults.nodebase._BOOT_WITHIN", 0.0)
    fault.heal(lab, target)
    assert driver.calls[before:] == [("off", "n2"), ("on", "n2")]
    namespace_of(lab).cut.clear()
    fault.heal(lab, target)
    assert fault.healed(lab, target).ok and len(driver.calls) == before + 2


def test_heal_leaves_a_fenced_node_to_its_bmc(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = make_lab()
    lab.driver.power.off("n2")
    lab.events.emit("bmc.request", "n2", command="on")

    def bmc_ends_its_self_test(_seconds: float) -> None:
        if lab.driver.power.state("n2") is PowerState.OFF:
            lab.driver.power.on("n2")

    monkeypatch.setattr("chaos.faults.base.time.sleep", bmc_ends_its_self_test)
    driver: Any = lab.driver
    before = len(driver.calls)
    power_back_on(lab, "n2")
    assert [call for call in driver.calls[before:] if call == ("on", "n2")] == [("on", "n2")]


def test_isolation_cuts_control_and_ring_but_never_mgmt() -> None:
    cables = ["n1.control", "n1.ring"]
    text = real_nft.ruleset("halab_fault_ab", real_nft.leaving(cables) + real_nft.arriving(cables))
    assert "mgmt" not in text
    assert text.startswith("table bridge halab_fault_ab\ndelete table bridge halab_fault_ab\n")
    for hook in ("forward", "input", "output"):
        assert f"type filter hook {hook} priority -300; policy accept;" in text


@pytest.mark.parametrize("name", ["nodes.lose_quorum", "cluster.blackout"])
@pytest.mark.parametrize("stagger", [0, 0.5])
def test_the_power_goes_at_once_or_one_after_the_other(name: str, stagger: float,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    lab, fault, waits = make_lab(), get_fault(name), list[tuple[float, int]]()
    driver: Any = lab.driver
    begin = len(driver.calls)
    monkeypatch.setattr("lab.interrupt.wait", lambda seconds: waits.append((seconds, len(driver.calls) - begin)))
    params = {"stagger": stagger}
    fault.validate(params)
    fault.inject(lab, Target(("n2", "n3"), params))
    assert sorted(driver.calls[begin:begin + 2]) == [("off", "n2"), ("off", "n3")]
    assert [one for one in waits if one[0] == 0.5] == ([(0.5, 1)] if stagger else [])


@pytest.mark.parametrize("wrong", [-1, 1.5, True, "1"])
def test_who_loses_quorum_does_so_within_a_moment(wrong: Any) -> None:
    with pytest.raises(RefusedError, match="from 0 to 1"):
        get_fault("nodes.lose_quorum").validate({"stagger": wrong})


def test_loss_is_of_both_directions_or_of_one() -> None:
    lab, fault = make_lab(), get_fault("net.loss")
    assert isinstance(fault, NetFault)

    def words(**params: str) -> str:
        fault.validate({"percent": 20, **params})
        target = Target(("n1",), {FAULT_ID: "ab12", "percent": 20, **params})
        return real_nft.ruleset("t", fault.rules(lab, target))

    sends, hears = ('iifname { "n1.control" } numgen random mod 100 < 20',
                    'oifname { "n1.control" } numgen random mod 100 < 20')
    assert (words().count(sends), words().count(hears)) == (2, 2)
    assert (words(direction="out").count(sends), words(direction="out").count(hears)) == (2, 0)
    assert (words(direction="in").count(sends), words(direction="in").count(hears)) == (0, 2)
    for wrong in ("both ways", "", None):
        with pytest.raises(RefusedError):
            fault.validate({"percent": 20, "direction": wrong})


class FakeNft:
    """What nft would hold: the tables by name, and how many frames each has dropped."""

    def __init__(self) -> None:
        self.tables: dict[str, str] = {}
        self.frames = 0

    def run(self, argv: list[str], *, input: str | None = None, timeout: float) -> Any:
        assert argv[:2] == ["in-lab", "nft"] and timeout > 0
        if input is not None:
            name = input.split()[2]
            self.tables.pop(name, None)
            if "{" in input:
                self.tables[name] = input
        body: list[dict[str, Any]] = [{"table": {"family": "bridge", "name": name}} for name in self.tables]
        if "table" in argv and self.tables:
            for key in ("iifname", "oifname"):
                body.append({"rule": {"expr": [{"match": {"left": {"meta": {"key": key}}}},
                                               {"counter": {"packets": self.frames}}, {"drop": None}]}})
        return type("Done", (), {"stdout": json.dumps({"nftables": body})})


def test_isolation_is_proven_by_silence_and_by_counters(monkeypatch: pytest.MonkeyPatch) -> None:
    lab, fault, nft = make_lab(), get_fault("net.isolate"), FakeNft()
    monkeypatch.setattr(real_nft, "run", nft.run)
    target = Target(("n1",), {FAULT_ID: "ab12"})
    fault.inject(lab, target)
    assert list(nft.tables) == ["halab_fault_ab12"]
    assert "n1.control" in nft.tables["halab_fault_ab12"] and "n1.ring" in nft.tables["halab_fault_ab12"]
    assert not fault.took_effect(lab, target).ok  # the node still answers
    node = lab.plan.node("n1")
    namespace_of(lab).cut = {str(node.control), str(node.ring)}
    assert not fault.took_effect(lab, target).ok  # silent, and yet not one frame of it was caught
    nft.frames = 3
    proof = fault.took_effect(lab, target)
    assert proof.ok and "dropped 3 frames from" in proof.evidence
    assert not fault.healed(lab, target).ok
    namespace_of(lab).cut = set()
    fault.heal(lab, target)
    fault.heal(lab, target)
    assert nft.tables == {} and fault.healed(lab, target).ok


def test_kill_compares_processes_before_and_after() -> None:
    lab, fault = make_lab(), get_fault("proc.kill")
    now = ["812:9001", "813:9002"]
    shell_of(lab).answers = {"pgrep": lambda *_: "\n".join([*now, "end"])}
    target = fault.prepare(lab, Target(("n1",), {"process": "mariadbd"}))
    assert target.params["before"] == {"n1": ["812:9001", "813:9002"]}
    fault.inject(lab, target)
    assert ("n1", "pkill -9 -x mariadbd") in shell_of(lab).asked
    assert not fault.took_effect(lab, target).ok
    now[:] = ["813:9002"]
    assert "survived" in fault.took_effect(lab, target).evidence
    now[:] = ["812:9950"]  # the old number, a new process
    assert fault.took_effect(lab, target).ok and fault.healed(lab, target).ok
    fault.heal(lab, target)
    assert ("n1", "crm_resource --cleanup") in shell_of(lab).asked


@pytest.mark.parametrize(("looks", "process", "helped", "started"), [
    (2, "memcached", False, False),  # its supervisor needs a moment
    (99, "memcached", True, True),
    (99, "mariadbd", False, False),  # Pacemaker's: nobody starts it behind its back
])
def test_what_only_the_heal_brings_back_is_told(monkeypatch: pytest.MonkeyPatch, looks: int, process: str, helped: bool,
                                                started: bool) -> None:
    monkeypatch.setattr("chaos.faults.proc_kill._BACK_WITHIN", 1.0)
    lab, fault = make_lab(), get_fault("proc.kill")
    asked: list[int] = []

    def pgrep(*_: object) -> str:
        asked.append(1)
        up = len(asked) > looks or any("systemctl start" in said for _, said in shell_of(lab).asked)
        return "812:9950\nend" if up else "end"

    shell_of(lab).answers = {"pgrep": pgrep}
    words = fault.heal(lab, Target(("n1",), {"process": process}))
    assert bool(words) == helped and (not helped or "memcached back on n1 within 1 s" in str(words))
    assert any("systemctl start memcached" in said for _, said in shell_of(lab).asked) == started


def test_those_who_die_together_die_at_once() -> None:
    """One by one, the first would be restarted while the last lives."""
    lab, fault = make_lab(), get_fault("db.kill_all")
    together = threading.Barrier(3)
    shell_of(lab).answers = {"pkill -9": lambda *_: str(together.wait(timeout=10))}
    fault.inject(lab, Target(("n1", "n2", "n3"), {"process": "mariadbd"}))
    assert [command for _, command in shell_of(lab).asked] == ["pkill -9 -x mariadbd"] * 3


def test_kill_shortens_names_as_the_kernel_does() -> None:
    lab, fault = make_lab(), get_fault("proc.kill")
    shell_of(lab).answers = {"pgrep": "7:1 end"}
    fault.inject(lab, Target(("n1",), {"process": "pacemaker-controld"}))
    assert shell_of(lab).asked[-1] == ("n1", "pkill -9 -x pacemaker-contr")


@pytest.mark.parametrize("answer", ["", "813:9002"])
def test_a_broken_answer_is_no_proof_of_death(answer: str) -> None:
    """A connection that is lost in the middle of the look says nothing, and so proves nothing."""
    lab, fault = make_lab(), get_fault("proc.kill")
    shell_of(lab).answers = {"pgrep": "812:9001 end"}
    target = fault.prepare(lab, Target(("n1",), {"process": "mariadbd"}))
    shell_of(lab).answers = {"pgrep": answer}
    proof = fault.took_effect(lab, target)
    assert not proof.ok and "cannot look" in proof.evidence
    assert not fault.healed(lab, target).ok
    with pytest.raises(NodeError):
        fault.prepare(lab, Target(("n1",), {"process": "mariadbd"}))


def test_kill_refuses_when_nobody_runs() -> None:
    lab = make_lab()
    shell_of(lab).answers = {"pgrep": "end"}
    with pytest.raises(RefusedError, match="no memcached runs on n1"):
        get_fault("proc.kill").prepare(lab, Target(("n1",), {"process": "memcached"}))


@pytest.mark.parametrize("params", [{}, {"process": "mariadbd; reboot"}, {"process": "sshd"},
                                    {"process": ["mariadbd"]}, {"process": "mariadbd", "signal": 9}])
def test_kill_refuses_what_is_not_on_its_list(params: dict[str, Any]) -> None:
    with pytest.raises(RefusedError):
        get_fault("proc.kill").validate(params)


def test_only_a_dead_membership_daemon_ends_in_a_fence() -> None:
    fault = get_fault("proc.kill")
    assert fault.fencing_follows(Target(("n1",), {"process": "corosync"}))
    assert not fault.fencing_follows(Target(("n1",), {"process": "mariadbd"}))


def test_a_panic_needs_a_kernel_of_its_own() -> None:
    assert "panic" in get_fault("node.panic").needs - container.CAPABILITIES


def test_a_crashed_node_is_power_cycled_unless_it_was_fenced() -> None:
    lab, fault = make_lab(), get_fault("node.panic")
    target = fault.prepare(lab, Target(("n2",)))
    shell_of(lab).answers["sysrq-trigger"] = ""
    fault.inject(lab, target)
    assert not fault.took_effect(lab, target).ok  # the fake's kernel answers on
    namespace_of(lab).cut.add(str(lab.plan.node("n2").mgmt))
    assert fault.took_effect(lab, target).ok
    driver: Any = lab.driver
    before = len(driver.calls)
    fault.heal(lab, target)
    assert driver.calls[before:] == [("off", "n2"), ("on", "n2")]
    # From here on the log has a power-off after the crash: a node that boots is not cut again.
    fault.heal(lab, target)
    assert driver.calls[before:] == [("off", "n2"), ("on", "n2")]
    namespace_of(lab).cut.clear()
    assert fault.healed(lab, target).ok


def test_a_node_that_shuts_down_is_waited_for_before_it_is_powered_on(monkeypatch: pytest.MonkeyPatch) -> None:
    lab, fault = make_lab(), get_fault("node.shutdown")
    shell_of(lab).answers = {"/proc/1": "100", "is-system-running": "running"}
    target = fault.prepare(lab, Target(("n2",)))
    assert not fault.took_effect(lab, target).ok  # nobody told it to go
    shell_of(lab).answers["is-system-running"] = "stopping"
    fault.inject(lab, target)
    assert any(command.startswith("systemctl --no-block poweroff") for _, command in shell_of(lab).asked)
    assert fault.took_effect(lab, target).ok

    def it_ends(_seconds: float) -> None:
        lab.driver.power.off("n2")

    monkeypatch.setattr("chaos.faults.node_reboot.time.sleep", it_ends)
    fault.heal(lab, target)
    assert lab.driver.power.state("n2") is PowerState.ON
    driver: Any = lab.driver
    assert driver.calls[-2:] == [("off", "n2"), ("on", "n2")]
    # On record, and never done: nobody waits for a node that is not going down.
    shell_of(lab).answers["is-system-running"] = "running"
    monkeypatch.setattr("chaos.faults.node_reboot.time.sleep", lambda _seconds: pytest.fail("it waits"))
    fault.heal(lab, target)
