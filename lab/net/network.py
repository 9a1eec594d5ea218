"""The lab's wires: its namespace, three bridges, and a veth pair for each NIC of a node.

Built with ``ip -batch``: one process for a whole node, and the same words that a person
would type (docs/decisions/network.md).
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.errors import HostError
from lab.host.cgroups import MAKING, Cgroup
from lab.host.process import run
from lab.net.namespace import Namespace
from lab.plan import NETWORK_NAMES, NetworkName, Node, Plan

# Guests see the networks in this order on every driver.
GUEST_NICS: dict[NetworkName, str] = {"mgmt": "eth0", "control": "eth1", "ring": "eth2"}
_NETWORK_NUMBER: dict[NetworkName, int] = {"mgmt": 1, "control": 2, "ring": 3}


def host_interface(node: str, network: NetworkName) -> str:
    """The bridge-side end of one NIC; at most 15 characters (``IFNAMSIZ``)."""
    return f"{node}.{network}"


def guest_mac(index: int, network: NetworkName) -> str:
    """Fixed and locally administered, so that an ARP answer names its node."""
    return f"02:68:6c:{_NETWORK_NUMBER[network]:02x}:00:{index:02x}"


def _ip_batch(lines: Sequence[str], namespace: str | None = None) -> None:
    argv = ["ip", *(["-n", namespace] if namespace else []), "-batch", "-"]
    run(argv, input="\n".join(lines) + "\n", timeout=20)


def build(plan: Plan) -> None:
    """Make the lab's namespace and bridges; idempotent."""
    namespace = Namespace(plan.lab)
    if not namespace.exists():
        _add(namespace)
    present = _interfaces(namespace)
    lines = ["link set lo up"]
    for network in plan.networks:
        # A bridge without a MAC of its own takes a port's, and changes it when that port
        # goes: neighbours keep the stale one for seconds.
        if network.bridge not in present:
            lines.append(f"link add {network.bridge} address {network.bridge_mac} type bridge "
                         "forward_delay 0 mcast_snooping 0")
        length = network.cidr.prefixlen
        lines.append(f"address replace {network.host}/{length} dev {network.bridge}")
        if network.name == "mgmt":
            # The BMCs listen here: they stay up when their node is dead.
            lines += [f"address replace {node.bmc}/{length} dev {network.bridge}" for node in plan.nodes]
        lines.append(f"link set {network.bridge} up")
    with namespace.inside():
        _disable_ipv6()
    _ip_batch(lines, namespace.name)


def _add(namespace: Namespace) -> None:
    Cgroup(namespace.lab, MAKING).run(["ip", "netns", "add", namespace.name], timeout=10)


def plug(plan: Plan, node: Node) -> Namespace:
    """A fresh namespace for one life of a node, with its three NICs on the bridges."""
    unplug(plan.lab, node.name)
    guest = Namespace(plan.lab, node.name)
    _add(guest)
    lines = []
    for network in NETWORK_NAMES:
        host = host_interface(node.name, network)
        lines.append(f"link add {host} type veth peer name {GUEST_NICS[network]} "
                     f"address {guest_mac(node.index, network)} netns {guest.name}")
        lines.append(f"link set {host} master {plan.network(network).bridge} up")
    _ip_batch(lines, Namespace(plan.lab).name)
    return guest


def cut(lab: str, node: str) -> None:
    """Pull all cables of a node at once, before it can say goodbye to anybody."""
    namespace = Namespace(lab)
    if not namespace.exists():
        return
    present = _interfaces(namespace)
    wires = [host_interface(node, network) for network in NETWORK_NAMES]
    if lines := [f"link set {wire} down" for wire in wires if wire in present]:
        _ip_batch(lines, namespace.name)


def mute(plan: Plan, node: str, silent: bool) -> None:
    """Let no frame of a node pass, or let them pass again, without its noticing: carrier stays.

    A suspended machine answers nothing, but the kernel of a frozen container would still answer
    ARP and acknowledge TCP for its frozen processes.  So its ports leave their bridges (setting a
    port's state does not hold: a bridge without STP makes it forward again).
    """
    namespace = Namespace(plan.lab)
    present = _interfaces(namespace)
    wires = {host_interface(node, network): plan.network(network).bridge for network in NETWORK_NAMES}
    lines = [f"link set {wire} " + ("nomaster" if silent else f"master {bridge}")
             for wire, bridge in wires.items() if wire in present]
    if lines:
        _ip_batch(lines, namespace.name)


def unplug(lab: str, node: str) -> None:
    """Remove a node's NICs and namespace; idempotent."""
    namespace = Namespace(lab)
    if namespace.exists():
        present = _interfaces(namespace)
        wires = [host_interface(node, network) for network in NETWORK_NAMES]
        if lines := [f"link delete {wire}" for wire in wires if wire in present]:
            _ip_batch(lines, namespace.name)
    delete_namespace(Namespace(lab, node))


def delete_namespace(namespace: Namespace) -> None:
    if namespace.exists():
        run(["ip", "netns", "delete", namespace.name], timeout=10)


def namespaces_of(lab: str) -> list[Namespace]:
    """Every namespace that carries the lab's name, nodes first and the lab's own last."""
    own = Namespace(lab)
    folder = own.path.parent
    nodes = sorted(path.name for path in folder.glob(f"{own.name}.*")) if folder.is_dir() else []
    found = [Namespace(lab, name.removeprefix(own.name + ".")) for name in nodes]
    return [*found, own] if own.exists() else found


def _interfaces(namespace: Namespace) -> set[str]:
    # /proc/net is per network namespace of the reading thread.
    with namespace.inside(), open("/proc/thread-self/net/dev") as table:  # noqa: PTH123 - a virtual file
        return {line.split(":", 1)[0].strip() for line in table.readlines()[2:]}


def _disable_ipv6() -> None:
    """The lab is IPv4: without this every new link spends its first seconds on address detection."""
    for scope in ("all", "default"):
        try:
            with open(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6", "w") as knob:  # noqa: PTH123
                knob.write("1")
        except FileNotFoundError:
            return  # a kernel without IPv6
        except OSError as error:
            raise HostError("cannot switch IPv6 off in the lab's namespace", where=str(error),
                            remedy="./inv lab.doctor tries what this kernel allows") from error
