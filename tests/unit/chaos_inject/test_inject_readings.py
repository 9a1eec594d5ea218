"""Timers, CIB, phases, audits: read from samples of what the daemons print."""

from __future__ import annotations

import threading
import time

import pytest
from inject_fakes import make_lab, sample, shell_of

from chaos import broker, looks, pacemaker, timers
from chaos.audit import audit_sql, parse_sums
from chaos.model import Proof
from chaos.node_watch import NodeWatch
from chaos.progress import await_phase, detected_at, membership_losses
from chaos.versions import parse
from daemons import cib
from lab.errors import HalabError, NodeError

CMAP = """\
runtime.config.totem.consensus (u32) = 2400
runtime.config.totem.join (u32) = 50
runtime.config.totem.token (u32) = 2000
totem.token (u32) = 1000
"""
QUORUM = "Quorum provider: x\nQuorate: Yes\nExpected votes: 3\nTotal votes: 3\nQuorum: 2\nFlags: Quorate\n"
HAPROXY = """\
defaults
    timeout check 1000ms
listen galera
    bind 10.0.0.100:3306
    default-server inter 500ms fastinter 200ms fall 2 rise 3 on-marked-down shutdown-sessions observe layer4
    server n1 10.0.0.11:3306 check port 9200 backup  # inter 9s
listen other
    default-server inter 7s
"""
WSREP = ("wsrep_provider_options\tbase_port = 4567; evs.inactive_check_period = PT0.1S; evs.inactive_timeout = PT3S; "
         "evs.install_timeout = PT3S; evs.join_retrans_period = PT0.3S; evs.keepalive_period = PT0.3S; "
         "evs.suspect_timeout = PT1M1.5S; gcache.size = 64M; \n")


def test_totem_takes_the_effective_values() -> None:
    alone = {"token": 2.0, "consensus": 2.4, "qdevice_timeout": None, "qdevice_sync_timeout": None}
    assert timers.totem(CMAP) == alone
    device = "quorum.device.model (str) = net\nquorum.device.timeout (u32) = 2000\n"
    assert timers.totem(CMAP + device) == {**alone, "qdevice_timeout": 2.0, "qdevice_sync_timeout": 30.0}
    with pytest.raises(KeyError):
        timers.totem("")


def test_haproxy_reads_the_section_of_the_database() -> None:
    assert timers.haproxy(HAPROXY) == {
        "haproxy_inter": 0.5, "haproxy_fastinter": 0.2, "haproxy_fall": 2, "haproxy_rise": 3,
        "haproxy_check_timeout": 1.0, "haproxy_observe_layer4": True}
    assert timers.haproxy("listen galera\n  server n1 a:1 check inter 900\n") == {
        "haproxy_inter": 0.9, "haproxy_fastinter": 0.9, "haproxy_fall": 3, "haproxy_rise": 2,
        "haproxy_check_timeout": 0.9, "haproxy_observe_layer4": False}


def test_systemd_restart() -> None:
    assert timers.restart("Restart=always\nRestartUSec=100ms\n") == {"haproxy_restart": 0.1}
    assert timers.restart("Restart=on-failure\nRestartUSec=1min 2s\n") == {"haproxy_restart": 62.0}
    assert timers.restart("Restart=no\nRestartUSec=100ms\n") == {"haproxy_restart": None}


def test_provider_options() -> None:
    assert timers.provider_options(WSREP) == {
        "evs_keepalive": 0.3, "evs_check": 0.1, "evs_join_retrans": 0.3, "evs_suspect": 61.5,
        "evs_inactive": 3.0, "evs_install": 3.0}


def test_cib_says_who_is_fenced_and_how_often_is_looked() -> None:
    config = cib.read(sample("cib.xml"))
    assert [config.monitor(agent) for agent in ("IPaddr2", "haproxy", "galera")] == [2.0, 1.0, 20.0]
    assert config.monitor("galera", promoted=True) == 3.0 and config.monitor("rabbitmq-cluster") is None
    fenced = pacemaker.fences(config, "n1")
    assert fenced.ok and "fence-n1 (fence_ipmilan)" in fenced.evidence
    assert not pacemaker.fences(config, "n2").ok
    off = cib.read(sample("cib.xml").replace('name="stonith-enabled" value="true"',
                                             'name="stonith-enabled" value="false"'))
    assert pacemaker.fences(off, "n1") == Proof(False, "stonith-enabled is false")
    (device,) = config.fence_devices
    assert (device.power_wait, device.delay) == (0.0, 1.5)
    with pytest.raises(NodeError, match="no node could be asked"):
        pacemaker.cib(make_lab(), "controllers")  # whose nodes answer, but not with XML


def test_timers_of_a_lab_name_what_did_not_answer() -> None:
    lab = make_lab()
    shell_of(lab).answers = {"corosync-cmapctl": CMAP, "haproxy.cfg": HAPROXY, "cibadmin": sample("cib.xml"),
                             "systemctl show": "Restart=always\nRestartUSec=100ms\n",
                             "get_net_ticktime": "{ok, 5}", "heartbeat": "{ok, 60}",
                             "innodb_flush": "1\n", "wsrep_provider": "mute"}
    reading = timers.read_timers(lab, "n1")
    assert reading.timers.token == 2.0 and reading.timers.fence_delay == 1.5 and reading.timers.net_ticktime == 5.0
    assert reading.timers.vip_monitor == 2.0 and reading.timers.haproxy_restart == 0.1
    assert reading.timers.evs_suspect is None
    assert [note.split(":")[0] for note in reading.notes] == ["wsrep"]


def test_timers_are_asked_of_a_member_that_answers() -> None:
    """Seen: the second fault of a run struck while the first database was dead, and its verdict was INVALID."""
    lab = make_lab()
    shell_of(lab).answers = {"wsrep_provider": lambda node, *_: "mute" if node == "n1" else WSREP}
    assert timers.read_timers(lab, "n1").timers.evs_suspect == 61.5


def test_broker_answers() -> None:
    lab = make_lab()
    shell_of(lab).answers = {"get_net_ticktime": "{ok, {ongoing_change_to, 7}}", "halab.probe": "{ok, rabbit@n2}\n"}
    assert broker.ticktime(lab, "n1") == 7.0
    assert broker.leader(lab, "n1", "halab.probe") == "n2"
    shell_of(lab).answers = {"": "{error, {badmatch, {error, not_found}}}"}
    with pytest.raises(NodeError):
        broker.leader(lab, "n1", "halab.probe")


def test_membership_losses() -> None:
    journal = """\
1790000001.250000 n1 corosync[77]:   [TOTEM ] A new membership (2.1f) was formed. Members left: 1
1790000003.500000 n1 corosync[77]:   [TOTEM ] A new membership (2.23) was formed. Members left: 3
1790000009.100000 n1 corosync[77]:   [TOTEM ] A new membership (2.27) was formed. Members joined: 3
-- No entries --
"""
    assert membership_losses(journal, 1790000002.0, {3}) == [1790000003.5]
    assert membership_losses(journal, 1790000000.0, {1, 3}) == [1790000001.25, 1790000003.5]
    assert membership_losses(journal, 1790000002.0, {1}) == []
    without_ids = "1790000004.000000 n1 corosync[77]:   [TOTEM ] A new membership (2.25) was formed. Members left:"
    assert membership_losses(without_ids, 1790000002.0, {3}) == []


def test_two_losses_close_together_are_each_detected_by_their_own_message() -> None:
    """Of five, n4 goes and n5 goes half a second later: the message of n4's loss comes after n5's fault."""
    lab = make_lab(nodes=5)
    begin = time.time() - 60
    shell_of(lab).answers = {"journalctl": "".join(
        f"{begin + after:f} n1 corosync[7]:   [TOTEM ] A new membership (1.{at}) was formed. Members left: {at}\n"
        for after, at in ((2.0, 4), (4.5, 5)))}
    assert detected_at(lab, ("n1", "n2", "n3", "n5"), begin) == pytest.approx(begin + 2, abs=0.01)
    assert detected_at(lab, ("n1", "n2", "n3", "n4"), begin + 0.5) == pytest.approx(begin + 4.5, abs=0.01)
    assert detected_at(lab, (), begin) is None


@pytest.mark.parametrize(("capabilities", "seconds_behind"), [(frozenset(), 0.0), (frozenset({"own_clock"}), 100.0)])
def test_a_clock_of_its_own_is_set_right(monkeypatch: pytest.MonkeyPatch, capabilities: frozenset[str],
                                         seconds_behind: float) -> None:
    lab = make_lab()
    monkeypatch.setattr(lab.driver, "capabilities", capabilities)
    begin = time.time()
    words = "[TOTEM ] A new membership (2.2) was formed. Members left: 3"
    formed = f"{begin + 2 - seconds_behind:f} n1 corosync[7]:   {words}"
    shell_of(lab).answers = {"journalctl": formed, "date": lambda *_: f"{time.time() - 100:f}"}
    assert detected_at(lab, ("n1", "n2"), begin) == pytest.approx(begin + 2, abs=0.5)


def test_phases_are_read_from_the_diary(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = make_lab()
    begin = lab.events.emit("note").at
    lab.driver.power.off("n2")
    assert not await_phase(lab, "fenced", ("n2",), begin, 0).ok  # off, but nobody asked for it
    lab.events.emit("bmc.request", "n2", command="status")
    assert not await_phase(lab, "fence_requested", ("n2",), begin, 0).ok
    lab.events.emit("bmc.request", "n2", command="off")
    assert await_phase(lab, "fence_requested", ("n2",), begin, 0).ok
    assert await_phase(lab, "fenced", ("n2",), begin, 0).ok
    assert not await_phase(lab, "powered_on", ("n2",), begin, 0).ok
    lab.driver.power.on("n2")
    assert await_phase(lab, "powered_on", ("n2",), begin, 0).ok


def test_versions() -> None:
    assert parse("corosync 3.1.7-1\nhaproxy 2.6.12-1\nmissing\n") == {"corosync": "3.1.7-1", "haproxy": "2.6.12-1"}


def test_a_watch_that_dies_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = make_lab()
    shell_of(lab).answers = {"SHOW": "#quorum\n" + QUORUM + "#galera\n"
                                     "wsrep_local_state_comment\tSynced\nwsrep_cluster_status\tPrimary\n"
                                     "wsrep_cluster_size\t3\n"}
    with NodeWatch(lab, lab.paths.root) as watch:
        until = time.monotonic() + 5
        while not watch.seen and time.monotonic() < until:
            time.sleep(0.01)
    assert watch.seen[0].answered == ("n1", "n2", "n3") and watch.seen[0].counts
    written = looks.load(lab.paths.root / looks.LOOKS_FILE)
    assert {one.node for one in written} == {"n1", "n2", "n3"}
    assert all(one.quorate and one.component == "Primary" for one in written)

    def burst(*_: object, **__: object) -> bool:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("chaos.node_watch.ssh_banner", burst)
    watch = NodeWatch(lab, lab.paths.root)
    with pytest.raises(RuntimeError, match="new thread"), watch:
        time.sleep(0.05)
    watch.stop()
    assert watch.seen == ()


@pytest.mark.parametrize(("slowness", "ends"), [(1.0, False), (100.0, True)])
def test_a_watch_waits_for_slow_nodes_and_once_alone(slowness: float, ends: bool,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    """A look may take as long as the nodes are slow; who was told that it does not end is not told again."""
    lab, late, asked = make_lab(), threading.Event(), threading.Event()

    def banner(*_: object, **__: object) -> bool:
        asked.set()
        late.wait(0.6 if ends else 10)
        return False

    monkeypatch.setattr(type(lab.driver), "slowness", slowness)
    monkeypatch.setattr("chaos.node_watch._PATIENCE", 0.001)
    monkeypatch.setattr("chaos.node_watch._END_WITHIN", 0.1)
    monkeypatch.setattr("chaos.node_watch.ssh_banner", banner)
    with NodeWatch(lab, lab.paths.root) as watch:
        assert asked.wait(5)
        if ends:
            watch.stop()
            assert not watch._thread.is_alive()
        else:
            with pytest.raises(HalabError, match="does not end"):
                watch.stop()
            monkeypatch.setattr("chaos.node_watch._END_WITHIN", 10.0)
            begun = time.monotonic()
            watch.stop()
            assert time.monotonic() - begun < 5
    late.set()
    watch._thread.join(5)


def test_a_node_without_a_database_is_read_and_a_mute_one_is_not() -> None:
    """After a blackout nobody runs a database for a while, and there is no second Primary component either."""
    lab = make_lab()
    shell_of(lab).answers = {"SHOW": lambda node, _: f"#quorum\n{QUORUM}"
                             + ("#galera\nERROR 2002\n" if node == "n2" else "")}
    with NodeWatch(lab, lab.paths.root) as watch:
        until = time.monotonic() + 5
        while not watch.seen and time.monotonic() < until:
            time.sleep(0.01)
    assert watch.seen[0].answered == ("n1", "n3") and watch.seen[0].components == () and watch.seen[0].counts


def test_a_node_that_takes_long_to_answer_holds_up_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a node died, nobody was looked at for 8 s."""
    monkeypatch.setattr("chaos.node_watch._PATIENCE", 0.1)
    monkeypatch.setattr("chaos.node_watch._LOOK_EVERY", 0.2)
    lab, late = make_lab(), threading.Event()

    def answer(node: str, _: str) -> str:
        if node == "n2":
            late.wait(10)
        return f"#quorum\n{QUORUM}"

    shell_of(lab).answers = {"SHOW": answer}
    with NodeWatch(lab, lab.paths.root) as watch:
        until = time.monotonic() + 8
        while len(watch.seen) < 3 and time.monotonic() < until:
            time.sleep(0.01)
        assert {one.answered for one in watch.seen} == {("n1", "n3")}
        late.set()
    seen = [one.node for one in looks.load(lab.paths.root / looks.LOOKS_FILE)]
    assert seen.count("n1") >= 3 and seen.count("n2") >= 1


def test_audit_reads_every_node_and_says_which_it_could_not() -> None:
    lab = make_lab()
    ledger = lab.paths.root / "ledger.txt"
    ledger.write_text("rx/1\nrx/2\n")

    def answer(node: str, text: str) -> str:
        if "SHOW" in text:
            return "wsrep_local_state_comment\tSynced\nwsrep_cluster_status\tPrimary\nwsrep_cluster_size\t3\n"
        assert "wsrep_sync_wait=1" in text
        if "CHECKSUM" in text:
            return f"halab.probe_rows\t{4711 if node == 'n1' else 4712}\nhalab.probe_bank\tNULL\n"
        assert "client='rx'" in text
        return "rx/1\nrx/2\n" if node == "n1" else "rx/1\n"

    shell_of(lab).answers = {"mariadb": answer}
    lab.driver.power.off("n3")
    audit = audit_sql(lab, "rx", ledger)
    assert audit is not None and audit.acked == 2
    assert [(one.node, one.synced, one.missing) for one in audit.nodes] == [
        ("n1", True, ()), ("n2", True, ("rx/2",)), ("n3", False, ("rx/1", "rx/2"))]
    assert [(one.tables, one.bank) for one in audit.nodes] == [
        ({"probe_rows": "4711"}, None), ({"probe_rows": "4712"}, None), ({}, None)]
    assert parse_sums("halab.probe_rows\t1\nhalab.probe_bank\t2\nbank\t64000\n") == (
        {"probe_rows": "1", "probe_bank": "2"}, 64000)
    for node in ("n1", "n2"):
        lab.driver.power.off(node)
    assert audit_sql(lab, "rx", lab.paths.root / "none.txt") is None
