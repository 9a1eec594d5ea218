"""A healthy lab as its nodes would tell it, for any plan: the words of the real daemons (their form is
held by ``answers-n1.json``, recorded on a real node), so that lies can be planted in them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from lab.plan import Cluster, Node, Plan
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state.secrets import Placeholders
from provision.apply import node_files
from provision.roles.pacemaker import wanted_cib
from provision.verify import footprint
from provision.verify.facts import Answer, ApiTrial, CacheEffect, Desync, Known, LabFacts, Maintenance, Run, Spread
from provision.verify.model import Finding, Result
from provision.verify.read import node_facts, sheet
from provision.verify.verify import judge

Document = dict[str, Any]


@dataclass
class Story:
    """One lab, told node by node; a test changes the telling before it is judged."""

    plan: Plan
    documents: dict[str, Document]
    facts: dict[str, Any] = field(default_factory=dict)  # of LabFacts, but the nodes

    def tell(self, node: str, name: str, old: str, new: str) -> None:
        """Change what one command on one node says."""
        answer = self.documents[node]["answers"][name]
        assert old in answer["out"], f"{old!r} is not in what {name} says on {node}:\n{answer['out']}"
        answer["out"] = answer["out"].replace(old, new)

    def write(self, node: str, path: str, old: str, new: str) -> None:
        """Change a file on one node."""
        texts = self.documents[node]["texts"]
        assert old in texts[path], f"{old!r} is not in {path} of {node}"
        texts[path] = texts[path].replace(old, new)

    def everywhere(self, change: Callable[[str], None]) -> None:
        for node in self.documents:
            change(node)

    def found(self) -> dict[str, Finding]:
        secrets = Placeholders()
        nodes = {node.name: node_facts(self.plan, node, node_files(self.plan, node, secrets),
                                       self.documents[node.name]) for node in self.plan.nodes}
        return {one.id: one for one in judge(self.plan, LabFacts(nodes=nodes, **self.facts))}

    def failing(self) -> set[str]:
        return {one.id for one in self.found().values() if one.result is Result.FAIL}


def story(**options: str) -> Story:
    """A healthy lab of these options."""
    plan = make_plan(topology_from_options(**options))
    secrets = Placeholders()
    documents = {node.name: _document(plan, node, secrets) for node in plan.nodes}
    members = [node.name for node in plan.running("galera")]
    caches = [f"{node.control}:11211" for node in plan.running("memcached")]
    return Story(plan, documents, {
        "writers": Answer("lab", "SELECT @@wsrep_node_name through the VIP", (members[0],) * 50),
        "desync": Answer("lab", "SET GLOBAL wsrep_desync=ON", Desync(members[-1], True, 1.1, 1.3, 2.0)),
        "maintenance": Answer("lab", "set server ... state maint",
                              Maintenance(plan.running("haproxy")[-1].name, members[1], "MAINT", True, "UP")),
        "spread": Answer("lab", "set and get", Spread(32 * len(caches), dict.fromkeys(caches, 32), 0)),
        "api": Answer("lab", "POST /v3/auth/tokens", ApiTrial(
            tuple((one, str(vip.address)) for one, vip in (
                ("public", plan.public_vip), ("internal", plan.internal_vip), ("admin", plan.internal_vip)) if vip),
            len(caches), 5, 200, 201)) if plan.running("keystone") else
        Answer("lab", "POST /v3/auth/tokens", None, "not tried: the lab has no API tier"),
        "fencing": Answer("lab", "fence_ipmilan --action=status", f"{len(plan.nodes)} devices answer"),
        "moved": Answer("lab", "rendered", footprint.without_a_member(plan, secrets)),
        "runs": (), "scenarios": (Known("vip-holder-poweroff", "node.poweroff", ""),)})


def run(fault: str, *target: str, process: str = "", verdict: str = "PASS", cache: CacheEffect | None = None,
        helped: str = "") -> Run:
    return Run(f"20260101T000000Z-{fault}", fault.replace(".", "-"), fault, process, target, verdict,
               () if verdict == "PASS" else ("S3",), ("api_http",), cache, helped)


EFFECT = CacheEffect(servers=3, keys=64, lost=20, moved=0, elsewhere=20, gap=0.1, settled=11.0)


def proven(told: Story) -> Story:
    """The same lab with a recorded run of everything that a fault has to prove."""
    names = tuple(node.name for node in told.plan.nodes)
    kills = [run("proc.kill", names[0], process=process) for process in
             ("mariadbd", "haproxy", "beam.smp", "memcached", "uwsgi-core", "corosync", "pacemakerd")]
    told.facts["runs"] = (run("node.poweroff", *names, cache=EFFECT), run("net.isolate", names[0]),
                          run("node.freeze", names[0]), run("cluster.blackout", *names),
                          run("db.kill_all", *names), *kills)
    return told


def unread(told: Story, **changes: Any) -> None:
    """Change a trial's value."""
    for name, value in changes.items():
        trouble = "" if value is not None else "not tried: test"
        told.facts[name] = replace(told.facts[name], value=value, trouble=trouble)


def _document(plan: Plan, node: Node, secrets: Placeholders) -> Document:
    files = node_files(plan, node, secrets)
    asked = sheet(node, files)
    texts = {file.path: file.content.decode() for file in files if file.path in asked["texts"]}
    answers = {name: {"out": _SAID[name](plan, node), "err": "", "code": 0} for name in asked["commands"]}
    return {"answers": answers, "texts": {path: texts.get(path) for path in asked["texts"]},
            "digests": {file.path: file.digest for file in files if file.path in asked["digests"]}}


def _quorum(plan: Plan, node: Node) -> str:
    members = plan.members(node.cluster)
    device = plan.cluster(node.cluster).qdevice
    votes = len(members) + device
    flags = "Quorate WaitForAll" + (" Qdevice" if device else "")
    rows = "\n".join(f"{one.index:10} {1:10} {one.ring}{' (local)' if one == node else ''}" for one in members)
    rows += f"\n{0:10} {1:10} Qdevice" if device else ""
    return (f"Quorum information\n------------------\nDate:             Sun Nov 22 2026\n"
            f"Quorum provider:  corosync_votequorum\nNodes:            {len(members)}\nNode ID:          {node.index}\n"
            f"Ring ID:          1.9\nQuorate:          Yes\n\nVotequorum information\n----------------------\n"
            f"Expected votes:   {votes}\nHighest expected: {votes}\nTotal votes:      {votes}\n"
            f"Quorum:           {votes // 2 + 1}  \nFlags:            {flags}\n\n"
            f"Membership information\n----------------------\n    Nodeid      Votes Name\n{rows}\n")


def _sockets(plan: Plan, node: Node) -> str:
    own = node.control
    rows = [("udp", f"{node.ring}:5405", "corosync"), ("tcp", f"{node.mgmt}:22", "sshd")]
    if "haproxy" in node.services:
        rows += [("tcp", f"{vip.address}:8404", "haproxy") for vip in plan.vips]
        rows += [("tcp", f"{own}:1024", "haproxy")]
        rows += [("tcp", f"{plan.internal_vip.address}:3306", "haproxy")] if plan.internal_vip else []
    if "galera" in node.services:
        rows += [("tcp", f"{own}:{port}", name) for port, name in (
            (3306, "mariadbd"), (4567, "mariadbd"), (9200, "python3"))]
    if "rabbitmq" in node.services:
        rows += [("tcp", f"{own}:{port}", name) for port, name in (
            (5672, "beam.smp"), (25672, "beam.smp"), (4369, "epmd"))]
    if "memcached" in node.services:
        rows += [("tcp", f"{own}:11211", "memcached")]
    if "keystone" in node.services:
        rows += [("tcp", f"{own}:5000", "uwsgi-core")]
    if "haproxy" in node.services and plan.running("keystone"):
        rows += [("tcp", f"{vip.address}:5000", "haproxy") for vip in plan.vips]
    return "".join(f'{kind:5} LISTEN 0      128    {place:>25}      0.0.0.0:*    users:(("{program}",pid=99,fd=5))\n'
                   for kind, place, program in rows)


def _units(plan: Plan, node: Node) -> str:
    boot = {"corosync": True, "pacemaker": True, "haproxy": "haproxy" in node.services, "mariadb": False,
            "rabbitmq-server": "rabbitmq" in node.services, "memcached": "memcached" in node.services,
            "halab-galera-check": "galera" in node.services, "keystone": "keystone" in node.services}
    boot["haproxy"] &= plan.profile.haproxy.restart_by_systemd and plan.pacemaker == "core"
    if plan.pacemaker == "full":
        boot["memcached"] = boot["keystone"] = False
    if plan.pacemaker == "full" or plan.rabbitmq == "pacemaker":
        boot["rabbitmq-server"] = False
    return "\n".join(f"Restart={'always' if name != 'mariadb' else 'on-abort'}\nId={name}.service\nActiveState="
                     f"{'active' if on else 'inactive'}\nUnitFileState={'enabled' if on else 'disabled'}\n"
                     for name, on in boot.items())


def _cib(plan: Plan, node: Node) -> str:
    cluster: Cluster = plan.cluster(node.cluster)
    return wanted_cib(plan, cluster).decode()


def _stat(plan: Plan, _node: Node) -> str:
    rows = [f"galera,{one.name},0,0,UP,{one.control}:3306," for one in plan.running("galera")]
    rows += [f"keystone,{one.name},0,0,UP,{one.control}:5000," for one in plan.running("keystone")]
    return "\n".join(["# pxname,svname,scur,smax,status,addr,", "health,FRONTEND,0,0,OPEN,,", *rows,
                      "galera,BACKEND,0,0,UP,,"]) + "\n"


def _galera(plan: Plan, node: Node) -> str:
    return (f"wsrep_local_state_comment\tSynced\nwsrep_cluster_size\t{len(plan.running('galera'))}\n"
            f"wsrep_cluster_status\tPrimary\nwsrep_node_name\t{node.name}\n")


def _broker(plan: Plan, _node: Node) -> str:
    names = ", ".join(f"rabbit@{one.name}" for one in plan.running("rabbitmq"))
    return f"{{ok, {{[{names}], [{names}], 0, 0, {'pause_minority' if plan.queues == 'quorum' else 'ignore'}, 0}}}}"


_PACKAGES = "".join(f"ii  {name} 1.0\n" for name in (
    "corosync", "crmsh", "fence-agents", "libqb100", "pacemaker", "pacemaker-cli-utils", "resource-agents"))
_SAID: dict[str, Callable[[Plan, Node], str]] = {
    "quorum": _quorum, "sockets": _sockets, "units": _units, "packages": lambda plan, node: _PACKAGES, "cib": _cib,
    "servers": _stat, "galera": _galera, "broker": _broker,
    "table": lambda plan, node: "# table: galera, type: ip, size:1000, used:1\n0x55: key=10.66.1.201 use=0 exp=0\n"}
