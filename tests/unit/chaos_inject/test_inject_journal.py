"""The journal survives whatever kills its writer, and healing from it is complete and harmless."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from inject_fakes import make_lab

from chaos.faults import get_fault
from chaos.journal import Journal, heal_all, refuse_if_unhealed, unhealed
from chaos.model import Proof, Target
from lab.drivers.base import PowerState
from lab.errors import HalabError, RefusedError
from lab.lab import Lab

_ROOT = Path(__file__).resolve().parents[3]

# Runs in a process of its own and is killed at the point that its argument names.
_CHILD = """
import os, signal, sys
import pytest
from inject_fakes import make_lab
from inject_runner import fake_world, scenario
import chaos.journal, chaos.runner

point = sys.argv[1]
lab = make_lab("victim")
patch = pytest.MonkeyPatch()
fake_world(patch)

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

power = type(lab.driver.power)
if point == "while-arming":
    def half(fd, data, write=os.write):
        write(fd, data[: len(data) // 2])
        die()
    patch.setattr(chaos.journal.os, "write", half)
elif point == "after-arming":
    patch.setattr(power, "off", die)
elif point == "after-inject":
    patch.setattr(chaos.runner, "await_proof", die)
elif point == "while-holding":
    patch.setattr(chaos.runner, "await_phase", die)
elif point == "before-heal":
    patch.setattr(power, "on", die)
elif point == "after-heal":
    patch.setattr(chaos.journal.Journal, "mark_healed", die)
chaos.runner.run(lab, scenario())
"""


def run_child(point: str) -> int:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_ROOT), str(Path(__file__).parent)])}
    return subprocess.run([sys.executable, "-c", _CHILD, point], env=env, cwd=_ROOT, timeout=60, check=False,
                          capture_output=True).returncode


@pytest.mark.parametrize(("point", "open_faults", "power"), [
    ("while-arming", 0, PowerState.ON),  # not on record, and never acted
    ("after-arming", 1, PowerState.ON),  # on record, and never acted
    ("after-inject", 1, PowerState.OFF),
    ("while-holding", 1, PowerState.OFF),
    ("before-heal", 1, PowerState.OFF),
    ("after-heal", 1, PowerState.ON),  # healed, and not yet on record as healed
])
def test_a_killed_runner_leaves_what_it_takes_to_heal(point: str, open_faults: int, power: PowerState) -> None:
    assert run_child(point) == -signal.SIGKILL
    lab = make_lab_again("victim")
    assert lab.driver.power.state("n2") is power
    assert len(unhealed(lab.paths)) == open_faults
    healed = heal_all(lab, within=1)
    assert [one.entry.fault for one in healed] == ["node.poweroff"] * open_faults
    assert all(one.proof.ok for one in healed)
    assert lab.driver.power.state("n2") is PowerState.ON
    assert unhealed(lab.paths) == [] and heal_all(lab, within=1) == []
    # A new fault can be recorded behind a line that was torn.
    Journal(lab.paths.journal).arm("node.freeze", Target(("n1",)))
    assert [entry.fault for entry in unhealed(lab.paths)] == ["node.freeze"]


def make_lab_again(name: str) -> Lab:
    """A second process's view: the power states are the file's, not switched on again."""
    states = make_state(name)
    lab = make_lab(name)
    for node, state in states.items():
        if state == "off":
            lab.driver.power.off(node)
    return lab


def make_state(name: str) -> dict[str, str]:
    from lab.state.home import LabPaths

    power: dict[str, str] = json.loads((LabPaths.of(name).root / "fake-driver.json").read_text())["power"]
    return power


def test_a_record_is_on_disk_before_arm_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = make_lab()
    synced: list[str] = []
    real = os.fsync

    def fsync(fd: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{fd}").readlink()))
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    entry = Journal(lab.paths.journal).arm("node.poweroff", Target(("n1", "n2"), {"x": 1}, "vip_holder"))
    assert synced == [str(lab.paths.journal), str(lab.paths.root)]
    record = json.loads(lab.paths.journal.read_text())
    assert record["id"] == entry.id == record["target"]["params"]["fault_id"]
    assert (record["state"], record["fault"], record["target"]["selector"]) == ("armed", "node.poweroff", "vip_holder")
    assert unhealed(lab.paths) == [entry.__class__(entry.id, entry.fault, entry.target, round(entry.at, 4))]


def test_a_torn_last_line_is_tolerated_and_sealed_off() -> None:
    lab = make_lab()
    journal = Journal(lab.paths.journal)
    first = journal.arm("node.poweroff", Target(("n1",)))
    with lab.paths.journal.open("a") as file:
        file.write('{"id":"dead","fault":"node.pow')
    assert [entry.id for entry in journal.unhealed()] == [first.id]
    second = journal.arm("node.freeze", Target(("n2",)))
    assert [entry.id for entry in journal.unhealed()] == [first.id, second.id]


def test_a_fault_that_is_not_wholly_on_record_does_not_act(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk takes half a line and says so by a short count alone."""
    lab = make_lab()
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:10]))
    with pytest.raises(HalabError, match="could not be written"):
        Journal(lab.paths.journal).arm("node.poweroff", Target(("n2",)))
    monkeypatch.undo()
    assert unhealed(lab.paths) == []
    Journal(lab.paths.journal).arm("node.freeze", Target(("n1",)))
    assert [entry.fault for entry in unhealed(lab.paths)] == ["node.freeze"]


def test_a_proof_that_breaks_is_none_and_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = make_lab()
    journal = Journal(lab.paths.journal)
    journal.arm("node.poweroff", Target(("n1",)))
    journal.arm("node.freeze", Target(("n2",)))

    def breaks(*_: object) -> Proof:
        return Proof(bool(float("")), "never")

    monkeypatch.setattr(type(get_fault("node.freeze")), "healed", breaks)
    with pytest.raises(HalabError, match="not everything") as caught:
        heal_all(lab, within=0)
    assert "node.freeze on n2: ValueError" in caught.value.where
    assert [entry.fault for entry in unhealed(lab.paths)] == ["node.freeze"]


def test_damage_in_the_middle_is_not_tolerated() -> None:
    lab = make_lab()
    lab.paths.journal.write_text('{"id": broken\n')
    with pytest.raises(HalabError, match="damaged") as caught:
        unhealed(lab.paths)
    assert caught.value.where.endswith("journal.jsonl:1")


def test_healing_order_is_packets_frozen_power_services(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = make_lab()
    journal = Journal(lab.paths.journal)
    order: list[str] = []
    for name in ("proc.kill", "node.poweroff", "net.isolate", "node.freeze"):
        journal.arm(name, Target(("n1",), {"process": "mariadbd"}))
        fault = get_fault(name)
        monkeypatch.setattr(type(fault), "heal", lambda self, *_: order.append(self.name))
        monkeypatch.setattr(type(fault), "healed", lambda *_: Proof(True, "gone"))
    heal_all(lab)
    assert order == ["net.isolate", "node.freeze", "node.poweroff", "proc.kill"]


def test_one_fault_that_will_not_heal_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = make_lab()
    journal = Journal(lab.paths.journal)
    lab.driver.power.off("n2")
    journal.arm("node.freeze", Target(("n1",)))
    journal.arm("node.poweroff", Target(("n2",)))
    journal.arm("fault.of.the.future", Target(("n3",)))

    def burst(*_: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(type(get_fault("node.freeze")), "heal", burst)
    with pytest.raises(HalabError) as caught:
        heal_all(lab, within=0.5)
    assert "a bug" in caught.value.where and "fault.of.the.future" in caught.value.where
    assert lab.driver.power.state("n2") is PowerState.ON
    assert [entry.fault for entry in unhealed(lab.paths)] == ["node.freeze", "fault.of.the.future"]


def test_an_unproven_heal_stays_in_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = make_lab()
    Journal(lab.paths.journal).arm("node.poweroff", Target(("n2",)))
    lab.driver.power.off("n2")
    monkeypatch.setattr(type(get_fault("node.poweroff")), "heal", lambda *_: None)
    with pytest.raises(HalabError, match="not everything"):
        heal_all(lab, within=0.2)
    assert len(unhealed(lab.paths)) == 1


def test_a_full_disk_keeps_nobody_from_being_healed_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = make_lab()
    journal, real = Journal(lab.paths.journal), os.write
    for node in ("n1", "n2"):
        journal.arm("node.poweroff", Target((node,)))
        lab.driver.power.off(node)
    monkeypatch.setattr("chaos.journal.os.write", lambda fd, data: real(fd, data[:10]))
    with pytest.raises(HalabError, match="not everything") as caught:
        heal_all(lab, within=1)
    assert all(f"node.poweroff on {node}: " in caught.value.where for node in ("n1", "n2"))
    assert caught.value.where.count("could not be written down: the fault journal could not be written") == 2
    assert {lab.driver.power.state(node) for node in ("n1", "n2")} == {PowerState.ON}
    assert len(unhealed(lab.paths)) == 2
    monkeypatch.undo()
    assert len(heal_all(lab, within=1)) == 2 and unhealed(lab.paths) == []


def test_refusal_names_the_command_that_heals() -> None:
    lab = make_lab()
    refuse_if_unhealed(lab.paths, lab.name)
    Journal(lab.paths.journal).arm("node.poweroff", Target(("n2",)))
    with pytest.raises(RefusedError) as caught:
        refuse_if_unhealed(lab.paths, lab.name)
    assert caught.value.remedy == "./inv chaos.heal --name=fake"
