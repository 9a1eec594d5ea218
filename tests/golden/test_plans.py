"""Golden tests: every row of the layout table, and every refusal, as the words people read.

``HALAB_UPDATE_GOLDEN=1`` rewrites the files in ``plans/`` and ``refusals/``; read the diff.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lab.errors import RefusedError
from lab.plan import Plan
from lab.plan.layouts import make_plan
from lab.plan.profiles import TOPOLOGIES
from lab.plan.schema import topology_schema
from lab.plan.topology import load_topology, topology_from_options

HERE = Path(__file__).parent
STYLES = ("collapsed", "segregated", "mixed")

BAD_FILES = {
    "unknown-key": "name: lab\nstyle: mixed\nnodse: 6\n",
    "unrelated-key": "style: mixed\n\n# a comment\nwidgets: 6\n",
    "misspelt-style": "name: lab\nstyle: segragated\n",
    "unknown-style": "style: hyperconverged\n",
    "two-nodes": "# two\nname: lab\nnodes: 2\n",
    "one-node": "nodes: 1\n",
    "seventeen": "name: lab\n\nnodes: 17\n",
    "above-the-override": "allow_large: true\nnodes: 65\n",
    "nodes-in-words": "nodes: three\n",
    "nodes-fraction": "nodes: 3.5\n",
    "nodes-empty": "name: lab\nnodes:\n",
    "bad-name": "name: Lab.One\n",
    "long-name": "name: a-name-that-is-too-long\n",
    "name-is-a-number": "name: 7\n",
    "misspelt-driver": "driver: contaner\n",
    "misspelt-profile": "driver: fake\nprofile: tund\n",
    "pacemaker-scope": "pacemaker: all\n",
    "segregate-in-collapsed": "style: collapsed\nnodes: 6\nsegregate: [db]\n",
    "segregate-unknown": "style: mixed\nsegregate:\n  - db\n  - dbb\n",
    "segregate-twice": "style: mixed\nnodes: 9\nsegregate: [db, db]\n",
    "segregate-too-much": "style: mixed\nnodes: 8\nsegregate: [db, mq]\n",
    "segregated-six": "style: segregated\nnodes: 6\n",
    "mixed-five": "nodes: 5\nstyle: mixed\n",
    "duplicate-key": "name: lab\nnodes: 3\nnodes: 5\n",
    "not-yaml": "name: lab\nnodes: [3\n",
    "api-on-twelve": "style: segregated\napi: true\n",
    "api-beside-clusters": "api: true\nclusters:\n  all: {size: 3, services: [haproxy, galera, keystone]}\n",
    "keystone-without-galera": "clusters:\n  all: {size: 3, services: [haproxy, keystone]}\n",
    "a-list": "- name: lab\n",
    "empty": "# nothing here\n",
    "key-not-a-word": "name: lab\n7: nodes\n",
    "quorum-queues-under-pacemaker": "nodes: 3\nrabbitmq: pacemaker\nqueues: quorum\n",
    "mirrored-queues-under-systemd": "nodes: 3\nqueues: mirrored\n",
    "misspelt-rabbitmq": "rabbitmq: systmd\n",
    "qdevice-for-odd": "nodes: 5\nqdevice: true\n",
    "allow-large-word": "allow_large: perhaps\n",
}
BAD_FILES |= {path.stem: path.read_text() for path in (HERE / "bad").glob("*.yml")}
BAD_OPTIONS: dict[str, dict[str, str | bool]] = {
    "misspelt-style": {"style": "mixd"},
    "two-nodes": {"nodes": "2"},
    "seventeen": {"nodes": "17"},
    "nodes-in-words": {"nodes": "three"},
    "negative": {"nodes": "-3"},
    "bad-name": {"name": "my lab"},
    "segregated-five": {"style": "segregated", "nodes": "5"},
    "segregate-in-collapsed": {"segregate": "db"},
    "quorum-queues-under-pacemaker": {"rabbitmq": "pacemaker", "queues": "quorum"},
    "qdevice-for-odd": {"qdevice": True},
    "api-on-twelve": {"api": True, "style": "segregated"},
}


def _compare(path: Path, text: str) -> None:
    if os.environ.get("HALAB_UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.is_file(), f"{path.name} is missing: HALAB_UPDATE_GOLDEN=1 writes it"
    assert text == path.read_text()


def _summary(plan: Plan) -> str:
    """A plan in a few lines: what a reviewer wants to see change, or not."""
    lines = [f"lab {plan.lab}: {plan.style}, {len(plan.nodes)} nodes, {plan.driver}, {plan.profile.name}"]
    lines.append(f"needs: {plan.memory_mb} MB memory, {plan.disk_mb} MB disk")
    lines += [f"network {n.name}: {n.cidr} host {n.host} {n.bridge} {n.bridge_mac}" for n in plan.networks]
    lines += [f"vip {vip.name}: {vip.address} in {vip.cluster}" for vip in plan.vips]
    for cluster in plan.clusters:
        lines.append(f"cluster {cluster.name}: {' '.join(cluster.services)}")
        for node in plan.members(cluster.name):
            lines.append(
                f"  {node.index:2} {node.name:7} {node.mgmt} {node.control} {node.ring} bmc {node.bmc}"
            )
    if plan.qnetd:
        lines.append(f"qnetd {plan.qnetd.name}: {plan.qnetd.control} for "
                     + " ".join(cluster.name for cluster in plan.clusters if cluster.qdevice))
    lines += [f"not deployed: {text}" for text in plan.not_deployed]
    lines += [f"warning: {text}" for text in plan.warnings]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("nodes", range(3, 17))
@pytest.mark.parametrize("style", STYLES)
def test_layout_table(style: str, nodes: int) -> None:
    try:
        text = _summary(make_plan(topology_from_options(style=style, nodes=nodes)))
    except RefusedError as error:
        text = f"refused\n{error}\n"
    _compare(HERE / "plans" / f"{style}-{nodes:02}.txt", text)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mixed-12-mq", {"style": "mixed", "nodes": "12", "segregate": "mq"}),
        ("collapsed-03-api", {"api": True}),
        ("mixed-06-api", {"api": True, "style": "mixed"}),
        ("segregated-15-api", {"api": True, "style": "segregated", "nodes": "15"}),
        ("collapsed-04-qdevice", {"nodes": "4", "qdevice": True}),
        ("collapsed-17-large", {"nodes": "17", "allow_large": True}),
        ("collapsed-16-guide", {"nodes": "16", "profile": "guide"}),
        ("segregated-17-large", {"style": "segregated", "nodes": "17", "allow_large": True}),
    ],
)
def test_beside_the_table(name: str, options: dict[str, str | bool]) -> None:
    plan = make_plan(topology_from_options(**options))
    _compare(HERE / "plans" / f"{name}.txt", _summary(plan))


@pytest.mark.parametrize("name", sorted(BAD_FILES))
def test_bad_topology_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "topologies").mkdir()
    (tmp_path / "topologies" / "x.yml").write_text(BAD_FILES[name])
    monkeypatch.chdir(tmp_path)  # so that the golden text holds no temporary path
    with pytest.raises(RefusedError) as caught:
        load_topology("topologies/x.yml")
    assert caught.value.where.startswith("topologies/x.yml:")
    _compare(HERE / "refusals" / f"file-{name}.txt", f"{caught.value}\n")


@pytest.mark.parametrize("path", sorted((TOPOLOGIES / "examples").glob("*.yml")), ids=lambda path: path.stem)
def test_example(path: Path) -> None:
    _compare(HERE / "plans" / f"example-{path.stem}.txt", _summary(make_plan(load_topology(path))))


def test_the_schema_beside_the_examples_is_the_models() -> None:
    _compare(TOPOLOGIES / "topology.schema.json", json.dumps(topology_schema(), indent=2) + "\n")


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_bad_options(name: str) -> None:
    with pytest.raises(RefusedError) as caught:
        topology_from_options(**BAD_OPTIONS[name])
    _compare(HERE / "refusals" / f"option-{name}.txt", f"{caught.value}\n")
