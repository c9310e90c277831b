"""IP commands: value IP assets, record their legal events, list fees, and fit renewal models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from collateral_partner.options import DEFAULT_ADDRESS, Server
from collateral_registry.cli.common.options import File, Form, Format, Layout, Output, Wide, in_session

app = typer.Typer(
    help="Value IP assets, record their events, list their fees.", no_args_is_help=True, rich_markup_mode=None
)

Asset = Annotated[str, typer.Argument(help="id of the IP asset, such as patent-1")]


@app.command()
def value(
    asset: Asset,
    question: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="JSON file of a RightQuestion: doubt, brackets, scores"),
    ] = None,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Value an IP asset.

    Prints its forecast, value distribution, pledgeable value, remaining life and score as JSON.
    """
    from collateral_registry.cli.ip.calls import print_value

    in_session(server, print_value, asset, question)


@app.command()
def event(
    asset: Asset,
    kind: Annotated[str, typer.Argument(help="LAPSED, RESTORED, INVALIDATED, DISPUTED, CO_OWNED, …")],
    date: Annotated[str, typer.Option("--date", help="date of the event, such as 2022-07-01")],
    owned_share: Annotated[
        str, typer.Option(help="share the owner holds from then on, below 1; required for CO_OWNED")
    ] = "",
    note: Annotated[str, typer.Option(help="free text stored with the event")] = "",
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Record a legal event of an IP asset.

    The asset is revalued and its loans are judged in the same commit.
    """
    from collateral_registry.cli.ip.calls import record_event

    in_session(server, record_event, asset, kind, date, owned_share, note)


@app.command()
def fees(
    days: Annotated[int, typer.Option(min=1, max=3650, help="days ahead of the business date")] = 90,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """List renewal fees that fall due or can still be paid.

    IP assets without a fee calendar are listed on standard error.
    """
    from collateral_registry.cli.ip.calls import show_fees

    in_session(server, show_fees, days, Layout(form, output, wide))


@app.command()
def renewal(
    families: File,
    output: Annotated[Path, typer.Option("--output", dir_okay=False, help="CSV file to write, one row per IP asset")],
    office: Annotated[
        str, typer.Option(help="office with a built-in table of yearly fees, such as CN; else use --fees")
    ] = "",
    kind: Annotated[str, typer.Option(help="patent, utility_model or design")] = "patent",
    fees_file: Annotated[
        Path | None,
        typer.Option("--fees", exists=True, dir_okay=False, readable=True, help="file of yearly fees: year, fee"),
    ] = None,
    discount_rate: Annotated[float, typer.Option(help="yearly discount rate, a ratio from 0 to 2")] = 0.10,
) -> None:
    """Fit a renewal model to fee payment histories; no server.

    The input has the columns id, years_paid and lapsed. The output has the value that each history implies.
    No public price data confirms such values.
    """
    from collateral_registry.cli.common.client import EXIT_USAGE, print_error
    from collateral_registry.cli.ip.renewal import run_renewal

    try:
        run_renewal(families, office, kind, fees_file, discount_rate, output)
    except (ValueError, OSError) as error:
        print_error(str(error))
        raise typer.Exit(EXIT_USAGE) from None
