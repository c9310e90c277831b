"""Reports errors of commands that need no server."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

from collateral_registry.cli.common.client import EXIT_USAGE, os_error_text, print_error

P = ParamSpec("P")


def exit_code_of(work: Callable[P, None], *arguments: P.args, **options: P.kwargs) -> int:
    """Does work and returns the exit code; prints an error in one message."""
    try:
        work(*arguments, **options)
    except OSError as error:
        print_error(os_error_text(error))
        return EXIT_USAGE
    except ValueError as error:
        print_error(str(error))
        return EXIT_USAGE
    return 0
