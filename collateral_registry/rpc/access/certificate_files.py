"""Certificate, key and client authorities of the server, from files that may be replaced while it serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from collateral_registry.clock import wall_clock
from collateral_registry.logs import logger
from collateral_registry.rpc.access.reloaded import Reloaded

WARNED_DAYS = 14
"""Days before its expiry from which a certificate is reported when it is read."""

LOG = logger("access")


@dataclass(frozen=True)
class TlsMaterial:
    """The certificate chain of the server, its key, and the authorities of client certificates, in PEM format."""

    chain: bytes
    key: bytes
    authorities: bytes | None


@dataclass(frozen=True)
class CertificateFiles:
    """The files of TLS. With ``authorities``, callers need a certificate that one of them has signed."""

    chain: Path
    key: Path
    authorities: Path | None = None

    def read(self) -> tuple[TlsMaterial, list[Path]]:
        """Returns what the files contain, and the files; raises ValueError that names the setting."""
        chain = _content("tls_certificate_file", self.chain)
        key = _content("tls_key_file", self.key)
        authorities = _content("client_authorities_file", self.authorities) if self.authorities else None
        first = _certificates("tls_certificate_file", self.chain, chain)[0]
        if self.authorities and authorities is not None:
            _certificates("client_authorities_file", self.authorities, authorities)
        _check_pair(first, self.key, key)
        _check_validity(first, self.chain)
        return TlsMaterial(chain, key, authorities), [one for one in (self.chain, self.key, self.authorities) if one]

    def reloaded(self) -> Reloaded[TlsMaterial]:
        """Returns the content of the files, which is read again when they have changed; raises ValueError."""
        return Reloaded("the certificate and the key of the server", self.read, seconds=0)


def server_credentials(source: Reloaded[TlsMaterial], *, with_clients: bool) -> grpc.ServerCredentials:
    """Returns the credentials of a gRPC port, which uses the newest files for each new connection.

    With ``with_clients``, callers without a certificate of the client authorities are refused.
    """

    def configuration(material: TlsMaterial) -> grpc.ServerCertificateConfiguration:
        authorities = material.authorities if with_clients else None
        return grpc.ssl_server_certificate_configuration([(material.key, material.chain)], authorities)

    first = source.current()
    return grpc.dynamic_ssl_server_credentials(
        configuration(first), _changes(source, first, configuration), with_clients
    )


def _changes(
    source: Reloaded[TlsMaterial],
    used: TlsMaterial,
    configuration: Callable[[TlsMaterial], grpc.ServerCertificateConfiguration],
) -> Callable[[], grpc.ServerCertificateConfiguration | None]:
    """Returns a function that returns the configuration of other files than at the last call; None if unchanged."""

    def changed() -> grpc.ServerCertificateConfiguration | None:
        nonlocal used
        material = source.current()
        if material is used:
            return None
        used = material
        return configuration(material)

    return changed


def _content(setting: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{setting}: got {path} ({error.strerror}), want a file in PEM format") from None


def _certificates(setting: str, path: Path, content: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError:
        raise ValueError(f"{setting}: got {path} without certificates, want a file in PEM format") from None


def _check_pair(certificate: x509.Certificate, path: Path, content: bytes) -> None:
    """Raises ValueError unless the key belongs to the certificate, as while only one of the files is replaced yet."""
    want = "want the key of tls_certificate_file in PEM format without a password"
    try:
        key = load_pem_private_key(content, None).public_key()
    except (ValueError, TypeError):
        raise ValueError(f"tls_key_file: got {path} without a usable key, {want}") from None
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_bytes(*form) != certificate.public_key().public_bytes(*form):
        raise ValueError(f"tls_key_file: got {path} with the key of another certificate, {want}")


def _check_validity(certificate: x509.Certificate, path: Path) -> None:
    """Raises ValueError for a certificate that has expired; logs one that expires soon."""
    expiry, now = certificate.not_valid_after_utc, wall_clock()
    if expiry <= now:
        raise ValueError(
            f"tls_certificate_file: got {path}, which expired at {expiry:%Y-%m-%d %H:%M}, want a valid one"
        )
    if expiry - now <= timedelta(days=WARNED_DAYS):
        LOG.warning("the certificate of the server expires soon", file=str(path), expires=f"{expiry:%Y-%m-%d %H:%M}")
