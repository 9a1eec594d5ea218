"""res.io: the node's disk is kept busy."""

from __future__ import annotations

from collections.abc import Mapping

from chaos.faults.loadbase import SECONDS, LoadFault, grows

_FILE = "/var/tmp/halab-io"
_BLOCK = 1 << 20  # bytes


class ResIo(LoadFault):
    """Writes and flushes without end: commits wait for the disk."""

    name = "res.io"
    summary = "load the node's disk"
    numbers = (SECONDS,)
    parameters = frozenset({"seconds"})

    def script(self, number: Mapping[str, int]) -> str:
        # The file has no name any more while it is written: nothing is left, however this ends.  A write that fails
        # ends it: a loop that only turns is no load on a disk.
        return (f"exec 3>{_FILE}; rm {_FILE}; "
                f"while dd if=/dev/zero of=/proc/self/fd/3 bs={_BLOCK} count=64 conv=fsync status=none; do :; done")

    def felt(self, number: Mapping[str, int]) -> str:
        # The kernel adds a child's to its parent's when it has ended.
        return grows("sed -n 's/^write_bytes: //p' /proc/$one/io", _BLOCK, "bytes written")


FAULT = ResIo()
