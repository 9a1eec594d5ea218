"""How ``lab.status --watch`` looks: made for 80 columns, and for seeing at a glance that a node has died."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli import console
from lab.watch import Look
from lab.watch.picture import ClusterLine, NodeLine, Picture

_BAD = "bold red"
_GOOD = {"online", "Synced", "running", "UP", "on"}


def show_live(looks: Iterable[Look]) -> None:
    """The picture on the terminal's other screen until the looks end; Ctrl-C comes as KeyboardInterrupt."""
    screen = Console(highlight=False, no_color=bool(os.environ.get("NO_COLOR")) or None)
    with Live(console=screen, screen=True, auto_refresh=False) as live:
        for look in looks:
            live.update(rendered(look), refresh=True)


def show_once(look: Look) -> None:
    """The same picture as plain lines, for pipes and files."""
    screen = Console(highlight=False, no_color=True, width=console.width(), force_terminal=False)
    with screen.capture() as lines:
        screen.print(rendered(look))
    for line in lines.get().splitlines():
        console.out(line.rstrip())


def rendered(look: Look) -> RenderableType:
    shown = look.picture
    parts: list[RenderableType] = [_head(shown), Text(""), _nodes(shown.nodes), Text("")]
    parts += [_cluster(cluster, several=len(shown.clusters) > 1) for cluster in shown.clusters]
    if shown.backends:
        parts += [Text(""), _backends(shown)]
    parts += [Text(trouble, style=_BAD) for trouble in shown.trouble]
    if look.cost is not None:
        parts += [Text(""), Text(f"watching costs {look.cost.here:.1%} of a core here, {look.cost.nodes:.1%} on the "
                                 "nodes; Ctrl-C ends it", style="dim")]
    return Group(*parts)


def _head(shown: Picture) -> Text:
    text = Text.assemble(("lab ", ""), (shown.lab, "bold"), f"  {shown.style}  {time.strftime('%H:%M:%S')}")
    for vip in shown.vips:
        text.append(f"   {vip.name} {vip.address} ")
        text.append(f"on {vip.holder}" if vip.holder else "NOBODY", style="bold" if vip.holder else _BAD)
    return text


def _nodes(nodes: Iterable[NodeLine]) -> Table:
    table = _table("NODE", "POWER", "SEEN", "CLUSTER", "GALERA", "RABBITMQ", "VIPS")
    for node in nodes:
        # What a silent node said last may be untrue by now: shown in brackets, with its age.
        cells = [node.galera, node.rabbitmq, " ".join(node.vips)]
        if node.stale:
            cells = [f"({cell})" if cell else "" for cell in cells]
        table.add_row(
            Text(node.name, style=_BAD if node.stale else "bold"), _word(node.power), _age(node.age, node.stale),
            _word(node.cluster), *(Text(cell, style="dim") if node.stale else _word(cell) for cell in cells))
    return table


def _cluster(cluster: ClusterLine, *, several: bool) -> RenderableType:
    if cluster.quorate is None:
        words: tuple[str, str] = ("no node answers", _BAD)
    else:
        words = ("quorate", "green") if cluster.quorate else ("NO QUORUM", _BAD)
    head = Text.assemble((cluster.name, "bold"), "  ", words, f"  {cluster.members} of {cluster.planned} members",
                         f"  DC {cluster.dc or 'nobody'}")
    if cluster.age is not None and cluster.age > 3:
        head.append(f"  (resources as of {cluster.age:.0f} s ago)", style=_BAD)
    table = Table.grid(padding=(0, 2))
    # Fence devices are many and seldom the question: one line for all of them.
    fences = [(name, place) for name, place in cluster.resources if name.startswith("fence-")]
    rows = [one for one in cluster.resources if one not in fences]
    if fences and not several:
        rows.append(("fence", ", ".join(f"{name.removeprefix('fence-')} from {place}" for name, place in fences)))
    for name, place in rows:
        table.add_row(Text(f"  {name}"), Text(place, style=_BAD if place == "nowhere" or "FAILED" in place else "",
                                             overflow="fold"))
    return Group(head, table)


def _backends(shown: Picture) -> Table:
    table = _table("BACKEND", "SERVER", "STATUS", "SESSIONS")
    for one in shown.backends:
        table.add_row(one.proxy, one.name, _word(one.status), str(one.sessions))
    return table


def _table(*heads: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for head in heads:
        table.add_column(head, overflow="ellipsis", no_wrap=True)
    return table


def _word(word: str) -> Text:
    if not word or word == "?":
        return Text(word)
    return Text(word, style="green" if word.split()[0] in _GOOD else _BAD)


def _age(age: float | None, stale: bool) -> Text:
    if age is None:
        return Text("never", style=_BAD)
    return Text(f"{age:.0f} s ago", style=_BAD) if stale else Text("now", style="green")
