"""Rows are converted to messages exactly, or refused with column, value and rule."""

from decimal import Decimal

import pytest
from google.type.money_pb2 import Money
from hypothesis import given, strategies as st

from collateral_registry.cli.common.file_schemas import SCHEMAS
from collateral_registry.cli.common.formatting import (
    date_message,
    format_amount,
    resource_name,
    to_decimal,
)
from collateral_registry.cli.common.request_id import with_request_id
from collateral_registry.cli.importing import messages
from collateral_registry.cli.importing.batches import batches
from collateral_registry.cli.server.sample import table
from collateral_registry.exports.cells import escape_formula
from collateral_registry.v1 import asset_pb2, common_pb2, price_pb2
from valuation.tables.reader import read_file


@given(st.decimals(min_value=-(10**17), max_value=10**17, places=9))
def test_amounts_keep_every_digit(value):
    assert to_decimal(messages.money(f"{value:f}", "USD", "principal")) == value


@pytest.mark.parametrize("text", ["1e3", "1_000", "1,000.00", "NaN", "inf", "٣", "1.0000000001", "9" * 19, " 5", "--1"])
def test_an_ambiguous_or_inexact_amount_is_refused(text):
    with pytest.raises(ValueError, match=r"principal: got .*, want an amount such as"):
        messages.money(text, "USD", "principal")


@pytest.mark.parametrize("text", ["2022-02-30", "2022-7-1", "20220701", "2022-W01-1", "01.07.2022", "٢٠٢٢-07-01"])
def test_an_invalid_date_is_refused(text):
    with pytest.raises(ValueError, match=r"date: got .*, want a date such as 2022-07-01"):
        date_message("date", text)


@pytest.mark.parametrize("days", ["abc", "-1", "1.5", "99999999999"])
def test_an_invalid_whole_number_is_refused_by_column(days):
    with pytest.raises(ValueError, match=r"max_age_days: got .*, want a whole number"):
        messages.series_request({"series": "tin", "good": "tin", "unit": "t", "currency": "USD", "max_age_days": days})


def test_a_series_of_exchange_rates_is_refused():
    row = {"series": "fx-eur-usd", "kind": "FX", "good": "", "unit": "EUR", "currency": "USD"}

    with pytest.raises(ValueError, match="kind: got 'FX', want GOOD"):
        messages.series_request(row)


def test_a_price_message_has_its_series_and_date():
    found = messages.price_observation({"series": "copper", "date": "2022-07-01", "price": "8000.5"})

    assert found.price_series == "priceSeries/copper"
    assert (found.date.year, found.date.month, found.date.day) == (2022, 7, 1)
    assert found.price.value == "8000.5"


def test_sample_assets_of_every_kind_become_messages_of_that_kind():
    kinds = {}
    for row in table("assets"):
        asset = messages.asset_request(row.values).asset
        kinds.setdefault(asset.WhichOneof("detail"), []).append(asset)

    # The receivables of the sample are pools.
    assert set(kinds) == set(messages.KIND_FIELDS.values()) - {"receivable"}
    assert all(
        asset.receivable_pool.owner_debtor and asset.receivable_pool.invoice_feed for asset in kinds["receivable_pool"]
    )
    assert all(asset.purchase_order.buyer and asset.purchase_order.order_number for asset in kinds["purchase_order"])
    assert all(asset.equipment.price_new.currency_code == asset.currency_code for asset in kinds["equipment"])


def test_a_loan_has_a_borrowing_base_if_its_row_states_a_block_or_sublimits():
    row = {"loan_id": "l", "borrower": "Acme", "currency": "USD", "principal": "0", "as_of": "2021-12-31"}
    plain = messages.loan_request(row).loan
    terms = messages.loan_request(row | {"base_block": "5", "base_sublimits": "equipment=0.3; ip=0.05"}).loan

    assert not plain.HasField("borrowing_base_terms")
    assert terms.borrowing_base_terms.block.units == 5
    shares = {one.asset_class: one.share.value for one in terms.borrowing_base_terms.sublimits}
    assert shares == {"equipment": "0.3", "ip": "0.05"}


@pytest.mark.parametrize("text", ["equipment", "=0.3", "equipment="])
def test_a_sublimit_without_class_or_share_is_refused_by_its_column(text):
    row = {"loan_id": "l", "borrower": "A", "currency": "USD", "principal": "0", "as_of": "", "base_sublimits": text}

    with pytest.raises(ValueError, match="base_sublimits: got"):
        messages.loan_request(row)


def test_a_pool_and_its_terms_are_read_from_a_file():
    row = {
        "asset_id": "pool", "kind": "RECEIVABLE_POOL", "class": "receivable", "owner": "Acme", "currency": "EUR",
        "invoice_feed": "erp", "recourse": "WITH_RECOURSE", "concentration_mode": "FIXED_POINT", "owner_debtor": "acme",
    }  # fmt: skip
    pool = messages.asset_request(row).asset.receivable_pool

    assert (pool.invoice_feed, pool.owner_debtor) == ("invoiceFeeds/erp", "debtors/acme")
    assert (pool.recourse, pool.concentration_mode) == (1, 3)


ORDER = {
    "asset_id": "po-1", "kind": "PURCHASE_ORDER", "class": "order", "owner": "A", "currency": "EUR",
    "order_number": "PO-1",
}  # fmt: skip


@pytest.mark.parametrize("names", [("buyer", "order_amount"), ("supplier", "face_amount")])
def test_a_purchase_order_is_read_by_the_names_of_the_contract_and_by_their_older_names(names):
    row = ORDER | dict(zip(names, ("Baumann", "12.50"), strict=True))
    order = messages.asset_request(row).asset.purchase_order

    assert order.buyer == "Baumann"
    assert order.order_amount == Money(currency_code="EUR", units=12, nanos=500_000_000)


def test_a_column_and_its_older_name_are_not_both_filled():
    with pytest.raises(ValueError, match="buyer: got 'A' and supplier 'B', want one of the two columns"):
        messages.asset_request(ORDER | {"buyer": "A", "supplier": "B"})


@pytest.mark.parametrize(
    ("column", "cell", "country"), [(",country_code", ",NL", "NL"), (",country_code", ",", ""), ("", "", "")]
)
def test_a_file_states_the_country_of_an_asset_in_an_optional_column(tmp_path, column, cell, country):
    path = tmp_path / "assets.csv"
    path.write_text(f"asset_id,kind,class,owner,currency{column}\npool,RECEIVABLE_POOL,receivable,A,EUR{cell}\n")
    (row,) = read_file(path, SCHEMAS["assets"]).rows()

    assert messages.asset_request(row.values).asset.country_code == country


def test_an_unknown_enum_value_is_refused_with_the_known_values():
    row = {"make": "A", "serial_number": "1", "equipment_class": "x", "condition": "SHINY"}

    with pytest.raises(ValueError, match="condition: got 'SHINY', want one of EXCELLENT, GOOD"):
        messages.DETAILS["EQUIPMENT"](row)


def test_partial_ltv_levels_are_sent_unchanged():
    """The policy's limits apply to the other levels."""
    row = {"loan_id": "l", "borrower": "B", "currency": "USD", "principal": "1", "as_of": "2021-12-31"}

    assert not messages.loan_request(row).loan.HasField("ltv_levels")
    levels = messages.loan_request({**row, "watch": "0.6", "ltv_basis": "MARKET"}).loan
    assert levels.ltv_levels.watch.value == "0.6"
    assert levels.ltv_basis == common_pb2.LTV_BASIS_MARKET


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_loan_with_a_blank_principal_is_refused(blank):
    row = {"loan_id": "l", "borrower": "B", "currency": "USD", "principal": blank, "as_of": "2021-12-31"}

    with pytest.raises(ValueError, match="principal: got nothing, want an amount"):
        messages.loan_request(row)
    assert messages.loan_request({**row, "principal": "0"}).loan.HasField("principal")


def test_the_limit_of_a_pledge_is_in_the_loan_currency():
    row = {"pledge_id": "p", "loan": "l", "asset": "a", "limit": "12.5", "share": "0.5"}
    request = messages.pledge_request(row, "EUR")

    assert request.parent == "loans/l"
    assert request.pledge.limit.currency_code == "EUR"
    assert to_decimal(request.pledge.limit) == Decimal("12.5")
    assert request.pledge.rank == 1


@given(st.lists(st.integers(0, 400), max_size=60), st.integers(1, 9), st.integers(50, 600))
def test_batches_keep_order_and_both_limits(sizes, max_messages, max_bytes):
    found = [(line, price_pb2.PriceObservation(price_series="x" * size)) for line, size in enumerate(sizes)]
    made = list(batches(found, max_messages, max_bytes))

    assert [one for batch in made for one in batch] == found
    for batch in made:
        assert 1 <= len(batch) <= max_messages
        request = price_pb2.IngestPricesRequest(observations=[message for _, message in batch])
        assert len(batch) == 1 or request.ByteSize() <= max_bytes


def test_a_request_id_depends_on_content_and_occasion():
    def create_request(asset_id):
        return asset_pb2.CreateAssetRequest(asset_id=asset_id)

    first = with_request_id(create_request("a")).request_id
    assert with_request_id(with_request_id(create_request("a"))).request_id == first
    assert with_request_id(create_request("b")).request_id != first
    assert with_request_id(create_request("a"), "2022-07-01").request_id != first
    assert len(first) == 64


def test_amounts_have_thousands_separators_and_all_decimals():
    def formatted(text):
        return format_amount(messages.money(text, "BHD", "amount"))

    assert [formatted("1234567"), formatted("-0.5"), formatted("1000.125"), formatted("1e3".replace("e3", "000"))] == [
        "1,234,567.00",
        "-0.50",
        "1,000.125",
        "1,000.00",
    ]


STARTS = [
    "=1+1",
    "+cmd",
    "+1",
    "-x",
    "-",
    "@sum",
    "\t=1",
    "\r=1",
    "\n=1",
    "\uff1d1",
    "'=1",
    "''@x",
    "-1+cmd",
    "-\u00b2",
]


@pytest.mark.parametrize("cell", STARTS)
def test_a_text_that_looks_like_a_formula_is_escaped(cell):
    assert escape_formula(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["-12.5", "-1.2e-05", "-1,000.00", "Acme", "", "1,000.00", "'t Hart BV", "a=1"])
def test_numbers_and_plain_texts_are_unchanged(cell):
    assert escape_formula(cell) == cell


def test_an_id_and_a_resource_name_are_equivalent():
    assert resource_name("loans", "loan-1") == resource_name("loans", "loans/loan-1") == "loans/loan-1"


def test_own_spellings_of_a_series_are_pairs():
    row = {
        "series": "tin",
        "good": "tin",
        "unit": "ton",
        "currency": "USD",
        "unit_spellings": "ton=short ton; 箱 = piece;",
    }
    found = messages.series_request(row).price_series
    assert dict(found.unit_spellings) == {"ton": "short ton", "箱": "piece"}
    for wrong in ("ton", "ton=", "=t", "ton=t;ton=kg"):
        with pytest.raises(ValueError, match="unit_spellings: got"):
            messages.series_request(row | {"unit_spellings": wrong})
