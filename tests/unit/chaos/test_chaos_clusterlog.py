"""Lines of real daemons, read as what the cluster did."""

from __future__ import annotations

from chaos.clusterlog import ClusterEvent, read
from chaos.nodelog import LogLine


def events(*lines: tuple[float, str, str, str]) -> list[tuple[float, str, str, str, tuple[str, ...]]]:
    found = read([LogLine(*line) for line in lines], lambda number: f"n{number}")
    assert all(isinstance(one, ClusterEvent) for one in found)
    return [(one.at, one.node, one.daemon, one.what, one.said) for one in found]


def formed(at: float, node: str, members: str, ring: str = "1.30") -> tuple[float, str, str, str]:
    return at, node, "corosync", f"[TOTEM ] A new membership ({ring}) was formed. Members {members}"


def test_a_loss_that_two_nodes_saw_is_one_event_of_the_lost_one() -> None:
    assert events(formed(2.05, "n2", "left: 3"), formed(2.06, "n1", "left: 3")) == [
        (2.05, "n3", "corosync", "left", ("n2", "n1"))]


def test_of_two_sides_the_larger_one_is_believed() -> None:
    assert events(formed(2.2, "n3", "left: 1 2", "3.31"), formed(2.3, "n1", "left: 3"), formed(2.3, "n2", "left: 3"),
                  (3.0, "n3", "rabbitmq", "node rabbit@n1 down: net_tick_timeout"),
                  (3.1, "n3", "rabbitmq", "node rabbit@n2 down: net_tick_timeout"),
                  (3.2, "n1", "rabbitmq", "rabbit on node rabbit@n3 down"),
                  (3.3, "n2", "rabbitmq", "node rabbit@n3 down: net_tick_timeout")) == [
        (2.3, "n3", "corosync", "left", ("n1", "n2")),
        (3.2, "n3", "rabbitmq", "down (net_tick_timeout)", ("n1", "n2"))]


def test_of_two_equal_sides_both_are_shown() -> None:
    assert [one[1] for one in events(formed(2.2, "n1", "left: 2"), formed(2.2, "n2", "left: 1"))] == ["n2", "n1"]


def test_a_lone_survivor_is_believed() -> None:
    assert [one[1:] for one in events(formed(2.2, "n1", "left: 2 3"))] == [
        ("n2", "corosync", "left", ("n1",)), ("n3", "corosync", "left", ("n1",))]


def test_who_comes_back_is_the_one_that_joined() -> None:
    assert events(formed(7.0, "n3", "joined: 3", "3.31"), formed(8.0, "n2", "joined: 3", "1.35"),
                  formed(8.01, "n3", "joined: 1 2", "1.35"), formed(8.02, "n1", "joined: 3", "1.35")) == [
        (8.0, "n3", "corosync", "joined", ("n2", "n3", "n1"))]


def test_who_comes_back_is_the_one_that_joined_when_the_others_words_are_lost() -> None:
    """In a rolling reboot each journal ends with the next reboot: n2 and n3 'joined' n1."""
    assert events(formed(10.5, "n1", "joined: 2 3")) == [(10.5, "n1", "corosync", "joined", ("n1",))]


def test_it_left_again_after_it_had_joined() -> None:
    lines = [formed(at, node, what) for at, what in ((1.0, "left: 3"), (1.5, "joined: 3"), (2.0, "left: 3"))
             for node in ("n1", "n2")]
    assert [(one[0], one[3]) for one in events(*lines)] == [(1.0, "left"), (1.5, "joined"), (2.0, "left")]


def test_a_membership_that_swaps_members_says_both() -> None:
    assert {one[1:4] for one in events(formed(1.0, "n1", "joined: 2 left: 3"), formed(1.0, "n2", "left: 3"))} == {
        ("n2", "corosync", "joined"), ("n3", "corosync", "left")}


def test_the_states_of_a_database_are_one_way() -> None:
    def shift(at: float, node: str, before: str, after: str) -> tuple[float, str, str, str]:
        return at, node, "galera", f"WSREP: Shifting {before} -> {after} (TO: 4447)"

    assert events(shift(12, "n3", "CLOSED", "OPEN"), shift(12, "n3", "OPEN", "PRIMARY"),
                  shift(13, "n1", "SYNCED", "DONOR/DESYNCED"), shift(13, "n3", "PRIMARY", "JOINER"),
                  shift(40, "n3", "JOINER", "JOINED")) == [
        (12, "n3", "galera", "CLOSED -> OPEN -> PRIMARY -> JOINER", ("n3",)),
        (13, "n1", "galera", "SYNCED -> DONOR/DESYNCED", ("n1",)),
        (40, "n3", "galera", "JOINER -> JOINED", ("n3",))]


def test_quorum_is_told_once_and_other_lines_are_none() -> None:
    assert events((1.0, "n3", "pacemaker-controld", "notice: Quorum lost"),
                  (1.1, "n3", "pacemaker-attrd", "notice: Quorum lost"),
                  (1.2, "n3", "haproxy", "Quorum lost"), (1.3, "n1", "corosync", "[QUORUM] Members[2]: 1 2"),
                  (1.4, "n1", "rabbitmq", "rabbit on node rabbit@n1 up")) == [
        (1.0, "n3", "pacemaker", "quorum lost", ("n3",))]
