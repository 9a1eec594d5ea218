"""Each rule of chaos.lint shown the contradiction that it exists to find."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from synthetic import TIMERS

from chaos.facts import Timers
from chaos.lint import contradictions, lint

SOUND = replace(TIMERS, stonith_timeout=30.0, fence_timeout=20.0, mq_heartbeat=15.0, flush_at_commit=1)
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
