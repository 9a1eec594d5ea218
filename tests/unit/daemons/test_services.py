"""The record of a service says what the rendered configuration says."""

from __future__ import annotations

import pytest

from daemons.services import GALERA_CHECK_PORT, HEALTH_PORT, SERVICES, TOTEM_PORT, Service, of_process, port
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state.home import LabPaths
from lab.state.secrets import Secrets
from provision.apply import node_files


@pytest.mark.parametrize(("path", "said"), [
    ("/etc/haproxy/haproxy.cfg", f"10.66.1.11:{port('galera')} check port {GALERA_CHECK_PORT} "),
    ("/etc/haproxy/haproxy.cfg", f":{HEALTH_PORT}\n"),
    ("/etc/rabbitmq/rabbitmq.conf", f"10.66.1.11:{port('rabbitmq')}\n"),
    ("/etc/haproxy/haproxy.cfg", f"10.66.1.200:{port('keystone')}\n"),
    ("/etc/haproxy/haproxy.cfg", f"10.66.1.11:{port('keystone')} check\n"),
    ("/etc/keystone/uwsgi.ini", f"10.66.1.11:{port('keystone')}\n"),
    ("/etc/memcached.conf", f"-p {port('memcached')}\n"),
    ("/etc/mysql/mariadb.conf.d/99-halab.cnf", "tcp://10.66.1.11:4567;"),
])
def test_the_templates_have_the_ports_of_the_records(path: str, said: str) -> None:
    plan = make_plan(topology_from_options(driver="fake", api=True))
    files = {file.path: file.content.decode() for file in node_files(
        plan, plan.node("n1"), Secrets(LabPaths.of("t").secrets)) if not file.secret}
    assert said in files[path]


def test_each_port_and_process_is_one_service_s() -> None:
    ports = [number for daemon in SERVICES.values() for number in daemon.ports]
    assert len(ports) == len(set(ports)) and TOTEM_PORT not in ports
    names: list[Service | None] = [of_process(daemon.process) for daemon in SERVICES.values()]
    assert names == list(SERVICES) and of_process("sshd") is None
    with pytest.raises(ValueError, match="haproxy has no port of its own"):
        port("haproxy")
