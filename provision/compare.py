"""What differs between two plans: clusters, resources and constraints, and each rendered file.

Everything is rendered with placeholders for secrets, so that nothing of a difference is secret, and
two labs differ only in what their plans say.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from dataclasses import dataclass
from xml.etree import ElementTree

from lab.choices import unknown_choice
from lab.node.files import File
from lab.plan import Node, Plan
from lab.state.secrets import Placeholders
from provision.apply import node_files
from provision.roles.pacemaker import wanted_cib

_UNREADABLE = "(secret)\n"


@dataclass(frozen=True)
class Row:
    """One thing that both plans may have; ``a`` and ``b`` say what each has, empty for nothing."""

    what: str
    a: str
    b: str

    @property
    def same(self) -> bool:
        return self.a == self.b


@dataclass(frozen=True)
class FileRow:
    """One path: how many nodes have it in each plan, and the lines that two of the copies differ by.

    Compared are the copies of the first node that has the file in both plans, or of the first
    in each.  A node's own name and addresses are taken for equal.
    """

    path: str
    nodes_a: int
    nodes_b: int
    removed: int
    added: int
    diff: tuple[str, ...]

    @property
    def same(self) -> bool:
        return not self.diff and bool(self.nodes_a) == bool(self.nodes_b)


@dataclass(frozen=True)
class Comparison:
    """Rows in the order of the plans; rows that are the ``same`` are among them."""

    a: str
    b: str
    facts: tuple[Row, ...]
    clusters: tuple[Row, ...]
    resources: tuple[Row, ...]
    constraints: tuple[Row, ...]
    files: tuple[FileRow, ...]

    @property
    def same(self) -> bool:
        rows = (*self.facts, *self.clusters, *self.resources, *self.constraints)
        return all(row.same for row in rows) and all(file.same for file in self.files)


def compare(a: Plan, b: Plan, names: tuple[str, str], path: str = "") -> Comparison:
    """Compare two plans; ``names`` call them.  With ``path`` only that file; RefusedError if no node has it."""
    return Comparison(
        *names, _facts(a, b),
        _rows(_clusters(a), _clusters(b)),
        _rows(_counted(a, "resources"), _counted(b, "resources")),
        _rows(_counted(a, "constraints"), _counted(b, "constraints")),
        _files(a, b, path))


def _facts(a: Plan, b: Plan) -> tuple[Row, ...]:
    def facts(plan: Plan) -> dict[str, str]:
        missing = "; ".join(text.split(":")[0] for text in plan.not_deployed)
        return {"style": plan.style, "nodes": str(len(plan.nodes)), "driver": plan.driver,
                "profile": plan.profile.name, "pacemaker": plan.pacemaker,
                "rabbitmq": f"{plan.rabbitmq}, {plan.queues} queues",
                "qdevice": ", ".join(cluster.name for cluster in plan.clusters if cluster.qdevice),
                "VIPs held by": ", ".join(sorted({vip.cluster for vip in plan.vips})),
                "memory": f"{plan.memory_mb} MB", "disk": f"{plan.disk_mb} MB", "not deployed": missing}

    return _rows(facts(a), facts(b))


def _rows(a: dict[str, str], b: dict[str, str]) -> tuple[Row, ...]:
    return tuple(Row(key, a.get(key, ""), b.get(key, "")) for key in dict.fromkeys((*a, *b)))


def _clusters(plan: Plan) -> dict[str, str]:
    return {cluster.name: f"{len(cluster.nodes)} nodes: {', '.join(cluster.services)}" for cluster in plan.clusters}


def _counted(plan: Plan, section: str) -> dict[str, str]:
    """What is in one section of all CIBs, in words, and how often in which cluster."""
    found: dict[str, Counter[str]] = {}
    for cluster in plan.clusters:
        part = ElementTree.fromstring(wanted_cib(plan, cluster)).find(f"configuration/{section}")
        for element in part if part is not None else ():
            words = _resource(element) if section == "resources" else _constraint(element)
            found.setdefault(words, Counter())[cluster.name] += 1
    return {words: ", ".join(f"{name} x{count}" if count > 1 else name for name, count in where.items())
            for words, where in found.items()}


def _resource(element: ElementTree.Element) -> str:
    primitive = element if element.tag == "primitive" else element.find("primitive")
    if primitive is None:
        return element.attrib["id"]
    kind = ":".join(primitive.attrib[key] for key in ("class", "provider", "type") if key in primitive.attrib)
    name = "fence-NODE" if primitive.get("class") == "stonith" else primitive.attrib["id"]
    metas = {pair.attrib["name"]: pair.attrib["value"] for pair in element.iterfind("meta_attributes/nvpair")}
    shape = "" if element.tag == "primitive" else ", promotable clone" if metas.get("promotable") else ", clone"
    return f"{name} ({kind}{shape})"


def _constraint(element: ElementTree.Element) -> str:
    at = element.attrib
    kind = element.tag.removeprefix("rsc_")
    if kind == "location" and at.get("rsc", "").startswith("fence-"):
        return f"location fence-NODE never on NODE ({at['score']})"
    if kind == "colocation":
        return f"colocation {at['rsc']} with {at['with-rsc']} ({at.get('score', '')})"
    if kind == "order":
        return f"order {at['first']} then {at['then']} ({at.get('kind', 'Mandatory')})"
    return f"{kind} {at['id']}"


def _files(a: Plan, b: Plan, only: str) -> tuple[FileRow, ...]:
    have_a, have_b = _by_path(a), _by_path(b)
    paths = sorted(have_a.keys() | have_b.keys())
    if only and only not in paths:
        raise unknown_choice("file", only, paths, where=f"--file={only}")
    return tuple(_file_row(path, have_a.get(path, []), have_b.get(path, [])) for path in ([only] if only else paths))


def _by_path(plan: Plan) -> dict[str, list[tuple[Node, File]]]:
    found: dict[str, list[tuple[Node, File]]] = {}
    secrets = Placeholders()
    for node in plan.hosts:
        for file in node_files(plan, node, secrets):
            found.setdefault(file.path, []).append((node, file))
    return found


def _file_row(path: str, a: list[tuple[Node, File]], b: list[tuple[Node, File]]) -> FileRow:
    both = {node.name for node, _ in a} & {node.name for node, _ in b}
    left, right = (_text(next((copy for copy in copies if copy[0].name in both), copies[0]) if copies else None)
                   for copies in (a, b))
    lines = list(difflib.unified_diff(left, right, "a" + path, "b" + path, lineterm="", n=1))
    if not (a and b):
        lines = lines or [f"{'-' if a else '+'} (an empty file or a link)"]
    changed = [line for line in lines if not line.startswith(("---", "+++"))]
    return FileRow(path, len(a), len(b), sum(line.startswith("-") for line in changed),
                   sum(line.startswith("+") for line in changed), tuple(lines))


def _text(copy: tuple[Node, File] | None) -> list[str]:
    if copy is None:
        return []
    node, file = copy
    if file.link is not None:
        return [f"-> {file.link}"]
    text = _UNREADABLE if file.secret else file.content.decode(errors="replace")
    own = {node.name: "NODE", str(node.mgmt): "MGMT", str(node.control): "CONTROL", str(node.ring): "RING",
           str(node.bmc): "BMC", str(node.control).replace(".", ","): "CONTROL"}
    pattern = "|".join(re.escape(word) for word in own)
    return re.sub(rf"(?<![\w.,])({pattern})(?![\w.])", lambda match: own[match[1]], text).splitlines()
