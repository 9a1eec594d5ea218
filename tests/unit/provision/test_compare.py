"""lab.diff: what differs is named, what does not is not, and nothing secret shows."""

from __future__ import annotations

import pytest

from cli.planning import Request
from lab.errors import RefusedError
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from provision.compare import Comparison, compare


def _compare(a: dict[str, str], b: dict[str, str], path: str = "") -> Comparison:
    return compare(make_plan(topology_from_options(**a)), make_plan(topology_from_options(**b)), ("a", "b"), path)


def test_a_plan_is_the_same_as_itself() -> None:
    assert _compare({"style": "mixed"}, {"style": "mixed"}).same


def test_another_profile_changes_timers_and_nothing_else() -> None:
    found = _compare({}, {"profile": "guide"})
    assert [row.what for row in found.facts if not row.same] == ["profile"]
    assert all(row.same for row in (*found.clusters, *found.resources, *found.constraints))
    changed = {file.path for file in found.files if not file.same}
    assert "/etc/corosync/corosync.conf" in changed
    assert "/etc/hosts" not in changed


def test_clusters_and_constraints_of_two_styles() -> None:
    found = _compare({"nodes": "6"}, {"style": "mixed", "nodes": "6"})
    assert {row.what: (row.a, row.b) for row in found.clusters} == {
        "controllers": ("6 nodes: haproxy, galera, rabbitmq, memcached", ""),
        "core": ("", "3 nodes: haproxy, rabbitmq, memcached"), "db": ("", "3 nodes: galera")}
    constraint = next(row for row in found.constraints if row.what.startswith("colocation vip-public"))
    assert (constraint.a, constraint.b) == ("controllers", "core")
    assert any(row.what.startswith("galera (ocf:heartbeat:galera, promotable clone)") for row in found.resources)


def test_a_node_s_own_name_and_addresses_do_not_count() -> None:
    found = _compare({"style": "segregated", "nodes": "12"}, {"nodes": "3"}, "/etc/memcached.conf")
    assert found.files[0].diff == ()


def test_secrets_are_not_shown() -> None:
    for file in _compare({"nodes": "3"}, {"style": "segregated", "nodes": "12"}).files:
        assert "password-of" not in "\n".join(file.diff), file.path
        assert "key-authkey" not in "\n".join(file.diff), file.path


def test_a_file_that_no_node_has() -> None:
    with pytest.raises(RefusedError, match="There is no file") as caught:
        _compare({}, {"profile": "guide"}, "/etc/haproxy.cfg")
    assert "/etc/haproxy/haproxy.cfg" in caught.value.remedy


def test_options_with_two_values_are_two_labs() -> None:
    a, b = Request(style="collapsed,mixed", nodes="6", segregate="db,mq").variants()
    assert (a.style, b.style, a.nodes, b.nodes, a.segregate) == ("collapsed", "mixed", "6", "6", "db,mq")
    assert (a.told(b), b.told(a)) == ("--style=collapsed", "--style=mixed")


@pytest.mark.parametrize("request_", [Request(), Request(style="a,b,c"), Request(style="mixed,"),
                                      Request(style="mixed", segregate="db,mq")])
def test_what_cannot_be_compared(request_: Request) -> None:
    with pytest.raises(RefusedError) as caught:
        request_.variants()
    assert caught.value.remedy
