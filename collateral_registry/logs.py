"""Configures the log of every process of the service: one line per event on standard output, without secrets.

On a terminal a line is text, otherwise a JSON object. A line that is written during a call has the request id and the
trace of the call. A traceback has no local variables, because they may hold a password or a borrower's data.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
import unicodedata
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

MASK = "***"

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "text", "json"]

_PATTERNS = (
    (re.compile(r"(://[^\s:/@'\"]*:)[^\s'\"]*@"), rf"\1{MASK}@"),  # up to the last @, which may also be in a password
    (
        re.compile(r"((?:password|passwd|sslpassword|token)['\"]?\s*[=:]\s*['\"]?)[^\s&'\",)]+", re.IGNORECASE),
        rf"\1{MASK}",
    ),
    (re.compile(r"(bearer\s+)[^\s'\",)]+", re.IGNORECASE), rf"\1{MASK}"),
    (
        re.compile(
            r"^(\s*(?:DETAIL|CONTEXT):\s+).*?(?=^\s*(?:CONTEXT:|\[SQL|\(Background|The above|During|Traceback)|\Z)",
            re.MULTILINE | re.DOTALL,
        ),
        rf"\1{MASK}\n",
    ),
    (re.compile(r"(invalid input [^:\n]*:\s*)\".*\""), rf"\1{MASK}"),
)
"""Where texts of drivers and libraries contain a secret or data of a borrower: in a URL, after the name of a parameter,
in a header, in an error of PostgreSQL. The details of such an error end where the traceback goes on."""

_SECRET_NAMES = frozenset({"password", "passwd", "sslpassword", "token"})


_FIRST_PART = secrets.token_hex(6)
_numbers = count(1)

NO_PRINCIPAL = "-"
"""Stands in the log for the principal of a call whose caller was not identified."""


@dataclass(slots=True)
class CallRecord:
    """What the log states about a call: in every line its request id and trace, in the last line all.

    The id is that of the caller, or a new one once it is needed. ``trace`` is a valid header traceparent, or empty.
    ``reason`` is the reason of a refusal, ``reference`` that of an internal error.
    ``cause`` is why a caller was refused. A call that is not logged is counted in a line about its host.
    """

    stated_id: str = ""
    trace: str = ""
    principal: str = NO_PRINCIPAL
    reason: str = ""
    reference: str = ""
    cause: str = ""
    is_logged: bool = True

    @property
    def request_id(self) -> str:
        """The id of the call."""
        if not self.stated_id:
            self.stated_id = f"{_FIRST_PART}{next(_numbers):06x}"
        return self.stated_id

    @property
    def trace_id(self) -> str:
        """The id of the trace that the call belongs to; empty if there is none."""
        return self.trace[3:35]


CALL: ContextVar[CallRecord | None] = ContextVar("call", default=None)
"""The call that the current task or thread works for."""


LENDER: ContextVar[str] = ContextVar("lender", default="")
"""The lender whose book the current task or thread works on; empty where the service serves one lender."""


def logger(name: str) -> FilteringBoundLogger:
    """Returns a logger; the first call in a process configures the log of the process."""
    if not structlog.is_configured():
        configure()
    found: FilteringBoundLogger = structlog.get_logger(component=name)
    return found


def configure(level: LogLevel = "info", form: LogFormat = "auto") -> None:
    """Sets the least severe level of the log and its format; ``auto`` is text on a terminal and JSON otherwise."""
    as_text = form == "text" or (form == "auto" and sys.stdout.isatty())
    time = structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S" if as_text else "iso", utc=not as_text)
    processors: list[Processor] = [
        _add_call,
        structlog.processors.add_log_level,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        time,
        _TextLines() if as_text else _json_line,
    ]
    least = getattr(logging, level.upper())
    structlog.configure(processors=processors, wrapper_class=structlog.make_filtering_bound_logger(least))


def collect_standard_log() -> None:
    """Writes warnings and errors of libraries, which use the standard log, to the log of the process."""
    logging.basicConfig(handlers=[_Collector(logging.WARNING)], force=True)


def masked(text: str) -> str:
    """Returns a text in which passwords, tokens and the values of rows in errors are replaced by asterisks."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def _add_call(_writer: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Adds the request id and the trace of the current call, and the lender of its book."""
    if lender := LENDER.get():
        event["lender"] = lender
    call = CALL.get()
    if call is not None:
        event["request_id"] = call.request_id
        if call.trace_id:
            event["trace_id"] = call.trace_id
    return event


class _TextLines:
    """Renders an event, its values and its traceback, and masks the secrets in the whole text."""

    def __init__(self) -> None:
        self._render = structlog.dev.ConsoleRenderer(
            colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback
        )

    def __call__(self, writer: WrappedLogger, method: str, event: EventDict) -> str:
        """Returns the text of an event; control characters in its values are escaped."""
        shown = {name: value if name == "exception" else _printable(value) for name, value in event.items()}
        return masked(self._render(writer, method, shown))


def _printable(value: object) -> object:
    """Returns a text in which characters that a terminal may act upon are escaped; other values unchanged."""
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(one if not unicodedata.category(one).startswith("C") else ascii(one)[1:-1] for one in value)


def _json_line(_writer: WrappedLogger, _method: str, event: EventDict) -> str:
    """Returns an event as a JSON object in which secrets are masked."""
    head = {name: event.pop(name) for name in ("timestamp", "level", "event")}
    return json.dumps({name: _json_value(name, value) for name, value in [*head.items(), *event.items()]})


def _json_value(name: str, value: object) -> object:
    if isinstance(value, bool | int | float | None):
        return value
    return MASK if name.lower() in _SECRET_NAMES else masked(str(value))


STATUS_NOT_SENT = "ExecuteBatchError raised in core by servicer method"
"""How gRPC reports that it could not send the status of a call. Its caller has just gone, so nothing failed here."""


class _Collector(logging.Handler):
    """Passes records of the standard log on."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one record."""
        values: dict[str, Any] = {"component": record.name}
        if record.getMessage().startswith(STATUS_NOT_SENT):
            structlog.get_logger(**values).warning("a caller had gone before its call ended")
            return
        if record.exc_info:
            values["exc_info"] = record.exc_info
        structlog.get_logger(**values).log(record.levelno, record.getMessage())
