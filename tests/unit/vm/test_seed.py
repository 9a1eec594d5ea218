"""The files that a machine finds on its disk at first boot, as its kernel and its tar will read them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from lab.node.files import File
from lab.vm.seed import write_initrd

FILES = [
    File("/etc/hostname", b"n1\n"),
    File("/etc/corosync/authkey", b"\0\1\2", mode=0o400, secret=True),
    File("/var/lib/mysql/gvwstate.dat", b"view", mode=0o660, owner="mysql", group="mysql"),
    File("/etc/systemd/system/multi-user.target.wants/ssh.service", link="/lib/systemd/system/ssh.service"),
]


def members(archive: bytes) -> dict[str, tuple[int, bytes]]:
    """Mode and content of each member of a newc archive, read by the format's own words."""
    found, at = {}, 0
    while True:
        assert archive[at:at + 6] == b"070701"
        fields = [int(archive[at + 6 + 8 * n:at + 14 + 8 * n], 16) for n in range(13)]
        name_at = at + 110
        name = archive[name_at:name_at + fields[11] - 1].decode()
        content_at = -(-(name_at + fields[11]) // 4) * 4
        content = archive[content_at:content_at + fields[6]]
        at = -(-(content_at + fields[6]) // 4) * 4
        if name == "TRAILER!!!":
            assert archive[at:] == b""
            return found
        found[name] = fields[1], content


def test_the_initrd_is_the_images_and_one_more_archive(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.write_bytes(b"compressed, of odd length")
    write_initrd(base, FILES, tmp_path / "initrd.img")
    made = (tmp_path / "initrd.img").read_bytes()
    start = -(-len(base.read_bytes()) // 4) * 4
    assert made.startswith(base.read_bytes())
    assert made[len(base.read_bytes()):start] == b"\0" * (start - len(base.read_bytes()))
    mode, content = members(made[start:])["halab-seed.tar"]
    assert mode == 0o100600
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        known = {member.name: member for member in tar}
        assert known["etc/corosync/authkey"].mode == 0o400
        assert known["var/lib/mysql/gvwstate.dat"].uname == "mysql"
        link = known["etc/systemd/system/multi-user.target.wants/ssh.service"]
        assert (link.issym(), link.linkname) == (True, "/lib/systemd/system/ssh.service")
        body = tar.extractfile("etc/hostname")
        assert body is not None
        assert body.read() == b"n1\n"


def test_nobody_else_may_read_the_keys_in_it(tmp_path: Path) -> None:
    (tmp_path / "base").write_bytes(b"1234")
    write_initrd(tmp_path / "base", FILES, tmp_path / "initrd.img")
    assert (tmp_path / "initrd.img").stat().st_mode & 0o077 == 0
