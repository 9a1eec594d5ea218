"""res.io: the node's disk is kept busy."""

from __future__ import annotations

from collections.abc import Mapping

from chaos.faults.loadbase import SECONDS, LoadFault

_FILE = "/var/tmp/halab-io"


class ResIo(LoadFault):
    """Writes and flushes without end: commits wait for the disk."""

    name = "res.io"
    summary = "load the node's disk"
    numbers = (SECONDS,)
    parameters = frozenset({"seconds"})

    def script(self, number: Mapping[str, int]) -> str:
        # The file has no name any more while it is written: nothing is left, however this ends.
        return (f"exec 3>{_FILE}; rm {_FILE}; "
                "while :; do dd if=/dev/zero of=/proc/self/fd/3 bs=1M count=64 conv=fsync 2>/dev/null; done")


FAULT = ResIo()
