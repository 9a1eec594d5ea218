"""Builds the folder of a run that never happened: the power of the VIP's holder is cut.

``Story`` holds what a test may change; everything else follows.  Times inside a story are
seconds from the fault.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from chaos.facts import Facts, GateResult, Injection, PrimarySighting, Roles, Timers
from chaos.ledger import audit_rows
from chaos.looks import NodeLook, line
from chaos.model import Finding, Proof
from chaos.nodelog import LOG_FILE
from chaos.recording import Recording
from chaos.verdict import verdict_of

T0 = 1_800_000_000.0  # the fault, epoch seconds
PERIOD = 0.02
PROBES = ("vip_arp", "vip_tcp", "sql_read", "sql_write", "sql_bank", "mq_publish", "mq_consume", "cache")
_PERIODS = {"vip_arp": 0.1, "sql_bank": 0.1}
BANK = 64000
NODES = ("c1", "c2", "c3")
MACS = {f"52:54:00:00:00:0{at}": node for at, node in enumerate(NODES, 1)}
VIP = "10.66.0.100"
TIMERS = Timers(
    token=1.0, consensus=1.2, vip_monitor=2.0, haproxy_monitor=2.0, galera_monitor=3.0,
    haproxy_restart=0.1, haproxy_inter=0.5, haproxy_fastinter=0.2, haproxy_fall=2, haproxy_rise=2,
    haproxy_check_timeout=1.0, haproxy_observe_layer4=True,
    evs_keepalive=0.3, evs_check=0.1, evs_join_retrans=0.3, evs_suspect=1.5, evs_inactive=3.0,
    evs_install=3.0, net_ticktime=5.0)
_OF_THE_FAULT = {one.name for one in fields(Injection)}
# c1 is off from the fault on, boots at +6.5 s, and has no quorum until +8.
LOOKED = tuple(
    NodeLook(node, T0 + at, T0 + at + 0.1, quorate=not (node == "c1" and at > 6),
             component="non-Primary" if node == "c1" and at > 6 else "Primary",
             write="refused" if node == "c1" and at > 6 else "",
             vips=(VIP,) if node == ("c1" if at < 0 else "c2" if at > 4 else "") else (),
             broker="refused" if node == "c1" and at > 6 else "")
    for at in range(-4, 9, 2) for node in NODES if not (node == "c1" and 0 <= at < 6.5))
# As corosync writes it; nodes are 1, 2 and 3.
MEMBERSHIP = "[TOTEM ] A new membership (2.8) was formed. Members {}"
LEFT = tuple((2.2, node, MEMBERSHIP.format("left: 1")) for node in ("c2", "c3"))
LOOKS = tuple(PrimarySighting(T0 + at, (NODES,), NODES) for at in range(-4, 12, 2))


@dataclass(frozen=True)
class Story:
    """One run.  ``away`` gives each service its outage (begin, end); a missing one has none."""

    before: float = 4.0
    after: float = 12.0
    away: dict[str, tuple[float, float]] = field(default_factory=lambda: {
        "vip_tcp": (0.0, 4.2), "sql_read": (0.0, 4.24), "sql_write": (0.0, 4.3),
        "mq_publish": (0.0, 1.06), "mq_consume": (0.0, 1.06)})
    latency: float = 0.003
    slower: tuple[tuple[float, float], ...] = ()  # from when, how many times the latency
    writers: tuple[tuple[float, str], ...] = ((-9.0, "c1"), (0.0, "c2"))  # from when, who takes the rows
    holders: tuple[tuple[float, str], ...] = ((-9.0, "c1"), (0.0, ""), (4.1, "c2"))  # from when, who
    also_answers: tuple[tuple[float, float, str], ...] = ()  # a second holder: from, to, who
    events: tuple[tuple[float, str, str, dict[str, Any]], ...] = (
        (0.02, "power.off", "c1", {}), (3.6, "bmc.request", "c1", {"command": "off"}),
        (6.0, "fault.heal", "c1", {"fault": "node.poweroff"}), (6.2, "power.on", "c1", {}))
    late_share: float = 0.0  # of the slots, started 200 ms late
    busy: float = 0.4
    clock: float = 0.0  # s by which somebody set the host's clock half a run later
    waited: float | None = None  # share of the time in which the lab waited for a processor
    looks: tuple[NodeLook, ...] = ()  # what the watch saw; () stands for LOOKED
    log: tuple[tuple[float, str, str], ...] = LEFT  # when, on which node, what its corosync wrote
    bank: tuple[int, ...] = (BANK, BANK)  # what readers saw
    sums: dict[str, str] = field(default_factory=dict)  # node -> the checksum of its table, if another ('': none)
    lost_rows: dict[str, int] = field(default_factory=dict)  # node -> how many acked rows it lacks
    lost_messages: int = 0
    again: int = 0  # messages that the consumer gets twice
    drained: bool = True
    facts: dict[str, Any] = field(default_factory=dict)  # overrides
    injection: dict[str, Any] = field(default_factory=dict)  # overrides of the one fault's

    def but(self, **changes: Any) -> Story:
        """The same story with a difference."""
        return replace(self, **changes)

    def but_facts(self, **changes: Any) -> Story:
        """With a difference in the facts; what belongs to the fault goes to the one fault of the story."""
        ours = {name: value for name, value in changes.items() if name in _OF_THE_FAULT}
        rest = {name: value for name, value in changes.items() if name not in ours}
        return replace(self, facts={**self.facts, **rest}, injection={**self.injection, **ours})


def base_injection() -> Injection:
    """The fault of the default story."""
    return Injection(
        "node.poweroff", ("c1",), "vip_holder", wants_fencing=True, roles=Roles("c1", "c1"),
        timers=TIMERS, members=NODES, begin=T0, end=T0 + 0.03, detected_at=T0 + 2.2,
        took_effect=Proof(True, "c1: power is off, no packet returns"),
        healed=Proof(True, "c1: power is on, ssh answers"),
        fencing=Proof(True, "stonith-enabled=true; fence-c1..c3 started; status call ok"))


def facts_but(**changes: Any) -> Facts:
    """The default story's facts with a difference in its fault."""
    return replace(base_facts(), injections=(replace(base_injection(), **changes),))


def base_facts() -> Facts:
    """What the runner would have written for the default story."""
    return Facts(
        scenario="vip-holder-power-cut", lab="default", driver="container", style="collapsed",
        profile="tuned", nodes=NODES, probes=PROBES, period=PERIOD, started_at=T0 - 4,
        injections=(base_injection(),), heal_begin=T0 + 6.0, heal_end=T0 + 7.5, converged_at=T0 + 9.0,
        ended_at=T0 + 12, versions={"pacemaker": "2.1.5", "corosync": "3.1.7", "galera-4": "26.4.13",
                                 "haproxy": "2.6.12", "rabbitmq-server": "3.10.8"},
        vips={"public": VIP}, macs=MACS, looked=True, logged=NODES, primaries=LOOKS,
        gates=tuple(GateResult(name, True, 0.2) for name in
                    ("power", "membership", "fencing", "resources", "galera", "rabbitmq", "haproxy", "vip")),
        sla={"*": "bound + 2s", "converged": 60.0, "errors": "bound + 2s", "latency": "3x"},
        rerun="./inv chaos.run vip-holder-power-cut")


def build(run_dir: Path, story: Story | None = None) -> Path:
    """Write the folder of the story's run and return it."""
    story = story or Story()
    for folder in ("samples", "ledgers"):
        (run_dir / folder).mkdir(parents=True, exist_ok=True)
    acked: dict[str, list[int]] = {}
    for probe in PROBES:
        acked[probe] = _write_samples(run_dir, story, probe)
    _write_arp(run_dir, story)
    rows = [f"run1/{slot}" for slot in acked["sql_write"]]
    messages = [f"run1/{slot}" for slot in acked["mq_publish"]]
    _lines(run_dir / "ledgers" / "sql_write.txt", rows)
    _lines(run_dir / "ledgers" / "sql_bank.txt", [f"run1/{total}" for total in story.bank])
    _lines(run_dir / "looks.jsonl", [line(one) for one in story.looks or LOOKED])
    _lines(run_dir / LOG_FILE, [json.dumps({"at": T0 + at, "node": node, "source": "corosync", "text": text})
                                for at, node, text in story.log])
    _lines(run_dir / "ledgers" / "mq_publish.txt", messages)
    _lines(run_dir / "ledgers" / "mq_consume.txt", messages[story.lost_messages:] + messages[:story.again])
    _lines(run_dir / "events.jsonl", [
        json.dumps({"at": T0 + at, "kind": kind, "node": node, "data": data})
        for at, kind, node, data in ((0.0, "fault.inject", "c1", {}), *story.events)])
    _lines(run_dir / "host.jsonl", [
        json.dumps([T0 - story.before + 0.5 * step, story.busy, 1.5, story.waited, story.clock if step > 8 else 0.0])
        for step in range(int((story.before + story.after) / 0.5))])
    present = {node: rows[story.lost_rows.get(node, 0):] for node in NODES}
    audit = audit_rows(rows, present, dict.fromkeys(NODES, True))
    audit = replace(audit, nodes=tuple(
        replace(one, bank=BANK, tables={name: value for name, value in (
            ("probe_rows", story.sums.get(one.node, "4711")),) if value}) for one in audit.nodes))
    facts = replace(base_facts(), sql=audit)
    if story.injection:
        facts = replace(facts, injections=(replace(base_injection(), **story.injection),))
    replace(facts, **story.facts).write(run_dir)
    return run_dir


def recording(run_dir: Path, story: Story | None = None) -> Recording:
    """The story as the checks see it."""
    return Recording.load(build(run_dir, story))


def _write_samples(run_dir: Path, story: Story, probe: str) -> list[int]:
    same = {"vip_arp": "vip_tcp", "sql_bank": "sql_write"}  # these see what the others see
    begin, end = story.away.get(same.get(probe, probe), (0.0, 0.0))
    text, good = _samples(_PERIODS.get(probe, PERIOD), story.before, story.after, begin, end,
                          story.latency, story.late_share, story.slower,
                          story.writers if probe == "sql_write" else ((-99.0, ""),))
    (run_dir / "samples" / f"{probe}.jsonl").write_text(text)
    status = {"slots": text.count("\n"), **({"drained": story.drained} if probe == "mq_consume" else {})}
    (run_dir / "samples" / f"{probe}.status.json").write_text(json.dumps(status))
    return list(good)


@lru_cache(maxsize=64)  # most stories differ in something else, and this is most of the work
def _samples(period: float, before: float, after: float, begin: float, end: float, latency: float,
             late_share: float, slower: tuple[tuple[float, float], ...],
             servers: tuple[tuple[float, str], ...]) -> tuple[str, tuple[int, ...]]:
    """The lines of one probe and its good slots; away from ``begin`` to ``end``."""
    lines, good = [], []
    for slot in range(round((before + after) / period)):
        at = slot * period - before
        late = 0.2 if late_share and (slot * late_share) % 1 < late_share else 0.0
        away = begin - 1e-6 <= at < end - 1e-6
        took = latency * ([factor for since, factor in slower if since <= at] or [1.0])[-1]
        ended = at + (1.0 if away else late + took)
        server = [who for since, who in servers if since <= at][-1]
        outcome, detail = ("fail", "no connection in time") if away else ("ok", server)
        if not away:
            good.append(slot)
        lines.append(json.dumps([slot, round(T0 + at, 4), round(T0 + at + late, 4), round(T0 + ended, 4),
                                 outcome, detail]) + "\n")
    return "".join(lines), tuple(good)


def _write_arp(run_dir: Path, story: Story) -> None:
    mac_of = {node: mac for mac, node in MACS.items()}
    lines = []
    for slot in range(round((story.before + story.after) / 0.1)):
        at = round(slot * 0.1 - story.before, 4)
        holder = [who for since, who in story.holders if since <= at][-1]
        answers = [holder] if holder else []
        answers += [who for since, until, who in story.also_answers if since <= at < until]
        replies = [[mac_of[who], T0 + at + 0.0004 * rank] for rank, who in enumerate(answers, 1)]
        lines.append(json.dumps([slot, VIP, T0 + at, replies]))
    _lines(run_dir / "ledgers" / "vip_arp.txt", lines)


def _lines(path: Path, lines: list[str]) -> None:
    path.write_text("".join(line + "\n" for line in lines))


SOUND = Story()
FROZEN = (0.02, "power.suspend", "c1", {})
CUT = (0.02, "power.off", "c1", {})
REQUEST = (3.6, "bmc.request", "c1", {"command": "off"})


def finding(run_dir: Path, story: Story, check: str) -> Finding:
    """What one check says of a story."""
    verdict = verdict_of(recording(run_dir, story))
    return next(one for one in verdict.findings if one.id == check)
