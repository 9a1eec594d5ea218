"""S7, nobody innocent was fenced, and what S3, V5 and L5 say of a fence that no fault meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from synthetic import CUT, NODES, REQUEST, SOUND, T0, VIP, Story, build, finding

from chaos.facts import Injection
from chaos.faults import all_faults
from chaos.looks import NodeLook
from chaos.measure import may_be_fenced, phases
from chaos.model import Proof, Result, Target
from chaos.recording import Recording
from chaos.verdict import judge

FIVE = ("c1", "c2", "c3", "c4", "c5")


def order(node: str, at: float, command: str = "off") -> tuple[float, str, str, dict[str, Any]]:
    return (at, "bmc.request", node, {"command": command})


def struck(fault: str, *nodes: str, **params: Any) -> Story:
    """The sound run, in which c1 is fenced, with another fault than the loss of c1."""
    return SOUND.but_facts(fault=fault, target=nodes, params=params, wants_fencing=False, fencing=None)


@pytest.mark.parametrize(("fault", "params"), [
    ("res.cpu", {}), ("res.io", {}), ("res.mem", {}), ("net.loss", {"percent": 5}), ("net.flap", {"network": "ring"}),
    ("net.delay", {"ms": 100}), ("clock.jump", {}), ("clock.drift", {}), ("node.shutdown", {}), ("vip.move", {}),
    ("pcmk.dc_kill", {"process": "pacemaker-controld"}), ("proc.kill", {"process": "mariadbd"}),
    ("fence.unreachable", {}), ("net.link_down", {"network": "ring"})])
def test_a_fault_that_nobody_may_be_given_up_for(fault: str, params: dict[str, Any], tmp_path: Path) -> None:
    """Neither its target nor a bystander."""
    for target in ("c1", "c2"):
        found = finding(tmp_path / target, struck(fault, target, **params), "S7")
        assert not found.ok and found.evidence.endswith("takes nobody of them away: c1 at +3.60 s")


@pytest.mark.parametrize("story", [
    SOUND, struck("net.bridge", "c2"), struck("net.majorities_ring", "c3"), struck("cluster.blackout", *NODES),
    struck("proc.crashloop", "c1", process="corosync"), struck("disk.full", "c1"), struck("node.reset", "c1"),
    struck("nodes.lose_quorum", "c1", "c2"), struck("net.flap", "c1"), struck("proc.pause", "c1", process="mariadbd")])
def test_a_fence_that_belongs_to_the_fault(story: Story, tmp_path: Path) -> None:
    found = finding(tmp_path, story, "S7")
    assert found.ok and found.evidence == "fenced and meant: c1 at +3.60 s"


def looped(*more: float) -> tuple[tuple[float, str, str, dict[str, Any]], ...]:
    """c1 is lost and fenced, comes back, and is fenced again at each of these times, each time with a boot after it."""
    times = (3.6, *more)
    return (CUT, *(event for at in times for event in (
        order("c1", at), order("c1", at + 0.1), (at + 0.2, "power.off", "c1", {}), (at + 0.8, "power.on", "c1", {}))))


@pytest.mark.parametrize(("fault", "params"), [
    ("node.poweroff", {}), ("node.freeze", {}), ("net.isolate", {}), ("net.oneway", {}),
    ("proc.kill", {"process": "corosync"}), ("proc.crashloop", {"process": "corosync"}), ("fence.request", {})])
def test_one_loss_is_fenced_once(fault: str, params: dict[str, Any], tmp_path: Path) -> None:
    lost = SOUND.but_facts(fault=fault, params=params)
    once = finding(tmp_path / "1", lost.but(events=looped()), "S7")
    assert once.ok and once.evidence == "fenced and meant: c1 at +3.60 s"
    twice = finding(tmp_path / "2", lost.but(events=looped(8.0)), "S7")
    assert not twice.ok and twice.evidence == "fenced once more for the same loss: c1 at +8.00 s"


def test_orders_in_one_life_are_one_fence(tmp_path: Path) -> None:
    """An agent asks again; and a node whose BMC lies stays on."""
    asked = (CUT, *(order("c1", at) for at in (3.6, 5.6, 7.6)))
    assert finding(tmp_path / "1", SOUND.but(events=asked), "S7").ok
    frozen = ((0.02, "power.suspend", "c1", {}), order("c1", 3.6), (5.0, "power.resume", "c1", {}), order("c1", 5.5))
    assert finding(tmp_path / "2", SOUND.but(events=frozen), "S7").ok


@pytest.mark.parametrize(("fault", "params"), [("disk.full", {}), ("net.flap", {}), ("net.bridge", {}),
                                               ("cluster.blackout", {"stagger": 3})])
def test_a_fault_that_outlives_the_reboot_may_cost_more_while_it_lasts(fault: str, params: dict[str, Any],
                                                                       tmp_path: Path) -> None:
    """And once more when it has ended; it is healed at +6 s."""
    story = struck(fault, "c1", **params)
    assert finding(tmp_path / "1", story.but(events=looped(5.0, 8.0)), "S7").ok
    assert "c1 at +10.00 s" in finding(tmp_path / "2", story.but(events=looped(5.0, 8.0, 10.0)), "S7").evidence


def test_two_losses_are_fenced_twice(tmp_path: Path) -> None:
    first = Injection("node.poweroff", ("c1",), wants_fencing=True, members=NODES, begin=T0)
    again = Injection("node.poweroff", ("c1",), wants_fencing=True, members=NODES, begin=T0 + 6)
    story = SOUND.but(events=looped(8.0))
    assert finding(tmp_path / "1", story.but_facts(injections=(first, again)), "S7").ok
    early = story.but(events=looped(5.0)).but_facts(injections=(first, again))
    assert not finding(tmp_path / "2", early, "S7").ok, "before the second loss"


def test_nobody_fenced_is_what_most_faults_want(tmp_path: Path) -> None:
    found = finding(tmp_path, struck("res.cpu", *NODES).but(events=(order("c1", 3.6, "status"),)), "S7")
    assert found.ok and found.evidence == "nobody was fenced"


HICCUP = SOUND.but(
    away={name: (0.0, 0.6) for name in ("vip_tcp", "sql_read", "sql_write")}, holders=((-9.0, "c1"),), log=(),
    writers=((-9.0, "c1"),), looks=tuple(
        NodeLook(node, T0 + at, T0 + at + 0.1, quorate=True, component="Primary", vips=(VIP,) if node == "c1" else ())
        for at in range(-4, 12, 2) for node in NODES),
    events=((0.01, "power.suspend", "c1", {}), (0.52, "power.resume", "c1", {}),
            (10.0, "fault.heal", "c1", {"fault": "node.freeze"}))).but_facts(
    fault="node.freeze", params={"seconds": 0.5, "short": True}, wants_fencing=False, fencing=None, detected_at=None,
    sla={"*": "bound"})


def test_a_hiccup_costs_its_length_and_nobody_is_fenced(tmp_path: Path) -> None:
    """Judged as a loss it would be INVALID by V6, and FAIL by L5 and S3."""
    verdict = judge(build(tmp_path / "kept", HICCUP))
    assert verdict.result is Result.PASS, [one for one in verdict.findings if not one.ok and not one.skipped]
    assert not finding(tmp_path / "lost", HICCUP.but_facts(params={}, wants_fencing=True), "V6").ok
    long = HICCUP.but(away={"vip_tcp": (0.0, 1.8)})
    assert not finding(tmp_path / "long", long, "L1").ok
    fenced = HICCUP.but(events=(*HICCUP.events, order("c1", 3.6)))
    assert not finding(tmp_path / "fenced", fenced, "S7").ok
    assert finding(tmp_path / "longer", fenced.but_facts(params={"seconds": 2.5, "short": False}), "S7").ok


def test_a_fault_excuses_nothing_that_came_before_it(tmp_path: Path) -> None:
    story = SOUND.but(events=(*SOUND.events, order("c2", 1.0)))
    build(tmp_path, story)
    run = Recording.load(tmp_path)
    later = Injection("node.poweroff", ("c2",), wants_fencing=True, members=NODES, begin=T0 + 2)
    build(tmp_path, story.but_facts(injections=(*run.facts.injections, later)))
    said = next(one for one in judge(tmp_path).findings if one.id == "S7")
    assert not said.ok and "c2 at +1.00 s" in said.evidence


def test_without_the_diary_nothing_is_said(tmp_path: Path) -> None:
    run_dir = build(tmp_path)
    (run_dir / "events.jsonl").write_text("")
    said = next(one for one in judge(run_dir).findings if one.id == "S7")
    assert (said.ok, said.kind) == (False, "validity")


@pytest.mark.parametrize(("fault", "target", "params", "guilty"), [
    ("node.poweroff", ("c1", "c2"), {}, ("c1", "c2")),
    ("node.poweroff", ("c1", "c2", "c3"), {}, FIVE),  # those who come back first do not see the others
    ("nodes.lose_quorum", ("c1", "c2", "c3"), {}, ("c1", "c2", "c3")),
    ("net.split", ("c1", "c2"), {"peers": 5}, ("c1", "c2")),
    ("net.split", ("c1", "c2", "c3"), {"peers": 5}, ("c4", "c5")),
    ("net.oneway", ("c1",), {"peers": 5}, ("c1",)),
    ("net.port_block", ("c1",), {"port": 5405}, ("c1",)),
    ("net.port_block", ("c1",), {"port": 4567}, ()),
    ("proc.kill", ("c1",), {"process": "pacemaker-execd"}, ("c1",)),
    ("proc.crashloop", ("c1",), {"process": "haproxy"}, ())])
def test_who_may_be_fenced(fault: str, target: tuple[str, ...], params: dict[str, Any],
                           guilty: tuple[str, ...]) -> None:
    assert all_faults()[fault].may_be_fenced(Target(target, params), FIVE) == guilty


def test_of_two_halves_either_may_lose() -> None:
    halves = Target(("c1", "c2"), {"peers": 4})
    assert all_faults()["net.split"].may_be_fenced(halves, FIVE[:4]) == FIVE[:4]


def test_an_old_recording_takes_the_whole_lab_for_the_cluster(tmp_path: Path) -> None:
    run = Recording.load(build(tmp_path))
    assert may_be_fenced(run, Injection("net.bridge", ("c1",))) == NODES
    assert may_be_fenced(run, Injection("a fault of tomorrow", ("c1",))) == ("c1",)


def test_s3_judges_a_split_that_no_fault_declared(tmp_path: Path) -> None:
    """The address was up elsewhere at +4.1 s, and the node that had it went off later."""
    bridge = struck("net.bridge", "c2")
    assert finding(tmp_path / "1", bridge, "S3").ok
    late = bridge.but(events=(order("c1", 3.6), (4.6, "power.off", "c1", {})))
    assert "went off only at +4.60 s" in finding(tmp_path / "2", late, "S3").evidence
    asked_late = bridge.but(events=(order("c1", 4.4), (4.6, "power.off", "c1", {})))
    found = finding(tmp_path / "3", asked_late, "S3")
    assert not found.ok and "was requested only at +4.40 s" in found.evidence


def test_s3_judges_who_was_fenced_without_any_need(tmp_path: Path) -> None:
    lied = struck("res.cpu", *NODES).but(events=(REQUEST,))
    assert "c1 was never off" in finding(tmp_path / "1", lied, "S3").evidence
    # The address left in good order, before the node had to be fenced for something else.
    orderly = struck("disk.full", "c1").but(events=(order("c1", 6.0), (6.2, "power.off", "c1", {})))
    assert finding(tmp_path / "2", orderly, "S3").skipped


def test_a_crash_looping_cluster_daemon_is_an_unclean_loss() -> None:
    crashloop = all_faults()["proc.crashloop"]
    assert crashloop.fencing_follows(Target(("c1",), {"process": "corosync"}))
    assert not crashloop.fencing_follows(Target(("c1",), {"process": "haproxy"}))


def test_v5_judges_whoever_was_asked_about(tmp_path: Path) -> None:
    bridge = struck("net.bridge", "c2")
    assert finding(tmp_path / "1", bridge, "V5").skipped
    told = finding(tmp_path / "2", bridge.but_facts(fencing=Proof(False, "stonith-enabled=false")), "V5")
    assert not told.ok


def test_l5_tells_a_fence_that_no_fault_meant(tmp_path: Path) -> None:
    run = Recording.load(build(tmp_path / "1", struck("net.bridge", "c2")))
    steps = {step.name: step for step in phases(run)}
    assert [round((steps[name].at or 0) - T0, 2) for name in ("fence requested", "fenced")] == [3.6, 3.6]
    never_off = struck("net.bridge", "c2").but(events=(REQUEST,))
    assert "fenced: MISSING" in finding(tmp_path / "2", never_off, "L5").evidence


def test_an_innocent_s_fence_fails_the_run(tmp_path: Path) -> None:
    build(tmp_path, struck("res.cpu", *NODES).but(events=(CUT, REQUEST)).but_facts(sla={}))
    assert judge(tmp_path).result is Result.FAIL
