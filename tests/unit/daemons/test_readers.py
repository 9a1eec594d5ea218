"""What daemons print, read: samples of real ones, and words that make no sense."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from daemons import cib, corosync, haproxy, pacemaker, rabbitmq
from daemons.galera import Member, components
from daemons.haproxy import seconds

SAMPLES = Path(__file__).parents[1] / "chaos_inject" / "samples"


def sample(name: str) -> str:
    return (SAMPLES / name).read_text()


def test_crm_mon_is_read_in_groups_clones_and_alone() -> None:
    view = pacemaker.status(sample("crm_mon.xml"))
    assert view.dc == "n3"
    assert [(one.id, one.node) for one in view.running("IPaddr2")] == [("vip-internal", "n2")]
    assert [one.node for one in view.running("galera")] == ["n1"]


def test_stat_and_stick_table_are_read() -> None:
    found = haproxy.servers(sample("show-stat.csv"))
    assert [(one.name, one.sessions, one.up, one.backup) for one in found] == [
        ("n1", 0, True, True), ("n2", 2, True, True), ("n3", 0, False, True)]
    assert found[0].host == "10.0.0.11"
    assert haproxy.stuck_to(sample("show-table.txt")) == "n1"
    assert haproxy.stuck_to("# table: galera, type: ip, size:1000, used:0\n") == ""


def test_open_sessions_say_more_than_the_stick_table() -> None:
    found = haproxy.servers(sample("show-stat.csv"))
    assert haproxy.active(found, "n1") == "n2"
    idle = [haproxy.Server("galera", one.name, one.address, one.status, 0, True) for one in found]
    assert haproxy.active(idle, "n2") == "n2"
    assert haproxy.active(idle, "n3") == "n1"  # stuck to a server that is down: the first one up
    assert haproxy.active([], "n1") == ""


@pytest.mark.parametrize(("text", "value"), [("2s", 2), ("2", 2), ("500ms", 0.5), ("1min", 60),
                                             ("PT3S", 3), ("x", None)])
def test_pacemaker_times(text: str, value: float | None) -> None:
    assert cib.seconds(text) == value


def claim(conf: int, size: int, component: str = "Primary", addresses: str = "") -> Member:
    return Member("Synced", component, size, str(conf), tuple(sorted(addresses.split(","))))


def test_two_primary_components_are_two_that_are_complete() -> None:
    assert components({"n1": claim(5, 3), "n2": claim(5, 3), "n3": claim(5, 3)}) == (("n1", "n2", "n3"),)
    # A real split: each side is all that it says it is.
    assert components({"n1": claim(1, 1), "n2": claim(6, 2), "n3": claim(6, 2)}) == (("n1",), ("n2", "n3"))
    # n1 was just cut off and still shows the old view of three.
    assert components({"n1": claim(5, 3), "n2": claim(6, 2), "n3": claim(6, 2)}) == (("n2", "n3"),)
    assert components({"n1": claim(5, 3, "non-Primary"), "n2": claim(6, 2), "n3": claim(6, 2)}) == (("n2", "n3"),)
    assert components({}) == ()


def test_an_even_split_is_two_components() -> None:
    """Both halves count on to the same number and the same size."""
    left, right = "10.0.0.1:3306,10.0.0.2:3306", "10.0.0.3:3306,10.0.0.4:3306"
    said = {node: claim(6, 2, addresses=left if node < "n3" else right) for node in ("n1", "n2", "n3", "n4")}
    assert components(said) == (("n1", "n2"), ("n3", "n4"))
    blind = {node: claim(6, 2, addresses="AUTO,AUTO") for node in said}
    assert len(components(blind)) == 2
    whole = {node: claim(7, 4, addresses=f"{left},{right}" if node < "n3" else f"{right},{left}") for node in said}
    assert components(whole) == (("n1", "n2", "n3", "n4"),)


def test_times_of_haproxy() -> None:
    assert [seconds(text) for text in ("1s", "500ms", "1000", "90m")] == [1.0, 0.5, 1.0, 5400.0]
    with pytest.raises(ValueError, match="no time"):
        seconds("soon")


@pytest.mark.parametrize("refusals", [0, 2, 3])
def test_a_question_to_the_broker_is_asked_again_under_another_name(tmp_path: Path, refusals: int) -> None:
    """It refuses the caller of a name while it still lets go of the last one that had it."""
    program = tmp_path / "erl_call"
    program.write_text(f"#!/bin/sh\ncat > {tmp_path}/asked\necho $2 >> {tmp_path}/names\n"
                       f"[ $(wc -l < {tmp_path}/names) -gt {refusals} ] || exit 1\necho '{{ok, yes}}'\n")
    program.chmod(0o755)
    done = subprocess.run(["sh", "-c", rabbitmq.question("test", "{'a', <<\"b\">>}.")], capture_output=True, text=True,
                          env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, timeout=20)
    assert (tmp_path / "asked").read_text() == "{'a', <<\"b\">>}.\n"
    names = (tmp_path / "names").read_text().split()
    assert len(set(names)) == len(names) == min(refusals + 1, 3) and all(name[:8] == "halabtes" for name in names)
    assert (done.returncode == 0) == (done.stdout == "{ok, yes}\n") == (refusals < 3)


def test_what_is_no_answer_of_a_broker() -> None:
    with pytest.raises(ValueError, match="the broker does not answer: error: no"):
        rabbitmq.view("error: no\n")


def test_corosync_s_map_and_file() -> None:
    keys = corosync.keys("totem.token (u32) = 1000\nquorum.device.model (str) = net\nno key\n")
    assert keys == {"totem.token": "1000", "quorum.device.model": "net"} and corosync.keys("") == {}
    assert corosync.config("totem {\n  token: 1000 # ms\n}\nquorum {\n device {\n  model: net\n }\n}\n") == {
        "totem.token": "1000", "quorum.device.model": "net"}


def test_silence_is_no_view() -> None:
    for reader in (pacemaker.status, cib.read, corosync.quorum):
        with pytest.raises(ValueError, match="does not answer"):
            reader("Connection to cluster failed\n")
    assert haproxy.servers("") == ()
