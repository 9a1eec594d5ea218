"""Taking secrets out of text that goes to other people.

Two sieves, one after the other.  The first knows this lab's secrets (every file of its folder, in each
form in which a daemon writes it); the second knows how passwords look in the configuration of the
daemons, for those that halab did not make.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

_SHORTEST = 8  # bytes; anything shorter would turn half a log into asterisks
_HIDDEN = "[removed by lab.bundle]"
_PEM_LINE = re.compile(rb"[A-Za-z0-9+/=]{16,}")

_PEM = re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_SUSPICIOUS = re.compile(r"pass|secret|cookie|auth|key|://|identified|ipmitool|\*[0-9A-F]{40}", re.IGNORECASE)
# Each keeps its groups: what stands after the first, or between the two, is the secret.
_LOOKS = tuple(re.compile(text, flags) for text, flags in (
    # XML: name="password" value="...", in either order
    (r'(\bname="(?!password_script)[\w-]*(?:passwd|password|secret)[\w-]*"\s+value=")[^"]*', re.IGNORECASE),
    (r'(\bvalue=")[^"]*("\s+name="(?!password_script)[\w-]*(?:passwd|password|secret)[\w-]*")', re.IGNORECASE),
    # SQL
    (r"(\bIDENTIFIED\s+(?:BY|VIA|AS)\b[^'\n]*')[^'\n]*", re.IGNORECASE),
    (r"()\*[0-9A-F]{40}\b", 0),  # mysql_native_password
    (r"(\bwsrep_sst_auth\b\s*[=\t]\s*[^:\s]*:)\S+", re.IGNORECASE),
    # HAProxy
    (r"(\bstats\s+auth\s+[^:\s]+:)\S+", re.IGNORECASE),
    (r"(^\s*user\s+\S+\s+(?:insecure-)?password\s+)\S+", re.IGNORECASE | re.MULTILINE),
    # command lines of fence agents and their tools
    (r"(\bipmitool\b[^\n]*?\s-[PE]\s+)'?[^\s']+", 0),
    # addresses with a login
    (r"(\b[\w+]+://[^/\s:@]+:)[^@\s/]+(@)", 0),
    # key = value, key: value, "key": "value", --key=value
    (r"""((?:\b|_)(?:password|passwd|password_hash|passphrase|secret|cookie|setcookie|auth_?key|private_?key|token_key)"""
     r"""["']?\s*[=:]\s*["']?)(?![\s"'])[^\s"',;<>]+""", re.IGNORECASE),
))


class Redactor:
    """Takes the secrets of one lab, and whatever looks like one, out of text."""

    def __init__(self, secrets: Path) -> None:
        """``secrets`` is the lab's folder of secrets; it need not exist."""
        known = {form for path in sorted(secrets.rglob("*")) if path.is_file()
                 for form in forms(path.read_bytes())} if secrets.is_dir() else set()
        # The longest first: one form may be the beginning of another.
        self._known = sorted((form for form in known if len(form) >= _SHORTEST), key=len, reverse=True)

    def data(self, raw: bytes) -> bytes:
        """``raw`` without secrets.  Not for formats in which lengths are written down."""
        for form in self._known:
            raw = raw.replace(form, _HIDDEN.encode())
        return _sift(raw.decode(errors="surrogateescape")).encode(errors="surrogateescape")

    def text(self, raw: str) -> str:
        return self.data(raw.encode(errors="surrogateescape")).decode(errors="replace")


def forms(secret: bytes) -> Iterator[bytes]:
    """A secret as it is, and as programs write it: hexadecimal, base64; of a PEM also each line."""
    bare = secret.strip()
    yield secret
    yield bare
    for value in {secret, bare}:
        yield value.hex().encode()
        yield value.hex().upper().encode()
        yield base64.b64encode(value).rstrip(b"=")
        yield base64.urlsafe_b64encode(value).rstrip(b"=")
    if bare.startswith(b"-----BEGIN"):
        yield from _PEM_LINE.findall(bare)


def _sift(text: str) -> str:
    text = _PEM.sub(lambda found: f"{found[1]}{_HIDDEN}{found[2]}", text)
    # Of a log of many megabytes few lines need the closer look.
    return "".join(_closer(line) if _SUSPICIOUS.search(line) else line for line in text.splitlines(keepends=True))


def _closer(line: str) -> str:
    for look in _LOOKS:
        line = look.sub(lambda found: f"{found[1]}{_HIDDEN}{found[2] if found.re.groups > 1 else ''}", line)
    return line
