"""lab.scale on a small lab of its own: 3 -> 5 -> 3 databases, while nobody who stays is restarted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conftest import made
from interrupted import kill_when, spawn

from lab import gates, state
from lab.drivers import sweep
from lab.drivers.base import PowerState
from lab.errors import RefusedError
from lab.lab import Lab
from lab.ops.resume import resume
from lab.ops.scale import scale
from lab.plan.topology import topology_from_options
from lab.state import Phase
from provision import apply

NAME = "halabscale"
TOPOLOGY = "clusters:\n  web: {size: 3, services: [haproxy]}\n  db: {size: 3, services: [galera]}\n"
# Process ids of what must go on running on the nodes that stay.
_DAEMONS = "pidof corosync pacemakerd mariadbd haproxy"


@pytest.fixture(scope="module")
def small_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    topology = tmp_path_factory.mktemp("scale") / "t.yml"
    topology.write_text(TOPOLOGY)
    with made(topology_from_options(topology, name=NAME), TOPOLOGY) as lab:
        yield lab


def _databases(lab: Lab) -> dict[str, str]:
    return {node: said.stdout for node, said in lab.shell.on_all(["db1", "db2", "db3"], _DAEMONS).items()}


def test_two_databases_come_and_go_and_nobody_else_is_restarted(small_lab: Lab) -> None:
    with pytest.raises(RefusedError, match="not a highly available cluster"):
        scale(NAME, "db", 2)
    before = _databases(small_lab)
    for size, moved in ((5, ("db4", "db5")), (3, ("db4", "db5"))):
        result = scale(NAME, "db", size)
        assert moved in (result.added, result.removed)
        elsewhere = {change.path for node in result.nodes if node.cluster == "web" for change in node.changes}
        assert elsewhere == {"/etc/haproxy/haproxy.cfg"}
        now = Lab.open(NAME)
        assert all(gate.ok for gate in gates.check_all(now))
        assert _databases(small_lab) == before
        assert apply.diff(now) == []
        now.shell.close()
    after = Lab.open(NAME).plan
    assert (after.nodes, after.clusters) == (small_lab.plan.nodes, small_lab.plan.clusters)


def test_a_change_that_a_reboot_of_the_host_broke_off_is_finished(small_lab: Lab) -> None:
    """Killed once a new member has power; then all that a reboot takes is gone: processes, cgroups, namespaces."""
    child = spawn("lab.scale", "--cluster=db", "--nodes=5", f"--name={NAME}")
    kill_when(child, lambda: small_lab.driver.power.state("db4") is PowerState.ON)
    assert state.recorded(small_lab.paths).phase is Phase.SCALING
    small_lab.shell.close()
    sweep(NAME, small_lab.paths)
    state.disclaim(NAME)
    done = resume(NAME)
    assert done.found == "cluster db was on its way to 5 members"
    assert all(gate.ok for gate in done.gates)
    now = Lab.open(NAME)
    assert [node.name for node in now.plan.members("db")] == ["db1", "db2", "db3", "db4", "db5"]
    assert apply.diff(now) == []
    now.shell.close()
