"""Proofs of addresses: each is there, gone or moved, and nobody's silence says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from inject_fakes import crm_mon, make_lab, namespace_of, shell_of
from inject_shell import lab_with_shell, node_of

from chaos.faults import get_fault
from chaos.faults.base import FAULT_ID
from chaos.model import Target
from lab.errors import NodeError
from lab.lab import Lab


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return lab_with_shell(tmp_path, monkeypatch)


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


def test_the_address_that_clients_use_is_the_one_that_fails() -> None:
    """Seen: the public one failed, its clients are elsewhere, and a run of no consequence passed."""
    lab, fault = make_lab(), get_fault("pcmk.resource_fail")
    shell_of(lab).answers = {"crm_mon": crm_mon()}
    assert fault.prepare(lab, Target(("n2",))).params["resource"] == "vip-internal"
    assert fault.prepare(lab, Target(("n2",), {"resource": "haproxy"})).params["resource"] == "haproxy"
