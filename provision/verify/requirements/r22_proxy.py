"""R22..R24, R33: where the proxy listens, what it balances, how often it looks."""

from __future__ import annotations

from daemons.haproxy import Section, seconds
from daemons.services import PROXIED, port
from lab.plan import Plan, Service
from provision.verify.facts import LabFacts, Socket
from provision.verify.instances import PEERS_PORT, own_sockets
from provision.verify.model import Judgement, Requirement, judged, not_deployed

_NO_PROXY = "no node runs HAProxy"
# UDP that a client could reach; everybody else's UDP belongs to corosync's links.
_UDP = ("memcached",)


def _binds(plan: Plan, facts: LabFacts) -> Judgement:
    vips = {str(vip.address) for vip in plan.vips}
    problems, fronts = [], set()
    for node in plan.nodes:
        answer = facts.nodes[node.name].sockets
        problems += [answer.shows(f"{socket} {why}") for socket in answer.get()
                     if (why := _wrong(socket, vips, str(node.control)))]
        listening = {(one.address, one.port) for one in answer.get() if one.protocol == "tcp"}
        problems += [answer.shows(f"{program} does not listen on {node.control}:{port}")
                     for program, port in own_sockets(node) if (str(node.control), port) not in listening]
        fronts |= {f"{one.address}:{one.port}" for one in answer.get()
                   if one.program == "haproxy" and one.address in vips}
    first = facts.nodes[(plan.running("haproxy") or plan.nodes)[0].name].sockets
    return judged(problems, first.shows(f"haproxy on {', '.join(sorted(fronts))}; every other service on its node's "
                                        "own address, nothing on 0.0.0.0"))


def _wrong(socket: Socket, vips: set[str], own: str) -> str:
    if socket.anywhere and (socket.protocol == "tcp" or socket.program in _UDP):
        return "listens on every address"
    if socket.program == "haproxy" and socket.protocol == "tcp" and socket.address not in vips and (
            socket.address, socket.port) != (own, PEERS_PORT):
        return "is a frontend on an address that is no VIP"
    return ""


def _backends(plan: Plan, facts: LabFacts) -> Judgement:
    if not plan.running("haproxy"):
        return not_deployed(_NO_PROXY)
    problems, words = [], []
    for service in PROXIED:
        want = {node.name: f"{node.control}:{port(service)}" for node in plan.running(service)}
        for proxy in plan.running("haproxy"):
            own = facts.nodes[proxy.name]
            written = {server[0]: server[1] for section in own.haproxy.get() if section.name == service
                       for server in section.servers}
            live = {server.name: server.address for server in own.servers.get() if server.proxy == service}
            if written != want:
                problems.append(own.haproxy.shows(_difference(service, written, want)))
            if live != want:
                problems.append(own.servers.shows(_difference(service, live, want)))
        if want:
            words.append(f"{service}: {', '.join(sorted(want))}")
    first = facts.nodes[plan.running("haproxy")[0].name].servers
    return judged(problems, first.shows(f"{'; '.join(words)}, as the plan has them") + "; the same on "
                  f"{len(plan.running('haproxy'))} proxies, in the file and live")


def _difference(service: Service, have: dict[str, str], want: dict[str, str]) -> str:
    missing, extra = sorted(want.keys() - have.keys()), sorted(have.keys() - want.keys())
    other = sorted(name for name in want.keys() & have.keys() if want[name] != have[name])
    return f"{service}: " + "; ".join(text for text in (
        f"lacks {', '.join(missing)}" if missing else "", f"has also {', '.join(extra)}" if extra else "",
        ", ".join(f"{name} at {have[name]}, wanted {want[name]}" for name in other)) if text)


def _round_robin(plan: Plan, facts: LabFacts) -> Judgement:
    if not plan.running("haproxy"):
        return not_deployed(_NO_PROXY)
    problems, balanced = [], 0
    for proxy in plan.running("haproxy"):
        answer = facts.nodes[proxy.name].haproxy
        for section in answer.get():
            # Galera is active/passive through the proxy (R30), peers are no servers of a service.
            if section.kind not in ("listen", "backend") or section.name == "galera" or not section.servers:
                continue
            balanced += 1
            if not section.having("balance", "roundrobin"):
                problems.append(answer.shows(f"{section.kind} {section.name} is not balanced round robin"))
    if not balanced and plan.running("keystone"):
        problems.append("Keystone is deployed, and no section of any proxy balances it")
    if not problems and not balanced:
        return not_deployed("no active/active service is behind the proxy of a lab without the API tier")
    return judged(problems, f"{balanced} balanced sections, all roundrobin")


def _intervals(plan: Plan, facts: LabFacts) -> Judgement:
    if not plan.running("haproxy"):
        return not_deployed(_NO_PROXY)
    problems: list[str] = []
    words = ""
    for proxy in plan.running("haproxy"):
        answer = facts.nodes[proxy.name].haproxy
        sections = answer.get()
        for section in sections:
            for server in section.servers:
                inter = _inter(section, server)
                if inter != 1.0:
                    problems.append(answer.shows(f"{section.name}/{server[0]} is checked every {inter:g} s "
                                                 f"(profile {plan.profile.name})"))
        timeouts = {(section.name or section.kind): line[2] for section in sections
                    for line in section.having("timeout", "client")}
        if len(set(timeouts.values())) < 2:
            problems.append(answer.shows(f"every service has the same timeout: {timeouts}"))
        words = words or answer.shows("inter 1 s; timeout client " + ", ".join(
            f"{name} {value}" for name, value in timeouts.items()))
    return judged(problems, words)


def _inter(section: Section, server: tuple[str, ...]) -> float:
    """Seconds between two checks of a server that is up; HAProxy's default is 2 s."""
    for line in (server, *(line for line in section.having("default-server"))):
        if "inter" in line:
            return seconds(line[line.index("inter") + 1])
    return 2.0


REQUIREMENTS = (
    Requirement("R22", "HAProxy's frontends bind virtual IPs only; the services behind bind their node's own address.",
                "listening sockets of every node (ss)", _binds),
    Requirement("R23", "HAProxy lists every instance of what it balances, and nothing else.",
                "servers in haproxy.cfg and in the running proxy, against the plan, on every proxy", _backends),
    Requirement("R24", "Active/active services are balanced round robin.", "haproxy.cfg of every proxy", _round_robin),
    Requirement("R33", "Backends are checked every second; timeouts differ by service.",
                "inter and timeouts in haproxy.cfg of every proxy (profiles floor and emulated differ on purpose, "
                "and fail)", _intervals),
)
