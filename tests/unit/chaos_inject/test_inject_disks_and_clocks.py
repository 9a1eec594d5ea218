"""Disks, clocks, late backends and loads against machines that do not exist."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from inject_fakes import make_lab, shell_of
from inject_shell import lab_with_shell, node_of

from chaos.faults import all_faults, get_fault
from chaos.faults.base import FAULT_ID
from chaos.faults.clockbase import _PACE, TICK
from chaos.faults.diskbase import DiskFault
from chaos.model import Target
from lab.drivers import container
from lab.errors import RefusedError

NUMBERED = [fault for fault in all_faults().values() if fault.numbers]


@pytest.mark.parametrize("fault", NUMBERED, ids=lambda fault: str(fault.name))
def test_whole_numbers_are_parameters_with_limits(fault: Any) -> None:
    assert {one.name for one in fault.numbers} <= fault.parameters
    fault.validate({})
    for one in fault.numbers:
        fault.validate({one.name: one.highest})
        for wrong in (one.highest + 1, one.lowest - 1, "7; reboot", True, 1.5, None):
            with pytest.raises(RefusedError):
                fault.validate({one.name: wrong})


@pytest.mark.parametrize("name", ["disk.full", "disk.readonly"])
def test_nobody_fills_or_locks_the_hosts_disk(name: str) -> None:
    assert "blockdev" in get_fault(name).needs - container.CAPABILITIES


@pytest.mark.parametrize(("name", "undone"), [("disk.full", "rm -f /var/lib/halab-filler"),
                                              ("disk.readonly", "mount -o remount,rw /")])
def test_the_inverse_of_a_disk_fault_is_on_the_node_first(name: str, undone: str) -> None:
    lab, fault, target = make_lab(), get_fault(name), Target(("n2",), {FAULT_ID: "ab12"})
    fault.inject(lab, target)
    (_, first), (_, second) = shell_of(lab).asked
    assert "halab-undo-ab12" in first and undone in first and undone not in second
    fault.heal(lab, target)
    assert any(command.startswith(undone) for _, command in shell_of(lab).asked)


@pytest.mark.parametrize("name", ["disk.full", "disk.readonly"])
def test_a_disk_is_healed_when_a_write_succeeds(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails in another way, as with an error of the disk, was once taken for a cure."""
    lab, fault, target = lab_with_shell(tmp_path, monkeypatch), get_fault(name), Target(("n2",), {FAULT_ID: "ab12"})
    assert isinstance(fault, DiskFault)
    monkeypatch.setattr("chaos.faults.diskbase.TRIAL", str(tmp_path / "trial"))
    told = "dd: error writing 'trial':"
    for words, took, cured in ((f"{told} {fault.refusal}", True, False), (f"{told} Input/output error", False, False),
                               ("", False, False)):
        node_of(lab).client("dd", f"echo \"{words}\" >&2; exit 1")
        effect, cure = fault.took_effect(lab, target), fault.healed(lab, target)
        assert (effect.ok, cure.ok) == (took, cured)
        if not took:
            assert "cannot look" in effect.evidence and words[-18:] in cure.evidence
    (tmp_path / "bin/dd").unlink()  # the real one
    assert not fault.took_effect(lab, target).ok
    proof = fault.healed(lab, target)
    assert proof.ok and "a write of 1 MB was flushed" in proof.evidence, proof
    assert not (tmp_path / "trial").exists()


def test_a_slow_disk_is_proven_by_the_time_that_writes_take() -> None:
    lab, fault, target = make_lab(), get_fault("disk.slow"), Target(("n2",), {"writes": 10})
    assert not fault.took_effect(lab, target).ok  # no limit
    fault.inject(lab, target)
    assert lab.driver.disks.throttled("n2") == 10 and not lab.driver.disks.throttled("n1")
    proof = fault.took_effect(lab, target)  # the limit is set, and yet the fake's disk is fast
    assert not proof.ok and "10 flushed writes" in proof.evidence
    shell_of(lab).answers = {"oflag=dsync": "1200\n"}
    assert fault.took_effect(lab, target).ok
    assert not fault.healed(lab, target).ok
    fault.heal(lab, target)
    assert fault.healed(lab, target).ok


def test_a_disk_that_is_slow_anyway_is_none_that_was_slowed() -> None:
    lab, fault, target = make_lab(), get_fault("disk.slow"), Target(("n2",), {"writes": 20})
    shell_of(lab).answers = {"oflag=dsync": "700\n"}
    with pytest.raises(RefusedError, match=r"disk of n2 takes 0\.70 s for 20 flushed writes already"):
        fault.prepare(lab, target)
    shell_of(lab).answers = {"oflag=dsync": "400\n"}
    target = fault.prepare(lab, target)
    assert target.params["before"] == {"n2": 0.4}
    fault.inject(lab, target)
    for took, proven in ((400, False), (600, False), (900, True)):
        shell_of(lab).answers = {"oflag=dsync": f"{took}\n"}
        assert fault.took_effect(lab, target).ok is proven


@pytest.mark.parametrize(("name", "wrong"), [("clock.jump", {"seconds": 3}), ("clock.jump", {"seconds": -9}),
                                             ("clock.drift", {"percent": 0}), ("clock.drift", {"percent": 11})])
def test_a_clock_fault_that_could_not_be_seen_is_refused(name: str, wrong: dict[str, int]) -> None:
    with pytest.raises(RefusedError):
        get_fault(name).validate(wrong)


@pytest.mark.parametrize("name", ["clock.jump", "clock.drift"])
def test_a_node_that_nobody_heals_counts_on_from_its_right_time(name: str) -> None:
    """The host's time of the inject would be ten minutes old when the dead man's timer fires."""
    lab, fault, target = make_lab(), get_fault(name), Target(("n2",), {FAULT_ID: "ab12"})
    shell_of(lab).answers = {"print(time.time() - ": "1234.5"}
    fault.inject(lab, target)
    armed = next(command for _, command in shell_of(lab).asked if "halab-undo-ab12" in command)
    assert "1234.5 + time.clock_gettime(time.CLOCK_MONOTONIC_RAW)" in armed
    assert str(int(time.time()))[:6] not in armed and str(TICK) in armed


def test_the_tick_lies_where_the_script_writes_it() -> None:
    """Asked of this host's own kernel without setting anything (modes 0)."""
    asked = _PACE.format(tick=0).replace("0x4000", "0").replace(
        "raise SystemExit", "ctypes.CDLL(None).adjtimex(t); print(struct.unpack_from('q', t, 88)[0]); raise SystemExit")
    assert "0x4000" not in asked
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert 0.89 * TICK < int(done.stdout) < 1.11 * TICK


def test_a_clock_is_healed_when_it_is_right_and_not_only_when_its_pace_is() -> None:
    lab, fault, target = make_lab(), get_fault("clock.drift"), Target(("n2",), {FAULT_ID: "ab12"})
    run = shell_of(lab).run

    def looks(node: str, command: str, **how: Any) -> Any:
        done = run(node, command, **how)
        return type(done)(done.stdout, "", 1) if "off = " in command else done  # the pace is right

    shell_of(lab).run = looks  # type: ignore[method-assign]
    shell_of(lab).answers = {"date +%s.%N": lambda *_: str(time.time() + 60)}
    proof = fault.healed(lab, target)
    assert not proof.ok and "+60.0 s off" in proof.evidence
    shell_of(lab).answers = {"date +%s.%N": lambda *_: str(time.time())}
    assert fault.healed(lab, target).ok


def test_a_late_backend_is_left_running() -> None:
    lab, fault = make_lab(), get_fault("lb.backend_slow")
    target = fault.prepare(lab, Target(("n2",), {FAULT_ID: "ab12"}))
    assert target.params["ms"] == 400
    fault.inject(lab, target)
    armed, acted = (command for _, command in shell_of(lab).asked)
    assert "pkill -CONT -x mariadbd" in armed and "halab-undo-ab12" in armed
    assert "pkill -STOP -x mariadbd; sleep 0.4; pkill -CONT -x mariadbd; sleep 0.1" in acted
    fault.heal(lab, target)
    assert any("systemctl stop halab-fault-ab12" in command and "pkill -CONT" in command
               for _, command in shell_of(lab).asked)


def test_loads_end_by_themselves() -> None:
    for name in ("res.cpu", "res.io", "res.mem"):
        lab, fault = make_lab(), get_fault(name)
        fault.inject(lab, Target(("n1",), {FAULT_ID: "ab12", "seconds": 20}))
        ((_, command),) = shell_of(lab).asked
        assert "--property=RuntimeMaxSec=20" in command, name
