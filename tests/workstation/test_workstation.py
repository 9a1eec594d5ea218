"""halab where most people have it: systemd is PID 1 and owns the one tree of cgroups."""

from __future__ import annotations

import json

from conftest import NAME, UP
from machine import Workstation

# What of the lab can be seen, asked in the workstation itself; nothing when there is nothing.
TRACES = f"""
import sys
sys.path[:0] = ["tests/live"]
from hosttraces import await_none
print(*await_none("{NAME}", 30), sep="\\n", end="")
"""
SLOW = 300.0  # seconds for one command there


def healthy(station: Workstation) -> None:
    station.inv(f"lab.wait --name={NAME} --timeout=30m", timeout=2000)


def down(station: Workstation) -> None:
    """lab.down, after which there is nothing of the lab and the host is as it was."""
    station.inv(f"lab.down --name={NAME}", timeout=SLOW)
    assert station.python(TRACES, timeout=SLOW) == ""
    assert interfaces(station) == {"lo", "eth0"}
    assert not station.run("ls /sys/fs/cgroup/halab /run/systemd/nspawn/*/halab-*", timeout=60, check=False).ok
    assert failed_units(station) == ""


def interfaces(station: Workstation) -> set[str]:
    return set(station.run("ls /sys/class/net", timeout=60).stdout.split())


def failed_units(station: Workstation) -> str:
    return station.run("systemctl list-units --failed --no-legend --plain", timeout=60).stdout


def test_it_is_a_workstation(booted: Workstation) -> None:
    assert booted.run("cat /proc/1/comm", timeout=60).stdout == "systemd\n"
    assert booted.run("stat -fc %T /sys/fs/cgroup", timeout=60).stdout == "cgroup2fs\n"
    assert "connected" in booted.run("nmcli -t -f STATE general", timeout=60).stdout
    assert booted.run("cat /sys/module/apparmor/parameters/enabled", timeout=60).stdout == "Y\n"


def test_the_doctor_has_nothing_to_say_against_it(booted: Workstation) -> None:
    said = json.loads(booted.inv("lab.doctor --format=json", timeout=SLOW).stdout)
    assert said["ok"], said
    layout = next(finding for finding in said["findings"] if finding["topic"] == "cgroups")
    assert layout["what"] == "cgroup layout: v2"


def test_the_host_keeps_its_network_and_its_units(green: Workstation) -> None:
    assert interfaces(green) == {"lo", "eth0"}
    devices = green.run("nmcli -t -f DEVICE device", timeout=60).stdout.split()
    assert set(devices) == {"lo", "eth0"} or devices == ["eth0"]
    assert failed_units(green) == ""


def test_systemd_leaves_the_lab_alone(green: Workstation) -> None:
    """A reload, a new systemd in place of the old one, and a firewall that comes up."""
    controllers = f"cat /sys/fs/cgroup/halab/{NAME}/n1/cgroup.controllers"
    before = green.run(controllers, timeout=60).stdout
    assert {"cpu", "memory", "pids"} <= set(before.split())
    green.run("systemctl daemon-reload && systemctl daemon-reexec && systemctl start firewalld", timeout=SLOW)
    assert green.run(controllers, timeout=60).stdout == before
    healthy(green)
    down(green)


def test_a_fenced_node_comes_back(green: Workstation) -> None:
    """The second life of a node: its BMC switches it off and on, from its own cgroup."""
    green.inv(f"lab.exec n1 'stonith_admin --reboot n3 --timeout=300' --name={NAME} --timeout=10m", timeout=700)
    healthy(green)
    events = green.inv(f"lab.events --name={NAME} --format=json", timeout=SLOW).stdout
    assert '"power.off"' in events.replace(" ", "")


def test_down_leaves_nothing(green: Workstation) -> None:
    down(green)


def test_down_after_sigkill_of_up(booted: Workstation) -> None:
    booted.run(f"(setsid ./inv {UP} >/tmp/up.log 2>&1 & echo $! >/tmp/up.pid)", timeout=60)
    booted.run(f"until [ -d /sys/fs/cgroup/halab/{NAME}/n3/payload ]; do sleep 1; done; sleep 10;"
               " kill -9 $(cat /tmp/up.pid)", timeout=SLOW)
    down(booted)


def test_a_reboot_in_the_middle_of_a_lab(green: Workstation) -> None:
    """What is left is the record: status says that nothing runs, lab.up makes the lab whole again."""
    green.run("systemctl reboot", timeout=60, check=False)
    booted_again(green)
    status = green.inv(f"lab.status --name={NAME}", timeout=SLOW, check=False)
    assert status.returncode == 1
    assert "lab.up" in status.stdout + status.stderr
    green.inv(UP, timeout=3400)
    down(green)


def test_down_after_the_plug_was_pulled(green: Workstation) -> None:
    green.tell("system_reset")
    booted_again(green)
    down(green)


def booted_again(station: Workstation) -> None:
    station.await_login(900)
    ready = "systemctl is-system-running --wait >/dev/null; test -e /srv/tree/inv"
    station.run(f"awk '{{exit $1 > 400}}' /proc/uptime && {ready}", timeout=SLOW)
