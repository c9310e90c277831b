"""Commands for loans and the book by business date, in the groups of the other commands for loans and reports."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from collateral_partner.options import DEFAULT_ADDRESS, Server
from collateral_registry.cli.common.options import AsOf, Form, Format, Layout, Output, Wide, in_session
from collateral_registry.cli.loans.commands import LoanId, loan_app, report_app

__all__ = ["loan_app", "report_app"]

FirstDay = Annotated[str, typer.Option("--from", help="first business date; default: the first of the book")]
LastDay = Annotated[str, typer.Option("--to", help="last business date; default: the newest")]
DayLimit = Annotated[int, typer.Option("--limit", min=0, max=10**9, help="maximum number of days; 0 for all")]


class DayRows(StrEnum):
    """What the rows of a day of the book are."""

    CURRENCY = "currency"
    LEVEL = "level"
    CLASS = "class"
    GOOD = "good"


@report_app.command("history")
def report_history(
    by: Annotated[DayRows, typer.Option(help="what the rows of a day are")] = DayRows.CURRENCY,
    first: FirstDay = "",
    last: LastDay = "",
    as_of: AsOf = "",
    limit: DayLimit = 0,
    keys: Annotated[int, typer.Option(min=1, max=100, help="classes or goods of each currency")] = 10,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Print the book at the end of each business date."""
    from collateral_registry.cli.loans.history import Days, show_book_history

    in_session(server, show_book_history, by, Days(first, last, as_of, limit), keys, Layout(form, output, wide))


@loan_app.command("history")
def loan_history(
    loan: LoanId,
    first: FirstDay = "",
    last: LastDay = "",
    as_of: AsOf = "",
    limit: DayLimit = 0,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Print the cover of a loan at the end of each business date."""
    from collateral_registry.cli.loans.history import Days, show_loan_history

    in_session(server, show_loan_history, loan, Days(first, last, as_of, limit), Layout(form, output, wide))
