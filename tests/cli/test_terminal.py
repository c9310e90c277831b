"""Every command that prints rows fits the terminal and cuts no figure, level or date."""

import csv
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from google.type.decimal_pb2 import Decimal as DecimalMessage
from rich.cells import cell_len
from typer.testing import CliRunner

from collateral_registry.cli.common import table_text
from collateral_registry.cli.common.tables import WRAPPING
from collateral_registry.cli.main import app
from collateral_registry.v1 import (
    asset_pb2,
    debtor_pb2,
    debtor_pb2_grpc,
    disposal_pb2,
    disposal_pb2_grpc,
    loan_pb2,
    policy_pb2,
)
from tests.support import equipment_sales
from tests.support.ip_assets import register as register_ip_asset
from tests.support.pool_client import PoolClient, open_invoice
from tests.support.server import FIRST_DAY, Client, Server, calendar, connected, copper_lot, money
from tests.support.terminal import COMMAND, on_terminal
from valuation.equipment.models import boosting, hedonic

pytestmark = pytest.mark.slow

WIDTHS = (80, 100, 120, 160)
DEFAULTED = ("--default-date", "2021-12-31", "--cause", "payment", "--rate", "0.08")
SOLD = ("--date", "2021-12-31")
BY = ("--actor", "inspector of the lender", "--note", "a note")
RENT = ("--kind", "rent", "--amount", "1234567890.12", "--owner", "Ana", "--reason", "rent", "--from", "2021-12-31")
TABLES = {
    "runs": (),
    "asset classes": (),
    "asset list": (),
    "asset quote-pool": ("lot-1", "--currency", "USD"),
    "base end-reserve": ("RESERVE", "--actor", "Ana", "--reason", "paid"),
    "base reserve": ("NEW-RESERVE", *RENT),
    "base reserves": (),
    "base show": ("loan-with-base",),
    "assignment list": (),
    "breach ack": ("BREACH", *BY),
    "disposal claim": ("DISPOSAL", *BY, "--addressee", "court", "--amount", "123456789.01 USD", *SOLD),
    "disposal close": ("DISPOSAL", *BY),
    "disposal list": (),
    "disposal open": ("NEW-DISPOSAL", *BY, *DEFAULTED),
    "disposal proceeds": (
        "loan-of-an-importer-with-a-name/sale-of-the-lot",
        *BY,
        "--method",
        "private-sale",
        "--amount",
        "123456789.01 USD",
        "--asset",
        "lot-of-an-importer-with-a-long-name",
        "--cost",
        "1234567.5 USD",
        *SOLD,
    ),
    "disposal show": ("loan-of-an-importer-with-a-name/sale-of-the-lot",),
    "disposal test": (),
    "breach acknowledge": ("BREACH", *BY),
    "breach cure": ("loan-of-an-importer-with-a-name/1", *BY, "--cash", "1234567890.12 USD"),
    "breach dispute": ("BREACH", *BY),
    "breach escalate": ("SEEN", *BY),
    "breach grace": ("BREACH", *BY, "--deadline", "2023-01-31"),
    "breach list": (),
    "breach note": ("loan-of-an-importer-with-a-name/1", *BY),
    "breach settle": ("DISPUTED", *BY, "--outcome", "withdrawn"),
    "breach show": ("loan-of-an-importer-with-a-name/1",),
    "breach waive": ("BREACH", *BY, "--cause", "payment-in-transit", "--until", "2022-01-31"),
    "certificate approve": ("SUBMITTED", "--actor", "Ana"),
    "certificate create": ("NEW", "--period-end", "2021-12-31", "--due", "2022-01-31"),
    "certificate list": (),
    "certificate return": ("SUBMITTED", "--actor", "Ana", "--reason", "see lines", "--line", "ip:rate:too high"),
    "certificate show": ("SUBMITTED",),
    "certificate submit": ("OPEN", "{folder}/statement.csv", "--actor", "Bo"),
    "debtor exposure": ("globex",),
    "debtor list": (),
    "equipment appraisers": ("{folder}/realised.csv",),
    "equipment score": ("{folder}/sales.csv", "--columns", "{folder}/map.toml", "--model", "{folder}/model"),
    "finding list": (),
    "forecast": ("--series", "copper", "--horizon-days", "5"),
    "ip fees": ("--days", "3650"),
    "loan floor": ("loan-1",),
    "loan history": ("loan-1",),
    "loan list": (),
    "loan pledges": (),
    "pickup cancel": ("PICKUP",),
    "pickup list": (),
    "pickup request": ("loan-1", "lot-1", "0.001"),
    "pool explain": ("acme", "globex", "1"),
    "pool invoices": ("acme",),
    "pool quote": ("{folder}/ledger.csv", "--assigned", "notified", "--invoices", "5"),
    "pool show": ("acme",),
    "preview": ("--policy", "strict"),
    "proposal list": (),
    "report breaches": (),
    "report concentration": (),
    "report diff": ("--from", "1"),
    "report history": ("--by", "level"),
    "report ltv": (),
    "report totals": (),
    "stock feeds": (),
    "stock lots": (),
    "invoice entries": (),
    "invoice feeds": (),
    "invoice rejected": ("--filter", ""),
    "invoice resolve": ("erp/1", *BY, "--dismiss"),
    "stock movements": (),
    "stock rejected": ("--filter", ""),
    "stock resolve": ("acme/1", *BY, "--dismiss"),
    "stock units": ("acme",),
    "value": ("lot-1",),
    "verification plan": ("acme", "PLAN", "--actor", "Ana"),
    "verification show": ("acme", "v-1"),
    "warehouse counts": ("W-1",),
    "warehouse list": (),
}
"""The arguments of every command that prints a table."""

NUMBERS = itertools.count()
"""Numbers in the names of new certificates."""

WITHOUT_ROWS = {
    "access check", "access token",
    "asset correct", "asset show", "assignment exclude", "assignment readmit", "assignment record", "assignment show",
    "audit export", "audit keys", "audit verify",
    "backtest", "backup", "base set", "business-date repair", "certificate export", "certificate text", "check book",
    "check confirm",
    "debtor merge", "debtor show", "debtor unmerge", "equipment appraise", "equipment fit", "equipment reconcile",
    "equipment record", "finding resolve", "finding show", "haircut", "health", "import assets", "import debtors",
    "import fx", "import invoices", "import limits", "import loans", "import pledges", "import policy",
    "import prices", "import series", "invoice backlog", "invoice push", "invoice renumber", "ip event", "ip renewal",
    "ip value", "loan show", "migrate", "pickup check", "pool estimate",
    "proposal activate-equipment-model", "proposal activate-policy", "proposal approve",
    "proposal confirm-double-pledge", "proposal reject", "proposal show", "proposal waive-breach", "report export",
    "restore", "revalue", "run", "sample load",
    "sample replay", "serve", "stock backlog", "stock count", "stock push", "stock renumber", "stock token",
    "verification check", "verification close", "verification record", "watch",
}  # fmt: skip
"""Commands that print a message, a document, steps or a line for each event, or write a file of their own."""


def leaves() -> dict[str, Any]:
    """Returns every command that is not a group, by its path."""
    found: dict[str, Any] = {}
    groups: list[tuple[str, Any]] = [("", COMMAND)]
    while groups:
        path, group = groups.pop()
        for name, child in group.commands.items():
            if hasattr(child, "commands"):
                groups.append((f"{path}{name} ", child))
            else:
                found[f"{path}{name}"] = child
    return found


def options(command):
    return {option for parameter in command.params for option in parameter.opts}


def test_every_command_is_known_to_print_rows_or_not():
    found = leaves()
    with_tables = {name for name, command in found.items() if "--wide" in options(command)}

    assert with_tables == set(TABLES)
    assert set(found) - with_tables == WITHOUT_ROWS
    for name in with_tables:
        assert options(found[name]) >= {"--format", "--output"}, name


@dataclass(frozen=True)
class Place:
    """The server of the book and a folder of files."""

    address: str
    folder: Path
    client: Client

    def arguments(self, name: str) -> list[str]:
        """The words of a command on the book."""
        made = {
            "PICKUP": self.pickup,
            "PLAN": lambda: uuid4().hex,
            "NEW": self.new_certificate,
            "RESERVE": self.reserve,
            "NEW-RESERVE": self.new_reserve,
            "OPEN": self.certificate,
            "SUBMITTED": self.submitted,
            "BREACH": self.breach,
            "DISPOSAL": self.disposal,
            "NEW-DISPOSAL": lambda: f"{self.breach().split('/')[0]}/d",
            "DISPUTED": lambda: self.breach_after("dispute"),
            "SEEN": lambda: self.breach_after("acknowledge"),
        }
        given = [made[one]() if one in made else one.format(folder=self.folder) for one in TABLES[name]]
        local = name == "equipment score"
        return [*name.split(), *given, *([] if local else ["--server", self.address])]

    def breach(self) -> str:
        """The name of a new breach."""
        loan = f"loan-in-breach-{next(NUMBERS)}"
        self.client.register_loan(loan)
        self.client.owe("1234567.5", loan)
        return f"{loan}/1"

    def disposal(self) -> str:
        """The name of a new disposal."""
        loan = self.breach().split("/")[0]
        stated = disposal_pb2.Disposal(
            default_date=calendar(FIRST_DAY),
            cause=disposal_pb2.DISPOSAL_CAUSE_PAYMENT,
            discount_rate=DecimalMessage(value="0.08"),
        )
        request = disposal_pb2.OpenDisposalRequest(
            parent=f"loans/{loan}", disposal_id="d", disposal=stated, actor="Ana", note="a note"
        )
        disposal_pb2_grpc.DisposalServiceStub(self.client.channel).OpenDisposal(request)
        return f"{loan}/d"

    def breach_after(self, step: str) -> str:
        """The name of a new breach on which a step was taken."""
        name = self.breach()
        run("breach", step, name, "--note", "by the book", "--actor", "Ana", "--server", self.address)
        return name

    def new_reserve(self) -> str:
        """An unused name of a reserve."""
        return f"loan-with-base/reserve-with-a-long-id-{next(NUMBERS)}"

    def reserve(self) -> str:
        """The name of a new reserve."""
        name = self.new_reserve()
        run("base", "reserve", name, *RENT, "--server", self.address)
        return name

    def new_certificate(self) -> str:
        """An unused name of a certificate."""
        return f"loan-with-base/certificate-with-a-long-id-{next(NUMBERS)}"

    def certificate(self) -> str:
        """The name of a new certificate."""
        name, days = self.new_certificate(), ("--period-end", "2021-12-31", "--due", "2022-01-31")
        run("certificate", "create", name, *days, "--server", self.address)
        return name

    def submitted(self) -> str:
        """The name of a new certificate with a statement."""
        name = self.certificate()
        run(
            *("certificate", "submit", name, str(self.folder / "statement.csv"), "--actor", "Bo"),
            *("--server", self.address),
        )
        return name

    def pickup(self) -> str:
        """The name of a new pick-up."""
        table = run("pickup", "request", "loan-1", "lot-1", "0.001", "--format", "csv", "--server", self.address)
        return f"loans/loan-1/pickups/{table.splitlines()[1].split(',')[0]}"


def run(*arguments: str) -> str:
    found = CliRunner().invoke(app, [*arguments])
    assert found.exit_code in {0, 1}, (arguments, found.output)
    return found.output


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A book with long names, large amounts, an unknown value and at least one row for every command."""
    folder = tmp_path_factory.mktemp("terminal")
    server = Server(f"sqlite:///{folder / 'book.db'}").start()
    with connected(server) as client:
        fill_book(client)
        write_files(folder)
        fill_stock(folder, server.address)
        sell(server.address)
        yield Place(server.address, folder, client)
    server.stop()


def fill_book(client: Client) -> None:
    pool = PoolClient(client, "loan-of-a-pool")
    pool.report(open_invoice(1, 1_234_567_890), open_invoice(2, type_code=395))
    client.covered_loan()
    client.register_lot("lot-of-an-importer-with-a-long-name", "123456789.123456")
    client.register_loan("loan-of-an-importer-with-a-name")
    client.pledge("loan-of-an-importer-with-a-name", "lot-of-an-importer-with-a-long-name")
    client.owe("1234567890123.45", "loan-of-an-importer-with-a-name")
    uninsured = copper_lot("5", lot="LOT-3")
    uninsured.ClearField("insurance_expire_date")
    client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=uninsured, asset_id="lot-3"))
    elsewhere = copper_lot("1", lot="LOT-4", warehouse="W-2")
    client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=elsewhere, asset_id="lot-4"))
    client.pledge("loan-1", "lot-4", "p-4")
    terms = loan_pb2.BorrowingBaseTerms(
        sublimits=[loan_pb2.Sublimit(asset_class="inventory.base_metal", amount=money("123456789012.34"))]
    )
    client.register_loan("loan-with-base", borrowing_base_terms=terms)
    client.register_loan("loan-3")
    debtor = debtor_pb2.Debtor(
        display_name="A core firm with a long name", line=debtor_pb2.DebtorLine(amount=money("123456789012.34"))
    )
    created = debtor_pb2.CreateDebtorRequest(debtor=debtor, debtor_id="core-firm-with-a-long-id")
    debtor_pb2_grpc.DebtorServiceStub(client.channel).CreateDebtor(created)
    client.pledge("loan-3", "lot-3")
    client.owe("77000", "loan-3")
    register_ip_asset(client, "patent-of-terminals")
    policy = client.policies.ListPolicies(policy_pb2.ListPoliciesRequest()).policies[0]
    (limit,) = (rule for rule in policy.rules if rule.parameter == "watch")
    limit.value.value = "0.3"
    client.policies.CreatePolicy(policy_pb2.CreatePolicyRequest(policy=policy, policy_id="strict"))


def sell(address: str) -> None:
    name = "loan-of-an-importer-with-a-name/sale-of-the-lot"
    run("disposal", "open", name, *BY, *DEFAULTED, "--server", address)


def write_files(folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(boosting, "ROUNDS", (5,))
        patched.setattr(hedonic, "ROUNDS", (5,))
        mapping = equipment_sales.write_mapping(folder)
        mapping.rename(folder / "map.toml")
        equipment_sales.write_sales(folder / "sales.csv", equipment_sales.rows(200))
        columns = ("--columns", str(folder / "map.toml"))
        run("equipment", "fit", str(folder / "sales.csv"), *columns, "--output", str(folder / "model"))
    statement = "class,line,value\nip,gross,1234567890.12\nip,rate,0.5\nip,MANUAL,5\n,reserves,7\n"
    (folder / "statement.csv").write_text(statement, encoding="utf-8")
    (folder / "realised.csv").write_text("asset,date,price,currency\nlot-1,2021-12-01,5,USD\n", encoding="utf-8")
    (folder / "count.csv").write_text("lot,good,unit,quantity\nL-1,copper,t,99999999.5\n", encoding="utf-8")
    (folder / "ledger.csv").write_text(
        "entry,kind,time,pool,debtor,number,amount,currency\n"
        "i-1,INVOICE,2021-12-20T08:00:00Z,acme,lei:529900T8BM49AURSDO55,INVOICE-WITH-A-LONG-NUMBER-1,1234567.5,USD\n"
        "p-1,PAYMENT,2021-12-20T09:00:00Z,acme,lei:529900T8BM49AURSDO55,UNKNOWN,25,USD\n",
        encoding="utf-8",
    )
    (folder / "stock.csv").write_text(
        "movement,kind,time,warehouse,lot,quantity,good,unit\n"
        "movement-with-a-long-identifier-000001,RECEIPT,2021-12-20T08:00:00Z,W-1,L-1,123456789.123456,copper,t\n"
        "m-2,ISSUE,2021-12-20T09:00:00Z,W-1,L-9,25,copper,t\n",
        encoding="utf-8",
    )


def fill_stock(folder: Path, address: str) -> None:
    at = ("--server", address)
    run("import", "invoices", str(folder / "ledger.csv"), "--feed", "erp", *at)
    run("stock", "push", str(folder / "stock.csv"), "--source", "acme", "--outbox", str(folder / "outbox.db"), *at)
    run("stock", "units", "acme", "lorry=t", *at)
    run("verification", "plan", "acme", "v-1", "--actor", "Ana", *at)
    run("stock", "count", str(folder / "count.csv"), "--warehouse", "W-1", "--actor", "inspector", *at)
    run("revalue", *at)
    run("proposal", "activate-policy", "strict", "--reason", "lower levels", "--actor", "inspector of the lender", *at)


@pytest.fixture
def printed_grids(monkeypatch):
    """The columns and cells of the tables that a command prints."""
    grids = []
    original = table_text.print_grid

    def print_grid(columns, rows, **placed):
        grids.append([(column, [row[at] for row in rows]) for at, column in enumerate(columns)])
        original(columns, rows, **placed)

    monkeypatch.setattr(table_text, "print_grid", print_grid)
    return grids


@pytest.mark.parametrize("name", TABLES)
def test_no_figure_level_or_date_is_cut_on_a_terminal(name, place, printed_grids):
    for width in WIDTHS:
        printed_grids.clear()
        found = on_terminal(width, *place.arguments(name))

        assert found.code in {0, 1}, found.text
        assert "…" not in found.text
        assert max(map(cell_len, found.lines)) <= width, found.text
        assert printed_grids
        left_out = " ".join(found.text.replace("\n", " ").split("Left out: ")[1:])
        for column, cells in (one for grid in printed_grids for one in grid if one[0].kind not in WRAPPING):
            if column.printed_header.replace("\n", " ") not in left_out:
                shown = {table_text.cell_text(column, cell) for cell in cells}
                assert all(text in found.text for text in shown), (width, column.name, shown, found.text)


@pytest.mark.parametrize("name", ["report ltv", "stock movements", "finding list"])
def test_wide_tables_and_pipes_have_every_column_in_full(name, place, printed_grids):
    wide = on_terminal(80, *place.arguments(name), "--wide")
    piped = run(*place.arguments(name))

    assert [line.rstrip() for line in piped.splitlines()] == wide.lines
    assert "Left out" not in piped
    for column, cells in (one for grid in printed_grids for one in grid):
        assert all(table_text.cell_text(column, cell) in piped for cell in cells), column.name


def test_the_report_states_the_reasons_of_unknown_values_and_the_concentrations(place):
    text = on_terminal(80, *place.arguments("report ltv")).text

    assert "Unknown values and remarks" in text
    assert "Largest concentrations" in text
    assert "copper" in text
    assert "(others)" not in text


def test_the_keys_beyond_the_limit_are_named_others_in_every_format(place):
    limited = ("report", "concentration", "--limit", "1", "--server", place.address)
    table = on_terminal(80, *limited).text
    rows = list(csv.DictReader(io.StringIO(run(*limited, "--format", "csv"))))

    others = [row for row in rows if row["others_count"]]
    assert others
    assert {row["key"] for row in others} == {"(others)"}
    assert table.count("(others)") == len(others)
