"""What a Galera node says about itself, asked over its own socket: no proxy can stand between a
question and the node that it is about.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

CLIENT = "mariadb --batch --skip-column-names"
STATUS = ("SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_cluster_conf_id', 'wsrep_cluster_size', "
          "'wsrep_cluster_status', 'wsrep_incoming_addresses', 'wsrep_local_state_comment');")


def parse_status(text: str) -> dict[str, str]:
    """``SHOW STATUS`` in batch form: name, tab, value; names in lower case."""
    pairs = (line.split("\t", 1) for line in text.splitlines() if "\t" in line)
    return {name.lower(): value.strip() for name, value in pairs}


def components(seen: Mapping[str, Mapping[str, str]]) -> tuple[tuple[str, ...], ...]:
    """The Primary components: nodes that claim Primary, together when they claim the same view.

    A view is its number, its size and its members' addresses: in an even split both halves
    count on to the same number and size.  Should the addresses say nothing (``AUTO``), more
    claimants than the view has members are two components all the same.

    Next to another component only one that is complete counts, with as many nodes as it says
    it has.  A member that was just cut off shows its old view, of a size that it no longer
    has, until its timers run out; it cannot commit in it, and it is no second component.
    """
    groups: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for node, status in sorted(seen.items()):
        if status.get("wsrep_cluster_status") == "Primary":
            groups[_view(status)].append(node)
    alone = len(groups) == 1
    found: list[tuple[str, ...]] = []
    for (_, words, _), nodes in sorted(groups.items()):
        size = int(words) if words.isdigit() else 0
        if alone or size <= len(nodes):
            found.append(tuple(nodes[:size or None]))
            found += [tuple(nodes[size:])] if 0 < size < len(nodes) else []
    return tuple(found)


def _view(status: Mapping[str, str]) -> tuple[str, str, str]:
    members = sorted(status.get("wsrep_incoming_addresses", "").split(","))
    return status.get("wsrep_cluster_conf_id", ""), status.get("wsrep_cluster_size", ""), ",".join(members)
