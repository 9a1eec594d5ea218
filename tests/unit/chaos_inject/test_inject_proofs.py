"""Proofs against faults that did nothing: a mark of the fault's own hand is no effect."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from inject_fakes import crm_mon, make_lab, shell_of
from inject_shell import lab_with_shell, loop_of, node_of

from chaos.faults import get_fault
from chaos.faults.base import FAULT_ID
from chaos.model import Target
from chaos.progress import await_phase
from chaos.reach import await_proof
from daemons import galera
from lab.errors import RefusedError
from lab.lab import Lab

TARGET = Target(("n2",), {FAULT_ID: "ab12"})


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return lab_with_shell(tmp_path, monkeypatch)


def test_a_standby_that_moves_nothing_is_none(lab: Lab) -> None:
    """In maintenance mode the attribute is set, and every resource stays (a run of 0 s passed)."""
    fault = get_fault("pcmk.standby")
    node_of(lab).client("crm_mon", f"echo '{crm_mon(n1='galera')}'")
    with pytest.raises(RefusedError, match="no resource runs on n2"):
        fault.prepare(lab, TARGET)
    node_of(lab).client("crm_attribute", "echo on")
    node_of(lab).client("crm_mon", f"echo '{crm_mon(n1='galera', n2='fence-n1 galera')}'")
    assert fault.prepare(lab, TARGET) == TARGET
    proof = fault.took_effect(lab, TARGET)
    assert not proof.ok and "n2: still runs fence-n1, galera" in proof.evidence
    node_of(lab).client("crm_mon", f"echo '{crm_mon(n1='galera fence-n1')}'")
    assert fault.took_effect(lab, TARGET).ok and not fault.healed(lab, TARGET).ok
    node_of(lab).client("crm_mon", "exit 102")
    assert "cannot look" in fault.took_effect(lab, TARGET).evidence
    node_of(lab).client("crm_attribute", "echo off")
    assert not fault.took_effect(lab, TARGET).ok and fault.healed(lab, TARGET).ok


def test_a_maintenance_mode_that_leaves_resources_managed_is_none(lab: Lab) -> None:
    fault = get_fault("pcmk.maintenance")
    node_of(lab).client("crm_attribute", "echo true")
    assert "cannot look" in fault.took_effect(lab, TARGET).evidence
    managed = crm_mon(n1="galera", n2="fence-n1 galera")
    node_of(lab).client("crm_mon", f"echo '{managed}'")
    assert "n2: still managed: fence-n1, galera" in fault.took_effect(lab, TARGET).evidence
    unmanaged = managed.replace("<resource ", '<resource managed="false" ')
    assert unmanaged != managed
    node_of(lab).client("crm_mon", f"echo '{unmanaged}'")
    assert fault.took_effect(lab, TARGET).ok and not fault.healed(lab, TARGET).ok
    node_of(lab).client("crm_attribute", "echo false")
    assert not fault.took_effect(lab, TARGET).ok and fault.healed(lab, TARGET).ok


def test_a_ban_that_moves_nothing_is_none(lab: Lab) -> None:
    fault = get_fault("pcmk.ban")
    node_of(lab).client("crm_mon", f"echo '{crm_mon(n1='vip-public', n2='haproxy')}'")
    with pytest.raises(RefusedError, match="no vip-public runs on n2") as caught:
        fault.prepare(lab, TARGET)
    assert "haproxy" in caught.value.remedy
    node_of(lab).client("cibadmin", "echo '<rsc_location id=\"cli-ban-vip-public-on-n2\"/>'")
    node_of(lab).client("crm_mon", f"echo '{crm_mon(n2='haproxy vip-public')}'")
    fault.prepare(lab, TARGET)
    assert "vip-public still runs" in fault.took_effect(lab, TARGET).evidence
    node_of(lab).client("crm_mon", f"echo '{crm_mon(n1='vip-public', n2='haproxy')}'")
    assert fault.took_effect(lab, TARGET).ok and not fault.healed(lab, TARGET).ok
    node_of(lab).client("cibadmin", "exit 102")
    for proof in (fault.took_effect(lab, TARGET), fault.healed(lab, TARGET)):
        assert not proof.ok and "cannot look" in proof.evidence
    node_of(lab).client("cibadmin", "echo '<constraints/>'")
    assert not fault.took_effect(lab, TARGET).ok and fault.healed(lab, TARGET).ok


def failed(node: str, count: str, last: str) -> str:
    return (f'<node name="{node}"><resource_history id="vip-public" fail-count="{count}" last-failure="{last}"/>'
            "</node>")


@pytest.mark.parametrize(("before", "after", "proven"), [
    ("", failed("n2", "1", "09:00:01"), True),
    ("", "", False),
    ("", failed("n1", "1", "09:00:01"), False),  # somebody else's
    (failed("n2", "1", "09:00:01"), failed("n2", "1", "09:00:01"), False),  # one that is remembered
    (failed("n2", "1", "09:00:01"), failed("n2", "2", "09:00:40"), True),
    (failed("n2", "INFINITY", "09:00:01"), failed("n2", "INFINITY", "09:00:40"), True),
    (failed("n2", "1", "09:00:01"), "", False),
])
def test_a_failure_is_a_new_one_on_that_node(before: str, after: str, proven: bool) -> None:
    made, fault = make_lab(), get_fault("pcmk.resource_fail")
    shell_of(made).answers = {"crm_mon": crm_mon(before)}
    target = fault.prepare(made, Target(("n2",), {FAULT_ID: "ab12", "resource": "vip-public"}))
    assert not fault.took_effect(made, target).ok
    shell_of(made).answers = {"crm_mon": crm_mon(after)}
    proof = fault.took_effect(made, target)
    assert proof.ok is proven and "of vip-public Pacemaker counts" in proof.evidence
    shell_of(made).answers = {"crm_mon": ""}
    assert "cannot look" in fault.took_effect(made, target).evidence


def test_a_failure_on_record_is_not_healed(lab: Lab) -> None:
    fault, target = get_fault("pcmk.resource_fail"), Target(("n2",), {FAULT_ID: "ab12", "resource": "vip-public"})
    assert "cannot look" in fault.healed(lab, target).evidence
    node_of(lab).client("crm_mon", "echo '  vip-public: fail-count=1'")
    assert not fault.healed(lab, target).ok
    node_of(lab).client("crm_mon", "echo '  * Node n2:'")
    assert fault.healed(lab, target).ok


def database(lab: Lab, locked: bool, paused: bool) -> None:
    """Every server of the group: whether somebody holds the lock, and whether its own pause grows."""
    clock = node_of(lab)._folder / "paused"
    clock.write_text("5000000000\n")
    more = f"expr $(cat {clock}) + 400000000 > {clock}.new; mv {clock}.new {clock}; " if paused else ""
    lock = "echo 'lock held for 3 s'" if locked else ":"
    node_of(lab).client("mariadb", f"case $* in *paused_ns*) {more}printf 'wsrep_flow_control_paused_ns\\t%s\\n' "
                                   f"$(cat {clock});; *) {lock};; esac")


def test_flow_control_is_proven_by_who_waits(lab: Lab) -> None:
    """A queue behind the lock holds nobody up before it is as long as the group allows."""
    fault = get_fault("db.flow_control")
    for proof in (fault.took_effect(lab, TARGET), fault.healed(lab, TARGET)):
        assert not proof.ok and "cannot look" in proof.evidence
    (node_of(lab)._folder / "sleep").unlink()
    database(lab, locked=True, paused=False)
    proof = fault.took_effect(lab, TARGET)
    assert not proof.ok and "paused for 0 ms" in proof.evidence and "n2: paused" not in proof.evidence
    # Nobody writes just now: the lock is there all the same.
    assert not fault.healed(lab, TARGET).ok
    database(lab, locked=True, paused=True)
    proof = fault.took_effect(lab, TARGET)
    assert proof.ok and "paused for 400 ms" in proof.evidence, proof
    assert not fault.healed(lab, TARGET).ok
    database(lab, locked=False, paused=True)  # another's lock
    assert not fault.took_effect(lab, TARGET).ok and fault.healed(lab, TARGET).ok


ASKED = ("2026-11-23 10:01:48 2 [Note] WSREP: State transfer required: \n"
         "\tGroup state: fcb4a55e-e706-11f1-a02c-531ec2442490:7702\n\tLocal state: {}\n")
LOST, KNOWN = "00000000-0000-0000-0000-000000000000:-1", "fcb4a55e-e706-11f1-a02c-531ec2442490:7648"


@pytest.mark.parametrize(("before", "after", "proven"), [
    ("", ASKED.format(LOST), True),
    ("", ASKED.format(KNOWN), False),  # it found its position elsewhere, and missed a few writes
    (ASKED.format(LOST), "", False),  # an older story
    (ASKED.format(LOST), ASKED.format(KNOWN), False),
    (ASKED.format(KNOWN), ASKED.format(LOST), True),
])
def test_a_lost_state_is_one_that_is_asked_for_as_a_whole(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                         before: str, after: str, proven: bool) -> None:
    log = tmp_path / "error.log"
    monkeypatch.setattr("chaos.faults.db_rm_grastate.LOG", str(log))
    fault = get_fault("db.rm_grastate")
    node_of(lab).client("pgrep", f"echo {os.getpid()}")
    if before:
        log.write_text(before)
    target = fault.prepare(lab, TARGET)
    assert target.params["said"] == {"n2": len(before)}
    node_of(lab).client("pgrep", "exit 1")  # dead
    log.write_text(before + after)
    assert fault.took_effect(lab, target).ok is proven
    log.unlink()
    assert "cannot look" in fault.took_effect(lab, target).evidence


def test_a_position_is_back_when_a_server_has_saved_one(lab: Lab, tmp_path: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault's own mark, which its heal removes, says nothing of the server."""
    kept, saved = tmp_path / "kept", tmp_path / "grastate.dat"
    monkeypatch.setattr("chaos.faults.db_rm_grastate.KEPT", str(kept))
    monkeypatch.setattr("chaos.faults.db_rm_grastate.GRASTATE", str(saved))
    fault = get_fault("db.rm_grastate")

    def healed(*, runs: bool, state: str, mark: bool = False) -> bool:
        node_of(lab).client("pgrep", f"echo {os.getpid()}" if runs else "exit 1")
        kept.unlink(missing_ok=True)
        saved.unlink(missing_ok=True)
        if mark:
            kept.touch()
        if state:
            saved.write_text(f"# GALERA saved state\nversion: 2.1\nuuid:    {state}\nseqno:   -1\n")
        return fault.healed(lab, TARGET).ok

    known, none = "fcb4a55e-e706-11f1-a02c-531ec2442490", "00000000-0000-0000-0000-000000000000"
    assert healed(runs=True, state=known)
    assert not healed(runs=True, state=known, mark=True)  # nobody has healed it
    assert not healed(runs=False, state=known)  # dead
    assert not healed(runs=True, state="")  # starting
    assert not healed(runs=True, state=none)  # its donor is still sending
    node_of(lab).client("pgrep", "exit 102")
    assert "cannot look" in fault.healed(lab, TARGET).evidence


def test_a_broken_transfer_is_a_program_that_fails(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = get_fault("db.sst_break")
    for program, mounted, broken in (("/bin/false", "true", True), ("/bin/true", "true", False),
                                     ("/bin/false", "false", False)):
        monkeypatch.setattr("chaos.faults.db_sst_break.PROGRAM", program)
        monkeypatch.setattr(type(fault), "remains", lambda *_, mounted=mounted: mounted)
        assert fault.took_effect(lab, TARGET).ok is broken, (program, mounted)


def test_a_join_that_failed_is_what_the_group_says(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "error.log"
    monkeypatch.setattr(galera, "LOG", str(log))
    now = time.time()

    def says(at: float, text: str) -> bool:
        log.write_text(time.strftime(f"%Y-%m-%d %H:%M:%S 0 [Note] WSREP: {text}\n", time.localtime(at)))
        return await_phase(lab, "join_failed", ("n2",), now, 0).ok

    assert not await_phase(lab, "join_failed", ("n2",), now, 0).ok  # no log
    assert says(now + 3, "0.0 (n1): State transfer to 1.0 (n2) failed: Invalid argument")
    assert not says(now - 60, "0.0 (n1): State transfer to 1.0 (n2) failed: Invalid argument")
    assert not says(now + 3, "0.0 (n1): State transfer to 1.0 (n3) failed: Invalid argument")
    assert not says(now + 3, "0.0 (n1): State transfer to 1.0 (n2) complete.")


@pytest.mark.parametrize(("name", "client", "there"), [
    ("net.delay", "tc", "qdisc netem 8001: root refcnt 2 limit 1000 delay 50ms"),
    ("net.flap", "nft", "table netdev halab_flap_eth1"),
])
def test_a_second_one_on_an_interface_is_refused(lab: Lab, name: str, client: str, there: str) -> None:
    """It would end the first, without a word."""
    fault = get_fault(name)
    node_of(lab).client(client, f"echo '{there}'")
    with pytest.raises(RefusedError, match="eth1 of n2"):
        fault.prepare(lab, TARGET)
    node_of(lab).client(client, f"case $* in *eth1*) ;; *) echo '{there}' | sed s/eth1/eth2/;; esac")
    assert fault.prepare(lab, TARGET) == TARGET


def test_each_interface_flaps_for_itself(lab: Lab) -> None:
    script = loop_of(lab, "net.flap", {"network": "ring"})
    assert script.count("halab_flap_eth2") == 2 and "eth1" not in script


def test_a_loose_contact_tells_the_sender_nothing(lab: Lab) -> None:
    """Seen: an egress drop held corosync up for both links, and a ring that flapped cost the cluster members."""
    _, _, out = loop_of(lab, "net.flap", {"network": "ring"}).partition("hook egress")
    assert "ether daddr set" in out and "drop" not in out


def test_a_crash_loop_is_undone_without_the_host() -> None:
    made, fault = make_lab(), get_fault("proc.crashloop")
    fault.inject(made, Target(("n2",), {FAULT_ID: "ab12", "process": "memcached"}))
    (_, armed), (_, looped) = shell_of(made).asked
    assert "halab-undo-ab12" in armed and "systemctl start memcached" in armed and "halab-fault-ab12" in looped


# Each load with the script of one that uses nothing, while its unit runs.
LOADS: tuple[tuple[str, dict[str, Any], str, str], ...] = (("res.cpu", {"workers": 2}, "sleep 60", "ticks of CPU time"),
         ("res.mem", {"mb": 32}, "sleep 60", "MB resident"),
         ("res.io", {}, "while :; do dd of=/dev/full bs=1M count=1 </dev/zero 2>/dev/null; done", "bytes written"))


@pytest.mark.parametrize(("name", "params", "idle", "word"), LOADS, ids=[one[0] for one in LOADS])
def test_a_load_is_proven_by_what_it_takes(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str,
                                           params: dict[str, Any], idle: str, word: str) -> None:
    """Seen: a res.mem whose unit ran and held 2 MB of 256."""
    monkeypatch.setattr("chaos.faults.res_io._FILE", str(Path(tmp_path, "io")))
    script = loop_of(lab, name, params)
    for real in ("pgrep", "sleep"):
        (node_of(lab)._folder / real).unlink()
    fault, target = get_fault(name), Target(("n2",), {FAULT_ID: "ab12", **params})
    for runs, proven in ((idle, False), (script, True)):
        with subprocess.Popen(["sh", "-c", runs], start_new_session=True) as unit:
            try:
                node_of(lab).client(
                    "systemctl", f"case $* in *MainPID*) echo {unit.pid};; *) echo ActiveState=active;; esac")
                proof = await_proof(lambda: fault.took_effect(lab, target), 10.0 if proven else 0.0)
                assert proof.ok is proven and word in proof.evidence, proof
                assert not fault.healed(lab, target).ok
            finally:
                os.killpg(unit.pid, signal.SIGKILL)
    node_of(lab).client("systemctl", "echo ActiveState=inactive")
    assert not fault.took_effect(lab, target).ok and fault.healed(lab, target).ok
    node_of(lab).client("systemctl", "exit 102")
    assert "cannot look" in fault.took_effect(lab, target).evidence


def test_a_load_that_cannot_write_ends(lab: Lab) -> None:
    script = loop_of(lab, "res.io", {}).replace("of=/proc/self/fd/3", "of=/dev/full").replace(" conv=fsync", "")
    assert not lab.shell.run("n2", script.partition("; rm ")[2].partition("; ")[2], check=False).stdout
