"""One look at every node: one SSH round trip each, all nodes at the same time."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar
from xml.etree.ElementTree import ParseError

from lab.errors import HalabError
from lab.lab import Lab
from lab.node.files import File
from lab.plan import Node, Plan
from provision.apply import node_files
from provision.render import nodefile
from provision.roles.clients import PATH as CLIENTS
from provision.verify import parse
from provision.verify.facts import Answer, NodeFacts

T = TypeVar("T")
_TIMEOUT = 30.0  # seconds for all that one node is asked
_ADMIN = "socat -t 3 stdio unix-connect:/run/haproxy/admin.sock"
_UNITS = ("corosync", "pacemaker", "haproxy", "mariadb", "rabbitmq-server", "memcached", "halab-galera-check")
_STATUS = ("'wsrep_local_state_comment','wsrep_cluster_status','wsrep_cluster_size'")


@dataclass(frozen=True)
class Command:
    """One question to a node.  ``shown`` is what a person would type; ``code``: which exit codes are an answer."""

    shown: str
    text: str = ""
    codes: tuple[int, ...] = (0,)


COMMANDS: Mapping[str, Command] = {
    # 2: answered, and not quorate.
    "quorum": Command("corosync-quorumtool -si", codes=(0, 2)),
    "sockets": Command("ss -Hlntup"),
    "units": Command("systemctl show UNIT", "systemctl show --property=Id,UnitFileState,ActiveState,Restart "
                     + " ".join(f"{name}.service" for name in _UNITS)),
    # 1: some pattern matches nothing, which is for a judge to say.
    "packages": Command("dpkg-query -W", "dpkg-query --show --showformat='${db:Status-Abbrev} ${Package} ${Version}\\n'"
                        " pacemaker crmsh pcs corosync 'fence-agents*' 'resource-agents*' 'libqb*'", codes=(0, 1)),
    "cib": Command("cibadmin --query --scope configuration"),
    "servers": Command(f"echo 'show stat' | {_ADMIN}"),
    "table": Command(f"echo 'show table galera' | {_ADMIN}"),
    "galera": Command("mariadb -e 'SHOW STATUS LIKE \"wsrep_%\"'",
                      f"mariadb --batch --skip-column-names --execute=\"SHOW GLOBAL STATUS WHERE Variable_name IN "
                      f"({_STATUS}); SHOW GLOBAL VARIABLES LIKE 'wsrep_node_name'\""),
    # erl_call asks the running broker in 20 ms; rabbitmqctl starts an Erlang machine for 2 s of CPU.
    "broker": Command("rabbitmqctl cluster_status",
                      "echo '{lists:sort(rabbit_nodes:all_running()), lists:sort(rabbit_nodes:all()), "
                      "element(2, application:get_env(rabbit, cluster_partition_handling))}.' | "
                      "HOME=/var/lib/rabbitmq erl_call -sname halabverify -n rabbit@$(hostname) -e"),
}
# Which service a question belongs to; the others go to every node.
_OF_SERVICE = {"servers": "haproxy", "table": "haproxy", "galera": "galera", "broker": "rabbitmq"}
_COROSYNC, _HAPROXY, _AUTHKEY = "/etc/corosync/corosync.conf", "/etc/haproxy/haproxy.cfg", "/etc/corosync/authkey"


def read_nodes(lab: Lab) -> dict[str, NodeFacts]:
    """Every member node's facts; a node that cannot be asked has answers with the trouble in them."""
    with ThreadPoolExecutor(len(lab.plan.nodes)) as pool:
        found = list(pool.map(lambda node: _read(lab, node), lab.plan.nodes))
    return {node.name: facts for node, facts in zip(lab.plan.nodes, found, strict=True)}


def sheet(node: Node, files: Sequence[File]) -> dict[str, Any]:
    """What ``halab-facts`` is asked on one node."""
    return {"commands": {name: command.text or command.shown for name, command in COMMANDS.items()
                         if _OF_SERVICE.get(name, "") in ("", *node.services)},
            "texts": [_COROSYNC, _HAPROXY, CLIENTS],
            "digests": [_AUTHKEY, *(file.path for file in files if not file.initial)]}


def node_facts(plan: Plan, node: Node, files: Sequence[File], document: Mapping[str, Any]) -> NodeFacts:
    """Facts out of what ``halab-facts`` printed.  Pure."""
    reader = _Reader(node.name, document)
    wanted = {file.path: file.digest for file in files if not file.initial}
    return NodeFacts(
        quorum=reader.said("quorum", parse.quorum),
        corosync=reader.text(_COROSYNC, parse.corosync_conf),
        authkey=reader.digest(_AUTHKEY),
        sockets=reader.said("sockets", parse.sockets),
        units=reader.said("units", parse.units),
        packages=reader.said("packages", parse.packages),
        cib=reader.said("cib", parse.cib),
        haproxy=reader.text(_HAPROXY, parse.haproxy),
        servers=reader.said("servers", parse.proxy_servers),
        table=reader.said("table", parse.stick_table),
        galera=reader.said("galera", parse.galera),
        broker=reader.said("broker", parse.broker),
        clients=reader.text(CLIENTS, parse.clients),
        drift=Answer(node.name, f"./inv provision.diff --name={plan.lab}", tuple(
            path for path, digest in wanted.items() if document["digests"].get(path) != digest)))


def silent(node: str, why: str) -> NodeFacts:
    """The facts of a node that could not be asked."""
    nothing: Answer[Any] = Answer(node, f"./inv lab.ssh {node}", None, why)
    return NodeFacts(**{name: nothing for name in NodeFacts.__dataclass_fields__})


def _read(lab: Lab, node: Node) -> NodeFacts:
    files = node_files(lab.plan, node, lab.secrets)
    program = nodefile("halab-facts").decode()
    try:
        said = lab.shell.run(node.name, f"python3 -c {shlex.quote(program)}", stdin=json.dumps(sheet(node, files)),
                             timeout=_TIMEOUT)
        return node_facts(lab.plan, node, files, json.loads(said.stdout))
    except HalabError as error:
        return silent(node.name, error.what)
    except ValueError as error:
        return silent(node.name, f"an answer that makes no sense: {error}")


class _Reader:
    """One node's document, question by question."""

    def __init__(self, node: str, document: Mapping[str, Any]) -> None:
        self._node = node
        self._document = document

    def said(self, name: str, read: Callable[[str], T]) -> Answer[T]:
        command = COMMANDS[name]
        answer = self._document["answers"].get(name)
        if answer is None:
            return Answer(self._node, command.shown, None, "this node does not run it")
        if answer["code"] not in command.codes:
            words = (answer["err"] or answer["out"]).strip()[-100:]
            return Answer(self._node, command.shown, None, f"exit code {answer['code']}: {words}")
        return self._understood(command.shown, answer["out"], read)

    def text(self, path: str, read: Callable[[str], T]) -> Answer[T]:
        text = self._document["texts"].get(path)
        if text is None:
            return Answer(self._node, f"cat {path}", None, "there is no such file")
        return self._understood(f"cat {path}", text, read)

    def digest(self, path: str) -> Answer[str]:
        return Answer(self._node, f"sha256sum {path}", self._document["digests"].get(path), "there is no such file")

    def _understood(self, command: str, text: str, read: Callable[[str], T]) -> Answer[T]:
        try:
            return Answer(self._node, command, read(text))
        except (ValueError, KeyError, IndexError, ParseError) as error:
            return Answer(self._node, command, None, f"an answer that makes no sense: {error}")
