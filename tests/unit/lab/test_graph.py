"""lab.graph: everything that is in the plan is in the picture, and the lines say who is proxied."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from lab.plan import Plan
from lab.plan.graph import mermaid, svg
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options

_SVG = "{http://www.w3.org/2000/svg}"
PLANS = {"collapsed-3": {}, "collapsed-16": {"nodes": 16}, "qdevice": {"nodes": 4, "qdevice": True},
         "segregated-12": {"style": "segregated", "nodes": 12}, "mixed-9": {"style": "mixed", "nodes": 9},
         "large": {"nodes": 33, "allow_large": True}}


@pytest.fixture(params=PLANS)
def plan(request: pytest.FixtureRequest) -> Plan:
    return make_plan(topology_from_options(**PLANS[request.param]))


def test_the_svg_names_everything_and_stays_inside_its_edges(plan: Plan) -> None:
    root = ElementTree.fromstring(svg(plan))
    said = " ".join("".join(text.itertext()) for text in root.iter(f"{_SVG}text"))
    for word in [*(host.name for host in plan.hosts), *(str(vip.address) for vip in plan.vips),
                 *(cluster.name for cluster in plan.clusters), *(str(network.cidr) for network in plan.networks)]:
        assert word in said
    width, height = (float(root.attrib[key]) for key in ("width", "height"))
    for box in root.iter(f"{_SVG}rect"):
        at = {key: float(value) for key, value in box.attrib.items() if key in ("x", "y", "width", "height")}
        assert at.get("x", 0) + at["width"] <= width and at.get("y", 0) + at["height"] <= height


def test_cards_do_not_overlap(plan: Plan) -> None:
    root = ElementTree.fromstring(svg(plan))
    cards = [(float(box.attrib["x"]), float(box.attrib["y"])) for box in root.iter(f"{_SVG}rect")
             if box.get("class") == "card"]
    assert len(set(cards)) == len(cards) == len(plan.hosts)


def test_mermaid_has_every_node_once_and_balanced_subgraphs(plan: Plan) -> None:
    lines = mermaid(plan).splitlines()
    assert lines[0] == "flowchart LR"
    assert sum(line.startswith("  subgraph") for line in lines) == lines.count("  end") == len(plan.clusters)
    for node in plan.nodes:
        assert sum(line.startswith(f"    node_{node.name}[") for line in lines) == 1
    assert sum("not proxied" in line for line in lines) == 2


def test_who_is_behind_the_proxy_of_another_cluster() -> None:
    text = mermaid(make_plan(topology_from_options(style="segregated", nodes=12)))
    assert "x_lb --> |one backend at a time| x_db" in text
    assert "clients -.-> |AMQP 5672, not proxied| x_mq" in text
    assert "one backend" not in mermaid(make_plan(topology_from_options()))
