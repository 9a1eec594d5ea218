"""What Keystone is: its files, its database, and how it answers.

The version document, ``GET /v3``, is what a client asks first and what a proxy checks: Keystone itself answers it,
without a word to the database (Identity API v3, "Show version details").  Keystone of Debian 12 is 22.0 (Zed).
"""

from __future__ import annotations

from ipaddress import IPv4Address

from daemons.services import port

CONFIG = "/etc/keystone/keystone.conf"
FERNET_KEYS = "/etc/keystone/fernet-keys"
CREDENTIAL_KEYS = "/etc/keystone/credential-keys"
DATABASE = "keystone"
DATABASE_USER = "keystone"
ADMIN = "admin"
REGION = "halab"
PATH = "/v3"
ANSWER = b'"version"'  # opens the version document; an error page of a proxy has none
SERVED_BY = "X-Halab-Server"  # the header in which the proxy names the server that answered

# One at a time on a node, also when whoever asked for the first one is gone.
_ALONE = "flock --wait=240 /run/lock/keystone-manage"
WAIT = f"{_ALONE} true"
_MANAGE = f"{_ALONE} runuser -u keystone -- keystone-manage"
SYNC = f"{_MANAGE} db_sync"
# Prints how many tables of those names there are: none before the first sync, one in the middle of its first step,
# which makes all tables and writes alembic's version down last.
TABLES = (f"SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '{DATABASE}'"
          " AND table_name IN ('endpoint', 'alembic_version');")
VERSIONS = f"SELECT COUNT(*) FROM {DATABASE}.alembic_version;"
ENDPOINTS = (f"SELECT interface, url, endpoint.enabled FROM {DATABASE}.endpoint JOIN {DATABASE}.service"
             f" ON endpoint.service_id = service.id WHERE service.type = 'identity' AND region_id = '{REGION}';")
FORGET_ENDPOINTS = f"DELETE FROM {DATABASE}.endpoint WHERE region_id = '{REGION}';"


def endpoints(public: IPv4Address, internal: IPv4Address) -> frozenset[tuple[str, str, str]]:
    """What ``ENDPOINTS`` shall answer."""
    return frozenset({("public", url(public), "1"), ("internal", url(internal), "1"), ("admin", url(internal), "1")})


def bootstrap(public: IPv4Address, internal: IPv4Address) -> str:
    """Administrator, region and the three endpoints, all of them virtual addresses (R25).

    The password comes over standard input; none of it is made twice.
    """
    return (f"read -r OS_BOOTSTRAP_PASSWORD; export OS_BOOTSTRAP_PASSWORD; exec {_MANAGE} bootstrap"
            f" --bootstrap-username {ADMIN} --bootstrap-region-id {REGION} --bootstrap-public-url {url(public)}"
            f" --bootstrap-internal-url {url(internal)} --bootstrap-admin-url {url(internal)}")


def url(address: IPv4Address) -> str:
    """Where clients reach Keystone on that address."""
    return f"http://{address}:{port('keystone')}{PATH}"
