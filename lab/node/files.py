"""A file that belongs on a node: the one currency of seeding, pushing and diffing."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class File:
    """One file as it must be on a node's disk.

    ``path`` is absolute; ``owner`` and ``group`` are names in the node's own passwd.
    ``on_change`` names the systemd units to restart (``reload:unit`` to reload) when the
    content changes on a running node.  A ``secret`` never reaches a log, diff or report.
    A symlink has ``link`` set and no content.
    ``initial`` marks a file that is only laid down when the node is made: the service owns
    it afterwards, so it is neither pushed again nor compared.
    """

    path: str
    content: bytes = field(repr=False, default=b"")
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"
    secret: bool = False
    link: str | None = None
    initial: bool = False
    on_change: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """sha256 of the content, or of the link's target."""
        return hashlib.sha256(self.link.encode() if self.link is not None else self.content).hexdigest()


def archive(files: Iterable[File]) -> bytes:
    """``files`` as one tar below ``/``, owners by name: the node's own tables resolve them."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for file in files:
            member = tarfile.TarInfo(file.path.lstrip("/"))
            member.mode, member.uname, member.gname = file.mode, file.owner, file.group
            if file.link is not None:
                member.type, member.linkname = tarfile.SYMTYPE, file.link
                tar.addfile(member)
            else:
                member.size = len(file.content)
                tar.addfile(member, io.BytesIO(file.content))
    return buffer.getvalue()
