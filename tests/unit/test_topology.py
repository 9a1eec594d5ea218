"""Topologies from files and options: what is accepted, and which place a refusal names."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.selectors import all_selectors
from lab.errors import NotFoundError, RefusedError
from lab.plan.layouts import make_plan
from lab.plan.ownclusters import SELECTORS
from lab.plan.profile import Profile
from lab.plan.profiles import PROFILES, TOPOLOGIES, list_profiles, load_profile, profile_names
from lab.plan.styles import list_styles
from lab.plan.topology import Topology, load_topology, topology_from_options

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(text: str) -> Path:
        path = tmp_path / "t.yml"
        path.write_text(text)
        return path

    return _write


def test_collapsed_three_is_the_default() -> None:
    assert topology_from_options() == Topology(
        name="default", style="collapsed", nodes=3, driver="container", profile="tuned", pacemaker="core"
    )


@pytest.mark.parametrize(("style", "nodes"), [("collapsed", 3), ("segregated", 12), ("mixed", 6)])
def test_each_style_has_its_own_default_size(style: str, nodes: int) -> None:
    assert topology_from_options(style=style).nodes == nodes


def test_default_size_makes_room_for_the_named_bottlenecks() -> None:
    assert topology_from_options(style="mixed", segregate="db,mq").nodes == 9
    assert topology_from_options(style="mixed", segregate="mq").nodes == 6


def test_the_queue_type_follows_from_the_manager_of_the_broker() -> None:
    assert topology_from_options().queues == "quorum"
    assert topology_from_options(rabbitmq="pacemaker").queues == "mirrored"
    assert topology_from_options(rabbitmq="pacemaker", queues="mirrored").queues == "mirrored"


def test_an_option_that_no_topology_has_is_refused() -> None:
    with pytest.raises(RefusedError, match="no key 'widgets'"):
        topology_from_options(widgets="3")


def test_options_arrive_as_strings() -> None:
    topology = topology_from_options(
        name="lab-1", style="mixed", nodes="12", segregate="db, mq", driver="fake"
    )
    assert (topology.nodes, topology.segregate, topology.driver) == (12, ("db", "mq"), "fake")


def test_empty_options_are_not_given() -> None:
    assert topology_from_options(name="", style="", nodes="", profile="") == topology_from_options()


@pytest.mark.parametrize("style", ["collapsed", "segregated", "mixed"])
def test_the_shipped_examples_load(style: str) -> None:
    topology = load_topology(TOPOLOGIES / f"{style}.yml")
    assert topology.style == style
    assert topology.nodes == topology_from_options(style=style).nodes


def test_own_clusters_say_style_and_size(write: Write) -> None:
    path = write("clusters:\n  web: {size: 3, services: [haproxy, memcached]}\n  db: {size: 5, services: galera}\n")
    topology = load_topology(path)
    assert (topology.style, topology.nodes) == ("mixed", 8)
    text = topology.model_dump_json(indent=2, exclude_unset=True)
    assert load_topology(write(text)) == topology


def test_timers_of_a_file_change_the_profile_alone(write: Write) -> None:
    profile = make_plan(load_topology(write("timers:\n  corosync: {token_ms: 900}\n"))).profile
    tuned = load_profile("tuned")
    assert profile.corosync == tuned.corosync.model_copy(update={"token_ms": 900})
    assert profile.name == "tuned*"
    assert profile.model_copy(update={"corosync": tuned.corosync, "name": "tuned"}) == tuned


def test_memory_of_a_cluster_is_its_nodes(write: Write) -> None:
    plan = make_plan(load_topology(write("clusters:\n  db: {size: 3, services: [haproxy], memory_mb: 999}\n")))
    assert [node.memory_mb for node in plan.nodes] == [999] * 3
    assert plan.memory_mb == 2997


def test_options_override_the_file(write: Write) -> None:
    path = write("style: mixed\nnodes: 9\nprofile: floor\nallow_large: true\n")
    topology = topology_from_options(topology=path, nodes="17", name="big")
    assert (topology.style, topology.nodes, topology.profile) == ("mixed", 17, "floor")
    assert topology.name == "big"


def test_with_a_file_an_error_names_the_place_that_gave_the_value(write: Write) -> None:
    path = write("style: segregated\nnodes: 9\nprofile: tunde\n")
    with pytest.raises(RefusedError) as caught:
        topology_from_options(topology=path, name="x")
    assert caught.value.where == f"{path}:3"
    with pytest.raises(RefusedError) as caught:
        topology_from_options(topology=path, nodes="5", profile="tuned")
    assert caught.value.where == "--nodes=5"


def test_a_remedy_is_written_as_the_value_was(write: Write) -> None:
    with pytest.raises(RefusedError) as caught:
        topology_from_options(topology=write("style: mixed\nnodes: 5\n"))
    assert caught.value.remedy == "nodes: 6 (core3 DB3), or style: collapsed with 5"
    with pytest.raises(RefusedError) as caught:
        topology_from_options(style="mixed", nodes="5")
    assert caught.value.remedy == "--nodes=6 (core3 DB3), or --style=collapsed with 5"


def test_a_style_changed_by_option_takes_the_new_style_s_size(write: Write) -> None:
    assert topology_from_options(topology=write("style: mixed\n"), style="segregated").nodes == 12


def test_there_is_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        load_topology(tmp_path / "none.yml")
    assert caught.value.where.endswith("none.yml")
    assert caught.value.remedy
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"\x00"])
def test_bytes_that_are_no_text(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "t.yml"
    path.write_bytes(data)
    with pytest.raises(RefusedError, match=r"file|YAML"):
        load_topology(path)


@pytest.mark.parametrize(
    "text",
    ["name: 2026-13-45\n", "nodes: !!int five\n", "qdevice: !!bool x\n", "nodes: !!int ''\n",
     "name: " + "[" * 600 + "]" * 600],
    ids=["no-such-month", "int", "bool", "empty-int", "deep"],
)
def test_values_that_the_reader_of_yaml_stumbles_over(write: Write, text: str) -> None:
    path = write(text)
    with pytest.raises(RefusedError) as caught:
        load_topology(path)
    assert caught.value.where.startswith(str(path)) and caught.value.remedy


def test_an_endless_file_is_not_read_to_its_end() -> None:
    with pytest.raises(RefusedError, match="larger than 256 KB"):
        load_topology("/dev/zero")


def test_a_long_word_is_not_repeated_for_pages(write: Write) -> None:
    for text in ("name: {}\n", "style: {}\n", "{}: 1\n", "nodes: {}\n", "vips: {}\n", "segregate: {}\n"):
        with pytest.raises(RefusedError) as caught:
            load_topology(write(text.format("a" * 10_000)))
        assert len(str(caught.value)) < 1000, text


def test_no_node_is_named_like_a_selector() -> None:
    possible = {name for name in all_selectors() if re.fullmatch("[a-z][a-z0-9]{0,6}", name)}
    assert possible == set(SELECTORS)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="cannot be read"):
        load_topology(tmp_path)


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=60) | st.from_regex(r"(style|nodes|name|segregate): .{0,20}", fullmatch=True))
def test_whatever_the_file_holds_the_answer_is_a_topology_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "held.yml"
    path.write_text(text, encoding="utf-8")
    try:
        topology = load_topology(path)
    except RefusedError as error:
        assert error.remedy
        assert error.where.startswith(str(path))
    else:
        assert isinstance(topology, Topology)


_SCALARS = (st.none() | st.booleans() | st.integers(-3, 70) | st.floats() | st.text(max_size=5)
            | st.sampled_from(["mixed", "db", "haproxy", "10.66.1.210", "vagrant", "pacemaker", "a1"]))
_VALUES = st.recursive(_SCALARS, lambda below: st.lists(below, max_size=3) | st.dictionaries(
    st.sampled_from(["db", "size", "services", "nodes", "corosync", "token_ms", "public"]), below, max_size=3))


@settings(max_examples=150, deadline=None)
@given(said=st.dictionaries(st.sampled_from([*Topology.model_fields]), _VALUES, min_size=1, max_size=4))
def test_whatever_stands_behind_a_key_the_answer_is_a_plan_or_a_refusal_in_our_words(
    tmp_path_factory: pytest.TempPathFactory, said: dict[str, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "values.yml"
    path.write_text(json.dumps(said))  # which is YAML too
    try:
        make_plan(load_topology(path))
    except RefusedError as error:
        assert error.remedy and error.where.startswith(str(path))
        assert "Input should" not in error.what


@settings(max_examples=60, deadline=None)
@given(nodes=st.text(max_size=8), style=st.text(max_size=8), name=st.text(max_size=20))
def test_whatever_the_options_hold_the_answer_is_a_topology_or_a_refusal(
    nodes: str, style: str, name: str
) -> None:
    try:
        topology_from_options(nodes=nodes, style=style, name=name)
    except RefusedError as error:
        assert error.where.startswith("--")
        assert error.remedy


def test_styles_are_listed_default_first() -> None:
    styles = list_styles()
    assert [style.name for style in styles] == ["collapsed", "segregated", "mixed"]
    assert all(style.summary and style.example.is_file() for style in styles)


def test_profiles_are_listed_default_first() -> None:
    assert profile_names() == ("tuned", "emulated", "floor", "guide")
    assert all(profile.summary for profile in list_profiles())


@pytest.mark.parametrize("profile", list_profiles(), ids=lambda profile: profile.name)
def test_profiles_keep_the_rules_of_the_daemons(profile: Profile) -> None:
    corosync, pacemaker, galera = profile.corosync, profile.pacemaker, profile.galera
    for members in (3, 16):
        # corosync.conf(5): consensus is at least 1.2 x token
        token = corosync.effective_token_ms(members)
        assert corosync.effective_consensus_ms(members) >= int(1.2 * token)
    # Pacemaker keys a resource's operations by name and interval
    assert pacemaker.galera_monitor != pacemaker.galera_promoted_monitor
    assert galera.keepalive < galera.suspect
    assert galera.check < galera.suspect
    # after "on" the fence agent still sleeps once; a node back before that hears of its own fencing
    assert profile.bmc.post > pacemaker.fence_power_wait + 1
    assert profile.haproxy.fastinter_ms <= profile.haproxy.inter_ms


@pytest.mark.parametrize(("timers", "said"), [
    *((f"{timer}: 0", f"{timer} is 0") for timer in ("vip_monitor", "haproxy_monitor", "galera_monitor",
                                                     "galera_promoted_monitor", "fence_timeout")),
    ("galera_monitor: 10.0001, galera_promoted_monitor: 10", "must differ"),
])
def test_pacemaker_gets_no_interval_of_nothing_and_none_twice(timers: str, said: str, write: Write) -> None:
    with pytest.raises(RefusedError, match=said):
        make_plan(load_topology(write(f"timers: {{pacemaker: {{{timers}}}}}\n")))


@pytest.mark.parametrize("profile", list_profiles(), ids=lambda profile: profile.name)
def test_every_value_of_a_profile_is_written_down(profile: Profile) -> None:
    for name in ("corosync", "pacemaker", "galera", "haproxy", "rabbitmq", "bmc"):
        timers = getattr(profile, name)
        assert timers.model_fields_set == set(type(timers).model_fields), name


def test_a_profile_names_file_and_line(tmp_path: Path) -> None:
    text = (PROFILES / "tuned.yml").read_text()
    (tmp_path / "tuned.yml").write_text(text.replace("  suspect:", "  suspekt:"))
    with pytest.raises(RefusedError) as caught:
        load_profile("tuned", tmp_path)
    line = next(n for n, row in enumerate(text.splitlines(), 1) if row.startswith("  suspect:"))
    assert caught.value.where == f"topologies/profiles/tuned.yml:{line}"
    assert "suspect" in caught.value.remedy


def test_a_profile_whose_evs_timers_contradict_each_other(tmp_path: Path) -> None:
    text = (PROFILES / "tuned.yml").read_text()
    (tmp_path / "tuned.yml").write_text(text.replace("  install: 3 ", "  install: 30 "))
    with pytest.raises(RefusedError, match="suspect <= install <= inactive"):
        load_profile("tuned", tmp_path)


def test_a_profile_under_another_name(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text((PROFILES / "tuned.yml").read_text())
    with pytest.raises(RefusedError, match="calls itself 'tuned'"):
        load_profile("mine", tmp_path)


@pytest.mark.parametrize("options", [{}, {"driver": "container"}, {"style": "mixed"}])
def test_containers_on_an_emulated_host_get_its_timers(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when nobody names the driver: with the timers of a real host such a lab never came up."""
    monkeypatch.setattr("lab.vm.hypervisor.emulated_host", lambda: True)
    assert topology_from_options(name="x", **options).profile == "emulated"
    assert topology_from_options(name="x", profile="guide", **options).profile == "guide"
