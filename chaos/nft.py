"""The nft table of one network fault: what it drops, and how much of it.

A table lies in the lab's namespace, in the bridge family, and matches interfaces by *name*: it
holds before the node's NICs exist and after a power cycle has made new ones.  (A netdev chain is
bound to the device and vanishes with it, so a fenced node would come back healed.)
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lab.host.process import run

if TYPE_CHECKING:
    from lab.lab import Lab

# ``forward`` sees frames between two ports of a bridge, ``input`` and ``output`` those for and from
# the host's own end of it, where the clients are.
Hook = Literal["forward", "input", "output"]
HOOKS: tuple[Hook, ...] = ("forward", "input", "output")
_TIMEOUT = 10.0  # s
_PRIORITY = -300  # before every other filter, so that nothing can accept a frame first


@dataclass(frozen=True)
class Rule:
    """Frames on one hook that ``match`` (nft's own words) are counted and dropped."""

    hook: Hook
    match: str


def names(interfaces: Iterable[str]) -> str:
    """Interfaces as an nft set."""
    return "{ " + ", ".join(f'"{one}"' for one in interfaces) + " }"


def leaving(interfaces: Iterable[str], match: str = "") -> list[Rule]:
    """What the nodes behind these interfaces send, to nodes and to clients."""
    words = f"iifname {names(interfaces)} {match}".strip()
    return [Rule("forward", words), Rule("input", words)]


def arriving(interfaces: Iterable[str], match: str = "") -> list[Rule]:
    """What is sent to the nodes behind these interfaces, by nodes and by clients."""
    words = f"oifname {names(interfaces)} {match}".strip()
    return [Rule("forward", words), Rule("output", words)]


def between(senders: Iterable[str], receivers: Iterable[str]) -> list[Rule]:
    """What the senders say to the receivers; clients still reach both."""
    return [Rule("forward", f"iifname {names(senders)} oifname {names(receivers)}")]


def ruleset(table: str, rules: Iterable[Rule], sets: str = "") -> str:
    """nft's own language; ``sets`` declares what the rules name.  A second load replaces the first."""
    by_hook: dict[Hook, list[str]] = {hook: [] for hook in HOOKS}
    for rule in rules:
        by_hook[rule.hook].append(f"    {rule.match} counter drop\n")
    chains = "".join(
        f"  chain {hook} {{\n    type filter hook {hook} priority {_PRIORITY}; policy accept;\n{''.join(lines)}  }}\n"
        for hook, lines in by_hook.items() if lines)
    return f"{removal(table)}table bridge {table} {{\n{sets}{chains}}}\n"


def removal(table: str) -> str:
    """Delete the table if it is there: nft 1.0.6 knows no ``destroy``, so make it first."""
    return f"table bridge {table}\ndelete table bridge {table}\n"


def dropped(listing: str) -> tuple[int, int]:
    """Frames dropped by rules that name their sender, and by those that name the receiver alone."""
    sent, received = 0, 0
    for entry in json.loads(listing).get("nftables", []):
        keys, packets = set(), 0
        for part in entry.get("rule", {}).get("expr", []):
            if isinstance(left := part.get("match", {}).get("left"), dict) and "meta" in left:
                keys.add(left["meta"]["key"])
            packets += part.get("counter", {}).get("packets", 0)
        if "iifname" in keys:
            sent += packets
        elif "oifname" in keys:
            received += packets
    return sent, received


def tables(listing: str) -> set[str]:
    """Names of the tables in ``nft -j list tables bridge``."""
    found: list[dict[str, Any]] = json.loads(listing).get("nftables", [])
    return {entry["table"]["name"] for entry in found if "table" in entry}


def load(lab: Lab, table: str, rules: Iterable[Rule], sets: str = "") -> None:
    _nft(lab, ["-f", "-"], ruleset(table, rules, sets))


def expire(lab: Lab, table: str, name: str, members: Iterable[str], seconds: float) -> None:
    """Have these alone in the set ``name``, which has timeouts, for so long; the kernel itself ends it."""
    held = ", ".join(f"{one} timeout {round(seconds * 1000)}ms" for one in members)
    _nft(lab, ["-f", "-"], f"flush set bridge {table} {name}\nadd element bridge {table} {name} {{ {held} }}\n")


def remove(lab: Lab, table: str) -> None:
    """Idempotent; a lab whose namespace is gone has no tables."""
    if lab.namespace.exists():
        _nft(lab, ["-f", "-"], removal(table))


def counted(lab: Lab, table: str) -> tuple[int, int]:
    return dropped(_nft(lab, ["-j", "list", "table", "bridge", table]))


def loaded(lab: Lab, table: str) -> bool:
    return lab.namespace.exists() and table in tables(_nft(lab, ["-j", "list", "tables", "bridge"]))


def _nft(lab: Lab, argv: list[str], text: str | None = None) -> str:
    return run(lab.namespace.command(["nft", *argv]), input=text, timeout=_TIMEOUT).stdout
