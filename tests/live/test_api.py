"""A lab with the API tier: what it needs is checked, and a fault of it is measured by a real client."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import made

from chaos import runner
from chaos.model import Outcome, Result
from chaos.recording import Recording
from chaos.scenario import load_scenario
from lab import gates
from lab.lab import Lab
from lab.plan.topology import topology_from_options
from provision import apply
from provision.verify import model
from provision.verify.verify import verify

NAME = "halabapi"


@pytest.fixture(scope="module")
def api_lab() -> Iterator[Lab]:
    with made(topology_from_options(name=NAME, api=True), "api: true\n", timeout=300) as lab:
        yield lab


@pytest.fixture
def whole(api_lab: Lab) -> Lab:
    gates.await_all(api_lab, time.monotonic() + 120)
    return api_lab


def test_the_lab_is_as_planned_and_its_catalog_names_virtual_ips_only(whole: Lab) -> None:
    assert apply.diff(whole) == []
    found = {one.id: one for one in verify(whole)}
    assert [(one.id, one.evidence) for one in found.values() if one.result is model.Result.FAIL] == []
    assert {found[one].result for one in ("R24", "R25", "R38")} == {model.Result.PASS}, found
    assert "keystone: n1, n2, n3" in found["R23"].evidence


def test_an_endpoint_of_one_node_is_found(whole: Lab) -> None:
    node, vip = whole.plan.nodes[0].control, whole.plan.public_vip
    assert vip is not None
    turn = "mariadb --execute \"UPDATE keystone.endpoint SET url = REPLACE(url, '{}', '{}')\""
    try:
        whole.shell.run("n1", turn.format(vip.address, node))
        whole.shell.on_all(["n1", "n2", "n3"], "systemctl restart keystone memcached")  # both keep the catalog
        gates.await_all(whole, time.monotonic() + 120)
        found = {one.id: one for one in verify(whole)}
        assert [one.what for one in apply.diff(whole)] == ["Keystone's endpoints"]
    finally:
        apply.apply(whole)
        whole.shell.on_all(["n1", "n2", "n3"], "systemctl restart keystone memcached")
    assert apply.diff(whole) == []
    assert found["R25"].result is model.Result.FAIL and str(node) in found["R25"].evidence, found["R25"]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["api-killed", "api-paused"])
def test_two_of_three_instances_serve_on(whole: Lab, name: str) -> None:
    for _ in range(3):  # V4 alone: the machine was too busy to measure, which is no word about the cluster
        verdict = runner.run(whole, load_scenario(name))
        body = verdict.to_json()
        lost = {one["id"] for one in body["checks"] if not one["ok"]}
        if verdict.result is not Result.INVALID or "V4" not in lost:
            break
        gates.await_all(whole, time.monotonic() + 120)
    assert verdict.result is Result.PASS, json.dumps(body, indent=1)
    run = Recording.load(Path(body["run_dir"]))
    served = {one.detail for one in run.samples["api_http"] if one.outcome is Outcome.OK}
    assert served == {"n1", "n2", "n3"}  # round robin, and the proxy says who it was
    everything = b"".join(path.read_bytes() for path in run.run_dir.rglob("*") if path.is_file())
    for secret in ("keystone-admin", "keystone-database"):
        assert whole.secrets.password(secret).encode() not in everything


def test_an_api_that_is_gone_everywhere_is_no_healthy_lab(whole: Lab) -> None:
    nodes = [node.name for node in whole.plan.running("keystone")]
    try:
        whole.shell.on_all(nodes, "systemctl stop keystone")
        seen = {one.name: one for one in gates.check_all(whole)}
        assert not seen["keystone"].ok and "Keystone on n1" in seen["keystone"].detail
    finally:
        whole.shell.on_all(nodes, "systemctl start keystone")
