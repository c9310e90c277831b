"""Commands for pools of receivables."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from collateral_partner.options import DEFAULT_ADDRESS, MappingFile, Server, TimeZone
from collateral_registry.cli.common.options import AsOf, Form, Format, Layout, Limit, Output, Supplier, Wide, in_session


class Concentration(StrEnum):
    """How the share of a debtor is limited."""

    GROSS = "gross"
    ELIGIBLE = "eligible"
    FIXED_POINT = "fixed-point"
    NONE = "none"


class Assigned(StrEnum):
    """States of an assignment that may be assumed."""

    REGISTERED = "registered"
    NOTIFIED = "notified"
    ACKNOWLEDGED = "acknowledged"
    ACKNOWLEDGED_WITH_SET_OFF = "acknowledged-with-set-off"


pool_app = typer.Typer(help="Show and quote pools of receivables.", no_args_is_help=True, rich_markup_mode=None)

PoolId = Annotated[str, typer.Argument(help="id of the pool or of the receivable")]
InvoiceFilter = Annotated[str, typer.Option("--filter", help="such as: excluded_by = OVER_AGE")]


@pool_app.command("show")
def pool_show(
    pool: PoolId,
    as_of: AsOf = "",
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Show what a pool lends, as lines that add up."""
    from collateral_registry.cli.pools.calls import show_pool

    in_session(server, show_pool, pool, as_of, Layout(form, output, wide))


@pool_app.command("estimate")
def pool_estimate(pool: PoolId, as_of: AsOf = "", server: Server = DEFAULT_ADDRESS) -> None:
    """Show dilution and days until payment of a pool, as JSON.

    They are estimated from the ledger of the pool.
    """
    from collateral_registry.cli.pools.calls import show_estimate

    in_session(server, show_estimate, pool, as_of)


@pool_app.command("invoices")
def pool_invoices(
    pool: PoolId,
    as_of: AsOf = "",
    filter_: InvoiceFilter = "",
    limit: Limit = 0,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """List the invoices of a pool with what counts of each."""
    from collateral_registry.cli.pools.calls import list_invoices

    in_session(server, list_invoices, pool, as_of, filter_, limit, Layout(form, output, wide))


@pool_app.command("explain")
def pool_explain(
    pool: PoolId,
    debtor: Annotated[str, typer.Argument(help="debtor as the ledger states it")],
    invoice: Annotated[str, typer.Argument(help="number of the invoice")],
    as_of: AsOf = "",
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Explain an invoice, rule by rule, in English and Chinese."""
    from collateral_registry.cli.pools.calls import explain_invoice

    in_session(server, explain_invoice, pool, debtor, invoice, as_of, Layout(form, output, wide))


@pool_app.command("quote")
def pool_quote(
    path: Annotated[
        Path, typer.Argument(exists=True, readable=True, help="table, UBL invoice in XML, or folder of XML files")
    ],
    pool: Annotated[str, typer.Option(help="registered pool whose facts apply; default: a draft")] = "",
    asset_class: Annotated[str, typer.Option("--class", help="asset class of a draft")] = "receivable.trade",
    currency: Annotated[str, typer.Option(help="currency of a draft, and of rows that state none")] = "",
    owner_debtor: Annotated[str, typer.Option(help="debtor as which the owner is registered")] = "",
    concentration: Annotated[Concentration | None, typer.Option(help="limit of a debtor's share of a draft")] = None,
    date: Annotated[str, typer.Option(help="day of the value; default: the business date")] = "",
    assigned: Annotated[Assigned | None, typer.Option(help="assumed state of the assignment of a draft")] = None,
    searched: Annotated[str, typer.Option(help="day of an assumed search of the registry")] = "",
    contracts_permit: Annotated[bool, typer.Option("--contracts-permit", help="assume contracts permit it")] = False,
    invoices: Annotated[int, typer.Option(min=0, max=1_000, help="number of invoices to show")] = 0,
    columns: MappingFile = None,
    time_zone: TimeZone = "",
    supplier: Supplier = "",
    as_json: Annotated[bool, typer.Option("--json", help="print the whole answer as JSON")] = False,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Show what a pool would lend by a file; records nothing.

    The file holds all entries of its ledger, or its open invoices, as `collateral import invoices` reads them. Refused
    rows are reported with their lines, and the others are valued.
    """
    from collateral_registry.cli.importing.entry_files import EntryFileOptions
    from collateral_registry.cli.pools.quotes import QuoteOptions, quote_pool

    options = QuoteOptions(
        EntryFileOptions(pool, currency, columns, time_zone, supplier),
        asset_class,
        owner_debtor,
        concentration,
        date,
        assigned,
        searched,
        contracts_permit,
        invoices,
        as_json,
    )
    in_session(server, quote_pool, path, options, Layout(form, output, wide))
