"""One question to many nodes, some of which may be dead: whoever can answer does, and soon."""

from __future__ import annotations

from collections.abc import Iterable

from daemons import haproxy
from lab.drivers.base import PowerState
from lab.errors import HalabError
from lab.lab import Lab
from lab.parallel import for_each


def answers(lab: Lab, nodes: Iterable[str], command: str, *, stdin: str | None = None,
            timeout: float = 10.0) -> dict[str, str]:
    """Standard output of ``command`` by node, in the order of ``nodes``; silent nodes are left out.

    A node without power, or frozen, is not asked: a connection attempt would hold everything up for seconds.
    """
    names = list(nodes)

    def ask(node: str) -> str | None:
        try:
            if lab.driver.power.state(node) is not PowerState.ON:
                return None
            return lab.shell.run(node, command, stdin=stdin, timeout=timeout, check=False).stdout
        except HalabError:
            return None

    return {node: text for node, text in zip(names, for_each(names, ask), strict=True) if text is not None}


def ask_haproxy(lab: Lab, node: str, words: str) -> str:
    """The answer of one node's HAProxy to a command of its admin socket, such as ``show stat``."""
    return lab.shell.run(node, haproxy.command(words), timeout=10).stdout
