"""The ground that every node stands on: addresses, names, kernel settings, SSH."""

from __future__ import annotations

from lab.net.network import GUEST_NICS
from lab.node.files import File
from lab.plan import Node
from provision.render import nodefile, render
from provision.role import BaseRole, NodeContext, enabled, enabled_local


class Base(BaseRole):
    name = "base"
    packages = ("systemd", "systemd-sysv", "dbus", "openssh-server", "iproute2", "iputils-ping", "nftables",
                "procps", "kmod", "less", "python3", "socat", "rsync", "netbase")
    # Everything that Debian enables at install time is off; a node starts what its plan enables.
    image_script = """
rm -f /etc/systemd/system/*.wants/*
for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer dpkg-db-backup.timer \\
    man-db.timer systemd-pstore.service getty@tty1.service console-getty.service systemd-logind.service \\
    systemd-networkd.service systemd-resolved.service systemd-timesyncd.service systemd-update-utmp.service \\
    systemd-update-utmp-runlevel.service systemd-random-seed.service systemd-journal-flush.service; do
  ln -sf /dev/null "/etc/systemd/system/$unit"
done
rm -f /etc/ssh/ssh_host_* /etc/machine-id /etc/hostname
: > /etc/machine-id
rm -rf /var/cache/apt /var/lib/apt/lists /var/log/apt
mkdir -p /var/cache/apt /var/lib/apt/lists/partial
"""

    def applies(self, node: Node) -> bool:
        return True

    def files(self, ctx: NodeContext) -> list[File]:
        plan, node, secrets = ctx.plan, ctx.node, ctx.secrets
        nics = [(GUEST_NICS[network.name], f"{node.address(network.name)}/{network.cidr.prefixlen}", network.name)
                for network in plan.networks]
        return [
            File("/etc/hostname", f"{node.name}\n".encode()),
            # The own cluster only: another cluster that grows must change nothing here (R9).
            File("/etc/hosts", render("hosts.j2", nodes=_neighbours(ctx), vips=plan.vips), on_change=()),
            File("/etc/halab/network", render("network.j2", nics=nics), on_change=("halab-network.service",)),
            File("/usr/local/sbin/halab-network", nodefile("halab-network"), mode=0o755),
            File("/etc/systemd/system/halab-network.service", nodefile("halab-network.service")),
            enabled_local("halab-network.service"),
            File("/etc/sysctl.d/60-halab.conf", render("sysctl.conf.j2"), on_change=("systemd-sysctl.service",)),
            File("/etc/systemd/journald.conf.d/halab.conf", nodefile("journald.conf")),
            File("/etc/ssh/sshd_config.d/halab.conf", render("sshd.conf.j2", node=node),
                 on_change=("reload:ssh.service",)),
            File("/etc/ssh/ssh_host_ed25519_key", secrets.ssh_private("host"), mode=0o600, secret=True),
            File("/root/.ssh/authorized_keys", f"{secrets.ssh_public('root')} halab\n".encode(), mode=0o600),
            enabled("ssh.service"),
            *_patience(plan.profile.patience),
        ]


def _neighbours(ctx: NodeContext) -> list[Node]:
    """The nodes whose names a node must know: of its own cluster, and the quorum device's host."""
    if not ctx.node.cluster:
        return [ctx.node]
    qnetd = ctx.plan.qnetd if ctx.cluster.qdevice else None
    return [*ctx.members, *([qnetd] if qnetd else [])]


def _patience(factor: float) -> list[File]:
    """Longer start and stop timeouts of all units, on nodes that are slow; systemd's own are 90 s."""
    if factor == 1:
        return []
    seconds = int(90 * factor)
    text = f"[Manager]\nDefaultTimeoutStartSec={seconds}\nDefaultTimeoutStopSec={seconds}\n"
    return [File("/etc/systemd/system.conf.d/halab.conf", text.encode())]


ROLE = Base()
