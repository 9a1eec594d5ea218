"""What the daemons' own logs say about a run: of each node the lines that matter, on the host's clock.

The journal has corosync, Pacemaker (notices and above), the proxy and systemd; the database and the broker
write files of their own.  A node that lost its power may have lost its journal's last lines with it.
"""

from __future__ import annotations

import json
import re
import shlex
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.reach import ssh_banner
from daemons import corosync, galera
from lab.bundle.redact import Redactor
from lab.errors import HalabError
from lab.node import clock
from lab.parallel import for_each

if TYPE_CHECKING:
    from lab.lab import Lab

LOG_FILE = "log.jsonl"
MOST = 400  # lines of one run that are kept
_TAIL = 4000  # lines of one log that a node sends at most
_TIMEOUT = 30.0  # s
# By who decides what: the membership, fencing and resources, the database, the proxy, the broker, the supervisor.
MATTERS = "|".join((
    r"A processor (failed|joined)|A new membership|\[QUORUM\] (This node|Members)|Process pause detected",
    r"\[KNET +\] (link: host: [0-9]+ link: [0-9]+ is (down|up)|host: host: [0-9]+ has no active links)",
    r"Requesting fencing|was terminated \(|Operation '(reboot|off|on)' targeting|is now lost|Quorum (lost|acquired)",
    r"Initiating (start|stop|promote|demote|notify fence)|Result of (start|stop|promote) operation .*(error|not )",
    r"Result of monitor operation .*(error|not running|timed out)|We were (allegedly )?(just )?fenced",
    r"WSREP: (Shifting|declaring|forgetting|.*suspecting node|Synchronized with group|Received NON-PRIMARY)",
    r"WSREP: (Member .*(requested state transfer|synced with group)|.*: State transfer (to|from) )|mariadbd.*\[ERROR\]",
    r"Server [^ ]+/[^ ]+ is (UP|DOWN)|has no server available",
    r"rabbit on node|node rabbit@[^ ]+ (up|down)|resource limit alarm|partial partition",
    r"(haproxy|memcached|keystone|rabbitmq-server|corosync|pacemaker)\.service: (Main process exited|Scheduled restart|"
    r"Start request repeated|Failed with|Deactivated)",
))
_SCRIPT = """\
matters() {{ grep -E {matters} | tail -n {tail}; }}
echo '#journal'
journalctl --no-pager --quiet --output=short-unix --since=@{since:.0f} | matters
echo "#galera $(date +%z)"
tail -n 5000 {database} 2>/dev/null | matters
echo '#rabbitmq'
tail -q -n 5000 {broker} 2>/dev/null | matters
echo '#end'
"""
_BROKER = "/var/log/rabbitmq/rabbit@*[0-9].log"
_JOURNAL_LINE = re.compile(r"(\d+\.\d+) \S+ ([^\s\[:]+)(?:\[\d+\])?: (.*)")
_FILE_LINE = re.compile(r"(\d{4}-\d\d-\d\d +\d+:\d\d:\d\d)(\.\d+)?([+-]\d\d:\d\d)? "
                        r"(?:\d+ )?(?:\[\w+\] )?(?:<[\d.]+> )?(.*)")


@dataclass(frozen=True)
class LogLine:
    """``at`` in epoch seconds on the host's clock (a database's are whole seconds), ``source`` the daemon."""

    at: float
    node: str
    source: str
    text: str


def keep(lab: Lab, folder: Path, since: float) -> tuple[str, ...]:
    """Write ``log.jsonl``: what mattered from ``since`` (epoch seconds) on; gives the nodes whose logs were read.

    It must not end a run, so whatever fails here is a note in the diary.
    """
    try:
        read, lines = collect(lab, since)
        (folder / LOG_FILE).write_text("".join(json.dumps(asdict(one)) + "\n" for one in lines))
    except (HalabError, OSError, ValueError) as error:
        lab.events.emit("note", text=f"the nodes' logs were not read: {error}")
        return ()
    return read


def collect(lab: Lab, since: float) -> tuple[tuple[str, ...], list[LogLine]]:
    """Who could be asked, and the lines by time without the lab's secrets: the first ``MOST``, and each lost member."""
    redactor = Redactor(lab.paths.secrets)

    def ask(node: str) -> list[LogLine] | None:
        if not ssh_banner(lab, node):
            return None
        ahead = clock.offset(lab, node).ahead
        said = lab.shell.run(node, "bash -s", timeout=_TIMEOUT, check=False, stdin=script(since + ahead)).stdout
        if not whole(said):
            return None
        return [LogLine(round(at - ahead, 3), node, source, text)
                for at, source, text in parse(redactor.text(said))]

    def asked(node: str) -> list[LogLine] | None:
        try:
            return ask(node)
        except (HalabError, ValueError):
            return None

    nodes = [node.name for node in lab.plan.nodes]
    answers = dict(zip(nodes, for_each(nodes, asked), strict=True))
    found = sorted((one for lines in answers.values() for one in lines or () if since <= one.at <= time.time()),
                   key=lambda one: one.at)
    return tuple(node for node, lines in answers.items() if lines is not None), kept(found)


def kept(lines: list[LogLine]) -> list[LogLine]:
    """The first ``MOST``, and whatever else tells of a member that was lost or came back: S3 and S8 read that."""
    return [*lines[:MOST], *(one for one in lines[MOST:] if corosync.left(one.text) or corosync.joined(one.text))]


def script(since: float) -> str:
    """What is run on a node; ``since`` is its own clock's."""
    return _SCRIPT.format(matters=shlex.quote(MATTERS), tail=_TAIL, since=since, database=galera.LOG, broker=_BROKER)


def whole(said: str) -> bool:
    """Whether the node answered to the end."""
    return said.rstrip().endswith("#end")


def parse(said: str) -> list[tuple[float, str, str]]:
    """(time, daemon, text) of each line that can be read."""
    found: list[tuple[float, str, str]] = []
    part, zone = "", "+0000"
    for line in said.splitlines():
        if line.startswith("#"):
            part, _, rest = line[1:].partition(" ")
            zone = rest or zone
        elif part == "journal" and (match := _JOURNAL_LINE.match(line)):
            found.append((float(match[1]), match[2], match[3].strip()))
        elif part in ("galera", "rabbitmq") and (match := _FILE_LINE.match(line)):
            day, hour = match[1].split()
            at = datetime.strptime(f"{day} {hour.zfill(8)}{match[3] or zone}", "%Y-%m-%d %H:%M:%S%z").timestamp()
            found.append((at + float(match[2] or 0), part, match[4].strip()))
    return found


def load(path: Path) -> tuple[LogLine, ...]:
    """The lines of a recording; one from before they were kept has none."""
    if not path.exists():
        return ()
    found = []
    for row in path.read_text().splitlines():
        try:
            found.append(LogLine(**json.loads(row)))
        except (ValueError, TypeError):
            continue
    return tuple(found)
