"""Options that mean the same in every command, and how a wrong value is answered.

invoke has no choices for arguments, so every value passes through one of these functions;
each answers with the list of what there is and, when something is close, 'did you mean'.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from lab import labname
from lab.choices import unknown_choice
from lab.errors import RefusedError

# Kept as words, not read from the models: importing pydantic costs more than the whole start.
# tests/unit/cli/test_options.py holds them to the models.
STYLES = ("collapsed", "segregated", "mixed")
FORMATS = ("table", "json")
PICTURES = ("mermaid", "svg")
TIERS = ("all", "unit", "golden", "live", "vm", "workstation")

HELP = {
    "name": "the lab's name (default: 'default')",
    "style": f"one of {', '.join(STYLES)} (default: collapsed)",
    "nodes": "how many controllers, 3 to 16 (default: the style's own)",
    "driver": "container (default) or vagrant",
    "profile": "timer profile: tuned (default), guide, floor, emulated",
    "topology": "a topology file of your own, instead of --style and --nodes",
    "snapshot": "the snapshot's name: small letters, digits, dashes",
    "format": "table (default) or json: one document on standard output, nothing else",
    "timeout": "give up after this long: seconds, or 90s, 15m, 1h",
    "pacemaker": "core (default): Pacemaker manages what must not run twice; full: every service",
    "rabbitmq": "who runs the broker: systemd (default, quorum queues) or pacemaker (mirrored queues)",
    "queues": "quorum or mirrored; left out, it follows from --rabbitmq",
    "api": "the API tier too: Keystone behind the proxy (segregated: with --nodes=15)",
    "qdevice": "a tie-breaking vote from a host outside, for even clusters",
    "segregate": "mixed only: the bottlenecks to take out of the core, such as db,mq",
    "allow_large": "allow more than 16 nodes, which corosync is not tested for",
}

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def choice(option: str, value: str, known: Iterable[str]) -> str:
    """``value`` if it is known; RefusedError with the list and the nearest one if not."""
    words = list(known)
    if value in words:
        return value
    raise unknown_choice(option, value, words, where=f"--{option}={value}")


def name(value: str) -> str:
    """A lab's name: it becomes a directory, a network namespace and part of host names."""
    return labname.usable(value, f"--name={value}")


def seconds(value: str | float, option: str = "timeout") -> float:
    """A duration in seconds from '90', '90s', '15m' or '1h'."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", str(value))
    if match and float(match[1]) > 0:
        return float(match[1]) * _UNITS[match[2]]
    raise RefusedError(
        f"'{value}' is not a duration",
        where=f"--{option}={value}",
        remedy=f"--{option}=90s, --{option}=15m or --{option}=1h",
    )


def number(option: str, value: str) -> int:
    """A whole number; RefusedError for anything else."""
    if re.fullmatch(r"[+-]?[0-9]{1,9}", value.strip()):
        return int(value)
    raise RefusedError(f"'{value}' is not a whole number", where=f"--{option}={value}", remedy=f"--{option}=5")


def path(value: str) -> Path:
    """A file as the person meant it: relative to where ``./inv`` was typed."""
    return Path(os.environ.get("HALAB_CWD") or Path.cwd()) / Path(value).expanduser()


def scenario(value: str) -> str | Path:
    """A scenario's name as it is; a file as the person meant it."""
    return path(value) if "/" in value or value.endswith((".yml", ".yaml")) else value


def again(given: Mapping[str, object]) -> str:
    """The options as they must be typed in the next command; what is left at its default is left out."""
    told = ""
    for word, value in given.items():
        if value is True:
            told += f" --{word}"
        elif value and (word, value) != ("name", "default"):
            told += " " + shlex.quote(f"--{word}={value}")
    return told
