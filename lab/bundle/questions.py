"""What a bundle asks each node, by the service that can answer it: read-only, and cheap."""

from __future__ import annotations

from dataclasses import dataclass

from daemons import cib, corosync, galera, haproxy, pacemaker, rabbitmq
from daemons.services import GALERA_CHECK_UNIT, port
from lab.plan import Node


@dataclass(frozen=True)
class Question:
    """``name`` becomes the file's name; ``service`` is a service, a kind of host, or '' for every host."""

    name: str
    command: str
    service: str = ""
    stdin: str | None = None


_MEMBER, _QNETD = "member of a cluster", "quorum device"  # kinds of hosts beside the services

QUESTIONS = (
    Question("uptime.txt", "date --iso-8601=ns; uptime; free -m; df -h /"),
    Question("processes.txt", "ps -eo pid,ppid,cls,rtprio,pcpu,rss,etime,comm,args --sort=-pcpu"),
    Question("units.txt", "systemctl --no-pager list-units --all; systemctl --no-pager --failed"),
    Question("addresses.txt", "ip -details address; ip route; ip neighbour; ss -tnpi; ss -tlnp"),
    Question("firewall.txt", "nft list ruleset; tc qdisc show"),
    Question("corosync-quorumtool.txt", corosync.QUORUM, _MEMBER),
    Question("corosync-cfgtool.txt", "corosync-cfgtool -s -b; corosync-cfgtool -n", _MEMBER),
    Question("corosync-cmapctl.txt", corosync.MAP, _MEMBER),
    Question("crm_mon.txt", "crm_mon --one-shot --inactive --show-detail --show-node-attributes --operations "
             "--failcounts", _MEMBER),
    Question("crm_mon.xml", pacemaker.STATUS, _MEMBER),
    Question("cib.xml", cib.COMMAND, _MEMBER),
    Question("crm_simulate.txt", "crm_simulate --live-check --show-scores", _MEMBER),
    Question("fencing-history.txt", "stonith_admin --history '*' --verbose; stonith_admin --list-registered",
             _MEMBER),
    Question("pacemaker.log", f"tail -c 4000000 {pacemaker.LOG}", _MEMBER),
    Question("corosync.log", f"tail -c 2000000 {corosync.LOG}", _MEMBER),
    Question("corosync-qnetd.txt", "corosync-qnetd-tool -s; corosync-qnetd-tool -l -v", _QNETD),
    Question("haproxy-stat.csv", haproxy.STAT, "haproxy"),
    Question("haproxy-state.txt", haproxy.command("show info; show table; show sess; show errors; show peers"),
             "haproxy"),
    Question("mariadb-status.txt", "mariadb --table", "galera",
             stdin="SHOW GLOBAL STATUS; SHOW GLOBAL VARIABLES; SHOW FULL PROCESSLIST; SHOW ENGINE INNODB STATUS;"),
    Question("mariadb-error.log", "tail -c 2000000 /var/log/mysql/error.log", "galera"),
    Question("galera-state.txt", f"tail -n +1 {galera.GRASTATE} {galera.GVWSTATE}", "galera"),
    Question("galera-check.txt", f"journalctl --no-pager --unit={GALERA_CHECK_UNIT} --lines=200", "galera"),
    Question("rabbitmq-members.txt", rabbitmq.question("bundle", (
        "{rabbit_nodes:all(), rabbit_nodes:all_running(), rabbit_node_monitor:partitions(), "
        "rabbit_alarm:get_alarms(), net_kernel:get_net_ticktime()}.")), "rabbitmq"),
    Question("rabbitmq-queues.txt", rabbitmq.question("bundle", (
        "[{amqqueue:get_name(Q), amqqueue:get_type(Q), amqqueue:get_pid(Q), amqqueue:get_state(Q)} || "
        "Q <- rabbit_amqqueue:list()].")), "rabbitmq"),
    Question("rabbitmq.log", "tail -q -c 2000000 /var/log/rabbitmq/rabbit@*.log", "rabbitmq"),
    Question("memcached-stats.txt", f"ss -tn state established '( sport = {port('memcached')} )'", "memcached"),
)


def questions_for(node: Node) -> tuple[Question, ...]:
    kinds = ("", _MEMBER if node.cluster else _QNETD, *node.services)
    return tuple(one for one in QUESTIONS if one.service in kinds)
