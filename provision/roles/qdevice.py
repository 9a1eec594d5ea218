"""The quorum device: a vote from a host outside, for even clusters.

Both sides are here: ``corosync-qdevice`` on the members asks, ``corosync-qnetd`` on the host that is
in no cluster answers.  They talk TLS with certificates of the lab's own authority.  Their NSS
databases are made at each start from a PKCS#12 file, which can be seeded and pushed like any other.
"""

from __future__ import annotations

from lab.node.files import File
from lab.plan import Node
from provision.render import nodefile, render
from provision.role import BaseRole, NodeContext, enabled

AUTHORITY = "qnetd"
AUTHORITY_NAME = "QNet CA"
# Names that the two daemons look for, corosync-qdevice-net-certutil(8) and corosync-qnetd-certutil(8).
_SERVER_NAME, _SERVER_NICKNAME, _CLUSTER_NICKNAME = "Qnetd Server", "QNetd Cert", "Cluster Cert"
_FOLDER = "/etc/halab/qnet"
_PROGRAM = "/usr/local/sbin/halab-nssdb"


class Qdevice(BaseRole):
    name = "qdevice"
    packages = ("corosync-qdevice", "corosync-qnetd", "libnss3-tools")
    # Debian makes an authority when the package is installed: every lab of the image would share it.
    image_script = "rm -rf /etc/corosync/qnetd/nssdb\n"

    def applies(self, node: Node) -> bool:
        return True

    def files(self, ctx: NodeContext) -> list[File]:
        if ctx.node == ctx.plan.qnetd:
            return _qnetd(ctx)
        return _qdevice(ctx) if ctx.node.cluster and ctx.cluster.qdevice else []


def _qnetd(ctx: NodeContext) -> list[File]:
    unit = "corosync-qnetd.service"
    return [
        *_certificates(ctx, unit, "qnetd-server", _SERVER_NAME, _SERVER_NICKNAME),
        File("/etc/default/corosync-qnetd", render("corosync-qnetd.j2", node=ctx.node), on_change=(unit,)),
        _drop_in(unit, "/etc/corosync/qnetd/nssdb", "coroqnetd"),
        enabled(unit),
    ]


def _qdevice(ctx: NodeContext) -> list[File]:
    unit = "corosync-qdevice.service"
    # The common name must be totem.cluster_name: qnetd tells clusters apart by it.
    return [
        *_certificates(ctx, unit, f"qdevice-{ctx.cluster.name}", ctx.plan.totem_name(ctx.cluster), _CLUSTER_NICKNAME),
        _drop_in(unit, "/etc/corosync/qdevice/net/nssdb", "root"),
        enabled(unit),
    ]


def _certificates(ctx: NodeContext, unit: str, name: str, common_name: str, nickname: str) -> list[File]:
    secrets = ctx.secrets
    return [
        File(f"{_FOLDER}/ca.pem", secrets.authority(AUTHORITY, AUTHORITY_NAME), on_change=(unit,)),
        File(f"{_FOLDER}/identity.p12", secrets.identity(name, AUTHORITY, AUTHORITY_NAME, common_name, nickname),
             mode=0o600, secret=True, on_change=(unit,)),
        File(f"{_FOLDER}/identity.password", secrets.password(name).encode() + b"\n", mode=0o600, secret=True,
             on_change=(unit,)),
        File(_PROGRAM, nodefile("halab-nssdb"), mode=0o755, on_change=(unit,)),
    ]


def _drop_in(unit: str, database: str, owner: str) -> File:
    text = render("corosync-qnet-unit.conf.j2", program=_PROGRAM, folder=_FOLDER, database=database, owner=owner,
                  authority=AUTHORITY_NAME)
    return File(f"/etc/systemd/system/{unit}.d/halab.conf", text, on_change=(unit,))


ROLE = Qdevice()
