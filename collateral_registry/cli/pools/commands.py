"""Commands for pools of receivables."""

from __future__ import annotations

from typing import Annotated

import typer

from collateral_partner.options import DEFAULT_ADDRESS, Server
from collateral_registry.cli.common.options import AsOf, Form, Format, Layout, Limit, Output, Wide, in_session

pool_app = typer.Typer(help="Show pools of receivables.", no_args_is_help=True, rich_markup_mode=None)

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
