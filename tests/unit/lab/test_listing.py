"""lab.list: every lab of this host with the phase that is on record."""

from __future__ import annotations

from lab.listing import LabSummary, summaries
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state import Phase, record, write_atomically
from lab.state.home import LabPaths


def test_each_lab_has_its_phase() -> None:
    for name, phase in (("one", Phase.RUNNING), ("three", Phase.STOPPED), ("two", None)):
        paths = LabPaths.of(name)
        write_atomically(paths.plan, make_plan(topology_from_options(name=name, driver="fake")).model_dump_json())
        if phase:
            record(paths, phase)
    LabPaths.of("torn").root.mkdir(parents=True)
    assert summaries() == [
        LabSummary("one", "collapsed", 3, "fake", "running"), LabSummary("three", "collapsed", 3, "fake", "stopped"),
        LabSummary("torn", "", 0, "", "unreadable"), LabSummary("two", "collapsed", 3, "fake", "building")]
