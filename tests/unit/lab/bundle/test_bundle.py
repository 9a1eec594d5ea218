"""A bundle holds what a study needs, and no secret in any form in which a daemon writes one."""

from __future__ import annotations

import base64
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from lab import interrupt
from lab.bundle import bundle
from lab.bundle.redact import Redactor
from lab.errors import HostError, InterruptedByUser, NodeError, RefusedError
from lab.lab import Lab
from lab.node.shell import Completed
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state import write_atomically
from lab.state.events import EventLog
from lab.state.home import LabPaths, home
from lab.state.secrets import Secrets
from provision.apply import node_files


class TalkativeShell:
    """Every command answers with all the secrets of the lab, as daemons and careless people write them."""

    def __init__(self, text: str, dead: str) -> None:
        self.text, self.dead = text, dead

    def run(self, node: str, command: str, **_: Any) -> Completed:
        if node == self.dead:
            raise NodeError(f"{node} cannot be reached")
        return Completed(f"answer of {node} to {command}\n{self.text}", self.text, 0)

    def on_all(self, nodes: Any, command: str, **_: Any) -> dict[str, Completed]:
        return {node: self.run(node, command) for node in nodes}

    def close(self) -> None: ...


def every_secret(lab: Lab) -> dict[str, bytes]:
    """All that the roles and the drivers have made, found by rendering every node and then reading the folder."""
    for node in lab.plan.nodes:
        node_files(lab.plan, node, lab.secrets)
    lab.secrets.password("galera-probe")  # made when the cluster converges
    return {path.name: path.read_bytes() for path in lab.paths.secrets.iterdir()}


def written(secrets: dict[str, bytes]) -> str:
    """Each secret as a daemon's configuration, dump or command line may hold it."""
    lines = []
    for secret in secrets.values():
        lines += [secret.hex(), secret.hex().upper(), base64.b64encode(secret).decode(),
                  base64.urlsafe_b64encode(secret).decode()]
        if secret.isascii():
            word = secret.decode().strip()
            lines += [word, f"prefix{word}suffix", f'<nvpair id="x" name="password" value="{word}"/>',
                      f"-P '{word}'", f"IDENTIFIED BY '{word}';", f"stats auth admin:{word}", word.replace("\n", " ")]
    return "\n".join(lines) + "\n"


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    plan = make_plan(topology_from_options(name="fake", driver="fake", nodes="4", qdevice=True))
    paths = LabPaths.of("fake")
    write_atomically(paths.plan, plan.model_dump_json())
    lab = Lab(plan, paths, EventLog(paths.events))
    for node in plan.hosts:
        lab.driver.power.on(node.name)
    lab.driver.power.off("n3")
    text = written(every_secret(lab))
    lab.__dict__["shell"] = TalkativeShell(text, "n3")
    lab.events.emit("note", "n1", text=text)
    for name in ("../../debug-20260101-000000-7.log", "topology.yml", "bmc/service.log", "nodes/n3/console.log"):
        (paths.root / name).parent.mkdir(parents=True, exist_ok=True)
        (paths.root / name).write_text(text)
    for name in ("20260101T000000Z-first", "20260102T000000Z-second"):
        (paths.runs / name).mkdir(parents=True)
        (paths.runs / name / "facts.json").write_text(text)
    monkeypatch.setattr(Lab, "open", classmethod(lambda cls, name: lab))
    return lab


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        assert all(member.isfile() and member.mode == 0o600 for member in tar)
        return {member.name.removeprefix("bundle/"): tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def test_no_secret_in_any_form(lab: Lab) -> None:
    secrets = every_secret(lab)
    assert {"bmc.password", "rabbitmq-probe.password", "galera-probe.password", "erlang.key", "root.ssh", "host.ssh",
            "authkey-controllers.key"} <= set(secrets)
    result = bundle("fake", "all")
    assert result.path.stat().st_mode & 0o777 == 0o600
    found = members(result.path)
    assert result.files == len(found) > 40
    for name, content in found.items():
        for secret, value in secrets.items():
            bare = value.strip()
            hexed, coded = bare.hex().encode(), base64.b64encode(bare).rstrip(b"=")
            for form in (value, bare, hexed, hexed.upper(), coded, base64.urlsafe_b64encode(bare).rstrip(b"=")):
                assert form not in content, f"{secret} is in {name}"
            if bare.startswith(b"-----"):
                assert bare.splitlines()[2] not in content, f"{secret} is in {name}"


def test_what_is_in_it(lab: Lab) -> None:
    result = bundle("fake")
    found = members(result.path)
    assert {"README.txt", "missing.txt", "lab/plan.json", "lab/events.jsonl", "status.json",
            "host/os-release", "nodes/n1/journal.txt", "nodes/n1/outputs/cib.xml", "nodes/n1/outputs/crm_mon.txt",
            "nodes/n1/outputs/haproxy-stat.csv", "nodes/n2/outputs/rabbitmq-members.txt", "nodes/n3/console.log",
            "nodes/n1/configs/etc/corosync/corosync.conf", "nodes/n1/configs/etc/haproxy/haproxy.cfg",
            "nodes/n1/versions.json", "debug/debug-20260101-000000-7.log",
            "nodes/qnetd/journal.txt", "nodes/qnetd/outputs/corosync-qnetd.txt",
            "runs/20260102T000000Z-second/facts.json"} <= set(found)
    # The host of the quorum device is in no cluster: what only a member can answer is not asked there.
    assert not [name for name in found if name.startswith("nodes/qnetd/outputs/crm")]
    # Whole files of secrets are not even read, and the dead node was not asked.
    assert not [name for name in found if "authkey" in name or "cookie" in name or "ssh_host" in name]
    assert not [name for name in found if name.startswith("nodes/n3/outputs")]
    assert "nodes/n3: n3 is off: nothing could be asked there" in result.missing
    assert json.loads(found["lab/plan.json"])["lab"] == "fake"
    assert b"answer of n1 to cibadmin --query" in found["nodes/n1/outputs/cib.xml"]
    assert result.path.parent.name == "bundles" and result.path.name.startswith("fake-")
    assert [path.name for path in result.path.parent.iterdir()] == [result.path.name]


def test_which_runs(lab: Lab, tmp_path: Path) -> None:
    assert bundle("fake", "none", tmp_path / "a.tar.gz").runs == ()
    assert bundle("fake", "20260101T000000Z-first", tmp_path / "b.tar.gz").runs == ("20260101T000000Z-first",)
    with pytest.raises(RefusedError, match="There is no run 'lst'") as refused:
        bundle("fake", "lst")
    assert "did you mean last" in refused.value.remedy


def test_an_output_that_cannot_be_written(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(HostError, match="could not be written"):
        bundle("fake", output=tmp_path / "no" / "folder.tar.gz")


def test_ctrl_c_is_no_trouble_with_the_archive_and_leaves_none(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(where: str = "") -> None:
        raise InterruptedByUser("stopped on request")

    monkeypatch.setattr(interrupt, "check", stopped)
    with pytest.raises(InterruptedByUser):
        bundle("fake")
    assert list((home() / "bundles").iterdir()) == []


LOOKS = {
    '<nvpair id="a" name="passwd" value="hunter22"/>': '<nvpair id="a" name="passwd" value="[X]"/>',
    '<nvpair name="password_script" value="/sbin/x"/>': '<nvpair name="password_script" value="/sbin/x"/>',
    "CREATE USER 'x'@'%' IDENTIFIED BY 'hunter22';": "CREATE USER 'x'@'%' IDENTIFIED BY '[X]';",
    "*6BB4837EB74329105EE4568DDA7DC67ED2CA2AD9": "[X]",
    "    stats auth admin:hunter22": "    stats auth admin:[X]",
    "  user joe insecure-password hunter22": "  user joe insecure-password [X]",
    "wsrep_sst_auth = sst:hunter22": "wsrep_sst_auth = sst:[X]",
    "amqp://joe:hunter22@n1:5672/": "amqp://joe:[X]@n1:5672/",
    '"password_hash": "hunter22",': '"password_hash": "[X]",',
    "password=hunter22": "password=[X]",
    "connection = mysql+pymysql://nova:hunter22@10.0.0.1/nova": "connection = mysql+pymysql://nova:[X]@10.0.0.1/nova",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----":
        "-----BEGIN RSA PRIVATE KEY-----[X]-----END RSA PRIVATE KEY-----",
    "ipmitool -I lanplus -H n -U halab -P hunter22 power": "ipmitool -I lanplus -H n -U halab -P [X] power",
    # What is no secret stays readable.
    "sshd: Accepted publickey for root": "sshd: Accepted publickey for root",
    "PasswordAuthentication no": "PasswordAuthentication no",
    "--password-script=/usr/local/sbin/halab-bmc-password": "--password-script=/usr/local/sbin/halab-bmc-password",
    "token: 1000": "token: 1000",
}


@pytest.mark.parametrize("line", LOOKS)
def test_what_looks_like_a_secret_goes(line: str, tmp_path: Path) -> None:
    assert Redactor(tmp_path / "none").text(line).replace("[removed by lab.bundle]", "[X]") == LOOKS[line]


def test_a_binary_key_goes_from_a_binary_file(tmp_path: Path) -> None:
    key = Secrets(tmp_path / "secrets").key("authkey-x", 256)
    assert key not in Redactor(tmp_path / "secrets").data(b"\x00\xff" + key + b"\xfe")
    assert Redactor(tmp_path / "secrets").data(b"\x00\xff\xfe") == b"\x00\xff\xfe"
