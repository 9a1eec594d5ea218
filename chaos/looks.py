"""What one node shows of itself at one moment, asked over mgmt, which no fault cuts.

A node that was cut off still answers there: so what it does without quorum is seen on the node itself,
and not guessed from what its clients see.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from chaos.probes.config import DATABASE, TABLE
from daemons import corosync, galera
from daemons.galera import NOT_PREPARED, Member

LOOKS_FILE = "looks.jsonl"
LOOK_EVERY = 5.0  # s on average, for a claim that nothing was missed; the watch looks every two
# s between two looks at one node, for the same claim.  A look at a node whose daemons all stand still takes 8.
MAX_HOLE = 12.0
COMMAND = "bash -s"
# Every question has a limit of its own, in seconds: a daemon that stands still must not hide the others.  What could
# do harm is only tried where it must be refused: a write on a server outside the Primary component, a
# client's handshake (AMQP 0-9-1, 4.2.2) with the broker of a node without quorum.
_SCRIPT = """\
ask() {{ echo "#$1"; shift; timeout {long:g} "$@" 2>&1; }}
quorum=$(timeout {short:g} {quorum} 2>&1)
echo '#quorum'; echo "$quorum"
ask addresses ip -4 -oneline address show
if pgrep -x mariadbd >/dev/null; then
  status=$(timeout {long:g} {status} 2>&1)
  echo '#galera'; echo "$status"
  case "$status" in
    *cluster_status?Primary*|'') ;;
    *wsrep_*) ask write {client} {database} -e "REPLACE INTO {table} (client, seq) VALUES ('look', 1)"
              wrote=$?
              # Taken by a server that had just come back to the Primary component: that is no violation.
              if [ $wrote = 0 ]; then
                [[ $(timeout {long:g} {status} 2>&1) == *cluster_status?Primary* ]] && wrote=back
              fi
              echo "#wrote $wrote" ;;
  esac
fi
case "$quorum" in
  *Quorate:*Yes*) ;;
  *) hello='exec 3<>/dev/tcp/{control}/5672 && printf "AMQP\\0\\0\\11\\1" >&3 && head -c 1 <&3 | od -An -tx1'
     ask broker bash -c "$hello" ;;
esac
true
"""


@dataclass(frozen=True)
class NodeLook:
    """One node between ``asked`` and ``answered`` (epoch seconds on the host's clock).

    ``quorate`` is corosync's word, None while it has none.  ``vips`` are those of the lab's addresses that
    are on its interfaces.  ``component`` is Galera's wsrep_cluster_status, '' where no server answers;
    ``database`` whether one runs there at all.
    ``write`` is what became of a write on a server outside the Primary component ("accepted"; "refused" by the server
    for that very reason; "no answer" is everything else), and ``broker`` of a client's handshake on a node without
    quorum ("serves", "refused"); '' where nothing was tried.
    """

    node: str
    asked: float
    answered: float
    quorate: bool | None = None
    vips: tuple[str, ...] = ()
    component: str = ""
    database: bool = False
    write: str = ""
    broker: str = ""


def script(control: str, patience: float = 1.0) -> str:
    """What is run on the node whose address on the control network this is; ``patience`` times as long on slow ones."""
    return _SCRIPT.format(short=patience, long=2 * patience, quorum=corosync.QUORUM, client=galera.CLIENT,
                          status=galera.COMMAND, database=DATABASE, table=TABLE, control=control)


def read(node: str, asked: float, answered: float, said: str,
         vips: Mapping[str, str]) -> tuple[NodeLook, Member | None]:
    """The look, and what the database said of itself; ``vips`` maps name to address."""
    parts: dict[str, str] = {}
    for part in f"\n{said}".split("\n#")[1:]:
        head, _, body = part.partition("\n")
        name, _, rest = head.partition(" ")
        parts[name] = rest or body
    local = {word.split("/")[0] for word in parts.get("addresses", "").split()}
    quorate: bool | None = None
    member: Member | None = None
    with suppress(ValueError):
        quorate = corosync.quorum(parts.get("quorum", "")).quorate
    with suppress(ValueError):
        member = galera.member(parts.get("galera", ""))
    return NodeLook(
        node, round(asked, 3), round(answered, 3), quorate,
        vips=tuple(address for address in vips.values() if address in local),
        component=member.component if member else "", database="galera" in parts,
        write=_written(parts), broker=_served(parts)), member


def _written(parts: Mapping[str, str]) -> str:
    if "wrote" not in parts:
        return ""
    if parts["wrote"].strip() == "back":
        return ""
    if parts["wrote"].strip() == "0":
        return "accepted"
    return "refused" if NOT_PREPARED in parts.get("write", "") else "no answer"


def _served(parts: Mapping[str, str]) -> str:
    """A broker answers with a method frame, whose first byte is 1 (4.2.3)."""
    if "broker" not in parts:
        return ""
    return "serves" if parts["broker"].strip() == "01" else "refused"


def line(look: NodeLook) -> str:
    return json.dumps(asdict(look), separators=(",", ":"))


def load(path: Path) -> tuple[NodeLook, ...]:
    """The looks of a recording, by time; a torn last line is left out, and an old recording has none."""
    if not path.exists():
        return ()
    found = []
    for row in path.read_text().splitlines():
        try:
            raw = json.loads(row)
        except json.JSONDecodeError:
            continue
        found.append(NodeLook(**{**raw, "vips": tuple(raw["vips"])}))
    return tuple(sorted(found, key=lambda one: one.asked))
