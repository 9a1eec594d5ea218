"""What the kernel can do, found by doing it where it leaves no trace.

Each trial is one command in fresh namespaces, which the kernel removes when the command ends.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from lab.errors import HostError
from lab.host.process import run
from lab.parallel import for_each

_TIMEOUT = 10.0

TITLES: Mapping[str, str] = {
    "namespaces": "making network and mount namespaces",
    "veth": "making veth pairs",
    "bridge": "making bridges",
    "nft-bridge": "nftables with bridge tables",
    "nft-netdev": "nftables with netdev tables, ingress and egress",
    "overlay": "overlayfs",
}
FIXES: Mapping[str, str] = {
    "namespaces": "run on the host itself or in a container with CAP_SYS_ADMIN",
    "veth": "modprobe veth",
    "bridge": "modprobe bridge",
    "nft-bridge": "modprobe nf_tables; the kernel needs CONFIG_NF_TABLES_BRIDGE",
    "nft-netdev": "modprobe nf_tables; the kernel needs CONFIG_NF_TABLES_NETDEV and "
                  "CONFIG_NETFILTER_EGRESS, which Linux has since 5.16",
    "overlay": "modprobe overlay; put HALAB_HOME on ext4, xfs or btrfs (an overlay cannot lie on an overlay)",
}

# What the faults load: chaos.nft cuts links in the lab's namespace, net.flap mutes an interface in the node.
_BRIDGE = "table bridge trial { " + " ".join(
    f'chain {hook} {{ type filter hook {hook} priority -300; {key} "trial0" counter drop; }};'
    for hook, key in (("forward", "iifname"), ("input", "iifname"), ("output", "oifname"))) + " }"
_NETDEV = "table netdev trial { " + " ".join(
    f"chain {hook} {{ type filter hook {hook} device lo priority 0; policy drop; }};"
    for hook in ("ingress", "egress")) + " }"
_OVERLAY = (
    'cd "$1" && mkdir lower upper work root'
    " && mount -t overlay trial -o lowerdir=lower,upperdir=upper,workdir=work root"
)


def run_all(place: Path) -> dict[str, str]:
    """Every trial by name: '' if it worked, else why not.  ``place`` is where labs would lie."""
    trials: dict[str, Callable[[], str]] = {
        "namespaces": lambda: _inside(["true"]),
        "veth": lambda: _inside(["ip", "link", "add", "trial0", "type", "veth", "peer", "name", "trial1"]),
        "bridge": lambda: _inside(["ip", "link", "add", "trial", "type", "bridge"]),
        "nft-bridge": lambda: _inside(["nft", "-f", "-"], _BRIDGE),
        "nft-netdev": lambda: _inside(["nft", "-f", "-"], _NETDEV),
        "overlay": lambda: _overlay(place),
    }
    return dict(zip(trials, for_each(trials.values(), _reason), strict=True))


@cache
def has_netem() -> bool:
    """Whether the kernel can delay packets (``sch_netem``), which few kernels for containers are built with."""
    return not _reason(lambda: _inside(["tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"]))


def _reason(trial: Callable[[], str]) -> str:
    try:
        return trial()
    except HostError as error:  # a program that is missing, or hangs
        return error.what
    except OSError as error:
        return str(error)


def _inside(argv: list[str], given: str | None = None) -> str:
    done = run(["unshare", "--net", "--mount", "--", *argv], timeout=_TIMEOUT, input=given, check=False)
    # The first line says it; nft goes on to quote its input.
    said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    return "" if done.ok else said[0]


def _overlay(place: Path) -> str:
    folder = tempfile.mkdtemp(prefix=".halab-trial-", dir=place)
    try:
        return _inside(["sh", "-c", _OVERLAY, "sh", folder])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
