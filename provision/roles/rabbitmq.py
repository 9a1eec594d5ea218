"""RabbitMQ in one of its two models, which are never mixed.

``systemd``: peer discovery from a list, quorum queues, pause_minority; every broker starts by itself (with
``pacemaker: full`` the unit is a cluster resource).  ``pacemaker``: the agent ``ocf:heartbeat:rabbitmq-cluster``
forms the cluster, mirrored queues, partitions are left to fencing.
"""

from __future__ import annotations

import base64
import hashlib
import json

from lab.node.files import File
from lab.plan import Node
from provision.render import nodefile, render
from provision.role import BaseRole, NodeContext, enabled, enabled_local

PROBE_USER = "halab_probe"
# Written into the image, without the suffix .boot; a box of one's own may not have it.
BOOT_FILE = "/usr/lib/rabbitmq/halab"
_WATCH = "halab-broker-watch"
_SETTLE = 15  # seconds until a partition on record is one that stays


class Rabbitmq(BaseRole):
    name = "rabbitmq"
    packages = ("rabbitmq-server",)
    # The Erlang code server looks for each module in every plugin's folder: with the plugins that
    # nobody enables out of the way a node starts in half the time (recipes: 4.9 -> 2.5 s).
    # Loaded together from known places, the rest takes half again (3.6 -> 2.0 s, 2.9 -> 1.5 s of processor).
    # Debian's own epmd socket listens on every address; the broker starts one on its own address.
    image_script = "ln -sf /dev/null /etc/systemd/system/epmd.socket\n" \
        "ln -sf /dev/null /etc/systemd/system/epmd.service\n" + nodefile("trim-rabbitmq-plugins.sh").decode() \
        + f"cat > {BOOT_FILE}.escript <<'END'\n" + nodefile("rabbitmq-boot-file.escript").decode() \
        + f"END\nescript {BOOT_FILE}.escript {BOOT_FILE}\n"

    def applies(self, node: Node) -> bool:
        return "rabbitmq" in node.services

    def files(self, ctx: NodeContext) -> list[File]:
        members = ctx.plan.running("rabbitmq")
        cookie = ctx.secrets.key("erlang", 24).hex()
        # A broker that the agent runs is no unit: it restarts by an operator's decision.
        by_agent = ctx.plan.rabbitmq == "pacemaker"
        restart = () if by_agent else ("rabbitmq-server.service",)
        unit = [] if ctx.plan.in_pacemaker("rabbitmq") else [
            File("/etc/systemd/system/rabbitmq-server.service.d/halab.conf", render(
                "rabbitmq-server.conf.j2", members=members,
                start_within=_start_within(len(members), ctx.plan.profile.patience))),
            File("/usr/local/sbin/halab-broker-majority", nodefile("halab-broker-majority"), mode=0o755),
            enabled("rabbitmq-server.service"),
        ]
        watch = [] if by_agent else [
            File(f"/etc/systemd/system/{_WATCH}.service", render(
                f"{_WATCH}.service.j2", members=members, settle=int(_SETTLE * ctx.plan.profile.patience),
                start_within=_again_within(len(members), ctx.plan.profile.patience)),
                on_change=(f"{_WATCH}.service",)),
            File(f"/usr/local/sbin/{_WATCH}", nodefile(_WATCH), mode=0o755, on_change=(f"{_WATCH}.service",)),
            enabled_local(f"{_WATCH}.service"),
        ]
        return [
            File("/etc/rabbitmq/rabbitmq.conf", render(
                "rabbitmq.conf.j2", node=ctx.node, members=members, by_agent=by_agent,
                timers=ctx.plan.profile.rabbitmq,
                tables_within=_tables_within(len(members), ctx.plan.profile.patience)), on_change=restart),
            File("/etc/rabbitmq/advanced.config", render(
                "rabbitmq-advanced.config.j2", timers=ctx.plan.profile.rabbitmq), on_change=restart),
            File("/etc/rabbitmq/rabbitmq-env.conf", render("rabbitmq-env.conf.j2", node=ctx.node, boot_file=BOOT_FILE),
                 on_change=restart),
            File("/etc/rabbitmq/definitions.json",
                 _definitions(ctx.secrets.password("rabbitmq-probe"), mirrored=ctx.plan.queues == "mirrored"),
                 mode=0o640, owner="root", group="rabbitmq", secret=True, on_change=restart),
            File("/var/lib/rabbitmq/.erlang.cookie", cookie.encode(), mode=0o400, secret=True,
                 on_change=restart, owner="rabbitmq", group="rabbitmq"),
            *unit,
            *watch,
        ]


def _start_within(members: int, patience: float) -> int:
    """Seconds for a boot: systemd's own 90 for three brokers, and more where more of them boot on the same cores."""
    return int(max(90, 30 * members) * patience)


def _again_within(members: int, patience: float) -> int:
    """Seconds for a broker that was paused to start again in place, beside one that is all it waits for."""
    return int(max(30, 10 * members) * patience)


def _tables_within(members: int, patience: float) -> int:
    """Seconds for a cluster's tables to come over: below one for three brokers, longer where more share the host."""
    return int(max(9, 3 * members) * patience)


def _definitions(password: str, *, mirrored: bool = False) -> bytes:
    """Virtual host, probe user and the policy of mirrored queues, loaded at boot: no rabbitmqctl call is needed.

    The hash is RabbitMQ's own form: base64(salt + sha256(salt + password)), salt of 4 bytes.
    """
    # A salt from the password, so that the same lab always renders the same file.
    salt = hashlib.sha256(b"halab salt" + password.encode()).digest()[:4]
    digest = base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
    body: dict[str, object] = {
        "vhosts": [{"name": "/"}],
        "users": [{"name": PROBE_USER, "password_hash": digest, "tags": "",
                   "hashing_algorithm": "rabbit_password_hashing_sha256"}],
        "permissions": [{"user": PROBE_USER, "vhost": "/", "configure": "^halab\\..*", "write": ".*",
                         "read": ".*"}],
    }
    if mirrored:
        # Every classic queue on every member; one that comes back is filled again by itself.
        body["policies"] = [{"vhost": "/", "name": "ha-all", "pattern": "^(?!amq\\.).*", "apply-to": "queues",
                             "priority": 0, "definition": {"ha-mode": "all", "ha-sync-mode": "automatic"}}]
    return (json.dumps(body, indent=2) + "\n").encode()


ROLE = Rabbitmq()
