"""A trial of the API tier: what its catalog tells clients, and whether an empty cache costs them more than hits.

A token is asked for through the public virtual IP, as a client does; then every memcached is flushed (R38 says that
nothing but hits may be lost), the same token is shown again, and a fresh one asked for.
"""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from daemons import keystone
from daemons.services import port
from lab.lab import Lab
from provision.verify.facts import ApiTrial

_TIMEOUT = 15.0  # s for one answer: a password is checked slowly on purpose (0.3 s), and Keystone may load its parts
_TOKENS = f"{keystone.PATH}/auth/tokens"
_SUBJECT, _OWN = "X-Subject-Token", "X-Auth-Token"


def api_trial(lab: Lab) -> ApiTrial:
    """ValueError if the API does not answer as it should before anything is flushed; OSError if not at all."""
    try:
        token, said = _token(lab)
        catalog = tuple((end["interface"], urlsplit(end["url"]).hostname or "")
                        for service in said["catalog"] for end in service["endpoints"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"a token that is none: {error!r} is not in it") from error
    _ask(lab, "GET", {_OWN: token, _SUBJECT: token})  # what is asked for again is kept in a cache
    servers = [str(node.control) for node in lab.plan.running("memcached")]
    held = sum(_held(lab, server) for server in servers)
    for server in servers:
        if (answer := _cache(lab, server, b"flush_all\r\n", b"\r\n")) != b"OK\r\n":
            raise ValueError(f"memcached on {server} says {answer!r} to flush_all")
    kept, _, _ = _ask(lab, "GET", {_OWN: token, _SUBJECT: token})
    fresh, _, _ = _ask(lab, "POST", body=_credentials(lab))
    return ApiTrial(catalog, len(servers), held, kept, fresh)


def _held(lab: Lab, server: str) -> int:
    """How many items one memcached has; ValueError if it does not say."""
    said = re.search(rb"STAT curr_items (\d+)\r\n", _cache(lab, server, b"stats\r\n", b"END\r\n"))
    if said is None:
        raise ValueError(f"memcached on {server} does not say how many items it has")
    return int(said[1])


def _cache(lab: Lab, server: str, command: bytes, end: bytes) -> bytes:
    """What one memcached answers, up to ``end``."""
    with lab.namespace.connect(server, port("memcached"), timeout=2) as sock:
        sock.settimeout(2)
        sock.sendall(command)
        answer = b""
        while not answer.endswith(end) and (chunk := sock.recv(4096)):
            answer += chunk
    return answer


def _token(lab: Lab) -> tuple[str, Mapping[str, Any]]:
    status, headers, body = _ask(lab, "POST", body=_credentials(lab))
    if status != 201:
        raise ValueError(f"Keystone answers a request for a token with {status}")
    return headers[_SUBJECT.lower()], json.loads(body)["token"]


def _credentials(lab: Lab) -> str:
    domain = {"id": "default"}
    user = {"name": keystone.ADMIN, "domain": domain, "password": lab.secrets.password("keystone-admin")}
    return json.dumps({"auth": {"identity": {"methods": ["password"], "password": {"user": user}},
                                "scope": {"project": {"name": keystone.ADMIN, "domain": domain}}}})


def _ask(lab: Lab, method: str, headers: Mapping[str, str] | None = None,
         body: str | None = None) -> tuple[int, dict[str, str], bytes]:
    """Status, headers (lower case) and body of one request about tokens, through the public virtual IP."""
    vip = lab.plan.public_vip
    assert vip is not None  # every plan has it
    timeout = _TIMEOUT * lab.driver.slowness
    connection = http.client.HTTPConnection(str(vip.address), port("keystone"), timeout=timeout)
    # The socket belongs to the namespace in which it was made.
    connection.sock = lab.namespace.connect(str(vip.address), port("keystone"), timeout=timeout)
    try:
        connection.request(method, _TOKENS, body, {"Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    except http.client.HTTPException as error:
        raise ValueError(f"the API's answer broke off: {error!r}") from error
    finally:
        connection.close()
