"""What the documents say of faults and scenarios is what there is."""

from __future__ import annotations

import re
from pathlib import Path

from chaos.faults import all_faults
from chaos.probes import names
from chaos.probes.fleet import DEFAULT_PROBES
from chaos.scenario import list_scenarios

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


def test_every_scenario_is_told() -> None:
    told = (DOCS / "scenarios.md").read_text()
    assert [one.name for one in list_scenarios() if f"`{one.name}`" not in told and one.name not in told] == []
