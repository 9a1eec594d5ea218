"""What a bundle asks each node, by the service that can answer it: read-only, and cheap."""

from __future__ import annotations

from dataclasses import dataclass

from lab.plan import Node


@dataclass(frozen=True)
class Question:
    """``name`` becomes the file's name; ``service`` '' is for every node."""

    name: str
    command: str
    service: str = ""
    stdin: str | None = None


_ERLANG = "HOME=/var/lib/rabbitmq erl_call -sname halabbundle -n rabbit@$(hostname) -e"
_HAPROXY = "socat -t 3 stdio unix-connect:/run/haproxy/admin.sock"

QUESTIONS = (
    Question("uptime.txt", "date --iso-8601=ns; uptime; free -m; df -h /"),
    Question("processes.txt", "ps -eo pid,ppid,cls,rtprio,pcpu,rss,etime,comm,args --sort=-pcpu"),
    Question("units.txt", "systemctl --no-pager list-units --all; systemctl --no-pager --failed"),
    Question("addresses.txt", "ip -details address; ip route; ip neighbour; ss -tnpi; ss -tlnp"),
    Question("firewall.txt", "nft list ruleset; tc qdisc show"),
    Question("corosync-quorumtool.txt", "corosync-quorumtool -si"),
    Question("corosync-cfgtool.txt", "corosync-cfgtool -s -b; corosync-cfgtool -n"),
    Question("corosync-cmapctl.txt", "corosync-cmapctl"),
    Question("crm_mon.txt", "crm_mon --one-shot --inactive --show-detail --show-node-attributes --operations "
             "--failcounts"),
    Question("crm_mon.xml", "crm_mon --one-shot --inactive --output-as=xml"),
    Question("cib.xml", "cibadmin --query"),
    Question("crm_simulate.txt", "crm_simulate --live-check --show-scores"),
    Question("fencing-history.txt", "stonith_admin --history '*' --verbose; stonith_admin --list-registered"),
    Question("pacemaker.log", "tail -c 4000000 /var/log/pacemaker/pacemaker.log"),
    Question("corosync.log", "tail -c 2000000 /var/log/corosync/corosync.log"),
    Question("haproxy-stat.csv", f"echo 'show stat' | {_HAPROXY}", "haproxy"),
    Question("haproxy-state.txt", f"echo 'show info; show table; show sess; show errors; show peers' | {_HAPROXY}",
             "haproxy"),
    Question("mariadb-status.txt", "mariadb --table", "galera",
             stdin="SHOW GLOBAL STATUS; SHOW GLOBAL VARIABLES; SHOW FULL PROCESSLIST; SHOW ENGINE INNODB STATUS;"),
    Question("mariadb-error.log", "tail -c 2000000 /var/log/mysql/error.log", "galera"),
    Question("galera-state.txt", "cd /var/lib/mysql && tail -n +1 grastate.dat gvwstate.dat", "galera"),
    Question("galera-check.txt", "journalctl --no-pager --unit=halab-galera-check --lines=200", "galera"),
    # One question to the running broker takes 20 ms; rabbitmqctl starts a machine of its own for 2 s.
    Question("rabbitmq-members.txt", _ERLANG, "rabbitmq",
             stdin="{rabbit_nodes:all(), rabbit_nodes:all_running(), rabbit_node_monitor:partitions(), "
                   "rabbit_alarm:get_alarms(), net_kernel:get_net_ticktime()}.\n"),
    Question("rabbitmq-queues.txt", _ERLANG, "rabbitmq",
             stdin="[{amqqueue:get_name(Q), amqqueue:get_type(Q), amqqueue:get_pid(Q), amqqueue:get_state(Q)} || "
                   "Q <- rabbit_amqqueue:list()].\n"),
    Question("rabbitmq.log", "tail -q -c 2000000 /var/log/rabbitmq/rabbit@*.log", "rabbitmq"),
    Question("memcached-stats.txt", "ss -tn state established '( sport = 11211 )'", "memcached"),
)


def questions_for(node: Node) -> tuple[Question, ...]:
    return tuple(one for one in QUESTIONS if not one.service or one.service in node.services)
