"""A machine's own files, brought along in its initrd and unpacked before its first boot.

The kernel unpacks concatenated cpio archives one after the other, so a node's initrd is the
image's plus one small archive with one file, a tar.  A script in the image's initrd
(``provision/nodefiles/halab-seed``) lays that out on the root disk once, before systemd starts:
no loop device, no second disk, and the same files that ``provision.apply`` would push.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lab.node.files import File, archive

_NAME = "halab-seed.tar"
_MAGIC = b"070701"  # cpio "newc", as Documentation/driver-api/early-userspace/buffer-format.rst has it


def write_initrd(base: Path, files: Iterable[File], target: Path) -> None:
    """Write the initrd of one machine: ``base`` and, after it, ``files`` as a tar."""
    draft = target.with_suffix(".new")
    image = base.read_bytes()
    # Each archive starts on four bytes; zeros between two are skipped.
    draft.write_bytes(image + b"\0" * (-len(image) % 4) + _cpio(_NAME, archive(files)))
    draft.chmod(0o600)  # it holds the lab's keys
    draft.replace(target)


def _cpio(name: str, content: bytes) -> bytes:
    return _record(1, 0o100600, name, content) + _record(0, 0, "TRAILER!!!", b"")


def _record(inode: int, mode: int, name: str, content: bytes) -> bytes:
    """One member: magic, 13 fields of 8 hexadecimal digits, name and content each padded to four bytes."""
    raw_name = name.encode() + b"\0"
    fields = (inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(raw_name), 0)
    head = _MAGIC + b"".join(b"%08x" % field for field in fields) + raw_name
    return head + b"\0" * (-len(head) % 4) + content + b"\0" * (-len(content) % 4)
