"""The commands of ``collateral base``."""

from __future__ import annotations

from typing import Annotated

import typer

from collateral_partner.options import DEFAULT_ADDRESS, Server
from collateral_registry.cli.common.options import AsOf, Form, Format, Layout, Output, Wide, in_session

base_app = typer.Typer(help="Show borrowing bases of loans.", no_args_is_help=True, rich_markup_mode=None)


@base_app.command("show")
def base_show(
    loan: Annotated[str, typer.Argument(help="id of the loan")],
    as_of: AsOf = "",
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Show the borrowing base of a loan, line by line.

    The lines sum to the availability. With --as-of, shows the base by the judgement that was current then.
    """
    from collateral_registry.cli.borrowing_base.base import show_base

    in_session(server, show_base, loan, as_of, Layout(form, output, wide))
