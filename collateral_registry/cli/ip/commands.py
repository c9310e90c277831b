"""Intellectual property on the command line: value rights, record what happened to them, learn from the fees paid."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from collateral_registry.cli.common.options import DEFAULT_ADDRESS, File, Server

app = typer.Typer(help="Value rights, follow them, watch their fees.", no_args_is_help=True, rich_markup_mode=None)

Right = Annotated[str, typer.Argument(help="id of the right, such as patent-1")]


@app.command()
def value(
    right: Right,
    question: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="JSON of a RightQuestion: doubt, brackets, scores")
    ] = None,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Value a right: forecast, distribution, what may be pledged, its life, its score. Prints JSON."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.ip.calls import print_value

    with session(server) as channel:
        print_value(channel, right, question)


@app.command()
def event(
    right: Right,
    kind: Annotated[str, typer.Argument(help="LAPSED, RESTORED, INVALIDATED, DISPUTED, CO_OWNED, …")],
    date: Annotated[str, typer.Option("--date", help="the day it happened, such as 2022-07-01")],
    owned_share: Annotated[str, typer.Option(help="what the owner owns from then on, below 1; CO_OWNED needs it")] = "",
    note: Annotated[str, typer.Option(help="what is to be remembered")] = "",
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Record what happened to a right; its value and its loans follow at once."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.ip.calls import record_event

    with session(server) as channel:
        record_event(channel, right, kind, date, owned_share, note)


@app.command()
def fees(
    days: Annotated[int, typer.Option(min=1, max=3650, help="days ahead of the business date")] = 90,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """List the fees that come due or can still be paid, and the rights whose fees nobody knows."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.ip.calls import print_fees

    with session(server) as channel:
        print_fees(channel, days)


@app.command()
def renewal(
    families: File,
    output: Annotated[Path, typer.Option("--output", dir_okay=False, help="CSV file to write, a row per right")],
    office: Annotated[str, typer.Option(help="office with a table of yearly fees, such as CN; or give --fees")] = "",
    kind: Annotated[str, typer.Option(help="patent, utility_model or design")] = "patent",
    fees_file: Annotated[
        Path | None,
        typer.Option("--fees", exists=True, dir_okay=False, readable=True, help="CSV file of yearly fees: year, fee"),
    ] = None,
    discount_rate: Annotated[float, typer.Option(help="yearly, as a ratio from 0 to 2")] = 0.10,
) -> None:
    """Fit a renewal model to rights (id, years_paid, lapsed) and write what each history implies; needs no server.

    No public price data proves such values.
    """
    from collateral_registry.cli.common.client import EXIT_USAGE, say
    from collateral_registry.cli.ip.renewal import run_renewal

    try:
        run_renewal(families, office, kind, fees_file, discount_rate, output)
    except (ValueError, OSError) as error:
        say(str(error))
        raise typer.Exit(EXIT_USAGE) from None
