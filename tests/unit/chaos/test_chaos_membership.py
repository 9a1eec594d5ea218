"""S8, no healthy member was dropped: whom each fault may cost the cluster, and whose word on it counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from synthetic import MEMBERSHIP, NODES, SOUND, T0, Story, finding, recording

from chaos.checks.s8_no_member_dropped import CHECK
from chaos.facts import Injection
from chaos.faults import all_faults
from chaos.measure import may_leave
from chaos.model import Target
from daemons import corosync


def struck(fault: str, *nodes: str, **params: Any) -> Story:
    """The sound run, in which c2 and c3 drop c1 at +2.2 s, with another fault."""
    return SOUND.but_facts(fault=fault, target=nodes, params=params, wants_fencing=False, fencing=None)


def said(*lines: tuple[float, str, str]) -> tuple[tuple[float, str, str], ...]:
    return tuple((at, node, MEMBERSHIP.format(words)) for at, node, words in lines)


@pytest.mark.parametrize(("line", "ids"), [
    ("[TOTEM ] A new membership (1.30) was formed. Members left: 3", (3,)),
    ("[TOTEM ] A new membership (2.4f) was formed. Members left: 1 3", (1, 3)),
    ("[TOTEM ] A new membership (1.60) was formed. Members joined: 2 3 left: 2 13", (2, 13)),
    ("[TOTEM ] A new membership (1.35) was formed. Members joined: 3", ()),
    ("[TOTEM ] A new membership (1.68) was formed. Members", ()),
    ("[TOTEM ] Failed to receive the leave message. failed: 3", ()), ("[QUORUM] Members[2]: 1 2", ())])
def test_who_left_in_corosync_s_words(line: str, ids: tuple[int, ...]) -> None:
    assert corosync.left(line) == ids


@pytest.mark.parametrize(("fault", "params"), [
    ("res.cpu", {}), ("res.io", {}), ("res.mem", {}), ("net.loss", {"percent": 5}), ("net.flap", {"network": "ring"}),
    ("net.delay", {"ms": 100}), ("clock.jump", {}), ("clock.drift", {}), ("vip.move", {}), ("pcmk.standby", {}),
    ("pcmk.dc_kill", {"process": "pacemaker-controld"}), ("lb.kill", {"process": "haproxy"}),
    ("cache.kill", {"process": "memcached"}), ("fence.slow", {}), ("net.link_down", {"network": "ring"}),
    ("svc.stop", {"unit": "pacemaker"})])
def test_a_fault_that_costs_no_member(fault: str, params: dict[str, Any], tmp_path: Path) -> None:
    """Neither its target nor a bystander."""
    for target in ("c1", "c2"):
        found = finding(tmp_path / target, struck(fault, target, **params), "S8")
        assert not found.ok and found.kind == "safety"
        assert found.evidence.startswith("c1 was dropped at +2.20 s, say c2, c3, although " + fault)


@pytest.mark.parametrize("story", [
    SOUND, struck("node.reboot", "c1"), struck("node.shutdown", "c1"), struck("svc.stop", "c1", unit="corosync"),
    struck("svc.restart", "c1", unit="corosync"), struck("proc.kill", "c1", process="corosync"),
    struck("node.freeze", "c1"), struck("disk.full", "c1"), struck("net.flap", "c1")])
def test_a_loss_that_belongs_to_the_fault(story: Story, tmp_path: Path) -> None:
    found = finding(tmp_path, story, "S8")
    assert found.ok and not found.skipped
    assert found.evidence == "nobody of c2, c3 was dropped, say the logs of c2, c3"


def test_whoever_is_cut_off_sees_all_others_leave(tmp_path: Path) -> None:
    own = said((2.2, "c2", "left: 1"), (2.3, "c1", "left: 2 3"))
    assert finding(tmp_path / "1", SOUND.but(log=own), "S8").ok
    assert not finding(tmp_path / "2", struck("res.cpu", "c1").but(log=own[1:]), "S8").ok


def test_from_the_fault_to_the_end_of_the_run(tmp_path: Path) -> None:
    story = struck("res.cpu", *NODES)
    assert finding(tmp_path / "1", story.but(log=said((-2.0, "c2", "left: 3"), (12.5, "c2", "left: 3"))), "S8").ok
    assert not finding(tmp_path / "2", story.but(log=said((11.5, "c2", "left: 3"))), "S8").ok


def test_a_fault_excuses_nothing_that_came_before_it(tmp_path: Path) -> None:
    first = Injection("res.cpu", ("c1",), members=NODES, begin=T0)
    later = Injection("node.poweroff", ("c2",), wants_fencing=True, members=NODES, begin=T0 + 4)
    story = SOUND.but_facts(injections=(first, later))
    assert finding(tmp_path / "1", story.but(log=said((6.2, "c3", "left: 2"))), "S8").ok
    assert not finding(tmp_path / "2", story.but(log=said((3.9, "c3", "left: 2"))), "S8").ok



def test_a_fault_excuses_nothing_after_the_lab_was_whole_again(tmp_path: Path) -> None:
    """A rolling reboot: each node is away once, and the two others have to stay together meanwhile."""
    def rolling(*log: tuple[float, str, str], whole: bool = True) -> Story:
        return SOUND.but_facts(injections=tuple(
            Injection("node.reboot", (node,), members=NODES, begin=T0 + 3 * at, end=T0 + 3 * at + 1,
                      whole_at=T0 + 3 * at + 2.5 if whole else None)
            for at, node in enumerate(NODES))).but(log=said(*log))

    each = ((0.5, "c2", "left: 1"), (3.5, "c3", "left: 2"), (6.5, "c1", "left: 3"))
    fine = finding(tmp_path / "1", rolling(*each), "S8")
    assert fine.ok and not fine.skipped
    assert fine.evidence == "nobody of c1, c2, c3 was dropped while no fault might cost it, say the logs of c1, c2, c3"
    twice = finding(tmp_path / "2", rolling(*each, (6.6, "c2", "left: 1")), "S8")
    assert not twice.ok and twice.evidence.startswith("c1 was dropped at +6.60 s, say c2")
    # The first two are struck with nobody waiting for the lab: from the second on there are no two to stay together.
    hasty = finding(tmp_path / "3", rolling(*each, (6.6, "c2", "left: 1"), whole=False), "S8")
    assert hasty.ok and "nobody of c2, c3" in hasty.evidence


def test_each_stage_needs_a_log_of_those_who_stay(tmp_path: Path) -> None:
    first = Injection("node.reboot", ("c1",), members=NODES, begin=T0, whole_at=T0 + 3)
    second = Injection("node.reboot", ("c2",), members=NODES, begin=T0 + 4)
    story = SOUND.but_facts(injections=(first, second), logged=("c2",)).but(log=said((0.5, "c2", "left: 1")))
    found = finding(tmp_path, story, "S8")
    assert not found.ok and found.kind == "validity"
    assert "no log was read of those who stayed (c1, c3)" in found.evidence


def test_nodes_are_named_as_corosync_counts_them(tmp_path: Path) -> None:
    """After lab.scale the numbers have holes."""
    story = struck("res.cpu", "c1").but(log=said((3.0, "c1", "left: 7 9")))
    found = finding(tmp_path, story.but_facts(nodeids={"c1": 1, "c2": 2, "c3": 7}), "S8")
    assert found.evidence.startswith("c3 was dropped at +3.00 s, say c1; node 9 was dropped at +3.00 s, say c1")


def test_where_each_may_lose_the_others_there_is_nothing_to_judge(tmp_path: Path) -> None:
    assert finding(tmp_path / "1", struck("net.bridge", "c2"), "S8").skipped
    assert finding(tmp_path / "2", struck("nodes.lose_quorum", "c1", "c2"), "S8").skipped


def test_a_recording_from_before_it_was_noted_whose_logs_were_read(tmp_path: Path) -> None:
    old = struck("res.cpu", "c1").but_facts(logged=None)
    assert finding(tmp_path / "1", old.but(log=()), "S8").skipped
    assert not finding(tmp_path / "2", old, "S8").ok
    joined = finding(tmp_path / "3", old.but(log=said((3.0, "c2", "joined: 1"))), "S8")
    assert joined.ok and joined.evidence.endswith("say the logs of c2")


def test_on_a_late_host_a_loss_proves_nothing(tmp_path: Path) -> None:
    """Seen: a host that was busy all the time, and three members that dropped each other."""
    late = struck("res.io", "c1").but(busy=1.0, waited=0.6)
    found = finding(tmp_path / "1", late, "S8")
    assert not found.ok and found.kind == "validity" and "but the host was late (V4)" in found.evidence
    assert finding(tmp_path / "2", late.but(log=()), "S8").ok


def test_a_fault_of_tomorrow_costs_its_target(tmp_path: Path) -> None:
    run = recording(tmp_path)
    assert may_leave(run, Injection("a fault of tomorrow", ("c1",))) == ("c1",)
    assert CHECK.judge(run).ok


def test_whoever_may_be_fenced_may_leave() -> None:
    five = ("c1", "c2", "c3", "c4", "c5")
    for fault in all_faults().values():
        params = {"process": "corosync", "unit": "corosync", "network": "control", "port": 5405}
        target = Target(("c1",), params)
        assert set(fault.may_be_fenced(target, five)) <= set(fault.may_leave(target, five)), fault.name
