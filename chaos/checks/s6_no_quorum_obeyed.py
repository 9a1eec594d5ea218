"""S6: who has no quorum stops, refuses, and serves nobody."""

from __future__ import annotations

from collections.abc import Callable

from chaos.checks import found, skipped, unjudged
from chaos.facts import Injection
from chaos.formulas import NoBound, broker_paused, stops
from chaos.looks import NodeLook
from chaos.measure import divides
from chaos.model import Finding
from chaos.recording import Recording


class NoQuorumObeyed:
    """Seen on the nodes themselves, over mgmt, while the fault lasted (chaos.looks).

    * A node whose corosync has no quorum gives its virtual addresses up, within the time that Pacemaker needs
      to decide and to stop them.
    * A database server outside the Primary component refuses a real write, at once.
    * The broker of a node without quorum takes no client, once it can know that it is in the minority and
      has stopped.  Where a fault leaves several majorities the broker may be in one: it is not judged.

    Of a fault that starves a cluster each member with power has to be seen without quorum for long enough.
    A stretch that ended before those times proves nothing and breaks nothing.  It ends when the node
    has quorum, or no power; that nobody could ask it in between does not end it.
    """

    id = "S6"
    title = "without quorum nothing is served"
    kind = "safety"

    def judge(self, run: Recording) -> Finding:
        starved = [one for one in run.facts.injections if one.starves]
        wrote = [one for one in run.looks if one.write == "accepted"]
        if wrote:
            return found(self, False, "; ".join(
                f"{one.node} took a write outside the Primary component (it says {one.component}), {_when(run, one)}"
                for one in wrote[:3]))
        stretches = _stretches(run)
        if not stretches and not any(one.write for one in run.looks):
            if not run.facts.looked:
                return skipped(self, "a recording from before the nodes were watched")
            if starved:
                return unjudged(self, "no node was seen without quorum, and that was the fault's point")
            return skipped(self, "no node was seen without quorum")
        try:
            vip, broker = stops(run.facts.timers), broker_paused(run.facts.timers)
        except NoBound as error:
            return unjudged(self, str(error))
        divided = any(divides(one) for one in run.facts.injections)
        broken = _late(run, stretches, vip, "still has", lambda one: ", ".join(one.vips))
        if not divided:
            broken += _late(run, stretches, broker, "still lets clients in:", lambda one: (
                "its broker" if one.broker == "serves" else ""))
        if broken:
            return found(self, False, "; ".join(broken))
        lasted = {looks[0].node: 0.0 for looks in stretches}
        for looks in stretches:
            lasted[looks[0].node] = max(lasted[looks[0].node], looks[-1].answered - looks[0].asked)
        longest, need = max(lasted.values(), default=0.0), max(vip, broker)
        if starved and longest < need:
            return unjudged(self, f"nobody was seen without quorum for the {need:.1f} s that stopping "
                                  f"may take, only for {longest:.1f} s")
        if unseen := [f"{node} ({lasted.get(node, 0.0):.1f} s)" for node in _due(run, starved, need)
                      if lasted.get(node, 0.0) < need]:
            return unjudged(self, f"not seen without quorum for the {need:.1f} s that stopping may take: "
                                  + ", ".join(unseen))
        refused = sum(one.write == "refused" for one in run.looks)
        if starved and not refused and any(one.component == "non-Primary" for looks in stretches for one in looks):
            return unjudged(self, "a database ran outside the Primary component, and no write was tried and refused")
        nodes = ", ".join(sorted({looks[0].node for looks in stretches}))
        who = f"without quorum: {nodes}, for up to {longest:.1f} s" if nodes else "nobody without quorum"
        seen = [*([f"{refused} writes refused outside the Primary component, none taken"] if refused else []),
                *([f"no address later than {vip:.1f} s"] if longest >= vip else []),
                *([f"no client at a broker later than {broker:.1f} s"] if longest >= broker and not divided else [])]
        if not seen:
            return skipped(self, f"{who}, and no write was tried: stopping may take {min(vip, broker):.1f} s")
        return found(self, True, "; ".join([who, *seen]))


def _due(run: Recording, starved: list[Injection], need: float) -> list[str]:
    """Every member of the starved clusters that had power for so long until the heal."""
    end = run.facts.heal_begin or run.facts.ended_at or 0.0
    return [node for node in run.facts.nodes if run.powered(node, end, need) and any(
        one.begin is not None and one.begin + need <= end and node in (one.members or run.facts.nodes)
        for one in starved)]


def _stretches(run: Recording) -> list[list[NodeLook]]:
    """Neighbouring looks at one node, in one life of it, that found it without quorum."""
    stretches: list[list[NodeLook]] = []
    for node in sorted({one.node for one in run.looks}):
        ends = run.ends(node)
        open_stretch: list[NodeLook] | None = None
        for one in (one for one in run.looks if one.node == node):
            if open_stretch and any(open_stretch[-1].asked < end <= one.asked for end in ends):
                open_stretch = None
            if one.quorate is None:
                continue
            if one.quorate:
                open_stretch = None
            elif open_stretch is None:
                open_stretch = [one]
                stretches.append(open_stretch)
            else:
                open_stretch.append(one)
    return stretches


def _late(run: Recording, stretches: list[list[NodeLook]], patience: float, words: str,
          what: Callable[[NodeLook], str]) -> list[str]:
    """The first look of each stretch that found something later than ``patience`` after its begin."""
    broken = []
    for stretch in stretches:
        # Whoever lost quorum between two looks may have lost it just before the second.
        begin = stretch[0].answered
        late = next((one for one in stretch if one.asked > begin + patience and what(one)), None)
        if late is not None:
            broken.append(f"{late.node} {words} {what(late)}, {late.asked - begin:.1f} s after it was seen without "
                          f"quorum ({_when(run, late)}; {patience:.1f} s are allowed)")
    return broken


def _when(run: Recording, look: NodeLook) -> str:
    begin = run.facts.inject_begin
    return f"{look.asked - begin:+.1f} s from the fault" if begin is not None else f"at {look.asked:.1f}"


CHECK = NoQuorumObeyed()
