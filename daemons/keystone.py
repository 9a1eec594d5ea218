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

SYNC = "runuser -u keystone -- keystone-manage db_sync"
# The endpoints are the last thing that a bootstrap makes: with all three it was finished.
SCHEMA_DONE = (f"SELECT COUNT(*) = 3 FROM {DATABASE}.endpoint JOIN {DATABASE}.service"
               " ON endpoint.service_id = service.id WHERE service.type = 'identity' AND endpoint.enabled;")


def url(address: IPv4Address) -> str:
    """Where clients reach Keystone on that address."""
    return f"http://{address}:{port('keystone')}{PATH}"
