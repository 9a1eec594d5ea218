"""The witness hears libvirt's own events; no machine, libvirt's test driver."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

libvirt = pytest.importorskip("libvirt", reason="the vagrant driver's libraries are not installed")

from lab.drivers.base import PowerState  # noqa: E402
from lab.state.events import EventLog, read_events  # noqa: E402
from lab.vm.machines import Machines  # noqa: E402
from lab.vm.witness import Witness  # noqa: E402

DOMAIN = """<domain type='test'><name>{name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
<os><type arch='i686'>hvm</type></os></domain>"""


def test_every_change_of_power_is_seen_once_and_in_time(tmp_path: Path) -> None:
    (tmp_path / "host.xml").write_text("<node></node>")
    machines = Machines("t", f"test://{tmp_path}/host.xml")
    diary = tmp_path / "events.jsonl"
    witness = Witness("t", machines._uri, EventLog(diary))
    witness.open()
    for name in ("halab.t.n1", "halab.other.n1"):
        witness._connection.defineXML(DOMAIN.format(name=name))

    # The test driver's events reach the connection that acts.
    machines._connection = lambda: witness._connection  # type: ignore[method-assign]
    acts = ((machines.start, "on", ""), (machines.suspend, "suspended", ""), (machines.resume, "on", ""),
            (machines.kill, "off", "destroyed"))
    for act, state, why in acts:
        began = time.time()
        act("n1")
        assert _within(5, lambda: bool(witness.step() and _last(diary) == state))  # noqa: B023
        seen = read_events(diary)[-1]
        assert (seen.kind, seen.node, seen.data) == ("power.seen", "n1", {"state": state, "by": "libvirt", "why": why})
        assert began <= seen.at + 0.001
        assert seen.at <= time.time() + 0.001
    witness._connection.lookupByName("halab.other.n1").create()
    witness.step()
    assert {event.node for event in read_events(diary)} == {"n1"}
    assert len(read_events(diary)) == 4


def test_what_changed_while_libvirtd_was_away_is_caught_up_with(tmp_path: Path) -> None:
    lab, diary = f"t{uuid.uuid4().hex[:6]}", tmp_path / "events.jsonl"
    witness = Witness(lab, "test:///default", EventLog(diary))
    witness.open()
    first = witness._connection  # all connections to test:///default are to one host, as long as one is open
    domain = first.defineXML(DOMAIN.format(name=f"halab.{lab}.n1"))
    witness._known["n1"] = PowerState.ON
    witness.open()
    domain.undefine()
    assert read_events(diary)[-1].data == {"state": "off", "by": "libvirt", "why": "found so"}


def _last(diary: Path) -> str:
    events = read_events(diary)
    return str(events[-1].data["state"]) if events else ""


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
    return True
