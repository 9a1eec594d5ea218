"""``halab-broker-watch`` ends a broker that will not get well by itself, and no other."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "provision/nodefiles/halab-broker-watch"
# Five looks that take no time, each said to be 5 s later, and then no more.
_PRELUDE = f"sleep() {{ SECONDS=$((SECONDS + 5)); looks=$((${{looks:-0}} + 1)); [ $looks -le 5 ]; }}; . {SCRIPT} "


def watch(programs: Path, script: str) -> None:
    """Run it with these programs before all others, until there is nothing more to look at."""
    subprocess.run(["bash", "-c", script], env={"PATH": f"{programs}:/usr/bin:/bin"}, timeout=10, check=False)


@pytest.mark.parametrize(("active", "status", "limit", "ended"), [
    ("active", "Startup in progress", 15, 1),
    ("active", "Startup in progress", 25, 0),  # it may still come
    ("active", "Initialized", 5, 0),
    ("active", "", 5, 0),
    ("activating", "Startup in progress", 5, 0),  # a boot that systemd began has TimeoutStartSec
    ("inactive", "Startup in progress", 5, 0)])
def test_only_a_start_in_place_that_hangs(tmp_path: Path, active: str, status: str, limit: int, ended: int) -> None:
    kills = tmp_path / "kills"
    client = tmp_path / "systemctl"
    client.write_text(f'#!/bin/sh\nif [ "$1" = kill ]; then echo "$*" >>{kills}; else\n'
                      f'echo "StatusText={status}"; echo "ActiveState={active}"; fi\n')
    client.chmod(0o755)
    watch(tmp_path, f"{_PRELUDE} {limit} 99 n1 n2 n3")
    assert (kills.read_text().splitlines() if kills.exists() else []) == [
        "kill --signal=KILL rabbitmq-server"] * ended


def test_the_clock_begins_anew_with_each_start(tmp_path: Path) -> None:
    """Two starts of 10 s each, with a whole broker in between, are no start of 20 s."""
    client, looks = tmp_path / "systemctl", tmp_path / "looks"
    client.write_text(f'#!/bin/sh\nif [ "$1" = kill ]; then touch {tmp_path}/killed; exit; fi\necho >>{looks}\n'
                      f'case $(wc -l <{looks}) in 3) s=Initialized ;; *) s="Startup in progress" ;; esac\n'
                      'echo "ActiveState=active"; echo "StatusText=$s"\n')
    client.chmod(0o755)
    watch(tmp_path, f"{_PRELUDE} 10 99 n1 n2 n3")
    assert looks.read_text().count("\n") == 5 and not (tmp_path / "killed").exists()


@pytest.mark.parametrize(("active", "said", "looks", "ended"), [
    ("active", "[],logged,stopped", 4, 1),
    ("active", "[],logged,stopped", 3, 0),  # its one try may still go on, or a person is at work
    ("active", "[],logged,other", 9, 0),  # it runs, waits for a majority, or starts
    ("activating", "[],logged,stopped", 9, 0),  # a boot that systemd began
    ("active", "[],logless,other", 4, 1), ("active", "[],logless,other", 3, 0)])
def test_a_broker_that_is_stopped_or_without_a_log_in_a_running_machine(
        tmp_path: Path, active: str, said: str, looks: int, ended: int) -> None:
    kills = tmp_path / "kills"
    for name, body in {"systemctl": f'if [ "$1" = kill ]; then echo "$*" >>{kills}; else echo ActiveState={active}; fi',
                       "hostname": "echo n1", "erl_call": f"cat >/dev/null; echo '{{ok, {{{said}}}}}'"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    watch(tmp_path, f"{_PRELUDE.replace('-le 5', f'-le {looks}')} 15 15 n1 n2 n3")
    assert (kills.read_text().splitlines() if kills.exists() else []) == [
        "kill --signal=KILL rabbitmq-server"] * ended


@pytest.mark.parametrize(("members", "me", "lost", "looks", "ended"), [
    (3, "n1", "n2 n3", 4, 1),  # alone against two
    (3, "n3", "n1", 4, 1),  # of a pair the later one
    (3, "n1", "n3", 4, 0),  # it waits for the other to go
    (3, "n1", "n3", 7, 1),  # which does not know of it
    (5, "n1", "n5", 4, 0), (5, "n5", "n1", 4, 1), (5, "n4", "n1 n2", 4, 1), (5, "n1", "n4 n5", 4, 0),
    (5, "n1", "n3 n4 n5", 4, 1),
    (3, "n2", "", 9, 0)])
def test_a_partition_that_stays_on_record(tmp_path: Path, members: int, me: str, lost: str, looks: int,
                                          ended: int) -> None:
    kills = tmp_path / "kills"
    said = ", ".join(f"rabbit@{name}" for name in lost.split())
    for name, body in {"systemctl": f'if [ "$1" = kill ]; then echo "$*" >>{kills}; else echo ActiveState=active; fi',
                       "hostname": f"echo {me}", "erl_call": f"cat >/dev/null; echo '{{ok, [{said}]}}'"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    names = " ".join(f"n{number}" for number in range(1, members + 1))
    script = _PRELUDE.replace("-le 5", f"-le {looks}")
    watch(tmp_path, f"{script} 30 15 {names}")
    assert (kills.read_text().splitlines() if kills.exists() else []) == [
        "kill --signal=KILL rabbitmq-server"] * ended
