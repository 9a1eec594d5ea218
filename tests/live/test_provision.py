"""The running lab holds what the plan says, and ``provision`` sees and mends what does not."""

from __future__ import annotations

import time

import pymysql

from lab.gates.haproxy import GATE as haproxy_gate
from lab.lab import Lab
from provision import apply


def test_a_fresh_lab_differs_nowhere(lab: Lab) -> None:
    assert apply.diff(lab) == []


def test_apply_mends_a_drifted_file_and_then_changes_nothing(lab: Lab) -> None:
    lab.shell.run("n2", "echo '# edited by hand' >> /etc/haproxy/haproxy.cfg; chmod 600 /etc/memcached.conf")
    assert {(change.node, change.what, change.detail) for change in apply.diff(lab)} == {
        ("n2", "/etc/haproxy/haproxy.cfg", "content"), ("n2", "/etc/memcached.conf", "mode")}
    assert len(apply.apply(lab)) == 2
    assert apply.apply(lab) == []
    assert apply.diff(lab) == []


def test_apply_mends_the_cib(lab: Lab) -> None:
    lab.shell.run("n1", "crm_attribute --type crm_config --name no-quorum-policy --update ignore")
    lab.shell.run("n1", "cibadmin --delete --xml-text '<rsc_location id=\"no-fence-n1-on-itself\"/>'")
    changed = {change.what for change in apply.apply(lab)}
    assert changed == {"CIB constraints", "CIB property no-quorum-policy"}
    assert apply.diff(lab) == []


def test_services_listen_on_the_lab_s_addresses_only(lab: Lab) -> None:
    """R22 and the safety rule: nothing on 0.0.0.0, frontends on virtual IPs, backends on the node."""
    for node in lab.plan.nodes:
        said = lab.shell.run(node.name, "ss -Hltnp").stdout
        for line in said.splitlines():
            local = line.split()[3]
            assert not local.startswith(("0.0.0.0:", "*:", "[::]:")), f"{node.name}: {line}"
        vips = {str(vip.address) for vip in lab.plan.vips}
        proxied = {tuple(line.split()[3].rsplit(":", 1)) for line in said.splitlines() if '"haproxy"' in line}
        assert proxied, "ss shows no socket of HAProxy"
        # 1024 is the peers section, which is no frontend.
        assert {address for address, port in proxied if port != "1024"} <= vips


def test_fifty_connections_through_the_vip_land_on_one_member(lab: Lab) -> None:
    """R30: the stick table keeps all connections on one backend."""
    password = lab.secrets.password("galera-probe")
    vip = next(vip.address for vip in lab.plan.vips if vip.name == "internal")
    seen = set()
    for _ in range(50):
        with lab.namespace.inside():
            connection = pymysql.connect(host=str(vip), user="halab_probe", password=password, connect_timeout=5)
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT @@wsrep_node_name")
            row = cursor.fetchone()
            assert row is not None
            seen.add(row[0])
    assert len(seen) == 1


def test_a_desynced_member_is_taken_out(lab: Lab) -> None:
    """R31, R32: the proxy takes a degraded node out, not only a dead one."""
    lab.shell.run("n3", "mariadb --execute 'SET GLOBAL wsrep_desync=ON'")
    try:
        deadline = time.monotonic() + 10
        while "n3 is DOWN" not in haproxy_gate.look(lab).detail and time.monotonic() < deadline:
            time.sleep(0.1)
        assert "n3 is DOWN" in haproxy_gate.look(lab).detail
    finally:
        lab.shell.run("n3", "mariadb --execute 'SET GLOBAL wsrep_desync=OFF'")


def test_no_secret_is_readable_or_in_the_diary(lab: Lab) -> None:
    diary = lab.paths.events.read_text()
    for path in lab.paths.secrets.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
    for name in ("bmc", "galera-probe", "rabbitmq-probe"):
        assert lab.secrets.password(name) not in diary
    cib = lab.shell.run("n1", "cibadmin --query").stdout
    assert lab.secrets.password("bmc") not in cib
