"""Does a node answer?  Seen from the host's end of the lab's networks, without any tool on the node.

Two questions that are not the same: whether packets come back at all, and whether a
program behind them is alive.  A frozen machine's kernel (a container's is the host's)
still completes TCP handshakes, so only a banner proves that a process ran.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from chaos.model import Proof
from lab.errors import HalabError, NodeError
from lab.plan import NetworkName

if TYPE_CHECKING:
    from lab.lab import Lab

SSH_PORT = 22
PATIENCE = 4.0
T = TypeVar("T")


def ssh_banner(lab: Lab, node: str, timeout: float = 1.0, patience: float = PATIENCE) -> bool:
    """Whether the node's SSH daemon says its name on mgmt within ``timeout`` seconds per stage.

    A slow machine is given longer, up to ``patience`` times: a fork takes it a second.
    """
    timeout *= min(lab.driver.slowness, patience)
    try:
        with lab.namespace.connect(str(lab.plan.node(node).mgmt), SSH_PORT, timeout) as link:
            link.settimeout(timeout)
            return link.recv(4) == b"SSH-"
    except OSError:
        return False


def packets_return(lab: Lab, node: str, network: NetworkName, timeout: float = 0.7) -> bool:
    """Whether anything comes back from the node's address on ``network``.

    A refused connection is an answer too: the node's kernel sent it.  Uses TCP because the
    host may lack ``ping`` and because it needs no privilege beyond the namespace.
    """
    try:
        lab.namespace.connect(str(lab.plan.node(node).address(network)), SSH_PORT, timeout).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return True


def first_answer(lab: Lab, nodes: Iterable[str], ask: Callable[[str], T]) -> T:
    """What ``ask`` says of the first of ``nodes`` that can be asked; NodeError when none can."""
    words = "no node was asked"
    for node in nodes:
        # Cheap look first: a dead node would hold the shell for its whole connection timeout.
        if not ssh_banner(lab, node):
            words = f"{node}: SSH is silent"
            continue
        try:
            return ask(node)
        except HalabError as error:
            words = f"{node}: {error.what}"
    raise NodeError("no node could be asked", where=words, remedy=f"./inv lab.status --name={lab.name}")


def await_proof(look: Callable[[], Proof], within: float, every: float = 0.2,
                clock: Callable[[], float] = time.monotonic,
                sleep: Callable[[float], None] = time.sleep) -> Proof:
    """Look until the proof holds or ``within`` seconds are over; the last look is returned.

    Sleeps through Ctrl-C on purpose: it is used while a fault holds and while it is healed,
    and neither may be left half done.
    """
    end = clock() + within
    while True:
        proof = look()
        if proof.ok or clock() >= end:
            return proof
        sleep(every)
