"""R25, R28, R29: what clients are told, and that the proxy stays out of the way of queue and cache."""

from __future__ import annotations

from daemons.services import port
from lab.plan import Node, Plan
from provision.verify.facts import Endpoint, LabFacts
from provision.verify.model import Judgement, Requirement, judged, not_deployed

_LISTS = ("DEFAULT/transport_url", "cache/memcache_servers", "keystone_authtoken/memcached_servers")
_LOCAL = ("localhost", "::1")
_UNPROXIED = {port("rabbitmq"): "RabbitMQ", port("memcached"): "memcached", 27017: "MongoDB"}


def _by_the_vip(plan: Plan, facts: LabFacts) -> Judgement:
    vips = {str(vip.address) for vip in plan.vips} | {f"{vip.name}.vip" for vip in plan.vips}
    problems, told = [], 0
    for node in plan.nodes:
        answer = facts.nodes[node.name].clients
        for one in answer.get():
            told += 1
            if one.host in _LOCAL or one.host.startswith("127."):
                problems.append(answer.shows(f"{one.option} = {one.host}: a client would ask its own node"))
            elif one.option not in _LISTS and one.host not in vips:
                problems.append(answer.shows(f"{one.option} = {one.host}: a node, not the virtual IP"))
    clean = (f"the client configuration ({told} addresses on {len(plan.nodes)} nodes) holds no localhost and no node "
             "but in the lists of R28 and R29")
    if not plan.running("keystone"):
        return judged(problems, "") if problems else not_deployed(f"a catalog comes with the API tier; {clean}")
    catalog = facts.api.get().catalog
    problems += [facts.api.shows(f"the {interface} endpoint in the catalog is {host}, no virtual IP")
                 for interface, host in catalog if host not in vips]
    if missing := sorted({"admin", "internal", "public"} - {interface for interface, _ in catalog}):
        problems.append(facts.api.shows(f"the catalog has no {' and no '.join(missing)} endpoint"))
    return judged(problems, facts.api.shows("catalog: " + ", ".join(f"{one} {host}" for one, host in catalog))
                  + f"; {clean}")


def _brokers(plan: Plan, facts: LabFacts) -> Judgement:
    members = plan.running("rabbitmq")
    problems = _proxied(plan, facts)
    if not members:
        return judged(problems, "") if problems else not_deployed("no node runs RabbitMQ")
    for node in members:
        answer = facts.nodes[node.name].broker
        seen, want = answer.get().known, tuple(sorted(one.name for one in members))
        if seen != want:
            problems.append(answer.shows(f"members {', '.join(seen)}, the plan and the clients' list have "
                                         f"{', '.join(want)}"))
        model = answer.get().partition_handling
        if (model == "pause_minority") != (plan.queues == "quorum"):
            problems.append(answer.shows(f"cluster_partition_handling {model} with {plan.queues} queues"))
    problems += _lists(plan, facts, ("DEFAULT/transport_url",), members, port("rabbitmq"))
    first = facts.nodes[plan.nodes[0].name].clients
    return judged(problems, first.shows("transport_url " + _shown(first.get(), "DEFAULT/transport_url"))
                  + f"; no proxy has {port('rabbitmq')} or {port('memcached')}; members "
                  + ", ".join(node.name for node in members))


def _caches(plan: Plan, facts: LabFacts) -> Judgement:
    servers = plan.running("memcached")
    if not servers:
        return not_deployed("no node runs memcached")
    options = ("cache/memcache_servers", "keystone_authtoken/memcached_servers")
    first = facts.nodes[plan.nodes[0].name].clients
    return judged(_lists(plan, facts, options, servers, port("memcached")),
                  first.shows("memcache_servers " + _shown(first.get(), "cache/memcache_servers"))
                  + f"; the same on {len(plan.nodes)} nodes")


def _lists(plan: Plan, facts: LabFacts, options: tuple[str, ...], hosts: tuple[Node, ...], port: int) -> list[str]:
    want = {(str(node.control), port) for node in hosts}
    problems = []
    for node in plan.nodes:
        answer = facts.nodes[node.name].clients
        for option in options:
            have = {(one.host, one.port) for one in answer.get() if one.option == option}
            if have != want:
                problems.append(answer.shows(f"{option} names {_shown(answer.get(), option) or 'nothing'}; there are "
                                             + ", ".join(sorted(host for host, _ in want))))
    return problems


def _shown(told: tuple[Endpoint, ...], option: str) -> str:
    return ",".join(f"{one.host}:{one.port}" for one in told if one.option == option)


def _proxied(plan: Plan, facts: LabFacts) -> list[str]:
    problems = []
    for proxy in plan.running("haproxy"):
        own = facts.nodes[proxy.name]
        for section in own.haproxy.get():
            for place in (*section.binds, *(server[1] for server in section.servers)):
                port = place.rpartition(":")[2]
                if port.isdigit() and int(port) in _UNPROXIED:
                    problems.append(own.haproxy.shows(f"{section.kind} {section.name} proxies "
                                                      f"{_UNPROXIED[int(port)]} ({place})"))
        problems += [own.sockets.shows(f"{one} is a frontend of {_UNPROXIED[one.port]}") for one in own.sockets.get()
                     if one.program == "haproxy" and one.port in _UNPROXIED]
    return problems


REQUIREMENTS = (
    Requirement("R25", "All API access goes through the proxy: no client configuration and no catalog entry holds "
                "localhost or a node's address, the lists of R28 and R29 excepted.",
                "every address in every node's client configuration; the catalog that comes with a token (API tier)",
                _by_the_vip),
    Requirement("R28", "RabbitMQ and memcached are not behind the proxy; clients get the full list of brokers.",
                "haproxy.cfg and HAProxy's sockets; transport_url on every node, against the members that the brokers "
                "themselves know", _brokers),
    Requirement("R29", "Clients get the full list of memcached servers.",
                "memcache_servers on every node, against the plan", _caches),
)
