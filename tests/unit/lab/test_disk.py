"""Files laid on a node's disk, secrets, names of labs, recorded state: no root needed."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lab import state
from lab.errors import HostError, RefusedError
from lab.host import overlay
from lab.lab import Lab
from lab.node.files import File
from lab.ops.up import write_ssh_config
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state.events import EventLog
from lab.state.home import LabPaths, home
from lab.state.secrets import Secrets

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree whose only user is the one that runs the test."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text(f"me:x:{os.getuid()}:{os.getgid()}::/:/bin/sh\n")
    (tmp_path / "etc/group").write_text(f"us:x:{os.getgid()}:\n")
    overlay._id.cache_clear()
    return tmp_path


def mine(path: str, content: bytes = b"x", **more: object) -> File:
    return File(path, content, owner="me", group="us", **more)  # type: ignore[arg-type]


def test_files_are_laid_down_with_mode_and_links(root: Path) -> None:
    overlay.lay_down(root, [mine("/etc/a/b.conf", b"hello", mode=0o640), File("/etc/wants/u", link="/lib/u")])
    assert (root / "etc/a/b.conf").read_bytes() == b"hello"
    assert stat.S_IMODE((root / "etc/a/b.conf").stat().st_mode) == 0o640
    assert str((root / "etc/wants/u").readlink()) == "/lib/u"
    overlay.lay_down(root, [mine("/etc/a/b.conf", b"again"), File("/etc/wants/u", link="/lib/v")])
    assert (root / "etc/a/b.conf").read_bytes() == b"again" and str((root / "etc/wants/u").readlink()) == "/lib/v"


def test_a_file_never_leaves_the_node_s_disk(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (root / "var").mkdir()
    (root / "var/run").symlink_to(outside)
    with pytest.raises(HostError, match="symbolic link"):
        overlay.lay_down(root, [mine("/var/run/a")])
    assert list(outside.iterdir()) == []


def test_an_unknown_owner_is_named(root: Path) -> None:
    with pytest.raises(HostError, match="no 'hacluster'"):
        overlay.lay_down(root, [File("/etc/a", b"", owner="hacluster")])


@pytest.mark.parametrize(("field", "path"), [(r"/a\040b", "/a b"), (r"/a\134b", r"/a\b"), ("/ä", "/ä")])
def test_mount_points_are_read_as_the_kernel_writes_them(field: str, path: str) -> None:
    assert overlay._unescape(field) == path


def test_a_secret_is_made_once_also_by_many_threads(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "secrets")
    seen: list[str] = []
    threads = [threading.Thread(target=lambda: seen.append(secrets.password("bmc"))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 1 and len(seen[0]) == 20
    assert stat.S_IMODE((tmp_path / "secrets/bmc.password").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert [path.name for path in (tmp_path / "secrets").iterdir()] == ["bmc.password"]


def test_keys_can_be_used(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "s")
    public = secrets.ssh_public("root")
    assert public.startswith("ssh-ed25519 ") and secrets.ssh_public("root") == public
    assert len(secrets.key("authkey-a", 256)) == 256 and secrets.key("authkey-a", 256) != secrets.key("authkey-b", 256)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "A", "a.b", "1a", "a" * 17])
def test_what_cannot_be_a_lab_s_name_reaches_no_folder(name: str) -> None:
    with pytest.raises(RefusedError, match="cannot be a lab's name"):
        LabPaths.of(name)


def test_the_home_has_no_symbolic_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setenv("HALAB_HOME", str(tmp_path / "link"))
    assert home() == tmp_path / "real"


@pytest.mark.parametrize("name", ["a,b", "a:b", 'a"b', "a%b", "a$b", "a\\b", "a\nb"])
def test_a_home_that_mount_or_ssh_would_misread_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALAB_HOME", f"/var/lib/{name}")
    with pytest.raises(RefusedError, match="cannot have") as caught:
        home()
    assert "HALAB_HOME" in caught.value.where and "HALAB_HOME" in caught.value.remedy


def test_ssh_understands_a_home_with_a_blank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALAB_HOME", str(tmp_path / "my labs"))
    paths = LabPaths.of("fake")
    paths.root.mkdir(parents=True)
    lab = Lab(make_plan(topology_from_options(name="fake", driver="fake")), paths, EventLog(paths.events))
    write_ssh_config(lab)
    said = subprocess.run(["ssh", "-G", "-F", paths.ssh_config, "n1"], capture_output=True, text=True, check=True)
    read = dict(line.split(" ", 1) for line in said.stdout.splitlines())
    assert read["identityfile"].strip('"') == str(lab.secrets.path("root.ssh"))
    assert read["userknownhostsfile"].strip('"') == str(paths.root / "known_hosts")


def test_a_damaged_plan_is_refused_with_the_way_out() -> None:
    paths = LabPaths.of("broken")
    state.write_atomically(paths.plan, '{"lab": "broken"}')
    with pytest.raises(RefusedError, match="cannot be read") as caught:
        Lab.open("broken")
    assert "lab.down --name=broken" in caught.value.remedy


def test_one_command_at_a_time() -> None:
    with state.exclusive("unittest", "lab.up"):
        with pytest.raises(RefusedError, match="busy") as caught, state.exclusive("unittest", "lab.down"):
            pass
        assert "lab.up, pid" in caught.value.where
    with state.exclusive("unittest", "lab.down"):
        pass


def test_a_lab_belongs_to_one_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state.claim("unittest")
    try:
        state.claim("unittest")
        monkeypatch.setenv("HALAB_HOME", str(tmp_path / "other"))
        if os.geteuid() == 0:  # without root each home has its own run-time folder
            with pytest.raises(RefusedError, match="another HALAB_HOME"):
                state.claim("unittest")
    finally:
        state.disclaim("unittest")


def test_a_claim_is_written_once_and_never_half(monkeypatch: pytest.MonkeyPatch) -> None:
    state.claim("unittest")
    with monkeypatch.context() as killed:
        killed.setattr(state, "write_atomically", lambda *_: pytest.fail("it is this home's already"))
        state.claim("unittest")
    file = state.runtime() / "owners/unittest"
    file.with_name(".unittest.7").touch()  # the draft of one that was killed
    assert state.claimed() == ["unittest"]
    file.write_text("")  # an older halab truncated it first, and was killed then
    assert state.owner("unittest") is None
    state.claim("unittest")
    assert state.owner("unittest") == home()


def test_the_lock_of_a_killed_command_is_waited_for(tmp_path: Path) -> None:
    """A child between fork and exec still holds it: seen on a loaded machine."""
    program = ("import os, sys, time; from lab import state\n"
               "with state.exclusive('unitdead', 'lab.up'):\n"
               "    if os.fork() == 0: time.sleep(0.5); os._exit(0)\n"
               "    print('held', flush=True); os.kill(os.getpid(), 9)\n")
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert child.stdout == "held\n" and child.returncode == -signal.SIGKILL
    begun = time.monotonic()
    with state.exclusive("unitdead", "lab.down"):
        assert time.monotonic() - begun < 5
