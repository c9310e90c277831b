"""Settings of the service, read from flags, environment variables (COLLATERAL_…) or a settings file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import fields
from datetime import date
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, SecretStr, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from collateral_registry.domain.audit.checkpoints import SigningKey, signing_key
from collateral_registry.logs import LogFormat, LogLevel

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FOLLOW_CLOCK = "wall"
"""If ``business_date`` has this value, the business date follows the wall clock."""

_OF_OTHERS = 0o007
"""Rights of everyone on a file."""

PORT_LIMIT = 65_535
MODEL_MEMORY_LEAST = 384 * 1024 * 1024
"""Memory with which every model but a fit can be computed."""

NUMBER_MOST = 1_000_000
MESSAGE_BYTES_MOST = (1 << 31) - 1
"""Largest values of settings. Far beyond them, libraries overflow."""

Count = Annotated[int, Field(gt=0, le=NUMBER_MOST)]
Seconds = Annotated[float, Field(gt=0, le=NUMBER_MOST)]
Tokens = Annotated[float, Field(gt=0, le=1_000 * NUMBER_MOST)]
Bytes = Annotated[int, Field(gt=0, le=1 << 40)]

SETTINGS_FILE = "collateral.env"
"""File of settings in the working directory."""

PREFIX = "COLLATERAL_"
"""Names of environment variables that are settings begin so."""

CLIENT_VARIABLES = frozenset(
    {
        "COLLATERAL_SERVER",
        "COLLATERAL_TLS_AUTHORITY",
        "COLLATERAL_CERTIFICATE",
        "COLLATERAL_KEY",
        "COLLATERAL_TOKEN_FILE",
        "COLLATERAL_TOKEN",
        "COLLATERAL_STOCK_TOKEN",
    }
)
"""Variables of the commands of clients, which may also be set where a server is started."""

_DATABASE_URL = re.compile(
    r"sqlite://[^\0]*"
    r"|postgresql(\+psycopg)?://(?=.)([^:/@\0]*(:[^@\0]*)?@)?(\[[\da-fA-F:.]*\]|[^/:?@\0]*)(:\d*)?(/[^?\0]*)?(\?[^\0]*)?"
)
"""A URL that SQLAlchemy can parse. The error of its parser may quote a part of the password."""


def _is_stored(secret: SecretStr) -> SecretStr:
    """Returns the URL unchanged if it names a database that several processes can open."""
    url = secret.get_secret_value()
    scheme, _, rest = url.partition("://")
    if url and not _DATABASE_URL.fullmatch(url):
        want = "want a URL such as sqlite:///book.db or postgresql+psycopg://host/book"
        raise PydanticCustomError("database_url", f"{want}, with the signs :/?#@ of a password as %3A and so on")
    if scheme == "sqlite" and "?" in rest:
        raise PydanticCustomError("database_url", "want the path of a SQLite file without parameters")
    if scheme == "sqlite" and (rest in {"", "/"} or ":memory:" in rest):
        want = "want a file such as sqlite:///book.db, because each process would open a memory of its own"
        raise PydanticCustomError("database_url", want)
    return secret


DatabaseUrl = Annotated[SecretStr, AfterValidator(_is_stored)]
"""URL of a database, or nothing."""


class LimitSettings(BaseSettings):
    """Settings of what calls and connections may use (docs/limits.md)."""

    concurrent_calls_limit: Count = Field(256, ge=4, description="calls with one response in progress at once")
    model_calls_limit: Count = Field(16, description="calls of class MODEL at once")
    whole_book_calls_limit: Count = Field(8, description="calls of class WHOLE_BOOK at once")
    streams_limit: Count = Field(256, description="calls that stream responses at once")
    connection_streams_limit: Count = Field(100, description="calls of one caller that stream responses at once")
    connection_calls_limit: Count = Field(128, description="calls of one connection; clients queue further ones")
    connection_tokens_per_second: Tokens = Field(10_000, description="cost of a caller's calls in the long run")
    connection_tokens_burst: Tokens = Field(50_000, description="cost of a caller's calls at once")
    message_limit_bytes: int = Field(
        4 * 1024 * 1024, gt=0, le=MESSAGE_BYTES_MOST, description="largest accepted message"
    )
    received_bytes_limit: Bytes = Field(256 * 1024 * 1024, description="bytes of the requests in progress")
    message_seconds: Seconds = Field(10.0, description="time until the first message of a call has arrived")
    read_seconds: Seconds = Field(60.0, description="time limit of calls of class READ")
    write_seconds: Seconds = Field(300.0, description="time limit of calls of class WRITE")
    model_seconds: Seconds = Field(300.0, description="time limit of calls of class MODEL")
    whole_book_seconds: Seconds = Field(600.0, description="time limit of calls of class WHOLE_BOOK")
    connections_limit: Count = Field(4_000, description="open connections of a port; others are closed at once")
    connection_idle_seconds: Seconds = Field(900.0, description="time until a connection without calls is closed")
    connection_age_seconds: Seconds = Field(3_600.0, description="time until a connection accepts no new calls")

    def values_of(self, kind: type[DataclassInstance]) -> dict[str, Any]:
        """Returns the settings that are the fields of a class of limits."""
        return {field.name: getattr(self, field.name) for field in fields(kind)}


class AccessSettings(BaseSettings):
    """Settings of TLS and of identities (docs/security.md)."""

    address: str = Field("127.0.0.1:50051", description="host:port to listen on")
    token_address: str = Field("", description="host:port for callers with tokens, where address wants certificates")
    http_address: str = Field("", description="host:port of HTTP/JSON; empty means none")
    metrics_address: str = Field("", description="host:port of metrics and health over HTTP; empty means none")
    dask_scheduler: str = Field("", description="address of a Dask scheduler for whole-book runs")
    access_file: Path | None = Field(None, description="TOML file of the identities that may call the service")
    partners_file: Path | None = Field(None, description="JSON file of the partners that push feeds, by feed")
    tls_certificate_file: Path | None = Field(None, description="certificate chain of the server in PEM format")
    tls_key_file: Path | None = Field(None, description="key of the certificate of the server in PEM format")
    client_authorities_file: Path | None = Field(
        None, description="authorities whose client certificates callers need, in PEM format"
    )

    audit_key_file: Path | None = Field(None, description="private key that signs checkpoints of the audit log")

    def audit_key(self) -> SigningKey | None:
        """Returns the key that signs checkpoints; raises ValueError if its file is unusable."""
        if self.audit_key_file is None:
            return None
        try:
            if not self.audit_key_file.stat().st_mode & _OF_OTHERS:
                return signing_key(self.audit_key_file.read_text(encoding="ascii"))
            cause = "others may use it; run chmod 600"
        except OSError as error:
            cause = error.strerror or str(error)
        except UnicodeDecodeError:
            cause = "not a text"
        except ValueError as error:
            cause = str(error)
        raise ValueError(f"audit_key_file: got {self.audit_key_file} ({cause}), want a file of collateral audit keys")

    @property
    def has_tls(self) -> bool:
        """Whether the server has a certificate."""
        return self.tls_certificate_file is not None and self.tls_key_file is not None

    @property
    def has_identities(self) -> bool:
        """Whether a file lists who may call the service."""
        return self.access_file is not None or self.partners_file is not None

    def check_transport(self) -> None:
        """Raises ValueError for settings of TLS that do not belong together, and for addresses that need TLS."""
        if (self.tls_certificate_file is None) != (self.tls_key_file is None):
            given, missing = "tls_certificate_file", "tls_key_file"
            if self.tls_certificate_file is None:
                given, missing = missing, given
            raise ValueError(f"{missing}: got nothing, want a file that belongs to {given}")
        if self.client_authorities_file is not None and not self.has_tls:
            raise ValueError("client_authorities_file: got a file without TLS, want tls_certificate_file as well")
        if self.token_address and self.client_authorities_file is None:
            want = "want client_authorities_file as well; without it, callers with tokens use address"
            raise ValueError(f"token_address: got {self.token_address}, {want}")
        for name in ("address", "token_address", "http_address", "metrics_address"):
            address = getattr(self, name)
            if not self.has_tls and address and not is_of_this_machine(address):
                want = "want a loopback address such as 127.0.0.1:50051, or tls_certificate_file and tls_key_file"
                raise ValueError(f"{name}: got {address} without TLS, {want} (docs/security.md)")
        self._check_scheduler()

    def check_http_callers(self, *, are_listed: bool) -> None:
        """Raises ValueError if other machines reach HTTP although the files of identities list no caller.

        A file alone does not suffice: it may list none, as a file of partners with {} does.
        """
        if self.http_address and not is_of_this_machine(self.http_address) and not are_listed:
            want = "want a loopback address such as 127.0.0.1:50080, or access_file, because callers need tokens"
            raise ValueError(f"http_address: got {self.http_address} without identities, {want} (docs/security.md)")

    def _check_scheduler(self) -> None:
        """Raises ValueError unless a Dask scheduler is on this machine, or uses TLS with files of this service.

        The tasks contain the URL of the database with its password.
        """
        scheme, _, address = self.dask_scheduler.rpartition("://")
        if scheme == "tls":
            if self.client_authorities_file is None:
                want = "want tls_certificate_file, tls_key_file and client_authorities_file as well"
                raise ValueError(f"dask_scheduler: got {self.dask_scheduler}, {want}")
        elif address and not is_of_this_machine(address):
            want = "want an address such as tls://10.0.0.1:8786 (docs/security.md)"
            raise ValueError(f"dask_scheduler: got {self.dask_scheduler} without TLS, {want}")


class Settings(LimitSettings, AccessSettings):
    """Settings of the service. Flags override environment variables, which override the file ``collateral.env``."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=SETTINGS_FILE,
        env_file_encoding="utf-8-sig",  # an editor may have written a byte order mark
        extra="forbid",
        hide_input_in_errors=True,
    )

    database_url: DatabaseUrl = Field(
        SecretStr(""), description="SQLAlchemy URL, which may hold a password; empty means a file in data_folder"
    )
    lenders_file: Path | None = Field(None, description="TOML file of the lenders, each of which has a book of its own")
    data_folder: Path = Field(Path(".data"), description="folder of the embedded database")
    business_date: str = Field(
        "", description="'wall', or the first date of a book advanced by hand; empty keeps the mode of the book"
    )
    allow_unsafe_storage: bool = Field(
        default=False, description="serve on a database that can lose acknowledged changes, such as with fsync off"
    )
    allow_jump: bool = Field(default=False, description="the clock may once move the business date by over ten days")
    time_zone: str = Field("UTC", description="time zone of a business date that follows the clock")
    watchers_limit: Count = Field(200, description="largest number of open watchers; others are refused")
    drain_seconds: float = Field(10.0, ge=0, le=NUMBER_MOST, description="time for running calls to finish at shutdown")
    processes: int = Field(1, ge=1, le=64, description="server processes on one port; several need PostgreSQL")
    revaluation_workers: int = Field(0, ge=0, le=1_024, description="processes for whole-book runs; 0 for one per CPU")
    model_workers: int = Field(0, ge=0, le=64, description="processes that compute models; 0 for at most 2")
    model_memory_bytes: Bytes = Field(
        640 * 1024 * 1024, ge=MODEL_MEMORY_LEAST, description="memory that a process that computes models may use"
    )
    log_level: LogLevel = Field("info", description="least severe level of the log: debug, info, warning or error")
    log_format: LogFormat = Field("auto", description="text, json, or auto: text on a terminal and JSON otherwise")
    log_reads_every: int = Field(
        100, ge=0, le=NUMBER_MOST, description="one of this many successful reads is logged; 0 for none"
    )
    date_check_seconds: Seconds = Field(20.0, description="interval of checking the clock for a new business date")

    @field_validator("address")
    @classmethod
    def _has_port(cls, address: str) -> str:
        """Returns the address unchanged if it is unix:path, or ends with a port."""
        if not address.startswith("unix:") and not _has_port(address):
            raise PydanticCustomError("address", "want host:port such as 127.0.0.1:50051")
        return address

    @field_validator("business_date")
    @classmethod
    def _is_mode(cls, text: str) -> str:
        """Returns the text unchanged if it is empty, 'wall' or a date."""
        if text not in {"", FOLLOW_CLOCK}:
            try:
                date.fromisoformat(text)
            except ValueError:
                raise PydanticCustomError("business_date", "want wall, or a date such as 2021-12-31") from None
        return text

    @field_validator("time_zone")
    @classmethod
    def _is_zone(cls, name: str) -> str:
        """Returns the name unchanged if it is a time zone."""
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise PydanticCustomError("time_zone", "want a time zone such as Europe/Berlin") from None
        return name

    @field_validator(
        "data_folder",
        "access_file",
        "lenders_file",
        "partners_file",
        "tls_certificate_file",
        "tls_key_file",
        "client_authorities_file",
        "audit_key_file",
    )
    @classmethod
    def _is_path(cls, path: Path | None) -> Path | None:
        """Returns the path unchanged if a file can have it."""
        if path is not None and "\0" in str(path):
            raise PydanticCustomError("path", "want a path without NUL characters")
        return path

    @field_validator("dask_scheduler")
    @classmethod
    def _is_scheduler(cls, address: str) -> str:
        """Returns the address unchanged if it is empty or ends with a port."""
        if address and not _has_port(address.rpartition("://")[2]):
            raise PydanticCustomError("dask_scheduler", "want an address such as tcp://10.0.0.1:8786")
        return address

    @field_validator("token_address", "http_address", "metrics_address")
    @classmethod
    def _is_listened_at(cls, address: str) -> str:
        """Returns the address unchanged if it is empty or ends with a port."""
        if address and not _has_port(address):
            raise PydanticCustomError("listened_at", "want host:port such as 127.0.0.1:50080")
        return address

    def metrics_address_of(self, process: int) -> str:
        """Returns the address of the metrics of a server process, counted from 0: each has the port after the last."""
        host, _, port = self.metrics_address.rpartition(":")
        return f"{host}:{int(port) + process if int(port) else 0}" if host else ""

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the database, with its password."""
        return self.database_url.get_secret_value() or f"sqlite:///{self.data_folder / 'collateral.db'}"

    @property
    def unverified_database(self) -> str:
        """The host of a database on another machine, if the connection does not verify its certificate; else empty."""
        parts = urlsplit(self.url)
        options = dict(parse_qsl(parts.query))
        host = options.get("host", parts.hostname or "")
        if not parts.scheme.startswith("postgresql") or not host or host.startswith(("/", "@")):
            return ""
        verified = options.get("sslmode", os.environ.get("PGSSLMODE", "")) == "verify-full"
        return "" if verified or is_of_this_machine(f"[{host}]:0") else host

    @property
    def follows_clock(self) -> bool | None:
        """Whether the business date follows the wall clock; None to keep the mode of the book."""
        return self.business_date == FOLLOW_CLOCK if self.business_date else None

    def first_date(self, today: date) -> date:
        """Returns the first business date of a new book."""
        return today if self.business_date in {"", FOLLOW_CLOCK} else date.fromisoformat(self.business_date)


def known_name(name: str) -> str:
    """Returns the name of the setting that is most similar to a name; an empty string if none is similar."""
    return next(iter(get_close_matches(PREFIX + name.upper().removeprefix(PREFIX), sorted(setting_variables()), 1)), "")


def unknown_names(variables: Iterable[str]) -> list[str]:
    """Returns the environment variables that begin like settings and are none, in order."""
    known = CLIENT_VARIABLES | setting_variables()
    return sorted(name for name in variables if name.upper().startswith(PREFIX) and name.upper() not in known)


def setting_variables() -> set[str]:
    """Returns the names of the environment variables of all settings."""
    return {PREFIX + field.upper() for field in Settings.model_fields}


def has_password(url: str) -> bool:
    """Returns whether a URL contains a password, before the host or as a parameter."""
    parts = urlsplit(url)
    return bool(parts.password) or "password=" in parts.query.lower()


def _has_port(address: str) -> bool:
    host, _, port = address.rpartition(":")
    return bool(host) and port.isdigit() and int(port) <= PORT_LIMIT


def is_of_this_machine(address: str) -> bool:
    """Returns whether only this machine can reach host:port or unix:path."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return address.startswith("unix:") or host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
