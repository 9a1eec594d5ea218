"""Galera: which member gets the clients and why, who is Primary, who would give and who would start first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chaos import haproxy
from chaos.galera import CLIENT, components, parse_status
from chaos.haproxy import Server
from chaos.selectors.vip_holder import VipHolder
from lab.errors import HalabError
from lab.explain.model import Explanation, Point, listed
from lab.gates import on_node
from lab.lab import Lab
from lab.node.asking import answers

_PROXY = "galera"  # the section's name in haproxy.cfg, see provision's haproxy role
_QUESTION = ("SHOW GLOBAL STATUS LIKE 'wsrep_%'; SHOW GLOBAL VARIABLES WHERE Variable_name IN "
             "('wsrep_sst_donor', 'wsrep_sst_method', 'wsrep_cluster_address');")


@dataclass(frozen=True)
class GaleraFacts:
    """``wsrep`` by member that answers: names in lower case and values; ``stat`` and ``table`` as the
    proxy of ``holder`` prints them, empty when it does not answer; ``grastate`` is the file of each member."""

    members: tuple[str, ...]
    wsrep: Mapping[str, Mapping[str, str]]
    grastate: Mapping[str, str]
    holder: str = ""
    stat: str = ""
    table: str = ""


def explain(lab: Lab) -> Explanation:
    told = tell(read(lab))
    show = on_node(lab, lab.plan.running("galera")[0].name, "mariadb -e 'SHOW STATUS LIKE \"wsrep_%\"'")
    return Explanation(told.subject, told.answer, told.points, show)


def read(lab: Lab) -> GaleraFacts:
    members = tuple(node.name for node in lab.plan.running("galera"))
    wsrep = {node: parse_status(said) for node, said in answers(lab, members, CLIENT, stdin=_QUESTION).items()}
    grastate = answers(lab, members, "cat /var/lib/mysql/grastate.dat", timeout=5)
    try:
        (holder,) = VipHolder().resolve(lab)
        stat, table = haproxy.ask(lab, holder, "show stat"), haproxy.ask(lab, holder, f"show table {_PROXY}")
    except HalabError:
        holder = stat = table = ""
    return GaleraFacts(members, wsrep, grastate, holder, stat, table)


def tell(facts: GaleraFacts) -> Explanation:
    """Pure: the sentences for these facts."""
    writer = _writer(facts)
    primary = components({node: said for node, said in facts.wsrep.items() if said})
    synced = [node for node, said in facts.wsrep.items() if said.get("wsrep_local_state_comment") == "Synced"]
    answer = (f"{len(synced)} of {len(facts.members)} members are Synced, "
              f"{len(primary)} Primary component(s); clients are sent to {writer or 'nobody'}")
    return Explanation("galera", answer, (
        _traffic(facts, writer), _members(facts, primary), *_donors(facts, synced), _bootstrap(facts)))


def _servers(facts: GaleraFacts) -> list[Server]:
    return [server for server in haproxy.servers(facts.stat) if server.proxy == _PROXY] if facts.stat else []


def _writer(facts: GaleraFacts) -> str:
    return haproxy.active(_servers(facts), haproxy.stuck_to(facts.table))


def _traffic(facts: GaleraFacts, writer: str) -> Point:
    servers = _servers(facts)
    if not servers:
        return Point("clients", "No node holds the VIP, or its HAProxy does not answer: clients reach no member.")
    stick = haproxy.stuck_to(facts.table)
    up = [server.name for server in servers if server.up]
    sessions = sum(server.sessions for server in servers)
    first = f"{up[0]} is the first backend of the configuration that is up" if up else "no backend is up"
    if not writer:
        says = f"HAProxy on {facts.holder} sends clients nowhere: {first}."
    elif stick == writer:
        says = f"HAProxy on {facts.holder} sends every client to {writer}, because its stick table says so" + (
            f" ({first}; the table keeps clients where they were)." if up[0] != writer else f"; {first}, too.")
    elif sessions:
        says = f"{writer} has the open sessions; " + (f"the stick table says {stick}." if stick else
                                                      "the stick table is empty.")
    else:
        table = f"names {stick}, which is not up" if stick else "is empty"
        says = (f"No client is connected and the stick table {table}: the next client goes to {writer}, because "
                f"{first}. All are backups, so only the first gets clients.")
    evidence = [f"{server.name}: {server.status}, {server.sessions} sessions{', backup' if server.backup else ''}"
                for server in servers]
    entries = [line.strip() for line in facts.table.splitlines() if line.strip()]
    return Point("clients", says, (*evidence, *entries))


def _members(facts: GaleraFacts, primary: tuple[tuple[str, ...], ...]) -> Point:
    silent = [node for node in facts.members if not facts.wsrep.get(node)]
    if not primary:
        says = "There is no Primary component: nobody can commit."
    elif len(primary) > 1:
        says = f"The database is SPLIT: {' against '.join(map(listed, primary))} each call themselves Primary."
    else:
        lost = len(facts.members) - len(primary[0])
        says = f"{listed(primary[0])} form the Primary component" + (f"; {lost} of the plan are not in it." if lost else
                                                                     ", all that the plan has.")
    if silent:
        says += f" {listed(silent)} did not answer."
    evidence = [f"{node}: {said.get('wsrep_cluster_status', '?')}, {said.get('wsrep_local_state_comment', '?')}, "
                f"seqno {said.get('wsrep_last_committed', '?')}, view of {said.get('wsrep_cluster_size', '?')}, "
                f"state {said.get('wsrep_cluster_state_uuid', '?')}"
                for node, said in facts.wsrep.items() if said]
    return Point("members", says, tuple(evidence))


def _donors(facts: GaleraFacts, synced: list[str]) -> list[Point]:
    if not facts.wsrep:
        return []
    evidence, chosen = [], {}
    for node, said in facts.wsrep.items():
        wanted = [name.strip() for name in said.get("wsrep_sst_donor", "").split(",")]
        able = [name for name in wanted if name in synced and name != node]
        chosen[node] = able[0] if able else next((name for name in synced if name != node), "")
        oldest = facts.wsrep.get(chosen[node], {}).get("wsrep_local_cached_downto", "?")
        evidence.append(f"{node} would ask {chosen[node] or 'nobody'} (wsrep_sst_donor = {','.join(wanted)}); "
                        f"whose gcache begins at seqno {oldest}")
    method = next(iter(facts.wsrep.values())).get("wsrep_sst_method", "?")
    says = ("A member that comes back gets the missing writes (IST) as long as the donor's gcache still holds them, "
            f"otherwise a whole copy (SST, {method}).")
    return [Point("donor", says, tuple(evidence))]


def _bootstrap(facts: GaleraFacts) -> Point:
    """As ocf:heartbeat:galera chooses: safe_to_bootstrap first, then the highest commit, then the last of the list."""
    safe = [node for node, text in facts.grastate.items() if "safe_to_bootstrap: 1" in text]
    evidence = [f"{node}: safe_to_bootstrap {'1' if node in safe else '0'}, "
                f"seqno {facts.wsrep.get(node, {}).get('wsrep_last_committed', 'unknown')}" for node in facts.members]
    if safe:
        return Point("bootstrap", f"After a stop of all members {safe[0]} would start first: it is marked as the last "
                     "that stopped.", tuple(evidence))
    known = {node: int(said["wsrep_last_committed"]) for node, said in facts.wsrep.items()
             if said.get("wsrep_last_committed", "").isdigit()}
    if not known:
        return Point("bootstrap", "No member says how far it is: the agent waits until all have reported.",
                     tuple(evidence))
    highest = max(known.values())
    best = [node for node in facts.members if known.get(node) == highest]
    says = f"If all lost power now, {best[-1]} would start first: it has seqno {highest}"
    says += f", as {listed(best[:-1])} have; of equals the agent takes the last of wsrep_cluster_address." \
        if len(best) > 1 else ", the highest."
    return Point("bootstrap", says, tuple(evidence))
