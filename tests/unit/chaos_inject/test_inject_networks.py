"""Proofs of networks: a cable that is pulled, and an interface that flaps."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from inject_fakes import make_lab
from inject_shell import lab_with_shell, node_of

from chaos.faults import get_fault
from chaos.faults.base import FAULT_ID
from chaos.model import Target
from lab.errors import HalabError
from lab.lab import Lab


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return lab_with_shell(tmp_path, monkeypatch)


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
