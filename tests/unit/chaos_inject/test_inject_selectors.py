"""Selectors against samples of what the daemons really print."""

from __future__ import annotations

import time

import pytest
from inject_fakes import make_lab, sample, shell_of

from chaos import pacemaker
from chaos.progress import await_phase
from chaos.selectors import all_selectors, resolve
from lab.errors import HalabError, NodeError, RefusedError
from lab.lab import Lab


def hold_vip(lab: Lab, *holders: str, xml: str = "") -> None:
    line = f"3: eth1    inet {lab.plan.vips[0].address}/32 scope global eth1"
    shell_of(lab).answers = {"crm_mon": xml or sample("crm_mon.xml"),
                             "address show": lambda node, _: line if node in holders else "3: eth1 inet 10.9.9.9/24"}


def test_registry_and_plain_names() -> None:
    lab = make_lab()
    assert set(all_selectors()) >= {"all", "dc", "galera_writer", "minority", "not", "one", "random", "vip_holder"}
    assert resolve(lab, "n3") == ("n3",)
    with pytest.raises(RefusedError) as caught:
        resolve(lab, "vip_holdr")
    assert "did you mean vip_holder" in caught.value.remedy


def test_crm_mon_without_a_cluster_is_an_error_and_not_an_empty_view() -> None:
    lab = make_lab()
    shell_of(lab).answers = {"crm_mon": "crm_mon: Connection to cluster failed"}
    with pytest.raises(NodeError, match="no node could be asked"):
        pacemaker.ask(lab, ["n1", "n2"])


def test_vip_holder_is_where_the_kernel_has_it() -> None:
    lab = make_lab()
    hold_vip(lab, "n2")
    assert resolve(lab, "vip_holder") == ("n2",)
    hold_vip(lab, "n1")  # Pacemaker still says n2
    assert resolve(lab, "vip_holder") == ("n1",)
    hold_vip(lab, "n1", xml="no xml")
    assert resolve(lab, "vip_holder") == ("n1",)


def test_two_holders_or_none_are_refused() -> None:
    lab = make_lab()
    hold_vip(lab, "n1", "n3")
    with pytest.raises(HalabError, match="2 holders"):
        resolve(lab, "vip_holder")
    hold_vip(lab)
    with pytest.raises(HalabError, match="0 holders"):
        resolve(lab, "vip_holder")


def test_dead_and_frozen_nodes_are_not_asked() -> None:
    lab = make_lab()
    hold_vip(lab, "n3")
    lab.driver.power.off("n1")
    lab.driver.power.suspend("n2")
    assert resolve(lab, "vip_holder") == ("n3",)
    lab.driver.power.off("n3")
    with pytest.raises(NodeError):
        pacemaker.ask(lab, ["n1", "n2", "n3"])


def test_galera_writer_asks_the_proxy_of_the_vip() -> None:
    lab = make_lab()
    hold_vip(lab, "n3")
    shell_of(lab).answers |= {"show stat": sample("show-stat.csv"), "show table galera": sample("show-table.txt")}
    assert resolve(lab, "galera_writer") == ("n2",)
    assert all(node == "n3" for node, text in shell_of(lab).asked if "show" in text and "socat" in text)
    shell_of(lab).answers["show stat"] = sample("show-stat.csv").replace(",UP", ",DOWN")
    with pytest.raises(HalabError, match="no Galera backend is up"):
        resolve(lab, "galera_writer")


def test_a_side_may_be_half_of_the_nodes() -> None:
    lab = make_lab(nodes=4)
    hold_vip(lab, "n2")
    assert resolve(lab, "side(2)") == ("n2", "n1")
    with pytest.raises(RefusedError, match="nobody on the other side"):
        resolve(lab, "side(4)")


def test_a_donor_says_so_itself() -> None:
    lab = make_lab()
    shell_of(lab).answers = {"mariadb": lambda node, _: "wsrep_cluster_status\tPrimary\n"
                             "wsrep_cluster_size\t3\nwsrep_local_state_comment\t"
                             + ("Donor/Desynced" if node == "n3" else "Synced") + "\n"}
    assert resolve(lab, "galera_donor") == ("n3",)
    assert await_phase(lab, "joining", ("n1",), time.time(), 0).ok
    lab.driver.power.off("n3")
    assert not await_phase(lab, "joining", ("n1",), time.time(), 0).ok
    with pytest.raises(HalabError, match="giving its data"):
        resolve(lab, "galera_donor")


def test_minority_begins_with_the_vip_holder_and_stays_one() -> None:
    lab = make_lab(nodes=5)
    hold_vip(lab, "n2")
    assert resolve(lab, "minority(1)") == ("n2",) and resolve(lab, "minority(2)") == ("n2", "n1")
    with pytest.raises(RefusedError) as caught:
        resolve(lab, "minority(3)")
    assert "3 of 5 nodes are no minority" in caught.value.what and "minority(2)" in caught.value.remedy


def test_the_others_and_one_of_them() -> None:
    lab = make_lab()
    hold_vip(lab, "n2")
    assert resolve(lab, "not(vip_holder)") == ("n1", "n3") and resolve(lab, "one(not(vip_holder))") == ("n1",)
    assert resolve(lab, "not(n3)") == ("n1", "n2") and resolve(lab, "all") == ("n1", "n2", "n3")
    with pytest.raises(HalabError) as caught:
        resolve(lab, "not(all)")
    assert "nobody is left" in caught.value.what


def test_a_role_is_the_plans_and_a_seed_decides() -> None:
    lab = make_lab(style="mixed", nodes=6)
    databases = tuple(node.name for node in lab.plan.running("galera"))
    assert resolve(lab, "role:db") == resolve(lab, "role(galera)") == databases and len(databases) == 3
    assert resolve(lab, "random(7)") == resolve(lab, "random(7)")
    assert len({resolve(lab, f"random({seed})") for seed in range(30)}) > 1
    with pytest.raises(RefusedError) as caught:
        resolve(lab, "role:database")
    assert "db" in caught.value.remedy


def test_dc_promoted_and_leader_are_asked_of_the_cluster() -> None:
    lab = make_lab()
    shell_of(lab).answers = {"crm_mon": sample("crm_mon.xml"), "erl_call": "{ok, <8000.1.0> rabbit@n3}\n"}
    assert resolve(lab, "dc") == (pacemaker.ask(lab, ["n1"]).dc,)
    assert set(resolve(lab, "promoted(galera)")) <= {"n1", "n2", "n3"}
    assert resolve(lab, "mq_leader") == resolve(lab, "mq_leader(other)") == ("n3",)
    with pytest.raises(HalabError) as caught:
        resolve(lab, "promoted(nothing)")
    assert "no node has a resource 'nothing' promoted" in caught.value.what


def test_another_broker_is_asked_who_leads_when_the_first_is_gone() -> None:
    """Of two faults in one run the first may have taken it away."""
    lab = make_lab()
    shell_of(lab).answers = {"erl_call": "{ok, <8000.1.0> rabbit@n3}\n"}
    lab.driver.power.off("n1")
    assert resolve(lab, "mq_leader") == ("n3",)
    assert {node for node, _ in shell_of(lab).asked} == {"n2"}
