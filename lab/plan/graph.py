"""A plan as a picture: clusters, nodes, networks, VIPs, who is proxied and who is not.

:func:`mermaid` is for documents that render it, :func:`svg` a picture of its own.  Both need no lab.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from daemons.services import port
from lab.plan import Cluster, NetworkName, Node, Plan, Service, Vip
from lab.plan.addresses import NETWORKS

CARRIES: dict[NetworkName, str] = {
    "mgmt": "SSH, BMC (fencing)",
    "control": "VIPs, API, database, queue, cache, corosync link 1",
    "ring": "corosync link 0",
}
# What clients use of each service, and how they reach it (R28 to R30).
_PROXIED = f"database {port('galera')}"
_API = f"API {port('keystone')}"
_DIRECT: dict[Service, str] = {"rabbitmq": f"AMQP {port('rabbitmq')}", "memcached": f"cache {port('memcached')}"}

# Pixels.  Left of the boxes is room for the lines to the services, right of them for the networks.
_LEFT, _TOP, _GAP = 190, 118, 26
_HEAD, _CHIP, _CARD_W, _CARD_H, _SPACE, _CHIPS_W = 64, 34, 86, 58, 10, 150
_LEAST_CARDS, _MOST_CARDS = 6, 8  # in one row
_RAIL_PROXY, _RAIL_BACKEND, _RAIL_DIRECT = 150, 122, 60
_NETWORK_X: dict[NetworkName, int] = {"mgmt": 40, "control": 88, "ring": 136}  # from the right edge of the boxes
_RIGHT = 176


@dataclass(frozen=True)
class Chip:
    """A service in a cluster's box; ``x`` and ``y`` are the middle of its left edge."""

    service: Service
    x: int
    y: int


@dataclass(frozen=True)
class Card:
    """A node; ``octet`` is its last on every network, ``bmc`` that of its BMC."""

    name: str
    x: int
    y: int
    octet: int
    bmc: int


@dataclass(frozen=True)
class Box:
    """One cluster, or (``outside``) the host of the quorum device."""

    title: str
    text: str
    x: int
    y: int
    width: int
    height: int
    chips: tuple[Chip, ...]
    cards: tuple[Card, ...]
    vips: tuple[str, ...] = ()
    outside: bool = False

    @property
    def middle(self) -> int:
        return self.y + self.height // 2


def svg(plan: Plan) -> str:
    """The picture as an SVG document of its own, some 1100 pixels wide."""
    boxes = tuple(_boxes(plan))
    chips = {chip.service: chip for box in boxes for chip in box.chips}
    bottom = max(box.y + box.height for box in boxes)
    edge = _LEFT + boxes[0].width
    return _environment().get_template("graph.svg.j2").render(
        plan=plan, boxes=boxes, chips=chips, width=edge + _RIGHT, top=_TOP, bottom=bottom, height=bottom + 132,
        direct={service: text for service, text in _DIRECT.items() if service in chips},
        # As long as there is room before the legend of the networks.
        proxied=(f"{_PROXIED}, one backend; {_API}, in turn" if "keystone" in chips else
                 f"{_PROXIED}, all connections on one backend"),
        networks=[(name, edge + _NETWORK_X[name], NETWORKS[name], CARRIES[name]) for name in NETWORKS],
        proxy_x=_RAIL_PROXY, backend_x=_RAIL_BACKEND, direct_x=_RAIL_DIRECT, card_w=_CARD_W, card_h=_CARD_H)


@cache
def _environment() -> Environment:
    return Environment(loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, autoescape=True,
                       trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)


def _boxes(plan: Plan) -> Iterator[Box]:
    y = _TOP
    in_row = min(_MOST_CARDS, max(_LEAST_CARDS, *(len(cluster.nodes) for cluster in plan.clusters)))
    width = _CHIPS_W + in_row * (_CARD_W + _SPACE) + 16
    for cluster in _in_reading_order(plan):
        box = _box(plan, cluster, y, width, in_row)
        yield box
        y += box.height + _GAP
    if plan.qnetd:
        asked = ", ".join(cluster.name for cluster in plan.clusters if cluster.qdevice)
        yield Box("outside every cluster", f"corosync-qnetd: one more vote for {asked}", _LEFT, y, width,
                  _HEAD + _CARD_H + 14, (), (_card(plan.qnetd, 0, 0, y),), outside=True)


def _in_reading_order(plan: Plan) -> list[Cluster]:
    """The proxies first, then what is behind them: the lines then cross nothing in most layouts."""
    return sorted(plan.clusters, key=lambda one: ("haproxy" not in one.services, "galera" not in one.services))


def _box(plan: Plan, cluster: Cluster, y: int, width: int, in_row: int) -> Box:
    members = plan.members(cluster.name)
    count = len(members)
    votes = count + cluster.qdevice
    majority = votes // 2 + 1
    rows = -(-count // in_row)
    height = _HEAD + max(len(cluster.services) * _CHIP, rows * (_CARD_H + _SPACE)) + 12
    text = f"{count} members, majority {majority} of {votes}, survives the loss of {votes - majority}"
    if count % 2 == 0:
        text += "; with one more vote from outside" if cluster.qdevice else "; even: a split in halves stops both"
    chips = tuple(Chip(service, _LEFT + 14, y + _HEAD + 12 + number * _CHIP)
                  for number, service in enumerate(cluster.services))
    vips = tuple(f"VIP {vip.name} {vip.address}" for vip in plan.vips if vip.cluster == cluster.name)
    return Box(cluster.name, text, _LEFT, y, width, height, chips,
               tuple(_card(node, *divmod(number, in_row), y) for number, node in enumerate(members)), vips)


def _card(node: Node, row: int, column: int, y: int) -> Card:
    return Card(node.name, _LEFT + _CHIPS_W + column * (_CARD_W + _SPACE), y + _HEAD + row * (_CARD_H + _SPACE),
                int(node.control) & 255, int(node.bmc) & 255)


def mermaid(plan: Plan) -> str:
    """The picture as a Mermaid flowchart."""
    home = {service: cluster.name for cluster in plan.clusters for service in cluster.services}
    lines = ["flowchart LR", '  clients(["clients"])']
    for cluster in _in_reading_order(plan):
        lines.append(f'  subgraph {_id(cluster.name)}["{cluster.name}: {", ".join(cluster.services)}"]')
        lines += [f'    {_id("vip", vip.name)}{{{{"VIP {vip.name}<br/>{vip.address}"}}}}'
                  for vip in plan.vips if vip.cluster == cluster.name]
        lines += [f'    {_id("node", node.name)}["{node.name}<br/>{node.control}"]'
                  for node in plan.members(cluster.name)]
        lines.append("  end")
    if plan.qnetd:
        lines.append(f'  qnetd["{plan.qnetd.name}<br/>{plan.qnetd.control}"]')
        lines += [f'  {_id(cluster.name)} -.- |vote| qnetd' for cluster in plan.clusters if cluster.qdevice]
    lines += [f"  clients --> |{_through(plan, vip)}| {_id('vip', vip.name)}" for vip in plan.vips]
    if "galera" in home and home["galera"] != home["haproxy"]:
        lines.append(f"  {_id(home['haproxy'])} --> |one backend at a time| {_id(home['galera'])}")
    if "keystone" in home and home["keystone"] != home["haproxy"]:
        lines.append(f"  {_id(home['haproxy'])} --> |each in turn| {_id(home['keystone'])}")
    lines += [f"  clients -.-> |{text}, not proxied| {_id(home[service])}"
              for service, text in _DIRECT.items() if service in home]
    for network in plan.networks:
        lines.append(f'  {_id("net", network.name)}[("{network.name}<br/>{network.cidr}<br/>{CARRIES[network.name]}")]')
        lines += [f"  {_id(cluster.name)} --- {_id('net', network.name)}" for cluster in plan.clusters]
    return "\n".join(lines) + "\n"


def _through(plan: Plan, vip: Vip) -> str:
    """What clients come to this address for."""
    api = (_API,) if plan.running("keystone") else ()
    return ", ".join(((_PROXIED,) if vip.name == "internal" else ()) + api) or "nothing without the API tier"


def _id(*words: str) -> str:
    """An identifier that is none of Mermaid's own words, such as ``end``."""
    return "_".join(("x", *words) if len(words) == 1 else words)
