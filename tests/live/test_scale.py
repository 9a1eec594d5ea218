"""lab.scale on the shared lab: 3 -> 5 -> 3 members, while nobody who stays is restarted."""

from __future__ import annotations

import pytest

from lab import gates, scale
from lab.errors import RefusedError
from lab.lab import Lab
from provision import apply

# Process ids of what must go on running on the nodes that stay.
_DAEMONS = "pidof corosync pacemakerd mariadbd beam.smp memcached"


def _daemons(lab: Lab) -> dict[str, str]:
    return {node: said.stdout for node, said in lab.shell.on_all(["n1", "n2", "n3"], _DAEMONS).items()}


def test_two_members_come_and_go_and_nobody_else_is_restarted(lab: Lab) -> None:
    before = _daemons(lab)
    grown = scale.scale(lab.name, "controllers", 5)
    assert grown.added == ("n4", "n5")
    five = Lab.open(lab.name)
    assert all(result.ok for result in gates.check_all(five))
    assert [node.control for node in five.plan.nodes[:3]] == [node.control for node in lab.plan.nodes]
    assert _daemons(lab) == before
    assert apply.diff(five) == []
    five.shell.close()

    shrunk = scale.scale(lab.name, "controllers", 3)
    assert shrunk.removed == ("n4", "n5")
    three = Lab.open(lab.name)
    assert (three.plan.nodes, three.plan.clusters) == (lab.plan.nodes, lab.plan.clusters)
    assert all(result.ok for result in gates.check_all(three))
    assert _daemons(lab) == before
    assert apply.diff(three) == []
    three.shell.close()


def test_less_than_three_is_refused_and_nothing_is_touched(lab: Lab) -> None:
    with pytest.raises(RefusedError, match="not a highly available cluster"):
        scale.scale(lab.name, "controllers", 2)
    assert all(result.ok for result in gates.check_all(lab))
