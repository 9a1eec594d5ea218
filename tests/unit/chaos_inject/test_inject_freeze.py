"""node.freeze for some seconds: it thaws by itself, is proven by what was seen meanwhile, and leaves nobody frozen."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from inject_fakes import make_lab, namespace_of, shell_of

from chaos import thaw
from chaos.faults import get_fault
from chaos.faults.base import FAULT_ID
from chaos.journal import Journal, heal_all, unhealed
from chaos.model import Target
from lab import state
from lab.drivers.base import PowerState
from lab.errors import HalabError, RefusedError
from lab.lab import Lab
from lab.state import Phase

ROOT = Path(__file__).resolve().parents[3]
MAP = "runtime.config.totem.consensus (u32) = 1200\nruntime.config.totem.token (u32) = {}\n"
MEMBERS = ("n1", "n2", "n3")


def frozen(lab: Lab, seconds: float, token: int = 1000) -> Target:
    shell_of(lab).answers = {"corosync-cmapctl": MAP.format(token)}
    return get_fault("node.freeze").prepare(lab, Target(("n2",), {FAULT_ID: "ab12", "seconds": seconds}))


@pytest.mark.parametrize("seconds", [0, 0.05, 5.1, -1, True, "0.5", None])
def test_a_freeze_of_no_sensible_length_is_refused(seconds: Any) -> None:
    with pytest.raises(RefusedError, match=r"from 0\.1 to 5"):
        get_fault("node.freeze").validate({"seconds": seconds})


@pytest.mark.parametrize(("seconds", "token", "short"), [
    (0.5, 1000, True), (0.6, 1000, True), (0.7, 1000, False), (2, 1000, False), (2, 5000, True)])
def test_it_is_short_by_the_live_token(seconds: float, token: int, short: bool) -> None:
    fault, target = get_fault("node.freeze"), frozen(make_lab(), seconds, token)
    assert target.params["short"] is short and not fault.fencing_follows(target)
    assert fault.may_be_fenced(target, MEMBERS) == (() if short else ("n2",))


def test_without_a_length_it_is_the_loss_that_it_was() -> None:
    fault, target = get_fault("node.freeze"), Target(("n2",))
    assert fault.prepare(make_lab(), target) == target
    assert fault.fencing_follows(target) and fault.may_be_fenced(target, MEMBERS) == ("n2",)


def test_a_token_that_cannot_be_read_makes_no_promise() -> None:
    lab = make_lab()
    shell_of(lab).answers = {"corosync-cmapctl": "Failed to initialize the cmap API"}
    with pytest.raises(RefusedError, match="token"):
        get_fault("node.freeze").prepare(lab, Target(("n2",), {"seconds": 0.5}))


def test_it_thaws_by_itself_and_was_seen() -> None:
    lab, fault = make_lab(), get_fault("node.freeze")
    target = frozen(lab, 0.2)
    assert not fault.took_effect(lab, target).ok  # nothing was done yet
    begun = time.monotonic()
    fault.inject(lab, target)
    assert 0.2 <= time.monotonic() - begun < 3
    driver: Any = lab.driver
    assert driver.calls[-2:] == [("suspend", "n2"), ("resume", "n2")]
    proof = fault.took_effect(lab, target)
    assert proof.ok and "SSH daemon is mute; thawed after 0." in proof.evidence
    assert fault.healed(lab, target).ok
    assert not fault.took_effect(lab, Target(("n2",), {**target.params, FAULT_ID: "cd34"})).ok  # another one's


def test_a_freeze_that_did_nothing_or_lasted_too_long_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    lab, fault = make_lab(), get_fault("node.freeze")
    target = frozen(lab, 0.2)
    with monkeypatch.context() as idle:
        idle.setattr(type(lab.driver.power), "suspend", lambda *_: None)
        fault.inject(lab, target)
    proof = fault.took_effect(lab, target)
    assert not proof.ok and "the driver says it is on" in proof.evidence
    monkeypatch.setattr("chaos.faults.node_freeze._LATE", -0.1)  # a host that was busy elsewhere
    fault.inject(lab, target)
    assert not fault.took_effect(lab, target).ok


def test_a_look_that_fails_leaves_nobody_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    lab, fault = make_lab(), get_fault("node.freeze")
    target = frozen(lab, 0.2)

    def breaks(*_: object) -> None:
        raise HalabError("the namespace is gone")

    monkeypatch.setattr("chaos.faults.node_freeze.ssh_banner", breaks)
    with pytest.raises(HalabError):
        fault.inject(lab, target)
    assert lab.driver.power.state("n2") is PowerState.ON


def recorded() -> Lab:
    """A lab that another process can open."""
    lab = make_lab()
    state.write_atomically(lab.paths.plan, lab.plan.model_dump_json())
    state.write_atomically(lab.paths.topology, "driver: fake\n")
    state.record(lab.paths, Phase.RUNNING)
    return lab


def test_whoever_is_killed_meanwhile_leaves_nobody_frozen() -> None:
    lab = recorded()
    entry = Journal(lab.paths.journal).arm("node.freeze", frozen(lab, 5))
    dies = ("import os, signal; from chaos import thaw; from lab.lab import Lab; lab = Lab.open('fake')\n"
            "with thaw.if_we_die(lab, ['n2']):\n"
            "    lab.driver.power.suspend('n2'); print(lab.driver.power.state('n2')); os.kill(os.getpid(), 9)")
    child = subprocess.run([sys.executable, "-c", dies], cwd=ROOT, capture_output=True, text=True, timeout=60,
                           check=False)
    assert child.returncode == -signal.SIGKILL and child.stdout in ("", "suspended\n"), child.stderr
    deadline = time.monotonic() + 60
    while lab.driver.power.state("n2") is not PowerState.ON:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert [one.id for one in unhealed(lab.paths)] == [entry.id]
    heal_all(lab)
    assert unhealed(lab.paths) == []


def test_whoever_lives_is_not_helped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A node that somebody froze for good right afterwards must stay so."""
    told = tmp_path / "told"
    helper = tmp_path / "python"
    helper.write_text(f"#!/bin/sh\necho \"$@\" > {told}\n")
    helper.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(helper))
    lab = make_lab()
    with thaw.if_we_die(lab, ["n2"]):
        pass
    assert not told.exists()
    with pytest.raises(KeyError), thaw.if_we_die(lab, ["n2", "n3"]):
        raise KeyError
    assert told.read_text() == "-m chaos.thaw fake n2 n3\n"


def test_a_node_that_is_still_frozen_is_healed() -> None:
    lab, fault = make_lab(), get_fault("node.freeze")
    target = frozen(lab, 0.2)
    lab.driver.power.suspend("n2")
    assert not fault.healed(lab, target).ok
    fault.heal(lab, target)
    assert fault.healed(lab, target).ok
    namespace_of(lab).cut.add(str(lab.plan.node("n2").mgmt))
    assert not fault.healed(lab, target).ok
