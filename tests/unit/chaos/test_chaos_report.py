"""The page says what the verdict says and needs nothing but itself."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from synthetic import T0, TIMERS, Story, base_injection, build, recording

from chaos.measure import phases
from chaos.nodelog import LogLine
from chaos.recording import Recording
from chaos.report import write
from chaos.report.marks import WIDTH, Mark
from chaos.report.moments import moments
from chaos.report.page import shown_timers
from chaos.report.scale import Axis
from chaos.report.timeline import timeline
from lab.errors import RefusedError


class Strict(HTMLParser):
    """Every element that must be closed is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None: ...

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page(tmp_path: Path, story: Story | None = None) -> str:
    return write(build(tmp_path, story)).read_text()


def plain(text: str) -> str:
    """What a person reads, without the picture's and the table's frame."""
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", text).split()))


def test_the_page_stands_alone(tmp_path: Path) -> None:
    text = page(tmp_path)
    assert not re.search(r"<script|<link|@import|url\(|src=|href=", text)
    parser = Strict()
    parser.feed(text)
    assert parser.open == []


def test_the_page_shows_what_was_measured(tmp_path: Path) -> None:
    text = page(tmp_path)
    assert ">PASS</span>" in text
    assert "the longest outage was 4.40 s (sql_bank)" in text
    assert "vip_holder = c1" in text
    for check in ("S1", "S3", "S4", "S5", "L1", "L4", "L5", "V1", "V6"):
        assert f"<strong>{check}</strong>" in text
    assert 'class="gap"' in text and ">4.22 s<" in text  # the gap on the timeline
    assert "fence requested +3.60" in text
    assert "pacemaker" in text and "2.1.5" in text
    assert "./inv chaos.run vip-holder-power-cut" in text


def test_a_second_holder_is_drawn_and_named(tmp_path: Path) -> None:
    text = page(tmp_path, Story(also_answers=((5.0, 5.3, "c3"),)))
    assert ">FAIL</span>" in text
    assert 'class="clash"' in text
    assert "S1 (one holder per VIP at any time) does not hold" in text


def test_an_invalid_run_says_that_it_proves_nothing(tmp_path: Path) -> None:
    assert "proves nothing: V1" in page(tmp_path, Story().but_facts(took_effect=None))


def test_a_run_that_broke_before_the_fault_still_has_a_page(tmp_path: Path) -> None:
    story = Story().but_facts(begin=None, end=None, heal_begin=None, heal_end=None,
                              converged_at=None, detected_at=None, error="the lab did not answer", sla={})
    assert "The tool failed: the lab did not answer" in page(tmp_path, story)


def test_words_from_the_lab_are_escaped(tmp_path: Path) -> None:
    text = page(tmp_path, Story().but_facts(lab="<b>x</b>"))
    assert "<b>x</b>" not in text
    assert "&lt;b&gt;x" in text


def test_a_folder_without_facts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="no facts"):
        write(tmp_path)


def test_ticks_are_round_and_hold_zero() -> None:
    axis = Axis(-3.0, 11.0, 100.0, 1060.0)
    labels = [label for _, label in axis.ticks()]
    assert "0" in labels
    assert axis.x(-3) == 100
    assert axis.x(99) == 1060


def test_no_label_leaves_the_picture_and_none_covers_another(tmp_path: Path) -> None:
    run = recording(tmp_path, Story().but_facts(converged_at=T0 + 11.5))
    marks = timeline(run, phases(run)).marks
    assert [mark.kind for mark in marks] == ["fault", *["phase"] * 5, "heal", "phase"]
    assert marks[-1].left and not marks[0].left  # redundant: at the right edge
    assert_apart(marks)


def assert_apart(marks: tuple[Mark, ...]) -> None:
    taken: dict[int, float] = {}
    for mark in marks:
        length = 6.8 * len(mark.label)
        begin = mark.label_x - length if mark.left else mark.label_x
        assert begin >= taken.get(mark.lane, 0.0)
        assert begin + length <= WIDTH
        taken[mark.lane] = begin + length


def three_faults(tmp_path: Path) -> Recording:
    """Of a rolling reboot: three faults, the first healed by itself, and what the nodes wrote of it."""
    faults = tuple(replace(base_injection(), fault="node.reboot", target=(node,), begin=T0 + at)
                   for node, at in (("c1", 0.0), ("c2", 2.0), ("c3", 4.0)))
    heals = [(at, "fault.heal", node, {"fault": "node.reboot", "id": node}) for node, at in (("c1", 3.0), ("c3", 8.0))]
    injects = [(at, "fault.inject", node, {"fault": "node.reboot", "id": node})
               for node, at in (("c1", 0.0), ("c2", 2.0), ("c3", 4.0))]
    run = recording(tmp_path, Story(events=(*heals, *injects)).but_facts(injections=faults))
    return replace(run, log=(
        LogLine(T0 + 1.0, "c2", "corosync", "A new membership (1.d) was formed. Members left: 1"),
        LogLine(T0 + 1.1, "c3", "corosync", "A new membership (1.d) was formed. Members left: 1"),
        LogLine(T0 + 5.0, "c1", "galera", "WSREP: Shifting JOINED -> SYNCED (TO: 7)"),
        LogLine(T0 + 99.0, "c1", "galera", "WSREP: Shifting SYNCED -> OPEN (TO: 8)")))


def test_each_fault_has_its_own_shade_and_mark(tmp_path: Path) -> None:
    """One shade spanned all of them."""
    run = three_faults(tmp_path)
    drawn = timeline(run, phases(run))
    axis = drawn.axis
    assert [(shade.label, shade.x, round(shade.x + shade.width)) for shade in drawn.shades] == [
        ("node.reboot c1", axis.x(0), round(axis.x(3))),
        ("node.reboot c2", axis.x(2), round(axis.x(7.5))),  # nobody wrote when: the end of the heal
        ("node.reboot c3", axis.x(4), round(axis.x(8)))]
    assert [mark.label for mark in drawn.marks if mark.kind == "fault"] == [
        "node.reboot c1 +0.00", "node.reboot c2 +2.00", "node.reboot c3 +4.00"]
    assert [mark.label for mark in drawn.marks if mark.kind == "heal"] == ["heal +6.00"]
    assert_apart(drawn.marks)


def test_what_the_cluster_did_is_a_tick_on_the_nodes_row(tmp_path: Path) -> None:
    run = three_faults(tmp_path)
    ticks = {row.name: [(box.kind, box.title) for box in row.boxes if box.kind.startswith("tick")]
             for row in timeline(run, phases(run)).rows if row.name in run.facts.nodes}
    assert ticks == {"c1": [("tick corosync", "+1.00 corosync: c1 left"),
                            ("tick galera", "+5.00 galera: c1 JOINED -> SYNCED")], "c2": [], "c3": []}


def test_the_table_tells_the_run_in_order(tmp_path: Path) -> None:
    told = moments(three_faults(tmp_path))
    assert [(round(one.since, 2), one.node, one.who, one.what) for one in told] == [
        (0.0, "", "fault", "node.reboot c1"), (1.0, "c1", "corosync", "left"), (2.0, "", "fault", "node.reboot c2"),
        (4.0, "", "fault", "node.reboot c3"), (5.0, "c1", "galera", "JOINED -> SYNCED"), (6.0, "", "heal", "begins"),
        (9.0, "", "lab", "every gate holds")]
    assert told[1].said == ("c2", "c3")
    words = page(tmp_path / "page")
    assert "In order" in words and "BMC: off" in words and "every gate holds" in words


def test_a_monitor_that_asks_a_bmc_is_no_fencing(tmp_path: Path) -> None:
    """The rows of all nodes were full of marks, three each second of a monitor."""
    run = recording(tmp_path, Story(events=((1.0, "bmc.request", "c1", {"command": "status"}),
                                            (3.6, "bmc.request", "c1", {"command": "off"}))))
    (boxes,) = [row.boxes for row in timeline(run, phases(run)).rows if row.name == "c1"]
    assert [box.title for box in boxes if box.kind == "bmc"] == ["BMC: off"]


def test_a_client_that_asks_seldom_has_a_line(tmp_path: Path) -> None:
    """Seen by a browser: each of its answers was in a column of its own, and a line of one point is none."""
    run = recording(tmp_path)
    strips = {one.name: one.median for one in timeline(run, phases(run)).strips}
    assert run.period("sql_bank") == 0.1 and strips["sql_bank"].count("L") > 50
    assert strips["sql_bank"].count("M") == strips["sql_write"].count("M") == 2  # broken once, by the outage


def test_late_answers_are_drawn_as_the_outage_that_is_judged(tmp_path: Path) -> None:
    run = build(tmp_path)
    path = run / "samples" / "cache.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:  # nothing fails, but all that was asked in two seconds is answered at their end
        if 1.0 <= row[1] - T0 < 3.0:
            row[3] = T0 + 3.0
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert "cache: no success for 2.02 s" in write(run).read_text()


@pytest.mark.parametrize("end", [("power.off", {"by": "its own system"}),
                                 ("power.seen", {"state": "off", "by": "libvirt"})])
def test_a_node_that_ended_by_itself_is_drawn_without_power(tmp_path: Path, end: tuple[str, dict[str, str]]) -> None:
    """The row of a node that had shut itself down said "on" to the end."""
    run = recording(tmp_path, Story(events=((2.0, "node.stopping", "c1", {}), (5.0, end[0], "c1", end[1]),
                                            (9.0, "power.on", "c1", {}))))
    (boxes,) = [row.boxes for row in timeline(run, phases(run)).rows if row.name == "c1"]
    assert [box.label for box in boxes if box.kind == f"power-{box.label}"] == ["on", "off", "on"]


def test_bounds_are_numbers_with_their_formula(tmp_path: Path) -> None:
    """A formula that is a tooltip, and a bound that is a picture, are lost on paper."""
    words = plain(page(tmp_path))
    assert "sql_write 4.32 ± 0.02 s 2.35 to 6.70 s 8.70 s the slowest of: Tm 2.20 + Tf" in words
    assert "cache 0.02 ± 0.02 s 0.00 to 2.00 s 4.00 s" in words


def test_why_there_is_no_bound_is_said(tmp_path: Path) -> None:
    words = plain(page(tmp_path, Story().but_facts(
        timers=replace(TIMERS, evs_suspect=None), sla={"sql_write": "bound + 2s", "sql_read": 3})))
    assert ("sql_write 4.32 ± 0.02 s none none the timer evs_suspect was not read "
            "no limit for 'bound + 2s': the timer evs_suspect was not read") in words


def test_timers_that_contradict_each_other_are_on_the_page(tmp_path: Path) -> None:
    sound = replace(TIMERS, stonith_timeout=30.0, fence_timeout=20.0, mq_heartbeat=15.0, flush_at_commit=1,
                    haproxy_check_timeout=0.7)
    assert "contradict each other" not in page(tmp_path / "sound", Story().but_facts(timers=sound))
    text = page(tmp_path / "wrong", Story().but_facts(timers=replace(sound, consensus=1.0)))
    assert "contradict each other" in text and "1.2 x token is 1.2 s" in text and "leave totem.consensus out" in text


def test_only_times_are_shown_in_seconds() -> None:
    shown = shown_timers(TIMERS)
    assert shown["token"].endswith(" s") and shown["haproxy_one_try"] in ("yes", "no")
    assert shown["qdevice_timeout"] == "no quorum device" and shown["mq_heartbeat"] == "not read"
    for name in ("haproxy_fall", "haproxy_rise", "slowness"):
        assert not shown[name].endswith(" s")
    assert not shown_timers(replace(TIMERS, flush_at_commit=1))["flush_at_commit"].endswith("s")
