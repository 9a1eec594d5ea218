"""Probes by their names: one file each, what they are given, and what they keep."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from synthetic import Story, facts_but, recording

import chaos.faults
import chaos.probes
from chaos.bounds import bounds
from chaos.probes import make, names
from chaos.probes.config import ProbeConfig, ProbeSecrets, Targets
from chaos.probes.threads import Pool
from lab.errors import NotFoundError, RefusedError


def test_every_probe_is_found_by_its_module() -> None:
    assert names() == ("api_http", "cache", "mq_consume", "mq_publish", "sql_bank", "sql_held",
                       "sql_read", "sql_write", "vip_arp", "vip_tcp")


def test_an_unknown_probe_is_refused_with_the_list(tmp_path: Path) -> None:
    config = ProbeConfig(probe="nope", samples=tmp_path / "x", targets=Targets(client="run1"))
    with pytest.raises(NotFoundError, match="vip_tcp"):
        make(config, ProbeSecrets())


def test_secrets_come_over_a_pipe_and_are_never_quoted() -> None:
    assert ProbeSecrets.read(BytesIO(b'{"sql": "x"}')).sql == "x"
    assert ProbeSecrets.read(BytesIO()) == ProbeSecrets()
    with pytest.raises(RefusedError) as caught:
        ProbeSecrets.read(BytesIO(b'{"sqll": "hush"}'))
    assert "hush" not in str(caught.value) and caught.value.__cause__ is None
    assert not any("secret" in name for name in ProbeConfig.model_fields)


def test_a_pool_keeps_few_and_closes_the_rest() -> None:
    closed: list[int] = []
    pool: Pool[int] = Pool(closed.append, keep=2)
    for connection in (1, 2, 3):
        pool.give(connection)
    assert closed == [3]
    assert pool.take() == 2
    pool.clear()
    assert closed == [3, 1]


NEW_PROBE = """
from chaos.model import Traits
TRAITS = Traits(client_of="galera", through_vip=True, writes=True, ledger=True, period=0.5, grace=9)
def make(config, secrets): ...
"""
NEW_FAULT = """
from chaos.faults.node_poweroff import NodePoweroff
class NodeVanish(NodePoweroff):
    name = "node.vanish"
FAULT = NodeVanish()
"""


def test_a_new_probe_and_a_new_fault_are_one_new_file_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sql_more.py").write_text(NEW_PROBE)
    (tmp_path / "node_vanish.py").write_text(NEW_FAULT)
    for package in (chaos.probes, chaos.faults):
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / package.__name__)])
    for package, file in ((chaos.probes, "sql_more.py"), (chaos.faults, "node_vanish.py")):
        folder = tmp_path / package.__name__
        folder.mkdir()
        (tmp_path / file).rename(folder / file)
    chaos.probes.traits.cache_clear()
    chaos.faults.all_faults.cache_clear()
    try:
        assert "sql_more" in names()
        facts = replace(facts_but(fault="node.vanish"), probes=("sql_write", "sql_more"))
        found = bounds(facts)
        assert found.known["sql_more"] == found.known["sql_write"] and found.known["sql_more"].low > 2
        run = recording(tmp_path / "run", Story().but_facts(probes=facts.probes))
        assert run.clients == facts.probes and run.period("sql_more") == 0.5
    finally:
        chaos.probes.traits.cache_clear()
        chaos.faults.all_faults.cache_clear()
