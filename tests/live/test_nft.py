"""The network faults with the real nft on this kernel: three nodes without processes, three bridges.

Everything is in namespaces of this test's own (``halabtest.<pid>``), which it removes.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit" / "chaos_inject"))
from inject_fakes import make_lab

from chaos.faults import get_fault
from chaos.faults.netbase import table_name
from chaos.journal import Journal, heal_all, prove_healed, unhealed
from chaos.model import Target
from chaos.nft import tables
from chaos.reach import packets_return
from lab.host.process import run
from lab.lab import Lab
from lab.net.namespace import Namespace
from lab.net.network import GUEST_NICS, guest_mac, host_interface
from lab.plan import NETWORK_NAMES, NetworkName

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(shutil.which("nft") is None, reason="needs nft"),
]


NODES = ("n1", "n2", "n3")


class OwnNamespace(Namespace):
    """A namespace outside the names that halab's labs use."""

    def __init__(self, name: str) -> None:
        super().__init__("unused")
        self.name = name


def plug(lab: Lab, node: str, network: NetworkName) -> None:
    """One NIC, as at a power-on: a new veth pair on the bridge."""
    name, guest = host_interface(node, network), f"{lab.namespace.name}.{node}"
    prefix = lab.plan.network(network).cidr.prefixlen
    mac = guest_mac(lab.plan.node(node).index, network)
    lines = [f"link add {name} type veth peer name {GUEST_NICS[network]} address {mac} netns {guest}",
             f"link set {name} master {lab.plan.network(network).bridge} up"]
    run(["ip", "-n", lab.namespace.name, "-batch", "-"], input="\n".join(lines) + "\n", timeout=10)
    address = lab.plan.node(node).address(network)
    lines = [f"address add {address}/{prefix} dev {GUEST_NICS[network]}", f"link set {GUEST_NICS[network]} up"]
    run(["ip", "-n", guest, "-batch", "-"], input="\n".join(lines) + "\n", timeout=10)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    monkeypatch.setenv("HALAB_HOME", str(tmp_path))
    made = make_lab("nft")
    name = f"halabtest.{os.getpid()}"
    made.__dict__["namespace"] = OwnNamespace(name)
    names = [name, *(f"{name}.{node}" for node in NODES)]
    try:
        for one in names:
            run(["ip", "netns", "add", one], timeout=10)
            with OwnNamespace(one).inside():
                # Or the kernel itself sends neighbour discovery, and "caught nothing yet" cannot be seen.
                for scope in ("all", "default"):
                    Path(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6").write_text("1")
        lines = ["link set lo up"]
        for network in made.plan.networks:
            lines += [f"link add {network.bridge} address {network.bridge_mac} type bridge forward_delay 0",
                      f"address add {network.host}/{network.cidr.prefixlen} dev {network.bridge}",
                      f"link set {network.bridge} up"]
        run(["ip", "-n", name, "-batch", "-"], input="\n".join(lines) + "\n", timeout=10)
        for node in NODES:
            for network_name in NETWORK_NAMES:
                plug(made, node, network_name)
        yield made
    finally:
        for one in reversed(names):
            run(["ip", "netns", "delete", one], timeout=10, check=False)


def reaches(lab: Lab, source: str, target: str, network: NetworkName) -> bool:
    """Whether ``target`` answers ``source`` (a node) at all; a refusal is an answer."""
    try:
        OwnNamespace(f"{lab.namespace.name}.{source}").connect(
            str(lab.plan.node(target).address(network)), 22, timeout=0.5).close()
    except ConnectionRefusedError:
        return True
    except (TimeoutError, socket.gaierror, OSError):
        return False
    return True


def test_a_node_is_cut_on_control_and_ring_and_on_nothing_else(lab: Lab) -> None:
    fault = get_fault("net.isolate")
    for network in NETWORK_NAMES:
        assert packets_return(lab, "n1", network) and reaches(lab, "n1", "n2", network), network
    entry = Journal(lab.paths.journal).arm(fault.name, Target(("n1",)))
    other = Journal(lab.paths.journal).arm(fault.name, Target(("n2",)))
    fault.inject(lab, entry.target)
    fault.inject(lab, entry.target)  # idempotent

    early = fault.took_effect(lab, entry.target)
    assert not early.ok and "dropped 0 frames from" in early.evidence  # nothing of the node's was caught yet
    for network in ("control", "ring"):
        assert not reaches(lab, "n1", "n2", network) and not reaches(lab, "n2", "n1", network)
        assert not packets_return(lab, "n1", network)
        assert packets_return(lab, "n2", network)
    assert packets_return(lab, "n1", "mgmt") and reaches(lab, "n1", "n2", "mgmt") and reaches(lab, "n2", "n1", "mgmt")
    assert fault.took_effect(lab, entry.target).ok
    assert not fault.healed(lab, entry.target).ok

    # A power cycle makes new NICs: the rules must hold for those as well.
    run(["ip", "-n", lab.namespace.name, "link", "delete", host_interface("n1", "control")], timeout=10)
    plug(lab, "n1", "control")
    assert not reaches(lab, "n2", "n1", "control") and not packets_return(lab, "n1", "control")

    # Two faults are two tables: taking one back leaves the other.
    fault.inject(lab, other.target)
    fault.heal(lab, entry.target)
    listing = run(lab.namespace.command(["nft", "-j", "list", "tables", "bridge"]), timeout=10).stdout
    assert tables(listing) == {table_name(other.target)}
    assert prove_healed(lab, entry, within=3).ok

    heal_all(lab, within=3)
    assert unhealed(lab.paths) == []
    assert all(reaches(lab, "n2", "n1", network) for network in NETWORK_NAMES)


def send(lab: Lab, source: str, target: str, size: int = 10, port: int = 5405, network: NetworkName = "ring") -> bool:
    """Whether a UDP packet of ``source`` arrives at ``target``: one direction, unlike a connection."""
    address = str(lab.plan.node(target).address(network))
    with OwnNamespace(f"{lab.namespace.name}.{target}").inside():
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with OwnNamespace(f"{lab.namespace.name}.{source}").inside():
        speaker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with listener, speaker:
        listener.bind((address, port))
        listener.settimeout(0.4)
        speaker.sendto(b"x" * size, (address, port))
        try:
            return len(listener.recv(size)) == size
        except TimeoutError:
            return False


def heard(lab: Lab, **how: int) -> set[str]:
    """Every "ab" where b hears a, on the ring."""
    return {f"{a[1]}{b[1]}" for a in NODES for b in NODES if a != b and send(lab, a, b, **how)}


ALL = {"12", "13", "21", "23", "31", "32"}
# fault, targets, parameters; who then hears whom (a packet of 10 bytes to corosync's port)
CUTS: dict[str, tuple[str, tuple[str, ...], dict[str, object], set[str]]] = {
    "split 1/2": ("net.split", ("n1",), {}, {"23", "32"}),
    "oneway out": ("net.oneway", ("n1",), {}, ALL - {"12", "13"}),
    "oneway in": ("net.oneway", ("n1",), {"direction": "in"}, ALL - {"21", "31"}),
    "bridge": ("net.bridge", ("n2",), {}, ALL - {"13", "31"}),
    "ring": ("net.majorities_ring", ("n1",), {}, {"21", "32", "13"}),
    "port": ("net.port_block", ("n1",), {"port": 5405}, {"23", "32"}),
    "another port": ("net.port_block", ("n1",), {"port": 3306}, ALL),
    "large packets": ("net.mtu_drop", ("n1",), {"bytes": 1000}, ALL),
}


@pytest.mark.parametrize("case", CUTS)
def test_who_hears_whom(lab: Lab, case: str) -> None:
    name, nodes, params, expected = CUTS[case]
    fault = get_fault(name)
    fault.validate(params)
    for _ in range(3):  # now and then a kernel asks a neighbour once more whether it is there: that is a frame, too
        for node in NODES:  # neighbours know each other: what is cut is not their ARP
            assert all(any(send(lab, node, other) for _ in range(10)) for other in NODES if other != node)
        entry = Journal(lab.paths.journal).arm(name, fault.prepare(lab, Target(nodes, params)))
        fault.inject(lab, entry.target)
        # A blocked port knocks by itself.
        if proven_early := name != "net.port_block" and fault.took_effect(lab, entry.target).ok:
            heal_all(lab, within=3)
        else:
            break
    assert not proven_early, "nothing was sent yet, so nothing is proven"
    assert heard(lab) == expected
    if case == "large packets":
        assert heard(lab, size=1200) == {"23", "32"}
    if case != "another port":
        assert fault.took_effect(lab, entry.target).ok
    assert packets_return(lab, "n1", "mgmt")
    heal_all(lab, within=3)
    assert heard(lab) == ALL and heard(lab, size=1200) == ALL


def test_some_packets_are_lost(lab: Lab) -> None:
    fault = get_fault("net.loss")
    entry = Journal(lab.paths.journal).arm(
        fault.name, fault.prepare(lab, Target(("n1",), {"percent": 50, "network": "ring"})))
    fault.inject(lab, entry.target)
    # 50 % of 30, or none while the neighbour's address is looked up: three of four tries of that are lost too, and then
    # the kernel takes it for gone for a while.
    deadline = time.monotonic() + 20
    while not (arrived := sum(send(lab, "n2", "n1") for _ in range(30))) and time.monotonic() < deadline:
        time.sleep(1)
    assert 0 < arrived < 27
    assert send(lab, "n2", "n3") and fault.took_effect(lab, entry.target).ok
    heal_all(lab, within=3)
