"""Equipment commands: models of comparable sales on files, and appraisals by people on a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from collateral_partner.options import DEFAULT_ADDRESS, Server
from collateral_registry.cli.common.options import File, Form, Format, Layout, Output, Wide, in_session
from collateral_registry.clock import wall_clock

app = typer.Typer(
    help="Value machines from comparable sales; record appraisals.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Asset = Annotated[str, typer.Argument(help="asset id of the machine, such as press-1")]
Columns = Annotated[
    Path, typer.Option("--columns", exists=True, dir_okay=False, help="TOML file that maps columns to fields")
]
Model = Annotated[Path, typer.Option("--model", exists=True, file_okay=False, help="model folder written by fit")]
AsOf = Annotated[str, typer.Option(help="valuation date, such as 2012-03-31")]
DateColumn = Annotated[str, typer.Option(help="column with the valuation date of each row; default: sale date")]


@app.command()
def fit(
    comparables: File,
    columns: Columns,
    output: Annotated[Path, typer.Option("--output", file_okay=False, help="folder to write the model to")],
) -> None:
    """Fit a model to comparable sales.

    Writes a folder with the model and its model card, and prints the card.
    """
    with _input_errors():
        from collateral_registry.cli.common.client import print_line
        from valuation.equipment.models.artefact import save
        from valuation.equipment.models.hedonic import fit as fit_model
        from valuation.equipment.sales.files import read_comparables
        from valuation.equipment.sales.mapping import read_mapping

        mapping = read_mapping(columns)
        sales, data_hash = read_comparables(comparables, mapping, wall_clock().date())
        learned = fit_model(sales, mapping)
        save(output, learned, data_hash)
        print_line(f"wrote the model and its card to {output}", to_stderr=True)
        typer.echo((output / "card.md").read_text(encoding="utf-8"))


@app.command()
def appraise(
    assets: File,
    columns: Columns,
    model: Model,
    output: Annotated[Path, typer.Option("--output", dir_okay=False, help="CSV file to write")],
    as_of: AsOf = "",
    date_column: DateColumn = "",
) -> None:
    """Value machines with a fitted model.

    Writes FMV with its 10 % and 90 % points, OLV, FLV, NOLV, the basis of the estimate and quality flags per row.
    """
    with _input_errors():
        from collateral_registry.cli.common.client import print_line
        from collateral_registry.cli.equipment.files import appraise_file, write_estimates

        machines, estimates = appraise_file(assets, columns, model, as_of, date_column)
        write_estimates(output, machines.ids.tolist(), estimates)
        print_line(f"wrote {len(machines.ids)} machines to {output}", to_stderr=True)


@app.command()
def score(
    sales: File,
    columns: Columns,
    model: Model,
    as_of: AsOf = "",
    date_column: DateColumn = "",
    picture: Annotated[Path | None, typer.Option(dir_okay=False, help="SVG file to write a chart to")] = None,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
) -> None:
    """Score a model against known sale prices.

    Prints RMSLE, bias, interval coverage and pinball loss over all sales and by category.
    """
    with _input_errors():
        from collateral_registry.cli.common.client import print_line
        from collateral_registry.cli.common.table_files import show_table
        from collateral_registry.cli.equipment.files import SCORES, appraise_file, score_rows
        from collateral_registry.cli.equipment.picture import write_picture
        from valuation.equipment.models.scores import scores

        machines, estimates = appraise_file(sales, columns, model, as_of, date_column)
        found = scores(
            machines.price, estimates.low, estimates.fmv, estimates.high, machines.reference,
            machines.levels["category"],
        )  # fmt: skip
        show_table(SCORES, score_rows(found), Layout(form, output, wide))
        if picture:
            write_picture(picture, machines.price, estimates, found)
            print_line(f"wrote {picture}", to_stderr=True)


@app.command()
def record(
    asset: Asset,
    appraiser: Annotated[str, typer.Option(help="name of the appraiser")],
    date: Annotated[str, typer.Option(help="date of the appraisal, such as 2022-07-01")],
    amount: Annotated[str, typer.Option(help="appraised amount in plain digits, such as 48000")],
    currency: Annotated[str, typer.Option(help="currency of the asset, such as USD")],
    basis: Annotated[str, typer.Option(help="basis of value: FMV, OLV, FLV or NOLV")] = "FMV",
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Record an appraisal of a machine.

    An appraisal does not change the valuation of the machine.
    """
    from collateral_registry.cli.equipment.appraisals import record_appraisal

    in_session(server, record_appraisal, asset, appraiser, date, basis, amount, currency)


@app.command()
def reconcile(asset: Asset, server: Server = DEFAULT_ADDRESS) -> None:
    """Reconcile the appraisals of a machine with the model.

    Prints the appraisals, the model's estimate and their combined value on each basis as JSON.
    """
    from collateral_registry.cli.equipment.appraisals import print_reconciled

    in_session(server, print_reconciled, asset)


@app.command()
def appraisers(
    sales: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="file: asset, date, price, currency, (basis)")
    ],
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Compare recorded appraisals with sale prices by appraiser."""
    from collateral_registry.cli.equipment.appraisals import show_records

    in_session(server, show_records, sales, Layout(form, output, wide))


@contextmanager
def _input_errors() -> Iterator[None]:
    """Turns InvalidInput, MissingExtra and OSError into an error message and the exit code for usage errors."""
    from collateral_registry.cli.common.client import EXIT_USAGE, print_error
    from valuation.errors import InvalidInput, MissingExtra

    try:
        yield
    except (InvalidInput, MissingExtra, OSError) as error:
        print_error(str(error))
        raise typer.Exit(EXIT_USAGE) from None
