"""Where everything of a lab lives: three networks, and a last octet for each thing on them.

Every lab may use the same addresses: each lives in a network namespace of its own.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from lab.errors import RefusedError
from lab.plan import NetworkName

NETWORKS: dict[NetworkName, IPv4Network] = {
    "mgmt": IPv4Network("10.66.0.0/24"),
    "control": IPv4Network("10.66.1.0/24"),
    "ring": IPv4Network("10.66.2.0/24"),
}
# Locally administered (02:), "hl" in ASCII.  Fixed, because a bridge without a MAC of its own takes its
# lowest port's, and a power cut would change it.
BRIDGE_MACS: dict[NetworkName, str] = {
    "mgmt": "02:68:6c:00:00:01",
    "control": "02:68:6c:00:00:02",
    "ring": "02:68:6c:00:00:03",
}
# Last octets: 64 nodes end at .74, their BMCs at .174, below the VIPs; index 0 is the quorum device's host.
HOST_OCTET, NODE_OCTET, BMC_OCTET = 1, 10, 110
QNETD = "qnetd"
VIP_OCTETS = {"public": 200, "internal": 201}


def address(network: NetworkName, octet: int) -> IPv4Address:
    """The address with that last octet on one of the lab's networks."""
    return NETWORKS[network].network_address + octet


class VipAddresses(BaseModel):
    """Addresses of the VIPs, where they should not be the usual ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    public: IPv4Address | None = None
    internal: IPv4Address | None = None

    @field_validator("public", "internal", mode="after")
    @classmethod
    def _free_address(cls, address: IPv4Address | None) -> IPv4Address | None:
        if address is not None:
            _check_vip(address)
        return address

    @model_validator(mode="after")
    def _differ(self) -> VipAddresses:
        if self.address("public") == self.address("internal"):
            raise RefusedError(f"Both VIPs have the address {self.address('public')}.",
                               where="internal" if self.internal else "public", remedy="one address each")
        return self

    def address(self, vip: str) -> IPv4Address:
        """The given address of the VIP of that name, or its usual one."""
        given: IPv4Address | None = getattr(self, vip)
        return given or address("control", VIP_OCTETS[vip])


def _check_vip(vip: IPv4Address) -> None:
    """Refuse an address that cannot be a VIP: outside the control network, or somebody's own."""
    control = NETWORKS["control"]
    free = f"{address('control', min(VIP_OCTETS.values()))} to {address('control', 254)} are free"
    if vip not in control:
        raise RefusedError(
            f"The VIP {vip} is outside the control network {control}: no node could hold it, and no client reach it.",
            remedy=f"an address of the control network; {free}",
        )
    octet = int(vip) - int(control.network_address)
    if octet in (0, 255, HOST_OCTET) or NODE_OCTET <= octet < BMC_OCTET:
        raise RefusedError(f"The VIP {vip} is the address of the network, of the host or of a node.", remedy=free)
