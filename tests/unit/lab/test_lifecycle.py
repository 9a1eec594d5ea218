"""lab.stop, lab.start and lab.resume without machines: order, phases, what an interruption leaves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from onfake import GREEN, ObedientShell, power_after_prepare, running_lab

from chaos.journal import Journal
from chaos.model import Target
from lab import interrupt, state
from lab.drivers.base import PowerState
from lab.drivers.fake import FakeDriver, FakePower
from lab.errors import DeadlineError, HostError, InterruptedByUser, NotFoundError, RefusedError
from lab.lab import Lab
from lab.ops import snapshot, up
from lab.ops.order import start_order
from lab.ops.resume import resume
from lab.ops.start import start
from lab.ops.stop import stop
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state import Phase
from lab.state.events import read_events


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    return running_lab(monkeypatch)


def phase(lab: Lab) -> Phase:
    return state.recorded(lab.paths).phase


def power(lab: Lab) -> set[PowerState]:
    return {lab.driver.power.state(host.name) for host in lab.plan.hosts}


def calls(lab: Lab, verb: str) -> list[str]:
    driver = lab.driver
    assert isinstance(driver, FakeDriver)
    return [node for said, node in driver.calls if said == verb]


def test_stopped_and_started(lab: Lab) -> None:
    assert stop("fake").forced == ()
    assert (power(lab), phase(lab)) == ({PowerState.OFF}, Phase.STOPPED)
    assert start("fake").gates == GREEN
    assert (power(lab), phase(lab)) == ({PowerState.ON}, Phase.RUNNING)


def test_what_the_host_holds_back_is_told_by_start_and_by_up(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeDriver, "warnings", ("corosync runs without real time on n1",))

    def told() -> int:
        return [event.data.get("text") for event in read_events(lab.paths.events)].count(
            "warning: corosync runs without real time on n1")

    start("fake")
    assert told() == 1
    monkeypatch.setattr(up, "check_driver", lambda _plan: None)
    monkeypatch.setattr(up, "_ready_image", lambda *_: None)
    monkeypatch.setattr(up, "_settle", lambda *_, **__: GREEN)
    monkeypatch.setattr(up, "make_node", lambda *_: None)
    up.bring_up(lab.plan, "driver: fake\n")
    assert told() == 2


def test_stopping_twice_is_no_error(lab: Lab) -> None:
    stop("fake")
    assert stop("fake").forced == ()


def test_what_does_not_shut_down_loses_its_power_and_is_named(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ObedientShell, "deaf", frozenset({"n2"}))
    assert stop("fake", timeout=0.05).forced == ("n2",)
    assert power(lab) == {PowerState.OFF}


def test_a_frozen_node_is_not_asked(lab: Lab) -> None:
    lab.driver.power.suspend("n1")
    assert stop("fake").forced == ("n1",)
    assert power(lab) == {PowerState.OFF}


def test_others_stand_on_those_that_start_first() -> None:
    plan = make_plan(topology_from_options(style="segregated", nodes="12"))
    first, last = start_order(plan)
    assert {host.cluster for host in first} == {"db", "mq", "mc"} and {host.cluster for host in last} == {"lb"}
    assert len(start_order(make_plan(topology_from_options()))) == 1


def test_dependants_stop_first_and_start_last(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = running_lab(monkeypatch, style="segregated")
    proxies = {node.name for node in lab.plan.running("haproxy")}
    stop("fake")
    off = list(dict.fromkeys(calls(lab, "off")))
    assert set(off[:3]) == proxies
    already = len(calls(lab, "on"))
    start("fake")
    assert set(calls(lab, "on")[already:][-3:]) == proxies


def test_a_new_lab_s_dependants_get_power_last(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = running_lab(monkeypatch, style="segregated")
    monkeypatch.setattr("provision.apply.node_files", lambda *_: [])
    for host in lab.plan.hosts:
        lab.driver.power.off(host.name)
    already = len(calls(lab, "on"))
    up._make(lab)
    assert set(calls(lab, "create")) == {host.name for host in lab.plan.hosts}
    assert set(calls(lab, "on")[already:][-3:]) == {node.name for node in lab.plan.running("haproxy")}


@pytest.mark.parametrize("act", [stop, start, resume])
def test_a_lab_with_a_fault_is_refused(lab: Lab, act: Callable[[str], object]) -> None:
    Journal(lab.paths.journal).arm("node.poweroff", Target(("n1",), {}, "n1"))
    with pytest.raises(RefusedError, match="still broken"):
        act("fake")
    assert phase(lab) is Phase.RUNNING


@pytest.mark.parametrize("act", [stop, start])
@pytest.mark.parametrize(("was", "word"), [(Phase.BUILDING, "half-built"), (Phase.RESTORING, "half-restored")])
def test_what_resume_must_finish_first(lab: Lab, act: Callable[[str], object], was: Phase, word: str) -> None:
    state.record(lab.paths, was)
    with pytest.raises(RefusedError, match=word) as refused:
        act("fake")
    assert "lab.resume" in refused.value.remedy and phase(lab) is was


@pytest.mark.parametrize("act", [stop, start, resume])
def test_an_unknown_lab(act: Callable[[str], object]) -> None:
    with pytest.raises(NotFoundError, match="no lab 'nowhere'"):
        act("nowhere")


def test_resume_of_a_lab_that_lost_its_power(lab: Lab) -> None:
    """As after a reboot of the host: the record says running."""
    for host in lab.plan.hosts:
        lab.driver.power.off(host.name)
    done = resume("fake")
    assert done.found == "not running: n1, n2, n3" and done.gates == GREEN
    assert power(lab) == {PowerState.ON}


def test_resume_lets_frozen_nodes_go_on(lab: Lab) -> None:
    lab.driver.power.suspend("n3")
    assert resume("fake").found == "not running: n3"
    assert power(lab) == {PowerState.ON}


def test_resume_of_a_healthy_lab_says_so(lab: Lab) -> None:
    assert resume("fake").found == "nothing was interrupted"


def test_resume_after_an_interrupted_stop_finishes_it(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(where: str = "") -> None:
        raise InterruptedByUser("stopped on request")

    with monkeypatch.context() as patched, pytest.raises(InterruptedByUser):
        patched.setattr(interrupt, "check", stopped)
        stop("fake")
    assert phase(lab) is Phase.STOPPING
    done = resume("fake")
    assert done.found == "its stop was not finished" and done.gates == []
    assert (power(lab), phase(lab)) == ({PowerState.OFF}, Phase.STOPPED)


def test_start_after_an_interrupted_stop(lab: Lab) -> None:
    state.record(lab.paths, Phase.STOPPING)
    lab.driver.power.off("n1")
    start("fake")
    assert (power(lab), phase(lab)) == ({PowerState.ON}, Phase.RUNNING)


@pytest.mark.parametrize(("was", "act"), [
    (Phase.RUNNING, stop), (Phase.STOPPING, stop), (Phase.STOPPING, start), (Phase.STOPPING, resume),
    (Phase.STOPPED, start), (Phase.RUNNING, lambda name: snapshot.restore(name, "clean")), (Phase.RESTORING, resume)])
def test_after_a_reboot_of_the_host_the_driver_is_prepared_before_it_is_asked(
        lab: Lab, was: Phase, act: Callable[[str], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """The machines' libvirtd has to be started before it can say which of them runs, or holds a snapshot."""
    snapshot.save("fake", "clean")
    state.record(lab.paths, was, "clean" if was is Phase.RESTORING else "")
    order = power_after_prepare(monkeypatch)
    act("fake")
    assert order[0] == "prepare"


def test_resume_goes_on_though_nobody_can_be_asked_before(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A libvirtd that died alone: the machines run on, and it is started again by prepare."""
    state_of, prepare = FakePower.state, FakeDriver.prepare
    alive: list[str] = []

    def ask(power: FakePower, node: str) -> PowerState:
        if not alive:
            raise HostError("cannot reach the lab's libvirtd")
        return state_of(power, node)

    monkeypatch.setattr(FakePower, "state", ask)
    monkeypatch.setattr(FakeDriver, "prepare", lambda driver: (alive.append("libvirtd"), prepare(driver)))
    assert resume("fake").found == "nobody knows which nodes run: cannot reach the lab's libvirtd"
    assert power(lab) == {PowerState.ON}


def test_resume_after_a_start_that_failed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(lab: Lab, deadline: float) -> None:
        raise DeadlineError("gate 'vip' is not green")

    stop("fake")
    with monkeypatch.context() as patched, pytest.raises(DeadlineError):
        patched.setattr("lab.gates.await_all", late)
        start("fake")
    assert phase(lab) is Phase.STARTING
    assert resume("fake").found == "its start was not finished"
    assert phase(lab) is Phase.RUNNING


def test_resume_of_a_half_restored_lab_restores_it(lab: Lab) -> None:
    snapshot.save("fake", "clean")
    lab.driver.power.off("n2")
    state.record(lab.paths, Phase.RESTORING, "clean")
    assert resume("fake").found == "the restore of 'clean' was not finished"
    assert calls(lab, "restore") == ["clean"]
    assert (power(lab), phase(lab)) == ({PowerState.ON}, Phase.RUNNING)


def test_up_of_a_half_restored_lab_restores_it_too(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot.save("fake", "clean")
    state.record(lab.paths, Phase.RESTORING, "clean")
    (lab.paths.root / "image").symlink_to(lab.paths.root)
    monkeypatch.setattr(up, "check_driver", lambda plan: None)
    assert up.bring_up(lab.plan, "driver: fake\n").resumed
    assert calls(lab, "restore") == ["clean"] and phase(lab) is Phase.RUNNING


def test_resume_of_a_half_built_lab_builds_it(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    state.record(lab.paths, Phase.BUILDING)
    built = []

    def bring_up(plan: object, text: str, **_: object) -> up.UpResult:
        built.append((plan, text))
        return up.UpResult("fake", 1.0, GREEN, True)

    monkeypatch.setattr("lab.ops.resume.bring_up", bring_up)
    assert resume("fake").found == "its making was not finished"
    assert built == [(lab.plan, "driver: fake\n")]


@pytest.mark.parametrize("was", [Phase.STOPPING, Phase.STOPPED, Phase.STARTING])
def test_up_goes_on_as_resume_does(lab: Lab, monkeypatch: pytest.MonkeyPatch, was: Phase) -> None:
    """A node that is still going must have gone before it counts as running."""
    monkeypatch.setattr(up, "check_driver", lambda _plan: None)
    monkeypatch.setattr(up, "_ready_image", lambda *_: None)
    state.record(lab.paths, was)
    lab.driver.power.off("n1")
    done = up.bring_up(lab.plan, "driver: fake\n")
    assert done.gates == GREEN and done.resumed and (power(lab), phase(lab)) == ({PowerState.ON}, Phase.RUNNING)
