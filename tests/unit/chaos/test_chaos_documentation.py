"""What the documents say of faults and scenarios is what there is."""

from __future__ import annotations

import re
from pathlib import Path

from chaos.faults import all_faults
from chaos.probes import names
from chaos.probes.fleet import DEFAULT_PROBES
from chaos.scenario import list_scenarios
from lab.drivers import container
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options

DOCS = Path(__file__).resolve().parents[3] / "docs"


def test_every_fault_is_in_the_table_as_it_is() -> None:
    rows = dict(re.findall(r"^\| `([a-z_.]+)` \| (.*)$", (DOCS / "faults.md").read_text(), re.MULTILINE))
    assert set(rows) == set(all_faults())
    for name, fault in all_faults().items():
        params = ", ".join(f"`{one}`" for one in sorted(fault.parameters))
        assert rows[name] == f"{fault.summary} | {params} | {', '.join(sorted(fault.needs))} |", name


def test_every_client_is_in_the_table() -> None:
    section = (DOCS / "scenarios.md").read_text().split("## The clients")[1].split("## One of your own")[0]
    assert set(re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE)) == set(names())
    left_out = set(names()) - set(DEFAULT_PROBES)
    assert re.findall(r"all but `(\w+)` and `(\w+)`", section) == [tuple(sorted(left_out))]


def test_nightly_is_all_that_three_containers_can_take() -> None:
    plan = make_plan(topology_from_options(name="fake", driver="fake", nodes=3))
    able = container.CAPABILITIES | {"slow_disk"}  # where the host's cgroups can
    for scenario in list_scenarios():
        needs = scenario.needs
        can = (set(needs.capabilities).union(*(fault.needs for fault in scenario.faults)) <= able
               and needs.nodes <= 3 <= (needs.most or 3) and not needs.qdevice
               and plan.style in (needs.styles or (plan.style,)))
        assert ("nightly" in scenario.tags) is can, scenario.name


def test_every_scenario_is_told() -> None:
    told = (DOCS / "scenarios.md").read_text()
    assert [one.name for one in list_scenarios() if f"`{one.name}`" not in told and one.name not in told] == []
