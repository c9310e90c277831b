"""Keys, certificates and tokens that the tests make for themselves."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import grpc
import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ISSUER, AUDIENCE = "https://login.bank.example", "collateral"


class Authority:
    """An authority that signs certificates of servers and of clients."""

    def __init__(self, name: str = "bank") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._builder(self._key, self._name, timedelta(days=1))
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.certificate = made.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def server(self, valid: timedelta = timedelta(days=30)) -> tuple[bytes, bytes]:
        """Returns the key and the certificate of a server on this machine."""
        return self._signed([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))], valid)

    def client(self, spiffe_id: str = "", valid: timedelta = timedelta(days=30)) -> tuple[bytes, bytes]:
        """Returns the key and the certificate of a client."""
        name = x509.UniformResourceIdentifier(spiffe_id) if spiffe_id else x509.DNSName("client.bank.example")
        return self._signed([name], valid)

    def _signed(self, names: list[x509.GeneralName], valid: timedelta) -> tuple[bytes, bytes]:
        key = ec.generate_private_key(ec.SECP256R1())
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        made = self._builder(key, x509.Name([]), valid)
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=True)
        made = made.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        return private_pem(key), made.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def _builder(self, key: ec.EllipticCurvePrivateKey, name: x509.Name, valid: timedelta) -> x509.CertificateBuilder:
        end = datetime.now(UTC) + valid
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(end - max(valid, timedelta()) - timedelta(days=2))
            .not_valid_after(end)
        )


def private_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    """Returns a private key in PEM format."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write_pair(folder: Path, pair: tuple[bytes, bytes], name: str = "server") -> tuple[Path, Path]:
    """Writes a key and a certificate to files; returns the certificate's and the key's path."""
    key, certificate = folder / f"{name}.key", folder / f"{name}.crt"
    key.write_bytes(pair[0])
    certificate.write_bytes(pair[1])
    return certificate, key


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    """Returns the key of the issuer."""
    return ec.generate_private_key(ec.SECP256R1())


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    """Returns the issuer's other key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_set() -> dict[str, Any]:
    """Returns the JSON web key set of the issuer."""
    keys = [
        json.loads(jwt.algorithms.ECAlgorithm.to_jwk(ec_key().public_key())) | {"kid": "ec-1", "use": "sig"},
        json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key().public_key())) | {"kid": "rsa-1"},
    ]
    return {"keys": keys}


def web_token(
    key: Any = None,
    algorithm: str = "ES256",
    key_id: str | None = "ec-1",
    **changes: Any,
) -> str:
    """Returns a token of the issuer; ``changes`` replace claims, and None removes one."""
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ana", "exp": now + 300, "iat": now, "roles": ["risk_officer"]}
    stated = {name: value for name, value in (claims | changes).items() if value is not None}
    header = {"kid": key_id} if key_id is not None else {}
    return jwt.encode(stated, ec_key() if key is None else key, algorithm, header)


def digest_of(token: str) -> str:
    """Returns the SHA-256 of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def access_file(folder: Path, text: str = "", tokens: Mapping[str, str] | None = None) -> Path:
    """Writes an access file with the issuer ``people``; ``tokens`` are those of partners by feed."""
    (folder / "keys.json").write_text(json.dumps(key_set()))
    entries = [
        f'[partners.{feed}]\nwarehouses = ["W-1"]\ntokens = [{{ sha256 = "{digest_of(token)}" }}]\n'
        for feed, token in (tokens or {}).items()
    ]
    issuer = f'[issuers.people]\nissuer = "{ISSUER}"\naudience = "{AUDIENCE}"\nkeys_file = "keys.json"\n'
    path = folder / "access.toml"
    path.write_text("\n".join([issuer, *entries, text]))
    return path


def bearer(token: str) -> list[tuple[str, str]]:
    """Returns the metadata of a call with a token."""
    return [("authorization", f"Bearer {token}")]


def trusting(authority: Authority, client: tuple[bytes, bytes] | None = None) -> grpc.ChannelCredentials:
    """Returns credentials of a channel that trusts an authority, with the key and the certificate of a client."""
    key, certificate = client or (None, None)
    return grpc.ssl_channel_credentials(authority.certificate, key, certificate)
