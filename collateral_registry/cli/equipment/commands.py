"""Equipment on the command line: models of comparables on files, and appraisals by people at a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from collateral_registry.cli.common.options import DEFAULT_ADDRESS, Server
from collateral_registry.clock import wall_clock

app = typer.Typer(
    help="Value machines from comparable sales in files; set appraisals beside them at a server.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Asset = Annotated[str, typer.Argument(help="id of the machine, such as press-1")]
Csv = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="CSV file, plain or gzipped")]
Columns = Annotated[
    Path, typer.Option("--columns", exists=True, dir_okay=False, help="TOML that says which column is what")
]
Model = Annotated[Path, typer.Option("--model", exists=True, file_okay=False, help="folder that fit has written")]
AsOf = Annotated[str, typer.Option(help="value on this day, such as 2012-03-31")]
DateColumn = Annotated[str, typer.Option(help="value each row on the day in this column; the sale date by default")]


@app.command()
def fit(
    comparables: Csv,
    columns: Columns,
    output: Annotated[Path, typer.Option("--output", file_okay=False, help="folder for the model")],
) -> None:
    """Learn from comparable sales; writes a folder with the model and its card."""
    with _refusals():
        from valuation.equipment.models.artefact import save
        from valuation.equipment.models.hedonic import fit as learn
        from valuation.equipment.sales.files import read_comparables
        from valuation.equipment.sales.mapping import read_mapping

        mapping = read_mapping(columns)
        sales, data_hash = read_comparables(comparables, mapping, wall_clock().date())
        learned = learn(sales, mapping)
        save(output, learned, data_hash)
        typer.echo((output / "card.md").read_text(encoding="utf-8"))


@app.command()
def appraise(
    assets: Csv,
    columns: Columns,
    model: Model,
    output: Annotated[Path, typer.Option("--output", dir_okay=False, help="CSV file to write")],
    as_of: AsOf = "",
    date_column: DateColumn = "",
) -> None:
    """Value machines by a model: FMV with its 10 % and 90 % points, OLV, FLV, NOLV, what it leans on and its flags."""
    with _refusals():
        from collateral_registry.cli.equipment.files import appraised, write_estimates

        machines, estimates = appraised(assets, columns, model, as_of, date_column)
        write_estimates(output, machines.ids.tolist(), estimates)


@app.command()
def score(
    sales: Csv,
    columns: Columns,
    model: Model,
    as_of: AsOf = "",
    date_column: DateColumn = "",
    picture: Annotated[Path | None, typer.Option(dir_okay=False, help="SVG file to draw into")] = None,
) -> None:
    """Compare a model with known prices: RMSLE, bias, coverage and pinball, for all and by category."""
    with _refusals():
        from collateral_registry.cli.equipment.files import appraised, score_lines
        from collateral_registry.cli.equipment.picture import write_picture
        from valuation.equipment.models.scores import scores

        machines, estimates = appraised(sales, columns, model, as_of, date_column)
        found = scores(
            machines.price, estimates.low, estimates.fmv, estimates.high, machines.reference,
            machines.levels["category"],
        )  # fmt: skip
        for line in score_lines(found):
            typer.echo(line)
        if picture:
            write_picture(picture, machines.price, estimates, found)


@app.command()
def record(
    asset: Asset,
    appraiser: Annotated[str, typer.Option(help="who appraised it")],
    date: Annotated[str, typer.Option(help="day of the appraisal, such as 2022-07-01")],
    amount: Annotated[str, typer.Option(help="plain digits, such as 48000")],
    currency: Annotated[str, typer.Option(help="currency of the asset, such as USD")],
    basis: Annotated[str, typer.Option(help="FMV, OLV, FLV or NOLV")] = "FMV",
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Record what a person appraised a machine at; it changes no value."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.equipment.appraisals import record_appraisal

    with session(server) as channel:
        record_appraisal(channel, asset, appraiser, date, basis, amount, currency)


@app.command()
def reconcile(asset: Asset, server: Server = DEFAULT_ADDRESS) -> None:
    """Set the appraisals of a machine beside the model, and make one value of both. Prints JSON."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.equipment.appraisals import print_reconciled

    with session(server) as channel:
        print_reconciled(channel, asset)


@app.command()
def appraisers(
    sales: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="CSV file: asset, date, price, currency, (basis)")
    ],
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Hold recorded appraisals against the prices that machines were sold at, by appraiser."""
    from collateral_registry.cli.common.client import session
    from collateral_registry.cli.equipment.appraisals import print_records

    with session(server) as channel:
        print_records(channel, sales)


@contextmanager
def _refusals() -> Iterator[None]:
    """Ends the command with a sentence and its exit code when a file or a number is refused."""
    from collateral_registry.cli.common.client import EXIT_USAGE, say
    from valuation.errors import InvalidInput

    try:
        yield
    except (InvalidInput, OSError) as error:
        say(str(error))
        raise typer.Exit(EXIT_USAGE) from None
