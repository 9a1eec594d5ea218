"""Each rule of chaos.lint shown the contradiction that it exists to find."""

from __future__ import annotations

from dataclasses import fields, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from synthetic import TIMERS, base_facts, base_injection

from chaos import lint as linter
from chaos.facts import Timers
from chaos.lint import contradictions, lint, lint_lab, lint_run
from chaos.timers import Reading
from lab.lab import Lab

SOUND = replace(TIMERS, haproxy_check_timeout=0.7, stonith_timeout=30.0, fence_timeout=20.0, mq_heartbeat=15.0,
                flush_at_commit=1)
WRONG: dict[str, dict[str, Any]] = {
    "corosync consensus": {"consensus": 1.0},
    "galera install and suspect": {"evs_install": 1.0},
    "galera inactive and install": {"evs_install": 4.0},
    "galera keepalive": {"evs_keepalive": 1.0},
    "proxy and galera": {"haproxy_check_timeout": 10.0},
    "cluster's fencing timeout": {"stonith_timeout": 0.5, "fence_timeout": 0.4},
    "device's fencing timeout": {"fence_timeout": 60.0},
    "broker and client": {"net_ticktime": 60.0},
    "flush at commit": {"flush_at_commit": 0},
}


def test_sound_timers_hold_in_every_rule() -> None:
    remarks = lint(SOUND)
    assert {one.rule for one in remarks} == set(WRONG) and contradictions(remarks) == []
    assert {one.level for one in remarks} == {"ok"}


@pytest.mark.parametrize("rule", WRONG)
def test_a_contradiction_is_named_with_its_remedy(rule: str) -> None:
    (first, *_) = found = contradictions(lint(replace(SOUND, **WRONG[rule])))
    assert rule in {one.rule for one in found}
    assert first.remedy and first.what


def test_what_could_not_be_read_is_said_and_not_approved() -> None:
    remarks = lint(Timers())
    assert {one.level for one in remarks} == {"unread"} and remarks[0].what == "the timer token was not read"
    assert {one.name for one in fields(Timers)} >= {"stonith_timeout", "flush_at_commit"}


def test_a_proxy_that_may_be_slower_than_galera_is_named_and_contradicts_nothing() -> None:
    """It was tolerated up to twice as slow, without a word."""
    remarks = lint(replace(SOUND, haproxy_check_timeout=1.0))
    assert contradictions(remarks) == []
    (one,) = [one for one in remarks if one.level == "remark"]
    assert one.rule == "proxy and galera" and "after 2.0 to 2.5 s, its group within 2.1 s" in one.what and one.remedy


@pytest.mark.parametrize("changes", [{"haproxy_check_timeout": 1.1}, {"haproxy_inter": 3.0}])
def test_a_proxy_that_is_always_or_far_slower_contradicts(changes: dict[str, float]) -> None:
    assert [one.rule for one in contradictions(lint(replace(SOUND, **cast(Any, changes))))] == ["proxy and galera"]


def test_each_cluster_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the cluster of the VIPs was."""
    plan = SimpleNamespace(clusters=[SimpleNamespace(name="core"), SimpleNamespace(name="queues")],
                           members=lambda cluster: [SimpleNamespace(name=f"{cluster}-1")])
    timers = {"core-1": SOUND, "queues-1": replace(SOUND, consensus=1.0, stonith_timeout=0.5, fence_timeout=0.4)}
    monkeypatch.setattr(linter, "read_timers", lambda _, node: Reading(timers[node]))
    remarks = lint_lab(cast(Lab, SimpleNamespace(plan=plan)))
    assert [(one.rule, one.what.partition(":")[0]) for one in contradictions(remarks)] == [
        ("corosync consensus", "queues"), ("cluster's fencing timeout", "queues")]
    said = [one.what for one in remarks if one.rule in ("galera keepalive", "corosync consensus")]
    assert len(said) == 3 and not any(what.startswith("core, queues") for what in said)


def test_a_recorded_run_names_each_contradiction_once() -> None:
    wrong = replace(base_injection(), timers=replace(SOUND, flush_at_commit=0))
    facts = replace(base_facts(), injections=(wrong, wrong, replace(wrong, timers=Timers())))
    assert [(one.rule, one.level) for one in lint_run(facts)] == [("flush at commit", "contradiction")]
