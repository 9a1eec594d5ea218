"""What a scenario would meet on a lab, told before it strikes."""

from __future__ import annotations

import pytest
from inject_fakes import make_lab
from inject_runner import scenario

from chaos import pacemaker, preview
from chaos.facts import Roles, Timers
from chaos.faults import get_fault
from chaos.journal import unhealed
from chaos.model import Proof, Target
from chaos.timers import Reading
from cli.views.chaos import scenario_view
from lab.drivers.base import PowerState
from lab.errors import CapabilityError, HalabError

TIMERS = Timers(
    token=1.0, consensus=1.2, vip_monitor=10.0, haproxy_monitor=2.0, haproxy_inter=1.0, haproxy_fastinter=0.5,
    haproxy_fall=2, haproxy_check_timeout=1.0, evs_keepalive=0.3, evs_check=0.1, evs_join_retrans=0.3, evs_suspect=1.5,
    net_ticktime=5.0)


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "read_timers", lambda *_: Reading(TIMERS, ["rabbitmq: nobody answers"]))
    monkeypatch.setattr(preview, "read_roles", lambda *_: Roles("n2", "n2"))
    monkeypatch.setattr(pacemaker, "cib", lambda *_: None)
    monkeypatch.setattr(pacemaker, "fences", lambda _, node: Proof(True, f"{node} is fenced"))


def test_whom_it_hits_and_what_that_may_cost(capsys: pytest.CaptureFixture[str]) -> None:
    lab, wanted = make_lab(), scenario()
    seen = preview.preview(lab, wanted)
    assert seen.targets == (("node.poweroff", "n2 = n2"),) and seen.timers.token == 1.0
    bound = seen.bounds.known["vip_tcp"]
    assert 2.2 < bound.low < bound.high and "Tm 2.20" in bound.why
    assert seen.promises["vip_tcp"].seconds == bound.high + 2
    assert lab.driver.power.state("n2") is PowerState.ON and not unhealed(lab.paths)
    scenario_view(wanted, seen, "table")
    said = capsys.readouterr().out
    for words in ("n2 = n2", f"{bound.low:.2f} s to {bound.high:.2f} s", "Tm 2.20", "evs_suspect", "1.5 s",
                  "not read: rabbitmq: nobody answers"):
        assert words in said, words


def test_a_target_that_is_not_there_yet_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: object) -> tuple[str, ...]:
        raise HalabError("no database server is giving its data to another one")

    monkeypatch.setattr(preview, "resolve", nobody)
    seen = preview.preview(make_lab(), scenario())
    assert "known when it strikes (no database server" in seen.targets[0][1]
    assert not seen.bounds.known and "not every target" in seen.bounds.missing["sql_write"]


def test_a_lab_that_cannot_is_refused() -> None:
    with pytest.raises(CapabilityError):
        preview.preview(make_lab(), scenario("vip-holder-panic"))


def test_the_fencing_of_all_is_asked_about_who_may_be_fenced() -> None:
    """A bridge means no loss of its target, and may cost any member."""
    lab = make_lab()
    fault = get_fault("net.bridge")
    injection, _ = preview.learn(lab, fault, fault.prepare(lab, Target(("n1",))))
    assert not injection.wants_fencing and injection.members == ("n1", "n2", "n3")
    assert injection.fencing == Proof(True, "n1 is fenced; n2 is fenced; n3 is fenced")
    innocent, _ = preview.learn(lab, get_fault("res.cpu"), Target(("n1",)))
    assert innocent.fencing is None
