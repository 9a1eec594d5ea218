"""A lab's secrets: generated once, kept 0600 in the lab's folder, in no log and no report."""

from __future__ import annotations

import base64
import os
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lab.state import certificates

_PASSWORD_BYTES = 15  # 20 characters of URL-safe base64; IPMI 2.0 allows no more than 20


class Secrets:
    """Named secrets of one lab.  Reading one that does not exist makes it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def password(self, name: str) -> str:
        """A password of 20 characters (IPMI's maximum), the same at each call."""
        fresh = base64.urlsafe_b64encode(secrets.token_bytes(_PASSWORD_BYTES))
        return self._keep(f"{name}.password", fresh).decode()

    def key(self, name: str, size: int) -> bytes:
        """``size`` random bytes, such as a corosync authkey."""
        return self._keep(f"{name}.key", secrets.token_bytes(size))

    def ssh_private(self, name: str) -> bytes:
        """An ed25519 private key in OpenSSH form."""
        path = self._folder / f"{name}.ssh"
        if path.exists():
            return path.read_bytes()
        pem = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
        return self._keep(f"{name}.ssh", pem)

    def ssh_public(self, name: str) -> str:
        """The public half as one line of authorized_keys."""
        private = serialization.load_ssh_private_key(self.ssh_private(name), password=None)
        public = private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        return public.decode()

    def authority(self, name: str, common_name: str) -> bytes:
        """The PEM certificate of an authority of this lab; its key never leaves the lab's folder."""
        return self._made(f"{name}.ca", lambda: certificates.authority(self._authority_key(name), common_name))

    def identity(self, name: str, authority: str, authority_name: str, common_name: str, nickname: str) -> bytes:
        """A key with its certificate from ``authority`` as PKCS#12, encrypted with ``password(name)``."""
        return self._made(f"{name}.p12", lambda: certificates.identity(
            self._authority_key(authority), self.authority(authority, authority_name), common_name, nickname,
            self.password(name)))

    def path(self, file: str) -> Path:
        """Where a secret lies, for programs that want a file (``ssh -i``)."""
        return self._folder / file

    def _authority_key(self, name: str) -> bytes:
        return self._made(f"{name}.ca-key", certificates.new_key)

    def _made(self, file: str, make: Callable[[], bytes]) -> bytes:
        """As ``_keep``, for what takes a while to make."""
        path = self._folder / file
        return path.read_bytes() if path.exists() else self._keep(file, make())

    def _keep(self, file: str, fresh: bytes) -> bytes:
        path = self._folder / file
        if not path.exists():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = self._folder / f".{file}.{os.getpid()}.{threading.get_ident()}"
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as sink:
                sink.write(fresh)
            # Linked, not renamed: of two writers at once the first wins and both read its value.
            with suppress(FileExistsError):
                os.link(draft, path)
            draft.unlink()
        return path.read_bytes()


class Placeholders(Secrets):
    """Secrets that are their own names: for rendering what a plan means, with no lab and nothing to hide."""

    def __init__(self) -> None:
        super().__init__(Path("/nonexistent"))

    def password(self, name: str) -> str:
        return f"password-of-{name}"

    def key(self, name: str, size: int) -> bytes:
        return f"key-{name}-{size}".encode()

    def authority(self, name: str, common_name: str) -> bytes:
        return f"certificate of {common_name}\n".encode()

    def identity(self, name: str, authority: str, authority_name: str, common_name: str, nickname: str) -> bytes:
        return f"identity {common_name}\n".encode()

    def ssh_private(self, name: str) -> bytes:
        return f"private key {name}\n".encode()

    def ssh_public(self, name: str) -> str:
        return f"ssh-ed25519 PUBLIC-{name}"
