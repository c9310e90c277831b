"""TLS of the HTTP listeners."""

from __future__ import annotations

import ssl
from contextlib import suppress

from collateral_registry.rpc.access.certificate_files import CertificateFiles, TlsMaterial
from collateral_registry.rpc.access.reloaded import Reloaded


def tls_context(files: CertificateFiles) -> ssl.SSLContext:
    """Returns a context that uses the newest files for each new connection; raises ValueError if they are damaged.

    Callers need a certificate if the files have client authorities.
    """
    return _Contexts(files).first


class _Contexts:
    """The context of the newest files; connections begin with the first one and are moved to it."""

    def __init__(self, files: CertificateFiles) -> None:
        self._files = files
        self._source: Reloaded[TlsMaterial] = files.reloaded()
        self._used = self._source.current()
        self.first = self._newest = _context(files)
        self.first.sni_callback = self._choose

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _first: ssl.SSLContext) -> None:
        """Sets the context of a connection; called for each one, whether or not the caller names the host."""
        material = self._source.current()
        if material is not self._used:
            with suppress(ssl.SSLError, OSError):  # the files changed once more; the next connection reads them
                self._newest, self._used = _context(self._files), material
        connection.context = self._newest


def _context(files: CertificateFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(files.chain, files.key)
    if files.authorities is not None:
        context.load_verify_locations(files.authorities)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
