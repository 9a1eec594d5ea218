"""The machines of one lab in libvirt: what is done to them once Vagrant has made them.

libvirt's own error texts are kept; they say what libvirt could not do, and for which machine.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from xml.etree import ElementTree

import libvirt

from lab.drivers.base import PowerState
from lab.errors import HostError, NotFoundError

_T = TypeVar("_T")
# libvirt's states (virDomainState): whatever is neither paused nor off has a running processor.
_OFF = frozenset({libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_CRASHED, libvirt.VIR_DOMAIN_NOSTATE})
_WRITES, _BURST = libvirt.VIR_DOMAIN_BLOCK_IOTUNE_WRITE_IOPS_SEC, libvirt.VIR_DOMAIN_BLOCK_IOTUNE_WRITE_IOPS_SEC_MAX
_PAUSED = frozenset({libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PMSUSPENDED})

# Errors reach the caller as exceptions; libvirt would also print them.
libvirt.registerErrorHandler(lambda context, error: None, None)


def prefix_of(lab: str) -> str:
    """What stands before the name of everything that the lab has in libvirt; it is how they are told apart."""
    return f"halab.{lab}."


def power_of(state: int) -> PowerState:
    """The power of a domain in this libvirt state (virDomainState)."""
    if state in _OFF:
        return PowerState.OFF
    return PowerState.SUSPENDED if state in _PAUSED else PowerState.ON


def pool_of(lab: str) -> str:
    """The storage pool of the lab's disks."""
    return prefix_of(lab) + "disks"


class Machines:
    """Domains named ``halab.<lab>.<node>`` behind one URI; safe to use from many threads and after a fork."""

    def __init__(self, lab: str, uri: str) -> None:
        self._lab = lab
        self._uri = uri
        self._open: list[tuple[int, Any]] = []  # by process, newest last
        self._lock = threading.Lock()

    @property
    def prefix(self) -> str:
        """What stands before a node's name in the name of its domain."""
        return prefix_of(self._lab)

    def names(self) -> list[str]:
        """Every node that has a domain, running or not."""
        with self._errors("cannot list the machines"):
            found = [str(domain.name()) for domain in self._connection().listAllDomains()]
        return sorted(name.removeprefix(self.prefix) for name in found if name.startswith(self.prefix))

    def state(self, node: str) -> PowerState:
        """The power of ``node``; a machine that does not exist is off."""
        domain = self._find(node)
        if domain is None:
            return PowerState.OFF
        with self._errors(f"cannot ask for the power of {node}"):
            return power_of(domain.state()[0])

    def start(self, node: str) -> None:
        self._do("power on", node, lambda domain: domain.create())

    def kill(self, node: str) -> None:
        """End the machine's process at once; nothing is told to the guest."""
        self._do("power off", node, lambda domain: domain.destroy())

    def suspend(self, node: str) -> None:
        self._do("suspend", node, lambda domain: domain.suspend())

    def resume(self, node: str) -> None:
        self._do("resume", node, lambda domain: domain.resume())

    def throttle(self, node: str, writes: int) -> None:
        """Let the machine's disk do so many writes a second, 0 for as many as it can; nothing for one that is off."""
        if self.state(node) is not PowerState.OFF:
            self._do("throttle", node, lambda domain: domain.setBlockIoTune(
                _disk_of(domain), {_WRITES: writes, _BURST: writes}, libvirt.VIR_DOMAIN_AFFECT_LIVE))

    def throttled(self, node: str) -> int:
        """The limit that holds now, 0 for none."""
        if self.state(node) is PowerState.OFF:
            return 0
        return int(self._do("examine", node, lambda domain: domain.blockIoTune(
            _disk_of(domain), libvirt.VIR_DOMAIN_AFFECT_LIVE)[_WRITES]))

    def disks(self, node: str) -> list[str]:
        """The files behind the machine's disks."""
        return disk_files(self._do("examine", node, lambda domain: domain.XMLDesc()))

    def keep(self, node: str, snapshot: str) -> None:
        """Save memory, devices and disk of a suspended machine under that name, in its own disk image."""
        self._do("save", node, lambda domain: domain.snapshotCreateXML(snapshot_xml(snapshot)))

    def keeps(self, node: str, snapshot: str) -> bool:
        """Whether the machine has a snapshot of that name."""
        domain = self._find(node)
        if domain is None:
            return False
        with self._errors(f"cannot list the snapshots of {node}"):
            return snapshot in [one.getName() for one in domain.listAllSnapshots()]

    def put_back(self, node: str, snapshot: str) -> None:
        """Make the machine what it was; suspended when this returns, whether it was on, off or suspended."""
        self._do("restore", node, lambda domain: domain.revertToSnapshot(
            domain.snapshotLookupByName(snapshot), libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED))

    def unkeep(self, node: str, snapshot: str) -> None:
        """Forget a snapshot; idempotent."""
        if self.keeps(node, snapshot):
            self._do("forget a snapshot of", node, lambda domain: domain.snapshotLookupByName(snapshot).delete())

    def forget(self, node: str) -> None:
        """Remove the machine with its disk and snapshots, also a disk that has no machine yet; idempotent."""
        self._forget_domain(node)
        try:
            pool = self._connection().storagePoolLookupByName(pool_of(self._lab))
            pool.storageVolLookupByName(f"{self.prefix}{node}.img").delete()
        except libvirt.libvirtError as error:
            if error.get_error_code() not in (libvirt.VIR_ERR_NO_STORAGE_POOL, libvirt.VIR_ERR_NO_STORAGE_VOL):
                raise self._error(f"cannot remove the disk of {node}", error) from error

    def _forget_domain(self, node: str) -> None:
        domain = self._find(node)
        if domain is None:
            return
        if self.state(node) is not PowerState.OFF:
            self.kill(node)
        disks = disk_files(domain.XMLDesc())
        flags = libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA | libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
        self._do("remove", node, lambda found: found.undefineFlags(flags))
        for path in disks:
            self._remove_volume(path)

    def set_up(self, folder: str, networks: dict[str, str]) -> None:
        """Make the disk pool at ``folder`` and one libvirt network for each bridge; idempotent.

        ``networks`` maps the network's name to the bridge, which exists already: libvirt only
        plugs machines into it.
        """
        connection = self._connection()
        with self._errors("cannot set up libvirt's disk pool"):
            name = pool_of(self._lab)
            if name not in [pool.name() for pool in connection.listAllStoragePools()]:
                connection.storagePoolDefineXML(pool_xml(name, folder))
            pool = connection.storagePoolLookupByName(name)
            if not pool.isActive():
                pool.create()
        with self._errors("cannot set up libvirt's networks"):
            present = [network.name() for network in connection.listAllNetworks()]
            for label, bridge in networks.items():
                if label not in present:
                    connection.networkDefineXML(network_xml(label, bridge))
                network = connection.networkLookupByName(label)
                if not network.isActive():
                    network.create()

    def _remove_volume(self, path: str) -> None:
        try:
            self._connection().storageVolLookupByPath(path).delete()
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_STORAGE_VOL:
                raise HostError("cannot remove a machine's disk", where=f"{path}: {error}",
                                remedy=f"./inv lab.down --name={self._lab} removes all of the lab") from error

    def _find(self, node: str) -> Any | None:
        try:
            return self._connection().lookupByName(self.prefix + node)
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                return None
            raise self._error(f"cannot look for the machine of {node}", error) from error

    def _do(self, verb: str, node: str, action: Callable[[Any], _T]) -> _T:
        domain = self._find(node)
        if domain is None:
            raise NotFoundError(f"cannot {verb} {node}: it has no machine", where=f"libvirt domain {self.prefix}{node}",
                                remedy=f"./inv lab.down --name={self._lab}, then ./inv lab.up --name={self._lab}")
        with self._errors(f"cannot {verb} {node}"):
            return action(domain)

    def _connection(self) -> Any:
        with self._lock:
            # A connection does not survive a fork, and the BMC service forks for each node.  The parent's is
            # kept all the same: to drop it here would close it for the parent too.
            if self._open and self._open[-1][0] == os.getpid() and _answers(self._open[-1][1]):
                return self._open[-1][1]
            with self._errors("cannot reach the lab's libvirtd"):
                connection = libvirt.open(self._uri)
            self._open.append((os.getpid(), connection))
            return connection

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except libvirt.libvirtError as error:
            raise self._error(what, error) from error

    def _error(self, what: str, error: libvirt.libvirtError) -> HostError:
        return HostError(what, where=str(error), remedy=f"./inv lab.up --name={self._lab} starts libvirtd again")


def snapshot_xml(name: str) -> str:
    snapshot = ElementTree.Element("domainsnapshot")
    ElementTree.SubElement(snapshot, "name").text = name
    return ElementTree.tostring(snapshot, encoding="unicode")


def _answers(connection: Any) -> bool:
    """Whether a libvirtd is behind it still: one that was started again answers on a new connection only."""
    try:
        # A round trip: isAlive() alone learns of the daemon's death from the first call that fails.
        return bool(connection.isAlive() and connection.getLibVersion())
    except libvirt.libvirtError:
        return False


def pool_xml(name: str, folder: str) -> str:
    pool = ElementTree.Element("pool", type="dir")
    ElementTree.SubElement(pool, "name").text = name
    target = ElementTree.SubElement(pool, "target")
    ElementTree.SubElement(target, "path").text = folder
    return ElementTree.tostring(pool, encoding="unicode")


def network_xml(name: str, bridge: str) -> str:
    network = ElementTree.Element("network")
    ElementTree.SubElement(network, "name").text = name
    ElementTree.SubElement(network, "forward", mode="bridge")
    ElementTree.SubElement(network, "bridge", name=bridge)
    return ElementTree.tostring(network, encoding="unicode")


def _disk_of(domain: Any) -> str:
    """The machine's name for its first disk, such as vda."""
    disk = ElementTree.fromstring(domain.XMLDesc()).find("devices/disk[@device='disk']/target")
    if disk is None:
        lab = str(domain.name()).split(".")[1]
        raise HostError("the machine has no disk", where=f"libvirt domain {domain.name()}",
                        remedy=f"./inv lab.down --name={lab}, then ./inv lab.up --name={lab}")
    return disk.attrib["dev"]


def disk_files(domain: str) -> list[str]:
    """The files behind the disks of a domain, from its XML; not those behind them in turn."""
    tree = ElementTree.fromstring(domain)
    sources = tree.iterfind("devices/disk[@device='disk']/source")
    return [source.attrib["file"] for source in sources if "file" in source.attrib]
