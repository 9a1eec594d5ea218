"""What a lab may be called; the command line, topologies and folders ask the same rule."""

from __future__ import annotations

import re

from lab.choices import on_one_line
from lab.errors import RefusedError

# The name becomes part of the names of namespaces, control groups, machines and corosync's clusters, and of the
# path of a socket, which is short; a dot would end it in a namespace's name (halab.LAB.NODE).
_RULE = re.compile(r"[a-z][a-z0-9-]{0,15}")


def usable(name: object, where: str = "") -> str:
    """``name`` if a lab can have it; RefusedError for anything else, such as what would reach other folders."""
    if isinstance(name, str) and _RULE.fullmatch(name):
        return name
    raise RefusedError(f"'{on_one_line(name)}' cannot be a lab's name: it becomes part of the names of namespaces and "
                       "machines.", where=where,
                       remedy="a lower-case letter, then up to 15 lower-case letters, digits or dashes, such as lab-1")
