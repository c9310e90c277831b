"""Configures the log of every process of the service: one line per event, without secrets.

A traceback has no local variables, because they may hold a password or a borrower's data.
"""

from __future__ import annotations

import logging
import re
import sys

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

MASK = "***"

_PATTERNS = (
    (re.compile(r"(://[^\s:/@'\"]*:)[^\s'\"]*@"), rf"\1{MASK}@"),  # up to the last @, which may also be in a password
    (
        re.compile(r"((?:password|passwd|sslpassword|token)['\"]?\s*[=:]\s*['\"]?)[^\s&'\",)]+", re.IGNORECASE),
        rf"\1{MASK}",
    ),
    (re.compile(r"(bearer\s+)[^\s'\",)]+", re.IGNORECASE), rf"\1{MASK}"),
)
"""Where texts of drivers and libraries contain a secret: in a URL, after the name of a parameter, in a header."""


def logger(name: str) -> FilteringBoundLogger:
    """Returns a logger; the first call in a process configures the log of the process."""
    if not structlog.is_configured():
        _configure()
    found: FilteringBoundLogger = structlog.get_logger(name)
    return found


def masked(text: str) -> str:
    """Returns a text with the passwords and tokens in it replaced by asterisks."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def _configure() -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.StackInfoRenderer(),
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
            _MaskedLines(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )


class _MaskedLines:
    """Renders an event, its values and its traceback, and masks the secrets in the whole text."""

    def __init__(self) -> None:
        self._render = structlog.dev.ConsoleRenderer(
            colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback
        )

    def __call__(self, writer: WrappedLogger, method: str, event: EventDict) -> str:
        """Returns the text of an event."""
        return masked(self._render(writer, method, event))
