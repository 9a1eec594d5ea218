"""One look at every node: one SSH round trip each, all nodes at the same time."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from daemons import cib, corosync, galera, haproxy, rabbitmq
from daemons.haproxy import Server
from daemons.services import GALERA_CHECK_UNIT, SERVICES
from lab.errors import HalabError
from lab.lab import Lab
from lab.node.files import File
from lab.parallel import for_each
from lab.plan import Node, Plan
from provision.apply import node_files
from provision.render import nodefile
from provision.roles.clients import PATH as CLIENTS
from provision.verify import parse
from provision.verify.facts import Answer, NodeFacts

T = TypeVar("T")
_TIMEOUT = 30.0  # seconds for all that one node is asked
_UNITS = ("corosync", "pacemaker", *(daemon.unit for daemon in SERVICES.values()), GALERA_CHECK_UNIT)


@dataclass(frozen=True)
class Command:
    """One question to a node.  ``shown`` is what a person would type; ``code``: which exit codes are an answer."""

    shown: str
    text: str = ""
    codes: tuple[int, ...] = (0,)


COMMANDS: Mapping[str, Command] = {
    # 2: answered, and not quorate.
    "quorum": Command(corosync.QUORUM, codes=(0, 2)),
    "sockets": Command("ss -Hlntup"),
    "units": Command("systemctl show UNIT", "systemctl show --property=Id,UnitFileState,ActiveState,Restart "
                     + " ".join(f"{name}.service" for name in _UNITS)),
    # 1: some pattern matches nothing, which is for a judge to say.
    "packages": Command("dpkg-query -W", "dpkg-query --show --showformat='${db:Status-Abbrev} ${Package} ${Version}\\n'"
                        " pacemaker crmsh pcs corosync 'fence-agents*' 'resource-agents*' 'libqb*'", codes=(0, 1)),
    "cib": Command(f"{cib.COMMAND} --scope configuration"),
    "servers": Command(haproxy.STAT),
    "table": Command(haproxy.TABLE),
    "galera": Command(galera.SHOW, galera.COMMAND),
    "broker": Command("rabbitmqctl cluster_status", rabbitmq.view_question("verify")),
}
# Which service a question belongs to; the others go to every node.
_OF_SERVICE = {"servers": "haproxy", "table": "haproxy", "galera": "galera", "broker": "rabbitmq"}
_AUTHKEY = "/etc/corosync/authkey"


def read_nodes(lab: Lab) -> dict[str, NodeFacts]:
    """Every member node's facts; a node that cannot be asked has answers with the trouble in them."""
    found = for_each(lab.plan.nodes, lambda node: _read(lab, node))
    return {node.name: facts for node, facts in zip(lab.plan.nodes, found, strict=True)}


def sheet(node: Node, files: Sequence[File]) -> dict[str, Any]:
    """What ``halab-facts`` is asked on one node."""
    return {"commands": {name: command.text or command.shown for name, command in COMMANDS.items()
                         if _OF_SERVICE.get(name, "") in ("", *node.services)},
            "texts": [corosync.CONFIG, haproxy.CONFIG, CLIENTS],
            "digests": [_AUTHKEY, *(file.path for file in files if not file.initial)]}


def node_facts(plan: Plan, node: Node, files: Sequence[File], document: Mapping[str, Any]) -> NodeFacts:
    """Facts out of what ``halab-facts`` printed.  Pure."""
    reader = _Reader(node.name, document)
    wanted = {file.path: file.digest for file in files if not file.initial}
    return NodeFacts(
        quorum=reader.said("quorum", corosync.quorum),
        corosync=reader.text(corosync.CONFIG, corosync.config),
        authkey=reader.digest(_AUTHKEY),
        sockets=reader.said("sockets", parse.sockets),
        units=reader.said("units", parse.units),
        packages=reader.said("packages", parse.packages),
        cib=reader.said("cib", cib.read),
        haproxy=reader.text(haproxy.CONFIG, haproxy.sections),
        servers=reader.said("servers", _servers),
        table=reader.said("table", haproxy.table_head),
        galera=reader.said("galera", galera.member),
        broker=reader.said("broker", rabbitmq.view),
        clients=reader.text(CLIENTS, parse.clients),
        drift=Answer(node.name, f"./inv provision.diff --name={plan.lab}", tuple(
            path for path, digest in wanted.items() if document["digests"].get(path) != digest)))


def silent(lab: str, node: str, why: str) -> NodeFacts:
    """The facts of a node that could not be asked."""
    nothing: Answer[Any] = Answer(node, f"./inv lab.ssh {node} --name={lab}", None, why)
    return NodeFacts(**{name: nothing for name in NodeFacts.__dataclass_fields__})


def _servers(stat: str) -> tuple[Server, ...]:
    found = haproxy.servers(stat)
    if not found:
        raise ValueError("HAProxy does not answer")
    return found


def _read(lab: Lab, node: Node) -> NodeFacts:
    files = node_files(lab.plan, node, lab.secrets)
    program = nodefile("halab-facts").decode()
    try:
        said = lab.shell.run(node.name, f"python3 -c {shlex.quote(program)}", stdin=json.dumps(sheet(node, files)),
                             timeout=_TIMEOUT)
        return node_facts(lab.plan, node, files, json.loads(said.stdout))
    except HalabError as error:
        return silent(lab.name, node.name, error.what)
    except ValueError as error:
        return silent(lab.name, node.name, f"an answer that makes no sense: {error}")


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
        except (ValueError, KeyError, IndexError) as error:
            return Answer(self._node, command, None, f"an answer that makes no sense: {error}")
