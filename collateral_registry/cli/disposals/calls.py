"""Opens, continues, shows and lists disposals, and shows the realisation test."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import grpc
from google.type.decimal_pb2 import Decimal as DecimalMessage
from google.type.money_pb2 import Money

from collateral_registry.cli.common.formatting import date_message, member_name, resource_name, to_decimal
from collateral_registry.cli.common.moments import as_of_message
from collateral_registry.cli.common.options import Layout
from collateral_registry.cli.common.paging import fetch_all
from collateral_registry.cli.common.table_files import Section, show_table
from collateral_registry.cli.common.tables import (
    Column,
    Importance,
    Kind,
    ListedRows,
    Row,
    Table,
    day,
    label,
    number,
    share,
    short_name,
    text,
)
from collateral_registry.cli.importing.messages import money
from collateral_registry.v1 import disposal_pb2 as pb, disposal_pb2_grpc

DISPOSALS = Table(
    "disposals",
    (
        Column("loan", Kind.TEXT),
        Column("disposal", Kind.TEXT),
        Column("borrower", Kind.TEXT, importance=Importance.LOW),
        Column("state", Kind.CODE),
        Column("default_date", Kind.DATE, "default", Importance.USUAL),
        Column("cause", Kind.CODE, importance=Importance.LOW),
        Column("exposure", Kind.AMOUNT, importance=Importance.USUAL),
        Column("net_proceeds", Kind.AMOUNT, "net\nproceeds"),
        Column("currency", Kind.CODE, "ccy", Importance.USUAL),
        Column("loss", Kind.SHARE, "LGD"),
        Column("estimated", Kind.FLAG, "estimated", Importance.LOW),
        Column("to_market", Kind.SHARE, "of\nmarket", Importance.HIGH),
        Column("to_lendable", Kind.SHARE, "of\nlendable", Importance.HIGH),
        Column("days", Kind.COUNT, "days", Importance.HIGH),
    ),
)
ITEMS = Table(
    "assets",
    (
        Column("asset", Kind.TEXT),
        Column("class", Kind.TEXT, importance=Importance.LOW),
        Column("market_value", Kind.AMOUNT, "market value\nat default", Importance.USUAL),
        Column("lendable_value", Kind.AMOUNT, "lendable value\nat default", Importance.HIGH),
        Column("net_proceeds", Kind.AMOUNT, "net\nproceeds"),
        Column("to_market", Kind.SHARE, "of\nmarket"),
        Column("to_lendable", Kind.SHARE, "of\nlendable"),
        Column("days", Kind.COUNT, "days", Importance.HIGH),
        Column("days_to_sell", Kind.COUNT, "days to\nsell", Importance.LOW),
        Column("remarks", Kind.LABELS, importance=Importance.USUAL),
    ),
)
STEPS = Table(
    "steps",
    (
        Column("number", Kind.COUNT, "no."),
        Column("date", Kind.DATE),
        Column("step", Kind.CODE),
        Column("proceeds", Kind.COUNT, "proceeds\nno.", Importance.USUAL),
        Column("asset", Kind.TEXT, importance=Importance.HIGH),
        Column("method", Kind.CODE, importance=Importance.LOW),
        Column("amount", Kind.AMOUNT, importance=Importance.HIGH),
        Column("cost", Kind.AMOUNT, importance=Importance.LOW),
        Column("corrected", Kind.FLAG, "corrected", Importance.USUAL),
        Column("actor", Kind.TEXT, importance=Importance.USUAL),
        Column("note", Kind.TEXT, importance=Importance.USUAL),
    ),
)
TESTS = Table(
    "tests",
    (
        Column("class", Kind.TEXT),
        Column("liquidations", Kind.COUNT, "sold"),
        Column("below", Kind.COUNT, "below\n70 %"),
        Column("share", Kind.SHARE, "share", Importance.HIGH),
        Column("upper_bound", Kind.SHARE, "95 %\nbound"),
        Column("verdict", Kind.CODE),
        Column("open", Kind.COUNT, "open", Importance.USUAL),
        Column("open_below", Kind.COUNT, "open\nbelow", Importance.LOW),
        Column("related", Kind.COUNT, "related", Importance.LOW),
        Column("unvalued", Kind.COUNT, "without\nvalue", Importance.LOW),
        Column("promises", Kind.COUNT, "haircuts", Importance.LOW),
        Column("exceeded", Kind.COUNT, "exceeded", Importance.HIGH),
        Column("kupiec_p", Kind.FACTOR, "Kupiec p", Importance.LOW),
        Column("light", Kind.CODE, "status", Importance.LOW),
        Column("late", Kind.COUNT, "late", Importance.LOW),
    ),
)


@dataclass(frozen=True)
class NewDisposal:
    """A disposal as a command states it."""

    name: str
    default_date: str
    cause: str
    rate: str
    breach: int
    assets: Sequence[str]
    expected: str
    expected_date: str


@dataclass(frozen=True)
class NewProceeds:
    """Proceeds as a command states them."""

    name: str
    method: str
    amount: str
    date: str
    asset: str
    invoice: str
    cost: str
    loan_amount: str
    buyer: str
    corrects: int
    expected: str
    expected_date: str
    related: bool
    finishes: bool


def open_disposal(channel: grpc.Channel, new: NewDisposal, actor: str, note: str, layout: Layout) -> None:
    """Opens a disposal and shows it."""
    loan, disposal_id = member_name("disposals", new.name, "sale-1")
    stated = pb.Disposal(
        default_date=date_message("default-date", new.default_date),
        cause=pb.DisposalCause.Value(f"DISPOSAL_CAUSE_{new.cause.upper()}"),
        discount_rate=DecimalMessage(value=new.rate),
        breach=f"{loan}/breaches/{new.breach}" if new.breach else "",
        assets=[resource_name("assets", asset) for asset in new.assets],
        expected=_expected(new.expected, new.expected_date),
    )
    request = pb.OpenDisposalRequest(
        parent=loan, disposal_id=disposal_id, disposal=stated, actor=actor, note=note, request_id=uuid.uuid4().hex
    )
    _show(_stub(channel).OpenDisposal(request), layout)


def record_claim(
    channel: grpc.Channel, name: str, actor: str, addressee: str, amount: str, date: str, note: str, layout: Layout
) -> None:
    """Records a claim and shows the disposal."""
    request = pb.RecordClaimRequest(
        name=_name(name),
        addressee=addressee,
        amount=_money("amount", amount),
        date=date_message("date", date),
        actor=actor,
        note=note,
        request_id=uuid.uuid4().hex,
    )
    _show(_stub(channel).RecordClaim(request), layout)


def record_proceeds(channel: grpc.Channel, new: NewProceeds, actor: str, note: str, layout: Layout) -> None:
    """Records proceeds and shows the disposal."""
    proceeds = pb.Proceeds(
        asset=resource_name("assets", new.asset) if new.asset else "",
        invoice_number=new.invoice,
        method=pb.RealisationMethod.Value(f"REALISATION_METHOD_{new.method.replace('-', '_').upper()}"),
        amount=_money("amount", new.amount),
        cost=_money("cost", new.cost) if new.cost else None,
        loan_amount=_money("loan-amount", new.loan_amount) if new.loan_amount else None,
        date=date_message("date", new.date),
        buyer=new.buyer,
        buyer_related=new.related,
        finishes_asset=new.finishes,
        corrects=new.corrects,
    )
    request = pb.RecordProceedsRequest(
        name=_name(new.name),
        proceeds=proceeds,
        expected=_expected(new.expected, new.expected_date),
        actor=actor,
        note=note,
        request_id=uuid.uuid4().hex,
    )
    _show(_stub(channel).RecordProceeds(request), layout)


def close_disposal(channel: grpc.Channel, name: str, actor: str, note: str, layout: Layout) -> None:
    """Closes a disposal and shows it."""
    request = pb.CloseDisposalRequest(name=_name(name), actor=actor, note=note, request_id=uuid.uuid4().hex)
    _show(_stub(channel).CloseDisposal(request), layout)


def show_disposal(channel: grpc.Channel, name: str, layout: Layout) -> None:
    """Shows a disposal with its assets and steps."""
    _show(_stub(channel).GetDisposal(pb.GetDisposalRequest(name=_name(name))), layout)


def list_disposals(channel: grpc.Channel, filter_: str, limit: int, layout: Layout) -> None:
    """Shows a table of disposals."""
    found = fetch_all(_stub(channel).ListDisposals, pb.ListDisposalsRequest(filter=filter_), "disposals", limit)
    show_table(DISPOSALS, ListedRows(map(_disposal_row, found.disposals)), layout)


def show_test(channel: grpc.Channel, as_of: str, layout: Layout) -> None:
    """Shows the realisation test of each class, and of all in the last row."""
    request = pb.GetRealisationTestRequest(as_of=as_of_message(as_of))
    found = _stub(channel).GetRealisationTest(request)
    show_table(TESTS, ListedRows(map(_test_row, [*found.classes, found.total])), layout)


def _show(found: pb.Disposal, layout: Layout) -> None:
    below = [
        Section("Assets", ITEMS, ListedRows(map(_item_row, found.items))),
        Section("Steps", STEPS, ListedRows(map(_step_row, found.entries))),
    ]
    show_table(DISPOSALS, ListedRows([_disposal_row(found)]), layout, below=below)


def _disposal_row(found: pb.Disposal) -> Row:
    return (
        found.name.split("/")[1],
        short_name(found.name),
        found.borrower,
        label(pb.DisposalState.Name(found.state), "DISPOSAL_STATE_"),
        day(found.default_date),
        label(pb.DisposalCause.Name(found.cause), "DISPOSAL_CAUSE_"),
        to_decimal(found.exposure),
        to_decimal(found.net_proceeds),
        found.exposure.currency_code,
        share(found.loss_given_default),
        found.loss_estimated,
        share(found.realised_to_market),
        share(found.realised_to_lendable),
        found.realisation_days if found.HasField("realisation_days") else None,
    )


def _item_row(item: pb.DisposalItem) -> Row:
    at_default = item.references[0]
    is_known = at_default.HasField("market_value")
    remarks = {"STILL_PLEDGED": item.still_pledged, "RELATED_BUYER": item.buyer_related, "FINISHED": item.finished}
    return (
        short_name(item.asset),
        item.asset_class,
        to_decimal(at_default.market_value) if is_known else None,
        to_decimal(at_default.lendable_value) if is_known else None,
        to_decimal(item.net_proceeds),
        share(item.realised_to_market),
        share(item.realised_to_lendable),
        item.realisation_days if item.HasField("realisation_days") else None,
        item.liquidation_days or None,
        [name for name, is_so in remarks.items() if is_so],
    )


def _step_row(entry: pb.DisposalEntry) -> Row:
    proceeds = entry.proceeds if entry.HasField("proceeds") else None
    amount = proceeds.amount if proceeds else entry.claim_amount
    has_amount = proceeds is not None or entry.HasField("claim_amount")
    return (
        entry.number,
        day(entry.date),
        label(pb.DisposalStep.Name(entry.step), "DISPOSAL_STEP_"),
        proceeds.number if proceeds else None,
        (short_name(proceeds.asset) if proceeds.asset else None) if proceeds else text(entry.claim_addressee),
        label(pb.RealisationMethod.Name(proceeds.method), "REALISATION_METHOD_") if proceeds else None,
        to_decimal(amount) if has_amount else None,
        to_decimal(proceeds.cost) if proceeds else None,
        proceeds.corrected if proceeds else None,
        text(entry.actor),
        text(entry.note),
    )


def _test_row(one: pb.ClassRealisation) -> Row:
    return (
        one.asset_class or "(all)",
        one.liquidation_count,
        one.below_count,
        share(one.below_share),
        share(one.upper_bound),
        label(pb.RealisationVerdict.Name(one.verdict), "REALISATION_VERDICT_"),
        one.open_count,
        one.open_below_count,
        one.related_count,
        one.unvalued_count,
        one.promise_count,
        one.exceedance_count,
        number(one.kupiec_p),
        text(one.light),
        one.late_count,
    )


def _expected(amount: str, date: str) -> pb.ExpectedProceeds | None:
    if not amount:
        return None
    return pb.ExpectedProceeds(amount=_money("expected", amount), date=date_message("expected-date", date))


def _money(field: str, given: str) -> Money:
    amount, _, currency = given.partition(" ")
    return money(amount, currency.strip(), field)


def _name(given: str) -> str:
    loan, disposal_id = member_name("disposals", given, "sale-1")
    return f"{loan}/disposals/{disposal_id}"


def _stub(channel: grpc.Channel) -> disposal_pb2_grpc.DisposalServiceStub:
    return disposal_pb2_grpc.DisposalServiceStub(channel)
