"""Galera: which member gets the clients and why, who is Primary, who would give and who would start first."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from chaos.selectors.vip_holder import VipHolder
from daemons import galera, haproxy
from daemons.galera import Member
from daemons.haproxy import PROXY, Server
from lab.errors import HalabError
from lab.explain.model import Explanation, Point, listed
from lab.gates import on_node
from lab.lab import Lab
from lab.node.asking import answers, ask_haproxy


@dataclass(frozen=True)
class GaleraFacts:
    """``wsrep`` by member that answers; ``stat`` and ``table`` as the
    proxy of ``holder`` prints them, empty when it does not answer; ``grastate`` is the file of each member."""

    members: tuple[str, ...]
    wsrep: Mapping[str, Member]
    grastate: Mapping[str, str]
    holder: str = ""
    stat: str = ""
    table: str = ""


def explain(lab: Lab) -> Explanation:
    told = tell(read(lab))
    show = on_node(lab, lab.plan.running("galera")[0].name, galera.SHOW)
    return Explanation(told.subject, told.answer, told.points, show)


def read(lab: Lab) -> GaleraFacts:
    members = tuple(node.name for node in lab.plan.running("galera"))
    wsrep = {}
    for node, said in answers(lab, members, galera.COMMAND).items():
        with suppress(ValueError):  # the node answers, its database does not
            wsrep[node] = galera.member(said)
    grastate = answers(lab, members, f"cat {galera.GRASTATE}", timeout=5)
    try:
        (holder,) = VipHolder().resolve(lab)
        stat, table = (ask_haproxy(lab, holder, f"show {what}") for what in ("stat", f"table {PROXY}"))
    except HalabError:
        holder = stat = table = ""
    return GaleraFacts(members, wsrep, grastate, holder, stat, table)


def tell(facts: GaleraFacts) -> Explanation:
    """Pure: the sentences for these facts."""
    writer = _writer(facts)
    primary = galera.components(facts.wsrep)
    synced = [node for node, said in facts.wsrep.items() if said.synced]
    answer = (f"{len(synced)} of {len(facts.members)} members are Synced, "
              f"{len(primary)} Primary component(s); clients are sent to {writer or 'nobody'}")
    return Explanation("galera", answer, (
        _traffic(facts, writer), _members(facts, primary), *_donors(facts, synced), _bootstrap(facts)))


def _servers(facts: GaleraFacts) -> list[Server]:
    return [server for server in haproxy.servers(facts.stat) if server.proxy == PROXY]


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
    silent = [node for node in facts.members if node not in facts.wsrep]
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
    evidence = [f"{node}: {said.component}, {said.state}, seqno {_seqno(said)}, view of {said.size}, "
                f"state {said.state_uuid or '?'}" for node, said in facts.wsrep.items()]
    return Point("members", says, tuple(evidence))


def _donors(facts: GaleraFacts, synced: list[str]) -> list[Point]:
    if not facts.wsrep:
        return []
    evidence, chosen = [], {}
    for node, said in facts.wsrep.items():
        able = [name for name in said.donors if name in synced and name != node]
        chosen[node] = able[0] if able else next((name for name in synced if name != node), "")
        oldest = facts.wsrep[chosen[node]].cached_from if chosen[node] else "?"
        evidence.append(f"{node} would ask {chosen[node] or 'nobody'} (wsrep_sst_donor = {said.sst_donor}); "
                        f"whose gcache begins at seqno {oldest}")
    method = next(iter(facts.wsrep.values())).sst_method or "?"
    says = ("A member that comes back gets the missing writes (IST) as long as the donor's gcache still holds them, "
            f"otherwise a whole copy (SST, {method}).")
    return [Point("donor", says, tuple(evidence))]


def _bootstrap(facts: GaleraFacts) -> Point:
    """As ocf:heartbeat:galera chooses: safe_to_bootstrap first, then the highest commit, then the last of the list."""
    safe = [node for node, text in facts.grastate.items() if "safe_to_bootstrap: 1" in text]
    evidence = [f"{node}: safe_to_bootstrap {'1' if node in safe else '0'}, "
                f"seqno {_seqno(facts.wsrep.get(node))}" for node in facts.members]
    if safe:
        return Point("bootstrap", f"After a stop of all members {safe[0]} would start first: it is marked as the last "
                     "that stopped.", tuple(evidence))
    known = {node: said.committed for node, said in facts.wsrep.items() if said.committed is not None}
    if not known:
        return Point("bootstrap", "No member says how far it is: the agent waits until all have reported.",
                     tuple(evidence))
    highest = max(known.values())
    best = [node for node in facts.members if known.get(node) == highest]
    says = f"If all lost power now, {best[-1]} would start first: it has seqno {highest}"
    says += f", as {listed(best[:-1])} have; of equals the agent takes the last of wsrep_cluster_address." \
        if len(best) > 1 else ", the highest."
    return Point("bootstrap", says, tuple(evidence))


def _seqno(said: Member | None) -> str:
    return "unknown" if said is None or said.committed is None else str(said.committed)
