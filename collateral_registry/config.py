"""Settings of the service, read from flags, environment variables (COLLATERAL_…) or a settings file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields
from datetime import date
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from collateral_registry.domain.feeds.partners import Partner
from collateral_registry.logs import LogFormat, LogLevel

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FOLLOW_CLOCK = "wall"
"""If ``business_date`` has this value, the business date follows the wall clock."""

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

CLIENT_VARIABLES = frozenset({"COLLATERAL_SERVER", "COLLATERAL_STOCK_TOKEN"})
"""Variables of the commands of clients, which may also be set where a server is started."""

_DATABASE_URL = re.compile(
    r"sqlite://[^\0]*"
    r"|postgresql(\+psycopg)?://(?=.)([^:/@\0]*(:[^@\0]*)?@)?(\[[\da-fA-F:.]*\]|[^/:?@\0]*)(:\d*)?(/[^?\0]*)?(\?[^\0]*)?"
)
"""A URL that SQLAlchemy can parse. The error of its parser may quote a part of the password."""


_PLAIN_WORDS = {
    "Input should be": "want",
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
    "greater than": "more than",
}
"""Words of pydantic and what this service writes instead."""


class _PartnerEntry(BaseModel):
    """An entry of the partners file."""

    model_config = ConfigDict(extra="forbid")

    token_sha256: str
    warehouses: list[str] = []
    pools: list[str] = []
    account: bool = False


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


class Settings(LimitSettings):
    """Settings of the service. Flags override environment variables, which override the file ``collateral.env``."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=SETTINGS_FILE,
        env_file_encoding="utf-8-sig",  # an editor may have written a byte order mark
        extra="forbid",
        hide_input_in_errors=True,
    )

    address: str = Field("127.0.0.1:50051", description="host:port to listen on")
    http_address: str = Field("", description="loopback host:port of HTTP/JSON; empty means none")
    metrics_address: str = Field("", description="host:port of metrics and health over HTTP; empty means none")
    database_url: SecretStr = Field(
        SecretStr(""), description="SQLAlchemy URL, which may hold a password; empty means a file in data_folder"
    )
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
    partners_file: Path | None = Field(None, description="JSON file of the partners that push feeds, by feed")
    processes: int = Field(1, ge=1, le=64, description="server processes on one port; several need PostgreSQL")
    revaluation_workers: int = Field(0, ge=0, le=1_024, description="processes for whole-book runs; 0 for one per CPU")
    model_workers: int = Field(0, ge=0, le=64, description="processes that compute models; 0 for at most 2")
    model_memory_bytes: Bytes = Field(
        640 * 1024 * 1024, ge=MODEL_MEMORY_LEAST, description="memory that a process that computes models may use"
    )
    dask_scheduler: str = Field("", description="address of a Dask scheduler for whole-book runs")
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

    @field_validator("database_url")
    @classmethod
    def _is_stored(cls, secret: SecretStr) -> SecretStr:
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

    @field_validator("data_folder", "partners_file")
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

    @field_validator("http_address")
    @classmethod
    def _is_loopback(cls, address: str) -> str:
        """Returns the address unchanged if it is empty or on the loopback interface: HTTP callers have no identity."""
        host, _, _ = address.rpartition(":")
        if address and not (_has_port(address) and _is_local(host.strip("[]"))):
            want = "want a loopback address such as 127.0.0.1:50080, because callers over HTTP have no identity"
            raise PydanticCustomError("loopback", want)
        return address

    @field_validator("metrics_address")
    @classmethod
    def _is_listened_at(cls, address: str) -> str:
        """Returns the address unchanged if it is empty or ends with a port."""
        if address and not _has_port(address):
            raise PydanticCustomError("metrics_address", "want host:port such as 127.0.0.1:50081")
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
    def follows_clock(self) -> bool | None:
        """Whether the business date follows the wall clock; None to keep the mode of the book."""
        return self.business_date == FOLLOW_CLOCK if self.business_date else None

    def partners(self) -> dict[str, Partner]:
        """Returns the partners that push feeds by feed id; raises ValueError if their file is unusable."""
        if self.partners_file is None:
            return {}
        adapter = TypeAdapter(dict[str, _PartnerEntry])
        try:
            entries = adapter.validate_json(self.partners_file.read_text(encoding="utf-8"))
        except ValidationError as error:
            raise self._bad_partners(problem_of(error)) from None
        except OSError as error:
            raise self._bad_partners(error.strerror or str(error)) from None
        except UnicodeDecodeError:
            raise self._bad_partners("not UTF-8") from None
        return {
            source_id: Partner(
                source_id,
                entry.token_sha256,
                frozenset(entry.warehouses),
                frozenset(entry.pools),
                of_account=entry.account,
            )
            for source_id, entry in entries.items()
        }

    def _bad_partners(self, problem: str) -> ValueError:
        want = "want a JSON file of partners, whose entries collateral stock token prints"
        return ValueError(f"partners_file: got {self.partners_file} ({problem}), {want}")

    def first_date(self, today: date) -> date:
        """Returns the first business date of a new book."""
        return today if self.business_date in {"", FOLLOW_CLOCK} else date.fromisoformat(self.business_date)


def problem_of(error: ValidationError) -> str:
    """Returns the place of the first problem and what is wanted there, without the value, which may be a secret."""
    first = error.errors(include_url=False, include_input=False)[0]
    wanted = first["msg"].removeprefix("Value error, ").partition(", unable to")[0]
    for found, plain in _PLAIN_WORDS.items():
        wanted = wanted.replace(found, plain)
    return ": ".join(filter(None, [".".join(str(part) for part in first["loc"]), wanted]))


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


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
