"""Power over libvirt's own test driver: real calls, no machine."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

libvirt = pytest.importorskip("libvirt", reason="the vagrant driver's libraries are not installed")

from lab.drivers.base import PowerState  # noqa: E402
from lab.errors import HostError, NotFoundError  # noqa: E402
from lab.vm.machines import Machines, disk_files, network_xml, pool_xml  # noqa: E402

DOMAIN = """<domain type='test'><name>halab.t.{name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
<os><type arch='i686'>hvm</type></os></domain>"""


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    """A lab 't' with the node n1, off; each test has a libvirt of its own."""
    name = uuid.uuid4().hex[:6]
    host = tmp_path / f"{name}.xml"
    host.write_text("<node></node>")
    made = Machines("t", f"test://{host}")
    made._connection().defineXML(DOMAIN.format(name="n1"))
    yield made


def test_through_all_states_and_back(machines: Machines) -> None:
    seen = [machines.state("n1")]
    for act in (machines.start, machines.suspend, machines.resume, machines.kill):
        act("n1")
        seen.append(machines.state("n1"))
    assert seen == [PowerState.OFF, PowerState.ON, PowerState.SUSPENDED, PowerState.ON, PowerState.OFF]


def test_other_peoples_machines_are_not_seen(machines: Machines) -> None:
    machines._connection().defineXML(DOMAIN.format(name="x").replace("halab.t.x", "halab.other.n1"))
    assert machines.names() == ["n1"]
    machines.forget("n1")
    machines.forget("n1")
    assert machines.names() == []


def test_a_disk_without_a_machine_goes_too(machines: Machines) -> None:
    """libvirtd died between the two: its successor knows the disk, and Vagrant would stumble over it."""
    pool = machines._connection().storagePoolDefineXML(pool_xml("halab.t.disks", "/disks"))
    pool.create()
    pool.createXML("<volume><name>halab.t.n2.img</name><capacity unit='M'>1</capacity></volume>")
    pool.createXML("<volume><name>box.img</name><capacity unit='M'>1</capacity></volume>")
    machines.forget("n2")
    machines.forget("n2")
    assert pool.listVolumes() == ["box.img"]


def test_a_machine_that_is_not_there_is_off_and_cannot_be_started(machines: Machines) -> None:
    assert machines.state("n9") is PowerState.OFF
    with pytest.raises(NotFoundError, match="cannot power on n9"):
        machines.start("n9")


def test_a_disk_is_slow_until_it_is_let_go_or_loses_its_power(machines: Machines) -> None:
    disk = "<disk type='file' device='disk'><source file='/x'/><target dev='vdb' bus='virtio'/></disk>"
    machines._connection().defineXML(
        DOMAIN.format(name="n3").replace("</domain>", f"<devices>{disk}</devices></domain>"))
    machines.throttle("n3", 20)  # off: there is nothing to slow down
    machines.start("n3")
    assert machines.throttled("n3") == 0
    machines.throttle("n3", 20)
    assert machines.throttled("n3") == 20
    machines.throttle("n3", 0)
    assert machines.throttled("n3") == 0
    machines.kill("n3")
    assert machines.throttled("n3") == 0


def test_libvirts_reason_is_kept(machines: Machines) -> None:
    with pytest.raises(HostError, match="cannot power off n1") as caught:
        machines.kill("n1")
    assert "not running" in caught.value.where


def test_a_libvirtd_that_was_started_again_gets_a_new_connection(machines: Machines,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    """The BMC service lives longer than a libvirtd: its first fence after that must not fail."""
    class Broken:
        def isAlive(self) -> int:
            return 1

        def getLibVersion(self) -> int:
            raise libvirt.libvirtError("Cannot write data: Broken pipe")

    machines._open.append((os.getpid(), Broken()))
    assert machines.state("n9") is PowerState.OFF


def test_a_libvirtd_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="cannot reach the lab's libvirtd") as caught:
        Machines("t", f"qemu:///system?socket={tmp_path}/none").state("n1")
    assert "lab.up" in caught.value.remedy


def test_what_libvirt_is_told() -> None:
    bridge = ElementTree.fromstring(network_xml("ring", "br-ring")).find("bridge")
    assert bridge is not None
    assert bridge.get("name") == "br-ring"
    assert ElementTree.fromstring(pool_xml("halab.t.disks", "/x & y")).findtext("target/path") == "/x & y"
    disks = "<disk device='disk'><source file='/a.img'/></disk><disk device='cdrom'/>"
    assert disk_files(f"<domain><devices>{disks}</devices></domain>") == ["/a.img"]
