"""A run's facts, to the disk and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from synthetic import NODES, base_facts, build

from chaos.facts import Facts
from lab.errors import RefusedError


def test_facts_name_the_bad_field() -> None:
    raw = base_facts().to_json()
    with pytest.raises(RefusedError, match=r"facts\.colour: unknown field"):
        Facts.from_json({**raw, "colour": 1})
    with pytest.raises(RefusedError, match=r"facts\.period: has the wrong type"):
        Facts.from_json({**raw, "period": "fast"})
    with pytest.raises(RefusedError, match=r"facts\.injections\.0\.timers\.token: has the wrong type"):
        Facts.from_json({**raw, "injections": [{**raw["injections"][0], "timers": {"token": "1s"}}]})
    with pytest.raises(RefusedError, match=r"facts\.lab: is missing"):
        Facts.from_json({name: value for name, value in raw.items() if name != "lab"})


def test_an_old_recording_holds_what_nobody_reads_any_more(tmp_path: Path) -> None:
    raw = base_facts().to_json()
    (injection,) = raw["injections"]
    del injection["members"]
    raw["injections"] = [{**injection, "cluster_size": 3, "roles": {**injection["roles"], "dc": "c1",
                                                                               "mq_leader": "c1"}}]
    (read,) = Facts.from_json(raw).injections
    assert read.members == () and read.roles == base_facts().injections[0].roles


def test_facts_survive_the_disk(tmp_path: Path) -> None:
    run_dir = build(tmp_path)
    assert Facts.read(run_dir).nodes == NODES
    assert Facts.from_json(Facts.read(run_dir).to_json()) == Facts.read(run_dir)
