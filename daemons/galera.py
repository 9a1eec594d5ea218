"""What a Galera node says about itself, asked over its own socket: no proxy can stand between a
question and the node that it is about.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from daemons.services import SERVICES

CLIENT = "mariadb --batch --skip-column-names"
GRASTATE = f"{SERVICES['galera'].data}/grastate.dat"
GVWSTATE = f"{SERVICES['galera'].data}/gvwstate.dat"
LOG = "/var/log/mysql/error.log"
# The command whose answer `member` reads, and what a person would type.
COMMAND = (
    f'{CLIENT} --execute="SHOW GLOBAL STATUS WHERE Variable_name IN '
    "('wsrep_cluster_conf_id', 'wsrep_cluster_size', 'wsrep_cluster_state_uuid', 'wsrep_cluster_status', "
    "'wsrep_incoming_addresses', 'wsrep_last_committed', 'wsrep_local_cached_downto', 'wsrep_local_state_comment'); "
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('wsrep_node_name', 'wsrep_sst_donor', 'wsrep_sst_method')\"")
# Whom and what the probes and the audit of acknowledged rows use.
PROBE_USER = "halab_probe"
PROBE_DATABASE = "halab"
PROBE_TABLE = "probe_rows"
CREATE_PROBE_TABLE = (
    f"CREATE TABLE IF NOT EXISTS {PROBE_DATABASE}.{PROBE_TABLE} (client VARCHAR(64) NOT NULL, seq BIGINT NOT NULL, "
    "at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), PRIMARY KEY (client, seq)) ENGINE=InnoDB")
# Error 1047: what a server outside the Primary component says to all that is neither SHOW nor SET.
NOT_PREPARED = "WSREP has not yet prepared node"
SHOW = "mariadb -e 'SHOW STATUS LIKE \"wsrep_%\"'"
_STATES = {"0": "Undefined", "1": "Joiner", "2": "Donor", "3": "Joined", "4": "Synced"}


@dataclass(frozen=True)
class Member:
    """One member's own words.  ``state``: "Synced", "Donor/Desynced", ...; ``component``: "Primary" or not.

    ``view`` is the number of the membership view that it is in, ``size`` and ``addresses`` (sorted) whom it sees
    there.  ``committed`` is its seqno, ``cached_from`` the first seqno in its gcache.
    """

    state: str
    component: str
    size: int
    view: str = ""
    addresses: tuple[str, ...] = ()
    state_uuid: str = ""
    committed: int | None = None
    cached_from: str = ""
    name: str = ""
    sst_donor: str = ""
    sst_method: str = ""

    @property
    def donors(self) -> tuple[str, ...]:
        """Whom it would ask for a whole copy, in this order; a trailing comma in ``sst_donor`` means: or anybody."""
        return tuple(name.strip() for name in self.sst_donor.split(",") if name.strip())

    @property
    def synced(self) -> bool:
        return self.state == "Synced"

    @property
    def primary(self) -> bool:
        return self.component == "Primary"


def member(text: str) -> Member:
    """The answer to :data:`COMMAND`: name, tab, value.  ValueError if the database does not answer."""
    said = {name.lower(): value.strip() for name, _, value in (line.partition("\t") for line in text.splitlines())}
    try:
        state, component, size = (said[f"wsrep_{name}"] for name in (
            "local_state_comment", "cluster_status", "cluster_size"))
    except KeyError as error:
        raise ValueError(f"the database does not answer: no {error.args[0]}") from error
    committed = said.get("wsrep_last_committed", "")
    addresses = said.get("wsrep_incoming_addresses", "").split(",")
    return Member(
        state, component, int(size) if size.isdigit() else 0, said.get("wsrep_cluster_conf_id", ""),
        tuple(sorted(one.strip() for one in addresses if one.strip())), said.get("wsrep_cluster_state_uuid", ""),
        int(committed) if committed.isdigit() else None, said.get("wsrep_local_cached_downto", ""),
        said.get("wsrep_node_name", ""), said.get("wsrep_sst_donor", ""),
        said.get("wsrep_sst_method", ""))


def checked(body: str) -> str:
    """What the check service on the node says, in words: the state, and whether it is outside the Primary component."""
    fields = dict(re.findall(r"(WSREP_\w+)=([\w-]+)", body))
    if not fields:
        return ""
    state = _STATES.get(fields.get("WSREP_LOCAL_STATE", ""), "?")
    return state if fields.get("WSREP_CLUSTER_STATUS") == "Primary" else f"{state} non-Primary"


def components(seen: Mapping[str, Member]) -> tuple[tuple[str, ...], ...]:
    """The Primary components: nodes that claim Primary, together when they claim the same view.

    A view is its number, its size and its members' addresses: in an even split both halves
    count on to the same number and size.  Should the addresses say nothing (``AUTO``), more
    claimants than the view has members are two components all the same.

    Next to another component only one that is complete counts, with as many nodes as it says
    it has.  A member that was just cut off shows its old view, of a size that it no longer
    has, until its timers run out; it cannot commit in it, and it is no second component.
    """
    groups: dict[tuple[str, int, tuple[str, ...]], list[str]] = defaultdict(list)
    for node, one in sorted(seen.items()):
        if one.primary:
            groups[one.view, one.size, one.addresses].append(node)
    alone = len(groups) == 1
    found: list[tuple[str, ...]] = []
    for (_, size, _), nodes in sorted(groups.items()):
        if alone or size <= len(nodes):
            found.append(tuple(nodes[:size or None]))
            found += [tuple(nodes[size:])] if 0 < size < len(nodes) else []
    return tuple(found)
