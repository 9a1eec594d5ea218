"""Keeps one agent running on each node and remembers what each said last."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemons import corosync, haproxy, pacemaker, rabbitmq
from daemons.services import GALERA_CHECK_PORT, port
from lab.drivers.base import PowerState
from lab.errors import HalabError
from lab.lab import Lab
from lab.plan import Node, Plan
from lab.watch.said import Said, said_from

STALE = 3.0  # s without a word after which a node's last words are old news
_AGENT = (Path(__file__).parent / "agent.py").read_text()
# The program comes over standard input, its length first; what follows is for the program.
_RUN = "exec python3 -c 'import sys; exec(sys.stdin.read(int(sys.stdin.readline())))'"
_RETRY = 1.0


@dataclass(frozen=True)
class Sample:
    """What a node said last; ``at`` on ``time.monotonic()``."""

    at: float
    said: Said


class Feed:
    """The agents of one lab; ``with Feed(lab) as feed`` starts them and ends them all."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._ended = threading.Event()
        self._latest: dict[str, Sample] = {}
        # One node of each cluster speaks for it: what all would say the same need not be asked of all.
        self._speaker = {cluster.name: cluster.nodes[0] for cluster in lab.plan.clusters}
        self._since = {cluster.name: time.monotonic() for cluster in lab.plan.clusters}
        self._threads = [threading.Thread(target=self._follow, args=(node,), daemon=True) for node in lab.plan.hosts]

    def __enter__(self) -> Feed:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(2.0)
        self._lab.shell.close()

    def latest(self) -> Mapping[str, Sample]:
        """By node; a node that never spoke is missing.  Also sees to it that each cluster has a speaker."""
        now = time.monotonic()
        for cluster in self._lab.plan.clusters:
            speaker = self._latest.get(self._speaker[cluster.name])
            waited = now - max(self._since[cluster.name], speaker.at if speaker else 0.0)
            if waited > STALE:
                fresh = [node for node in cluster.nodes
                         if (sample := self._latest.get(node)) is not None and now - sample.at < STALE]
                if fresh:
                    self._speaker[cluster.name], self._since[cluster.name] = fresh[0], now
        return dict(self._latest)

    def _follow(self, node: Node) -> None:
        while not self._ended.is_set():
            leads = self._leads(node)
            try:
                if self._lab.driver.power.state(node.name) is PowerState.ON:
                    config = questions(self._lab.plan, node, leads)
                    given = f"{len(_AGENT)}\n{_AGENT}{json.dumps(config)}\n"
                    for line in self._lab.shell.stream(node.name, _RUN, self._ended, stdin=given):
                        self._latest[node.name] = Sample(time.monotonic(), said_from(json.loads(line)))
                        if self._leads(node) != leads:
                            break  # started anew in its other part
            except (HalabError, ValueError, KeyError, TypeError):
                pass  # it is dying, or booting: its last words grow old on the screen meanwhile
            if self._leads(node) == leads:
                self._ended.wait(_RETRY)

    def _leads(self, node: Node) -> bool:
        return self._speaker.get(node.cluster) == node.name


def questions(plan: Plan, node: Node, leads: bool) -> dict[str, Any]:
    """What the agent on ``node`` is told to ask; as JSON it is the agent's configuration.

    ``commands`` are asked again when their log has grown, or seldom without one; ``check`` and ``listens`` are ports
    of this node, 0 where it has none; ``proxy`` is the path of HAProxy's socket.
    """
    commands = {}
    if node.cluster:
        commands["quorum"] = {"text": corosync.QUORUM, "log": corosync.LOG}
    if leads:
        commands["crm"] = {"text": pacemaker.STATUS, "log": pacemaker.LOG}
        if "rabbitmq" in node.services:
            commands["brokers"] = {"text": rabbitmq.view_question("watch"), "log": ""}
    return {"vips": [str(vip.address) for vip in plan.vips], "control": str(node.control), "commands": commands,
            "check": GALERA_CHECK_PORT if "galera" in node.services else 0,
            "listens": port("rabbitmq") if "rabbitmq" in node.services else 0,
            "proxy": haproxy.SOCKET if "haproxy" in node.services else ""}
