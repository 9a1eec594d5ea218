"""The driver when something fails around it: no machine, a vagrant that is a script, a daemon that is told of."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("libvirt", reason="the vagrant driver's libraries are not installed")
pytest.importorskip("vagrant", reason="the vagrant driver's libraries are not installed")

from lab import interrupt
from lab.drivers import switch
from lab.drivers import vagrant as module
from lab.drivers.base import PowerState
from lab.drivers.traits import traits
from lab.drivers.vagrant import VagrantDriver
from lab.errors import DeadlineError, HostError, InterruptedByUser, RefusedError
from lab.host import doctor
from lab.plan.layouts import make_plan
from lab.plan.topology import load_topology, topology_from_options
from lab.state.events import EventLog, read_events
from lab.state.home import LabPaths
from lab.vm import witness
from lab.vm.daemon import Daemon

PLAN = make_plan(topology_from_options(name="demo", driver="vagrant"))
READY = doctor.Readings(
    root=True, system="Debian", apt=True, programs=frozenset({*doctor.PROGRAMS, *traits("vagrant").programs}),
    cgroups="v2", kernel={}, memory_mb=64000, disk_mb=64000, disk_path=Path("/"), clock=1.8e9)


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VagrantDriver:
    """A driver whose lab has an image, and whose daemon runs nowhere but is said to."""
    paths = LabPaths(tmp_path / "lab")
    paths.root.mkdir()
    for name in ("disk.qcow2", "initrd.img"):
        (tmp_path / name).write_bytes(b"1234")
    (paths.root / "image").symlink_to(tmp_path / "disk.qcow2")
    made = VagrantDriver(PLAN, paths, EventLog(paths.events))
    monkeypatch.setattr(Daemon, "running", lambda self: (tmp_path / "libvirtd").exists())
    monkeypatch.setattr(Daemon, "deserted", lambda self: not self.running())
    monkeypatch.setattr(Daemon, "command", lambda self, argv: list(argv))
    monkeypatch.setattr(module.Machines, "forget", lambda self, node: None)
    monkeypatch.setattr(module.Machines, "state", lambda self, node: PowerState.OFF)
    (tmp_path / "libvirtd").touch()
    return made


def says(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "bin/vagrant"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n" + script)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


def test_a_machine_is_on_when_vagrant_has_started_it(driver: VagrantDriver, tmp_path: Path,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    says(tmp_path, 'echo "==> n1: Starting domain."; echo "==> n1: Waiting for domain to get an IP"', monkeypatch)
    driver.create(PLAN.nodes[0], [])
    assert [(event.kind, event.node) for event in read_events(tmp_path / "lab/events.jsonl")] == [("power.on", "n1")]


def test_libvirtd_dies_while_a_machine_is_made(driver: VagrantDriver, tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "lab/libvirt"
    folder.mkdir()
    (folder / "libvirtd.log").write_text("libvirtd: out of memory\n")
    says(tmp_path, f"rm {tmp_path}/libvirtd; echo 'Call to virDomainDefineXML failed: End of file while reading data:"
         " Input/output error' >&2; exit 1", monkeypatch)
    with pytest.raises(HostError, match="libvirtd died while it worked") as caught:
        driver.create(PLAN.nodes[0], [])
    assert caught.value.where == "libvirtd: out of memory"
    assert "lab.up --name=demo starts it again" in caught.value.remedy
    assert "lab.down --name=demo" in caught.value.remedy


def test_libvirt_refuses_and_says_why(driver: VagrantDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says(tmp_path, "echo 'Call to virDomainCreate failed: cannot set up guest memory: Cannot allocate memory' >&2; "
         "exit 1", monkeypatch)
    with pytest.raises(HostError, match="'vagrant up n1' failed") as caught:
        driver.create(PLAN.nodes[0], [])
    assert caught.value.where.startswith("cannot set up guest memory: Cannot allocate memory")
    assert driver._making.acquire(blocking=False), "the next machine can be made"


# What Vagrant 2.3 says when its watching thread has not begun yet.
BAD_STATE = """cat >&2 <<'END'
The guest machine entered an invalid state while waiting for it
to boot. Valid states are 'running'. The machine is in the
'' state. Please verify everything is configured
properly and try again.

If the provider you're using has a GUI that comes with it,
it is often helpful to open that and watch the machine.
END
exit 1
"""


def test_a_making_that_failed_is_tried_once_more(driver: VagrantDriver, tmp_path: Path,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten: list[str] = []
    monkeypatch.setattr(module.Machines, "forget", lambda self, node: forgotten.append(node))
    says(tmp_path, f"test -e {tmp_path}/tried && exit 0; touch {tmp_path}/tried\n"
         f'echo "==> n1: Starting domain."\n{BAD_STATE}', monkeypatch)
    driver.create(PLAN.nodes[0], [])
    told = [event.data["text"] for event in read_events(tmp_path / "lab/events.jsonl") if event.kind == "note"]
    assert told == ["'vagrant up n1' failed and is tried once more: "
                    "Vagrant found the machine in the state '' after its start, and removed it"]
    assert forgotten == ["n1", "n1"], "what the first try left is removed before the second"
    assert driver._making.acquire(blocking=False)


@pytest.mark.parametrize("words", [
    "Call to virDomainCreate failed: cannot set up guest memory: Cannot allocate memory",
    "The box 'halab/none' could not be found.",
    "The machine is in the 'shutoff' state. Please verify everything is configured",
])
def test_what_the_second_try_would_only_have_again_is_not_tried(driver: VagrantDriver, tmp_path: Path, words: str,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    says(tmp_path, f'echo >> {tmp_path}/tries; echo "{words}" >&2; exit 1', monkeypatch)
    with pytest.raises(HostError, match="'vagrant up n1' failed"):
        driver.create(PLAN.nodes[0], [])
    assert (tmp_path / "tries").read_text() == "\n"
    assert driver._making.acquire(blocking=False)


@pytest.mark.parametrize("words", [
    "Volume for domain is already created. Please run 'vagrant destroy' first.",
    "An action was attempted on the machine 'n1',\nbut another process is already executing an action on the machine.",
    "Call to virStorageVolGetInfo failed: Storage volume not found: no storage vol with matching path '/x/n1.img'",
])
def test_machines_that_were_made_at_the_same_time(driver: VagrantDriver, tmp_path: Path, words: str,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    says(tmp_path, f'echo >> {tmp_path}/tries; test $(wc -l < {tmp_path}/tries) = 2 && exit 0; '
         f'echo "{words}" >&2; exit 1', monkeypatch)
    driver.create(PLAN.nodes[0], [])
    assert (tmp_path / "tries").read_text() == "\n\n"


def test_a_making_that_fails_twice_says_both_reasons(driver: VagrantDriver, tmp_path: Path,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    says(tmp_path, f"echo >> {tmp_path}/tries; test $(wc -l < {tmp_path}/tries) = 1 || "
         f"{{ echo 'Call to virDomainCreate failed: no memory' >&2; exit 1; }}\n{BAD_STATE}", monkeypatch)
    with pytest.raises(HostError, match="'vagrant up n1' failed") as caught:
        driver.create(PLAN.nodes[0], [])
    assert caught.value.where == ("no memory; the first time: "
                                  "Vagrant found the machine in the state '' after its start, and removed it")
    assert (tmp_path / "tries").read_text() == "\n\n", "once more, and no third time"


def test_the_second_try_ends_with_the_time_of_the_first(driver: VagrantDriver, tmp_path: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    says(tmp_path, f"test -e {tmp_path}/tried && exec sleep 60; touch {tmp_path}/tried\n{BAD_STATE}", monkeypatch)
    monkeypatch.setattr(module, "_MAKE_TIMEOUT", 3.0)
    with pytest.raises(DeadlineError, match="did not end in time") as caught:
        driver.create(PLAN.nodes[0], [])
    assert "the first time: Vagrant found" in caught.value.where


def test_ctrl_c_during_the_second_try(driver: VagrantDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says(tmp_path, f"test -e {tmp_path}/tried && {{ touch {tmp_path}/again; exec sleep 60; }}\n"
         f"touch {tmp_path}/tried\n{BAD_STATE}", monkeypatch)
    monkeypatch.setattr(interrupt, "requested", lambda: (tmp_path / "again").exists())
    with pytest.raises(InterruptedByUser) as caught:
        driver.create(PLAN.nodes[0], [])
    assert "the first time: Vagrant found" in caught.value.where


def test_a_machine_that_runs_is_not_made_again(driver: VagrantDriver, tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    says(tmp_path, f"echo >> {tmp_path}/tries\n{BAD_STATE}", monkeypatch)
    monkeypatch.setattr(module.Machines, "state", lambda self, node: PowerState.ON)
    with pytest.raises(HostError, match="'vagrant up n1' failed"):
        driver.create(PLAN.nodes[0], [])
    assert (tmp_path / "tries").read_text() == "\n"


def test_ctrl_c_while_machines_are_made(driver: VagrantDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says(tmp_path, f"trap 'touch {tmp_path}/cleaned; exit 1' INT; sleep 60 & wait", monkeypatch)
    monkeypatch.setattr(interrupt, "requested", lambda: True)
    with pytest.raises(InterruptedByUser, match="removes what it had begun"):
        driver.create(PLAN.nodes[0], [])
    assert (tmp_path / "cleaned").exists()
    assert driver._making.acquire(blocking=False)


def test_what_an_interrupted_making_left_goes_first(driver: VagrantDriver, tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten: list[str] = []
    monkeypatch.setattr(module.Machines, "forget", lambda self, node: forgotten.append(node))
    disk = tmp_path / "lab/disks/halab.demo.n1.img"
    memory = tmp_path / "lab/.vagrant/machines/n1/libvirt/id"
    for path in (disk, memory):
        path.parent.mkdir(parents=True)
        path.touch()
    says(tmp_path, f"test ! -e {disk} && test ! -e {memory}", monkeypatch)
    driver.create(PLAN.nodes[0], [])
    assert forgotten == ["n1"]


def test_a_lab_is_refused_before_anything_is_made() -> None:
    """No vagrant, no libvirtd, no QEMU; too little memory for the machines, with the numbers."""
    doctor.check_for(PLAN, READY)
    bare = replace(READY, programs=READY.programs - {"vagrant", "libvirtd", "qemu-system-x86_64"})
    with pytest.raises(RefusedError, match="missing programs: vagrant, libvirtd, qemu-system-x86_64") as caught:
        doctor.check_for(PLAN, bare)
    assert caught.value.remedy == "apt-get install libvirt-daemon qemu-system-x86 vagrant"
    with pytest.raises(RefusedError, match=f"900 MB are free, {PLAN.memory_mb} MB are needed"):
        doctor.check_for(PLAN, replace(READY, memory_mb=900))


@pytest.mark.parametrize(("verb", "was"), [("suspend", PowerState.ON), ("resume", PowerState.SUSPENDED)])
def test_no_machine_is_suspended_or_resumed_while_another_hand_is_at_the_switch(
        driver: VagrantDriver, monkeypatch: pytest.MonkeyPatch, verb: str, was: PowerState) -> None:
    """Else a fault could freeze what the BMC is about to cut, and the diary would have them in the wrong order."""
    now, looked = [was], threading.Event()

    def state(_machines: object, _node: str) -> PowerState:
        looked.set()
        return now[0]

    done: list[str] = []
    monkeypatch.setattr(module.Machines, "state", state)
    monkeypatch.setattr(module.Machines, verb, lambda _machines, node: done.append(node))
    waiting = threading.Thread(target=getattr(driver.power, verb), args=("n1",))
    with switch.in_hand(driver._paths, "n1"):
        waiting.start()
        assert not looked.wait(0.2)
        now[0] = PowerState.OFF  # the other hand's doing
    waiting.join(10)
    assert looked.is_set() and not waiting.is_alive() and done == []
    assert not driver._paths.events.exists(), "nothing was done, so nothing is told"
    now[0] = was
    getattr(driver.power, verb)("n1")
    assert done == ["n1"]


def test_after_a_reboot_of_the_host_the_machines_are_off_though_no_libvirtd_answers(
        driver: VagrantDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(_machines: object, _node: str) -> PowerState:
        raise HostError("cannot reach the lab's libvirtd")

    monkeypatch.setattr(module.Machines, "state", unreachable)
    with pytest.raises(HostError):
        driver.power.state("n1")
    (tmp_path / "libvirtd").unlink()
    assert driver.power.state("n1") is PowerState.OFF


def test_no_kvm_is_a_warning_and_the_emulated_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALAB_ACCELERATION", "emulated")
    plan = make_plan(topology_from_options(name="demo", driver="vagrant"))
    assert plan.profile.name == "emulated"
    assert any("This host has no KVM" in warning for warning in plan.warnings)


def test_the_witness_is_claimed_only_while_it_watches(driver: VagrantDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witness, "running", lambda lab: False)
    assert "witness" not in driver.capabilities
    monkeypatch.setattr(witness, "running", lambda lab: lab == "demo")
    assert "witness" in driver.capabilities


def test_a_systems_libvirtd_is_never_asked(driver: VagrantDriver, tmp_path: Path) -> None:
    """Its machines could not be wired to the lab's bridges (docs/decisions/machines.md)."""
    assert driver._daemon.uri == f"qemu:///system?socket={tmp_path}/lab/libvirt/run/libvirt-sock"
    assert driver._machines._uri == driver._daemon.uri


@pytest.mark.parametrize(("text", "words"), [
    ("driver: vagrant\nbox: bookworm\n", "neither the name of a box nor a box file"),
    ("driver: vagrant\nbox: https://example.org/x\n", "neither the name"),
    ("box: acme/ha\n", "container driver has no use for a box"),
])
def test_boxes_that_cannot_be(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "lab.yml").write_text(text)
    with pytest.raises(RefusedError, match=words) as caught:
        load_topology(tmp_path / "lab.yml")
    assert "lab.yml:" in caught.value.where


def test_a_box_file_is_looked_for_beside_the_topology(tmp_path: Path) -> None:
    (tmp_path / "lab.yml").write_text("driver: vagrant\nbox: mine/ha.box\n")
    plan = make_plan(topology_from_options(topology=tmp_path / "lab.yml"))
    assert plan.box == str(tmp_path / "mine/ha.box")
    (tmp_path / "lab.yml").write_text("driver: vagrant\nbox: acme/ha\n")
    assert make_plan(load_topology(tmp_path / "lab.yml")).box == "acme/ha"
