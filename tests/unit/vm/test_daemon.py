"""The lab's libvirtd when it does not come: who says why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from lab.errors import HostError
from lab.host.cgroups import Cgroup
from lab.net.namespace import Namespace
from lab.state.home import LabPaths
from lab.vm import daemon
from lab.vm.daemon import Daemon


def test_a_home_with_a_blank_makes_a_uri_that_libvirt_reads(tmp_path: Path) -> None:
    uri = Daemon("demo", LabPaths(tmp_path / "my labs/demo")).uri
    assert " " not in uri and uri.endswith("/my%20labs/demo/libvirt/run/libvirt-sock")


@pytest.mark.parametrize("fails", ["nsenter: reassociate to namespace failed", "mount: /sys: permission denied"])
def test_what_fails_before_libvirtd_begins_is_told(fails: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def instead(_space: Namespace, argv: Sequence[str]) -> list[str]:
        return ["sh", "-c", f"echo '{fails}' >&2; exit 1"]

    monkeypatch.setattr(Namespace, "command", instead)
    monkeypatch.setattr(Cgroup, "create", lambda *_: None)
    monkeypatch.setattr(Cgroup, "command", lambda _, argv: list(argv))
    monkeypatch.setattr(Cgroup, "pids", lambda _: [])
    monkeypatch.setattr(daemon, "_ENTERED", 1.0)
    with pytest.raises(HostError, match="ended at its start") as caught:
        Daemon("demo", LabPaths(tmp_path / "lab")).start()
    assert caught.value.where == fails
    assert "libvirtd.log" in caught.value.remedy
