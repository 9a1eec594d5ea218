"""X.509 for daemons that talk TLS among themselves: an authority of the lab and what it signs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

_BITS = 2048
# A lab lives for hours; a clock that is off by a day must not end it.
_BEFORE, _AFTER = timedelta(days=1), timedelta(days=3650)


def new_key() -> bytes:
    """A fresh RSA key in PEM, without a password: whoever keeps it keeps it private."""
    return rsa.generate_private_key(public_exponent=65537, key_size=_BITS).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def authority(key: bytes, common_name: str) -> bytes:
    """The self-signed certificate, in PEM, of the authority that holds ``key``."""
    return _signed(common_name, _load(key), common_name, _load(key), ca=True).public_bytes(serialization.Encoding.PEM)


def identity(ca_key: bytes, ca_certificate: bytes, common_name: str, nickname: str, password: str) -> bytes:
    """A fresh key with its certificate as PKCS#12, encrypted with ``password``; NSS shows it as ``nickname``."""
    issuer = x509.load_pem_x509_certificate(ca_certificate).subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0]
    key = _load(new_key())
    certificate = _signed(common_name, key, str(issuer.value), _load(ca_key), ca=False)
    return pkcs12.serialize_key_and_certificates(
        nickname.encode(), key, certificate, None, serialization.BestAvailableEncryption(password.encode()))


def _load(pem: bytes) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem, password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def _signed(subject: str, key: rsa.RSAPrivateKey, issuer: str, signer: rsa.RSAPrivateKey, *,
            ca: bool) -> x509.Certificate:
    now = datetime.now(UTC)
    return (x509.CertificateBuilder().subject_name(_name(subject)).issuer_name(_name(issuer))
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - _BEFORE).not_valid_after(now + _AFTER)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .sign(signer, hashes.SHA256()))


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
