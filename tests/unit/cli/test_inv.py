"""The launcher, on machines that are played by small scripts: nothing is installed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from halab import ROOT

PACKAGES = (
    "systemd-container mmdebstrap nftables iproute2 util-linux openssh-client python3-venv ca-certificates"
)
# The environment's Python: says where it stands and what it was given.
PYTHON = '#!/bin/sh\necho "cwd=$PWD from=$HALAB_CWD args=$*"\n'
# uv: makes that Python, and keeps a diary.
UV = """#!/bin/sh
echo "uv $*" >>"$DIARY"
case "$*" in
    --version) echo "uv $(sed -n 's/^uv==\\([^ ]*\\).*/\\1/p' bootstrap.lock)" ;;
    *sync*) sleep "${SLOW:-0}" ;;
    *venv*) mkdir -p .venv/bin && cp "$FAKE_PYTHON" .venv/bin/python ;;
esac
"""


class Machine:
    """A project folder with a launcher, and a PATH whose programs are ours."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "project"
        self.project.mkdir()
        for name in ("inv", "requirements.lock", "requirements-vagrant.lock", "bootstrap.lock"):
            shutil.copy(ROOT / name, self.project)
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.diary = folder / "diary"
        self.diary.touch()
        self.python = self.script("fake-python", PYTHON)
        self.script("id", "#!/bin/sh\necho ${FAKE_UID:-0}\n")
        self.script("apt-get", '#!/bin/sh\necho "apt-get $*" >>"$DIARY"\nexit ${APT_FAILS:-0}\n')
        self.script("dpkg", "#!/bin/sh\n")
        self.has(PACKAGES)
        (self.project / ".venv/uv/bin").mkdir(parents=True)
        self.script("uv", UV).rename(self.project / ".venv/uv/bin/uv")

    def script(self, name: str, text: str) -> Path:
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def has(self, packages: str) -> None:
        said = " ".join(f"installed:{package}" for package in packages.split())
        self.script("dpkg-query", f'#!/bin/sh\necho dpkg-query >>"$DIARY"\necho "{said} "\n')

    def ready(self) -> None:
        locks = b"".join(
            (self.project / name).read_bytes() for name in ("requirements.lock", "bootstrap.lock")
        )
        (self.project / ".venv/bin").mkdir(exist_ok=True)
        shutil.copy(self.python, self.project / ".venv/bin/python")
        (self.project / ".venv/.stamp-environment").write_text(f"{hashlib.sha256(locks).hexdigest()}  -\n")
        (self.project / ".venv/.stamp-packages").write_text(PACKAGES + "\n")

    def start(self, *words: str, cwd: Path | None = None, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.project / "inv", *words],
            cwd=cwd or self.project,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={
                "PATH": f"{self.bin}:{os.environ['PATH']}",
                "DIARY": str(self.diary),
                "FAKE_PYTHON": str(self.python),
                "TMPDIR": str(self.bin),
                **env,
            },
        )

    def run(self, *words: str, cwd: Path | None = None, **env: str) -> tuple[int, str, str]:
        child = self.start(*words, cwd=cwd, **env)
        out, err = child.communicate(timeout=60)
        return child.returncode, out, err

    def did(self) -> list[str]:
        return self.diary.read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_start_that_is_ready_asks_nobody(machine: Machine, tmp_path: Path) -> None:
    machine.ready()
    code, out, err = machine.run("lab.exec", "n1", "pcs status", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert out == f"cwd={machine.project} from={tmp_path} args=-m cli lab.exec n1 pcs status\n"
    assert machine.did() == []


def test_through_a_symbolic_link(machine: Machine, tmp_path: Path) -> None:
    machine.ready()
    (tmp_path / "link").symlink_to(machine.project / "inv")
    said = subprocess.run(
        [tmp_path / "link"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert said.stdout.startswith(f"cwd={machine.project} ")


def test_missing_packages_are_named_before_they_are_installed(machine: Machine) -> None:
    machine.has(PACKAGES.replace("mmdebstrap ", "").replace("nftables ", ""))
    code, _, err = machine.run("--list")
    assert code == 0
    assert err.splitlines()[0] == "inv: missing Debian packages: mmdebstrap nftables"
    assert [line.split(" install ")[1] for line in machine.did() if " install " in line] == [
        "mmdebstrap nftables"
    ]
    assert machine.did().count("dpkg-query") == 1


def test_the_second_start_does_nothing_more(machine: Machine) -> None:
    assert machine.run("--list")[0] == 0
    before = machine.did()
    assert any("pip sync" in line and "--require-hashes" in line for line in before)
    assert machine.run("--list")[0] == 0
    assert machine.did() == before


def test_a_changed_lock_file_is_followed(machine: Machine) -> None:
    machine.ready()
    with (machine.project / "requirements.lock").open("a") as lock:
        lock.write("# newer\n")
    assert machine.run("--list")[0] == 0
    assert any("pip sync" in line for line in machine.did())


def test_apt_that_fails_is_said_in_three_lines(machine: Machine) -> None:
    machine.has(PACKAGES.replace("mmdebstrap ", ""))
    code, out, err = machine.run("--list", APT_FAILS="100")
    assert (code, out) == (4, "")
    assert err.splitlines()[2] == "error  the Debian packages could not be installed: mmdebstrap"
    assert [line.split()[0] for line in err.splitlines()[2:]] == ["error", "where", "try"]
    assert not (machine.project / ".venv/.stamp-packages").exists()


def test_without_root_the_environment_is_made_and_the_packages_wait(machine: Machine) -> None:
    machine.has(PACKAGES.replace("mmdebstrap ", ""))
    assert machine.run("lab.plan", FAKE_UID="1000")[0] == 0
    assert not any("apt-get" in line for line in machine.did())
    assert machine.run("lab.up", FAKE_UID="0")[0] == 0
    assert any(line.endswith("install mmdebstrap") for line in machine.did())


def test_two_starts_at_once_build_once(machine: Machine) -> None:
    first = machine.start("--list", SLOW="1")
    while not any("pip sync" in line for line in machine.did()):
        assert first.poll() is None
    second = machine.start("--list")
    assert second.communicate(timeout=60)[1] == "inv: another ./inv is setting up; waiting for it\n"
    first.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (0, 0)
    assert sum("pip sync" in line for line in machine.did()) == 1


def test_machines_bring_their_own_packages_once(machine: Machine) -> None:
    machine.ready()
    assert machine.run("lab.plan")[0] == 0
    assert machine.did() == []
    code, _, err = machine.run("lab.doctor", "--driver=vagrant")
    assert (code, "inv: installing the libraries of requirements-vagrant.lock" in err) == (0, True)
    installed = next(line for line in machine.did() if " install " in line and line.startswith("apt-get"))
    assert "vagrant-libvirt" in installed
    assert any("pip install" in line and "requirements-vagrant.lock" in line for line in machine.did())
    before = machine.did()
    assert machine.run("lab.doctor", "--driver=vagrant")[0] == 0
    assert machine.did() == before
