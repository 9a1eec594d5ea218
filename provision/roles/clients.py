"""What a client of the controllers is told: the oslo snippet that OpenStack's services take in.

What is proxied is reached by the virtual IP; RabbitMQ and memcached are not, so every host is listed.
"""

from __future__ import annotations

from daemons.galera import PROBE_USER as SQL_USER
from lab.node.files import File
from lab.plan import Node
from provision.render import render
from provision.role import BaseRole, NodeContext
from provision.roles.rabbitmq import PROBE_USER as AMQP_USER

PATH = "/etc/halab/clients.conf"


class Clients(BaseRole):
    name = "clients"

    def applies(self, node: Node) -> bool:
        return bool(node.cluster)

    def files(self, ctx: NodeContext) -> list[File]:
        plan, secrets = ctx.plan, ctx.secrets
        config = render("clients.conf.j2", plan=plan, internal=plan.internal_vip, galera=plan.running("galera"),
                        brokers=plan.running("rabbitmq"), caches=plan.running("memcached"),
                        keystone=plan.running("keystone"), public=plan.public_vip,
                        sql=f"{SQL_USER}:{secrets.password('galera-probe')}",
                        amqp=f"{AMQP_USER}:{secrets.password('rabbitmq-probe')}")
        return [File(PATH, config, mode=0o600, secret=True)]


ROLE = Clients()
