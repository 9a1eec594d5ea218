"""Gaps, stalls, bounds and promises are exact."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from synthetic import T0, TIMERS, Story, base_facts, base_injection, build, facts_but, recording

from chaos.bounds import Bounds, bounds
from chaos.facts import Facts, Injection, Roles, Timers
from chaos.families import FAMILIES
from chaos.faults import all_faults
from chaos.formulas import (
    NoBound,
    fencing,
    galera_member_lost,
    membership,
    proxy_killed,
    queue_leader_lost,
    tie_break,
    unnoticed,
    vip_takeover,
)
from chaos.measure import windows
from chaos.model import Outcome, Sample
from chaos.sla import Limit, check, limit, names, seconds, slowest
from chaos.verdict import judge
from chaos.windows import downtime, longest_gap, longest_stall, outages
from lab.bmc import SLOW
from lab.errors import RefusedError


def sample(slot: int, ok: bool = True, took: float = 0.0) -> Sample:
    at = 100 + slot * 0.02
    return Sample(slot, at, at, at + took, Outcome.OK if ok else Outcome.FAIL)


def test_a_gap_runs_from_the_last_success_to_the_next() -> None:
    samples = [sample(slot, ok=not 50 <= slot < 100) for slot in range(200)]
    gap = longest_gap(samples, begin=100.9, end=104)
    assert gap is not None
    assert gap.seconds == pytest.approx(51 * 0.02)
    assert gap.begin == pytest.approx(100 + 49 * 0.02)


def test_only_what_reaches_past_the_fault_counts() -> None:
    samples = [sample(slot, ok=not 10 <= slot < 90) for slot in range(200)]
    gap = longest_gap(samples, begin=102.0, end=104)
    assert gap is not None
    assert gap.seconds == pytest.approx(0.02)


def test_a_service_that_never_comes_back_has_an_open_gap() -> None:
    samples = [sample(slot, ok=slot < 50) for slot in range(200)]
    gap = longest_gap(samples, begin=100.9, end=500.0)
    assert gap is not None
    assert gap.open_end
    assert gap.seconds == pytest.approx((199 - 49) * 0.02)


def test_slow_answers_hide_a_stall_by_intended_time_only() -> None:
    # Slots 50..99 are all answered together when slot 100 is: nothing failed, everything hung.
    samples = [sample(slot, took=(100 - slot) * 0.02 if 50 <= slot < 100 else 0.0) for slot in range(200)]
    gap, stall = longest_gap(samples, 100.9, 104), longest_stall(samples, 100.9, 104)
    assert gap is not None and stall is not None
    assert gap.seconds == pytest.approx(0.02)
    assert stall.seconds == pytest.approx(51 * 0.02)


def test_every_outage_adds_to_the_downtime() -> None:
    samples = [sample(slot, ok=slot % 50 != 7) for slot in range(200)]
    found = outages(samples, 0.02)
    assert len(found) == 4
    assert downtime(found, 0.02) == pytest.approx(4 * 0.02)


def test_the_longer_one_is_judged(tmp_path: Path) -> None:
    window = windows(recording(tmp_path))["vip_tcp"]
    assert window.by_intended == pytest.approx(4.22, abs=0.001)
    assert window.seconds == max(window.by_intended, window.by_completion)
    assert window.outages == 1


def test_what_the_heal_costs_is_told_from_what_the_fault_does(tmp_path: Path) -> None:
    """The fault is healed 6.0 s after it struck: a standby's node comes back, and commits wait for its database."""
    run = recording(tmp_path, Story(away={"vip_tcp": (0.0, 0.2), "sql_write": (6.5, 7.1)}))
    found = windows(run)
    assert found["vip_tcp"].before_heal == found["vip_tcp"].seconds and not found["vip_tcp"].at_heal
    assert found["sql_write"].seconds > 0.6 and found["sql_write"].at_heal
    assert found["sql_write"].before_heal == pytest.approx(0.02, abs=0.001)
    unhealed = recording(tmp_path / "unhealed", Story().but_facts(heal_begin=None))
    assert windows(unhealed)["vip_tcp"].before_heal is None


def test_bounds_follow_the_live_timers() -> None:
    assert membership(TIMERS) == pytest.approx(2.2)
    assert membership(replace(TIMERS, token=3.65, consensus=4.38)) == pytest.approx(8.03)
    takeover = vip_takeover(TIMERS)
    for measured in (3.88, 4.60, 4.32, 4.68, 4.72, 4.76, 4.82):  # recorded with these timers
        assert takeover.low < measured < takeover.high
    slow = fencing(replace(TIMERS, fence_power_wait=4.0, fence_delay=2.0))
    assert slow == (pytest.approx(6.1), pytest.approx(11.0))


def test_mirrored_queues_wait_for_the_tick_of_their_brokers_and_for_a_dead_node() -> None:
    quorum, mirrored = TIMERS, replace(TIMERS, mirrored_queues=True, net_ticktime=60.0)
    assert queue_leader_lost(mirrored, silent=True).high == pytest.approx(75 + 3 + 1)
    assert queue_leader_lost(replace(mirrored, net_ticktime=5.0), silent=True).high == pytest.approx(6.25 + 3 + 1)
    taken = queue_leader_lost(replace(mirrored, net_ticktime=5.0), silent=True, consumes=True)
    assert taken.high == pytest.approx(6.25 + 7 + 1)
    assert queue_leader_lost(mirrored, silent=False) == queue_leader_lost(quorum, silent=False)
    with pytest.raises(NoBound, match="net_ticktime"):
        queue_leader_lost(replace(mirrored, net_ticktime=None), silent=True)


def test_a_quorum_device_delays_a_takeover_by_its_patience() -> None:
    alone = vip_takeover(TIMERS)
    assert tie_break(TIMERS) == 0
    patient = replace(TIMERS, qdevice_timeout=10.0, qdevice_sync_timeout=30.0)  # corosync-qdevice's defaults
    # 1.5 heartbeats of 0.8 x 10 s, of which Tm 2.2 s is spent already, and the answer
    assert tie_break(patient) == pytest.approx(12 - 2.2 + 1.0)
    assert tie_break(replace(patient, qdevice_timeout=1.0)) == pytest.approx(1.0)
    assert tie_break(replace(patient, qdevice_sync_timeout=6.0)) == 6.0
    takeover = vip_takeover(patient)
    assert takeover.low == alone.low and takeover.high == pytest.approx(alone.high + 10.8)
    assert "10.80 s for the quorum device's vote" in takeover.why and "quorum device" not in alone.why
    with pytest.raises(NoBound, match="qdevice_sync_timeout"):
        vip_takeover(replace(patient, qdevice_sync_timeout=None))


def test_bounds_hold_for_the_measured_process_kills() -> None:
    commit = galera_member_lost(TIMERS)
    for measured in (1.81, 1.87):
        assert commit.low < measured < commit.high
    assert proxy_killed(TIMERS).low < 0.38 < proxy_killed(TIMERS).high
    moved = proxy_killed(replace(TIMERS, haproxy_restart=None, haproxy_monitor=2.0, haproxy_one_try=True))
    assert moved.low < 2.1 and 2.3 < moved.high < 5
    polled = proxy_killed(replace(TIMERS, haproxy_restart=None, haproxy_monitor=1.0))
    for measured in (2.36, 2.48, 2.98):
        assert polled.low < measured < polled.high


def test_losing_a_bystander_costs_the_vip_nothing() -> None:
    found = bounds(facts_but(roles=Roles(vip_holder="c2", galera_writer="c2")))
    assert found.known["vip_tcp"] == found.known["sql_read"] == unnoticed(TIMERS)
    assert found.known["sql_write"].low == pytest.approx(1.2)


def test_without_quorum_there_is_no_bound_but_for_the_cache() -> None:
    found = bounds(facts_but(fault="net.split", starves=True, wants_fencing=False))
    assert "nobody has quorum" in found.missing["vip_tcp"] and "cache" in found.known and not found.unread


def test_a_timer_or_role_that_was_not_read_leaves_the_bound_out() -> None:
    found = bounds(facts_but(timers=Timers()))
    assert found.missing["vip_tcp"] == "the timer token was not read"
    assert found.unread == {"vip_tcp", "sql_read", "sql_write", "sql_bank", "mq_publish", "mq_consume"}
    assert "cache" in found.known
    found = bounds(facts_but(roles=Roles()))
    assert found.missing["sql_read"] == "who was vip_holder is not known"


def test_what_the_fault_should_not_touch_may_be_away_for_one_retry() -> None:
    """The database is killed: neither the proxy's own page, nor the broker, nor the cache may notice."""
    killed = facts_but(fault="proc.kill", params={"process": "mariadbd"}, wants_fencing=False)
    assert {name for name, bound in bounds(killed).known.items() if bound == unnoticed(TIMERS)} == {
        "vip_tcp", "mq_publish", "mq_consume", "cache"}
    assert limit({"*": "bound + 2s"}, "cache", unnoticed(TIMERS).high) == Limit(3.0)


def test_a_daemon_or_fault_without_a_formula_has_no_bound() -> None:
    killed = facts_but(fault="proc.kill", params={"process": "pacemaker-execd"}, wants_fencing=False)
    assert set(bounds(killed).missing.values()) == {"there is no formula for the death of pacemaker-execd"}
    assert not bounds(killed).unread
    assert set(bounds(facts_but(fault="of.the.future")).missing) == set(base_facts().probes) - {"vip_arp"}


def test_nobody_should_notice_the_death_of_the_controller() -> None:
    """Seen: the verdict was INVALID for want of a formula that was there, behind a question about services only."""
    killed = bounds(facts_but(fault="pcmk.dc_kill", params={"process": "pacemaker-controld"}, wants_fencing=False))
    assert not killed.missing and set(killed.known.values()) == {unnoticed(TIMERS)}


def test_a_node_whose_corosync_was_killed_serves_on_until_it_is_fenced() -> None:
    lost = bounds(base_facts()).known["vip_tcp"]
    killed = bounds(facts_but(fault="proc.kill", params={"process": "corosync"})).known["vip_tcp"]
    assert (killed.low, killed.high) == (0.0, lost.high)


def test_a_split_that_clients_are_not_part_of_has_no_floor() -> None:
    cut, split = (bounds(facts_but(fault=name)).known["vip_tcp"] for name in ("net.isolate", "net.split"))
    assert cut.low > 2 and split == replace(cut, low=0.0)


def test_a_recovery_that_nobody_has_to_ask_for_is_sooner() -> None:
    told, found = (bounds(facts_but(fault=name, wants_fencing=False)).known["vip_tcp"]
                   for name in ("pcmk.resource_fail", "vip.remove"))
    assert found.high - told.high == TIMERS.vip_monitor


def test_a_freeze_shorter_than_the_token_costs_its_length() -> None:
    def frozen(seconds: float, short: bool, **more: Any) -> Bounds:
        return bounds(facts_but(fault="node.freeze", params={"seconds": seconds, "short": short}, wants_fencing=False,
                                **more))

    for_good = bounds(facts_but(fault="node.freeze"))
    assert for_good == bounds(base_facts())
    hiccup = frozen(0.5, short=True)
    assert {(one.low, one.high) for one in hiccup.known.values()} == {(0.0, 1.5)} and not hiccup.missing
    # Galera may be told to give a member up sooner than corosync does.
    quick = frozen(0.5, short=True, timers=replace(TIMERS, evs_suspect=0.7))
    assert quick.known["sql_write"].high > quick.known["sql_read"].high == 1.5
    # The others may hold it for lost, or not.
    longer = frozen(2.5, short=False)
    for name, bound in longer.known.items():
        assert bound.low == 0 and bound.high == max(3.5, for_good.known[name].high), name
    bystander = Roles(vip_holder="c2", galera_writer="c2")
    assert frozen(0.5, short=True, roles=bystander).known["vip_tcp"] == unnoticed(TIMERS)


def test_a_slow_bmc_is_part_of_a_freeze_that_may_be_fenced() -> None:
    slow = replace(base_injection(), fault="fence.slow", wants_fencing=False)
    froze = replace(base_injection(), fault="node.freeze", params={"seconds": 4, "short": False}, wants_fencing=False)
    known = bounds(replace(base_facts(), injections=(slow, froze))).known["vip_tcp"]
    assert known.high == bounds(base_facts()).known["vip_tcp"].high + SLOW


def test_a_restart_has_no_floor_and_the_ceiling_of_a_stop() -> None:
    stopped, again = (bounds(facts_but(fault=name, params={"unit": "haproxy"}, wants_fencing=False)).known["vip_tcp"]
                      for name in ("svc.stop", "svc.restart"))
    assert stopped.low > 0 and again == replace(stopped, low=0.0)


def test_nobody_starts_what_was_told_to_stop() -> None:
    def known(name: str, resource: str) -> dict[str, Any]:
        return bounds(facts_but(fault=name, params={"resource": resource}, wants_fencing=False)).known

    assert "vip_tcp" not in known("svc.stop", "vip-public") and "vip_tcp" not in known("svc.stop", "haproxy")
    assert "mq_publish" in known("svc.stop", "vip-public") and "mq_publish" not in known("svc.stop", "rabbitmq")
    again = known("svc.restart", "vip-internal")["vip_tcp"]
    assert 0 < again.low < 2 < again.high
    assert known("svc.restart", "haproxy")["vip_tcp"].high < again.high
    elsewhere = facts_but(fault="svc.restart", params={"resource": "haproxy"}, wants_fencing=False, target=("c3",))
    assert bounds(elsewhere).known["vip_tcp"] == unnoticed(TIMERS)


def test_fencing_takes_what_its_bmc_takes() -> None:
    def after(fault: str, node: str = "c1") -> Facts:
        bmc = replace(base_injection(), fault=fault, target=(node,), wants_fencing=False)
        return replace(base_facts(), injections=(bmc, base_injection()))

    plain = bounds(base_facts()).known["vip_tcp"]
    slow = bounds(after("fence.slow")).known["vip_tcp"]
    assert slow.high == plain.high + SLOW and "8 s of a slow BMC" in slow.why
    assert bounds(after("fence.slow", "c3")).known["vip_tcp"].high == plain.high
    silent = bounds(after("fence.unreachable"))
    assert "fences nobody until it is healed" in silent.missing["vip_tcp"] and not silent.unread
    assert silent.known["mq_publish"]


def sure(*faults: Injection) -> float:
    """The floor of ``vip_tcp``; c1 holds the address."""
    return bounds(replace(base_facts(), injections=faults)).floors["vip_tcp"].seconds


def test_what_a_combination_costs_for_sure() -> None:
    lost = base_injection()
    alone = sure(lost)
    assert alone == bounds(base_facts()).known["vip_tcp"].low > 2
    bmc = replace(lost, target=("c1",), wants_fencing=False, begin=T0 - 2)
    assert sure(replace(bmc, fault="fence.slow"), lost) == alone + SLOW
    assert sure(replace(bmc, fault="fence.slow", target=("c3",)), lost) == alone
    assert sure(replace(bmc, fault="fence.unreachable"), lost) == alone, "nobody can say for how long, but for so long"
    assert sure(replace(bmc, fault="pcmk.maintenance"), lost) == alone
    assert sure(replace(bmc, fault="cache.kill", target=("c2",), params={"process": "memcached"}), lost) == alone
    assert bounds(replace(base_facts(), injections=(replace(bmc, fault="fence.slow"), lost))).known["vip_tcp"].low \
        == alone + SLOW


def test_what_another_fault_may_shorten_is_not_sure() -> None:
    lost = base_injection()
    corosync = replace(lost, fault="proc.kill", params={"process": "corosync"}, begin=T0 - 1)
    assert sure(corosync, lost) == 0.0, "the cluster was about to give it up already"
    asked = replace(lost, fault="fence.request", target=("c1",), begin=T0 + 1)
    assert sure(lost, asked) == pytest.approx(1.0), "it may be fenced sooner than it is missed"
    assert sure(lost, replace(asked, begin=T0 + 60)) == sure(lost)
    assert sure(lost, replace(asked, fault="fence.slow")) == sure(lost), "that alone is no way back"


def test_every_fault_names_a_family_of_bounds() -> None:
    assert {fault.bounds for fault in all_faults().values()} == set(FAMILIES)


@pytest.mark.parametrize(("promise", "expected"), [
    (8, 8.0), ("6s", 6.0), ("6.5", 6.5), ("bound", 4.0), ("bound + 2s", 6.0), ("bound+0.5", 4.5)])
def test_promises_are_read(promise: float | str, expected: float) -> None:
    assert seconds(promise, 4.0) == expected


def test_a_latency_is_a_factor_or_a_time() -> None:
    assert slowest("3x", 0.01) == pytest.approx(0.03) and slowest("3x", 0.01, 2.0) == pytest.approx(0.03)
    assert slowest("0.5s", 0.01) == slowest(0.5, 9.0) == 0.5 and slowest("0.5s", 0.01, 4.0) == 2.0
    for wrong in ("bound", "soon", "2 %"):
        with pytest.raises(RefusedError, match="cannot read"):
            check("latency_during.cache", wrong)
    check("latency_during", "3x")
    assert {"latency_during", "latency_during.cache"} <= set(names(["cache"]))


def test_a_promise_on_an_unknown_bound_is_not_judged() -> None:
    assert limit({"*": "bound + 2s"}, "cache", None, "who knows") == Limit(None, "no limit for 'bound + 2s': who knows")
    assert limit({"*": 3, "cache": 5}, "cache", None) == Limit(5.0)
    assert limit({"*": 3}, "converged", None) == Limit()


def test_an_unreadable_promise_is_refused() -> None:
    with pytest.raises(RefusedError, match="soon"):
        seconds("soon", 4.0)


def test_the_verdict_document_has_the_agreed_shape(tmp_path: Path) -> None:
    document = judge(build(tmp_path, Story())).to_json()
    assert list(document) == ["scenario", "verdict", "expected", "kept", "error", "target", "windows", "checks",
                              "phases", "converged_seconds", "run_dir"]
    assert document["verdict"] == "PASS"
    assert document["converged_seconds"] == 9.0
    assert set(document["windows"]["sql_write"]) == {
        "seconds", "before_heal", "bound_low", "bound_high", "sla"}
    assert set(document["checks"][0]) == {"id", "kind", "ok", "skipped", "evidence"}
    assert document["phases"]["detected"] == 2.2
    assert document["phases"]["fenced"] == 3.6
    assert (tmp_path / "verdict.json").exists()


def test_the_verdict_document_tells_a_skipped_check_from_one_that_holds(tmp_path: Path) -> None:
    story = Story(events=()).but_facts(fault="proc.kill", params={"process": "mariadbd"}, wants_fencing=False)
    checks = {one["id"]: one for one in judge(build(tmp_path, story)).to_json()["checks"]}
    assert (checks["S3"]["kind"], checks["S3"]["ok"], checks["S3"]["skipped"]) == ("safety", True, True)
    assert not checks["S1"]["skipped"]
