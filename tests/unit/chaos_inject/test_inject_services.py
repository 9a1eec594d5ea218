"""svc.stop and svc.restart: of a unit, or of a resource that Pacemaker has the say over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inject_fakes import crm_mon
from inject_shell import lab_with_shell, node_of

from chaos.faults import get_fault
from chaos.faults.base import FAULT_ID
from chaos.model import Target
from lab.errors import HalabError, RefusedError
from lab.lab import Lab

ORDER = '<nvpair id="vip-public-meta_attributes-target-role" name="target-role" value="Stopped"/>'
CLONED = '<nvpair id="haproxy-clone-meta-target-role" name="target-role" value="Stopped"/>'
BAN = '<rsc_location id="cli-ban-haproxy-clone-on-n2" rsc="haproxy-clone"/>'


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return lab_with_shell(tmp_path, monkeypatch)


def stopping(**params: Any) -> Target:
    return Target(("n2",), {FAULT_ID: "ab12", **params})


@pytest.mark.parametrize("params", [{}, {"unit": "haproxy", "resource": "haproxy"}, {"unit": "sshd"},
                                    {"resource": "x; reboot"}])
def test_it_takes_one_unit_or_one_resource(params: dict[str, Any]) -> None:
    for name in ("svc.stop", "svc.restart"):
        with pytest.raises(RefusedError) as caught:
            get_fault(name).validate(params)
        assert caught.value.remedy


def test_a_resource_that_runs_elsewhere_is_refused(lab: Lab) -> None:
    node_of(lab).client("crm_mon", f"echo '{crm_mon(n1='vip-public', n2='haproxy')}'")
    for name in ("svc.stop", "svc.restart"):
        with pytest.raises(RefusedError, match="no vip-public runs on n2") as caught:
            get_fault(name).prepare(lab, stopping(resource="vip-public"))
        assert caught.value.remedy == "what does: haproxy"


@pytest.mark.parametrize(("resource", "order"), [("vip-public", ORDER), ("haproxy", CLONED)])
def test_a_stop_is_the_order_and_that_it_was_obeyed(lab: Lab, resource: str, order: str) -> None:
    fault, target = get_fault("svc.stop"), stopping(resource=resource)
    node_of(lab).client("crm_mon", f"echo '{crm_mon(n1='vip-internal')}'")
    assert "cannot look" in fault.took_effect(lab, target).evidence
    node_of(lab).client("cibadmin", f"echo '{order}'")
    assert fault.took_effect(lab, target).ok and not fault.healed(lab, target).ok
    node_of(lab).client("crm_mon", f"echo '{crm_mon(n1=resource)}'")
    proof = fault.took_effect(lab, target)
    assert not proof.ok and f"{resource} still runs on n1" in proof.evidence
    node_of(lab).client("cibadmin", "echo '<resources/>'")
    assert not fault.took_effect(lab, target).ok and fault.healed(lab, target).ok


def test_another_resources_order_is_not_this_ones(lab: Lab) -> None:
    node_of(lab).client("cibadmin", f"echo '{ORDER}'")
    assert get_fault("svc.stop").healed(lab, stopping(resource="vip-internal")).ok


def test_a_restart_of_a_resource_is_another_call_on_its_node(lab: Lab) -> None:
    def last(call: int) -> str:
        return f'echo \'<lrm_rsc_op id="vip-public_last_0" operation="start" call-id="{call}" rc-code="0"/>\''

    node_of(lab).client("crm_mon", f"echo '{crm_mon(n2='vip-public')}'")
    node_of(lab).client("cibadmin", last(41))
    fault = get_fault("svc.restart")
    target = fault.prepare(lab, stopping(resource="vip-public"))
    assert target.params["before"] == {"n2": "41"} and not fault.took_effect(lab, target).ok
    node_of(lab).client("cibadmin", last(57))
    assert fault.took_effect(lab, target).ok and fault.healed(lab, target).ok
    for silent in ("exit 102", "exit 105", "true"):  # no cluster, no such entry, no word
        node_of(lab).client("cibadmin", silent)
        assert not fault.took_effect(lab, target).ok


def test_what_does_not_run_is_neither_stopped_nor_restarted(lab: Lab) -> None:
    """The image holds every package: the unit is there and inactive, as after a stop, and a heal would start it."""
    for said, words in (("echo ActiveState=inactive", "no memcached runs on n2"),
                        ("exit 1", "nobody could say whether memcached runs on n2")):
        node_of(lab).client("systemctl", said)
        for name in ("svc.stop", "svc.restart"):
            with pytest.raises(RefusedError, match=words):
                get_fault(name).prepare(lab, stopping(unit="memcached"))
    node_of(lab).client("systemctl", "echo ActiveState=active")
    assert get_fault("svc.stop").prepare(lab, stopping(unit="memcached"))


def test_who_cannot_be_reached_keeps_no_other_from_its_heal(lab: Lab) -> None:
    namespace: Any = lab.namespace
    namespace.cut.add(str(lab.plan.node("n1").mgmt))
    node_of(lab).client("systemctl", "echo ActiveState=active")
    with pytest.raises(HalabError, match="n1 cannot be reached"):
        get_fault("svc.stop").heal(lab, Target(("n1", "n2"), {FAULT_ID: "ab12", "unit": "memcached"}))
    assert any(node == "n2" and "systemctl start memcached" in said for node, said in node_of(lab).asked)


def test_a_restart_that_was_broken_off_is_undone(lab: Lab) -> None:
    """crm_resource --restart orders the stop and then the start: who kills it between leaves the order, or a ban."""
    fault, target = get_fault("svc.restart"), stopping(resource="haproxy", before={"n2": "1"})
    for left in (CLONED, BAN):
        node_of(lab).client("cibadmin", f"echo '{left}'")
        assert not fault.healed(lab, target).ok
    for name in ("crm_resource", "pkill"):
        node_of(lab).client(name, "exit 0")
    node_of(lab).client("cibadmin", "case \"$*\" in *--delete*) exit 0;; *) echo '<resources/>';; esac")
    fault.heal(lab, target)
    said = " ".join(command for _, command in node_of(lab).asked)
    assert "--clear" in said and "--delete-parameter=target-role" in said and "meta_attributes[not(*)]" in said
    assert fault.healed(lab, target).ok
