"""Conversion between the terms of a borrowing base and messages."""

from __future__ import annotations

from google.protobuf.message import Message

from collateral_registry.domain.borrowing_base.terms import FIELD, BorrowingBaseTerms, OverAdvance, Sublimit
from collateral_registry.domain.loans.agreements import ppm_of
from collateral_registry.rpc.common import convert
from collateral_registry.v1 import loan_pb2 as pb
from valuation.errors import InvalidInput
from valuation.money import PPM


def read_base_terms(message: pb.Loan) -> BorrowingBaseTerms | None:
    """Returns the terms of the borrowing base in a loan; None if it states none.

    Raises InvalidInput with the names of the fields.
    """
    if not message.HasField(FIELD):
        return None
    terms = message.borrowing_base_terms
    read = convert.read_all(
        block=lambda: convert.read_optional_money(f"{FIELD}.block", terms, "block"),
        contingent_ppm=lambda: _read_share(f"{FIELD}.contingent_weight", terms, "contingent_weight", PPM),
        sublimits=lambda: tuple(convert.read_each(f"{FIELD}.sublimits", terms.sublimits, _read_sublimit)),
        over_advance=lambda: _read_over_advance(terms),
        draw_buffer_ppm=lambda: _read_share(f"{FIELD}.draw_buffer", terms, "draw_buffer", 0),
    )
    try:
        return BorrowingBaseTerms(**read)
    except InvalidInput as error:
        raise error.named(lambda field: f"{FIELD}.{field}") from None


def base_terms_message(terms: BorrowingBaseTerms | None) -> pb.BorrowingBaseTerms | None:
    """Returns the terms of a borrowing base as a message; None if there are none."""
    if terms is None:
        return None
    permitted = terms.over_advance
    return pb.BorrowingBaseTerms(
        block=convert.optional_money(terms.block),
        contingent_weight=convert.of_millionths(terms.contingent_ppm),
        sublimits=[
            pb.Sublimit(
                asset_class=one.asset_class,
                amount=convert.optional_money(one.amount),
                share=None if one.share_ppm is None else convert.of_millionths(one.share_ppm),
            )
            for one in terms.sublimits
        ],
        permitted_over_advance=permitted
        and pb.PermittedOverAdvance(
            amount=convert.optional_money(permitted.amount),
            first_date=convert.calendar_date(permitted.first_day),
            last_date=convert.calendar_date(permitted.last_day),
            approver=permitted.approver,
        ),
        draw_buffer=convert.of_millionths(terms.draw_buffer_ppm),
    )


def _read_sublimit(message: pb.Sublimit) -> Sublimit:
    read = convert.read_all(
        amount=lambda: convert.read_optional_money("amount", message, "amount"),
        share_ppm=lambda: _read_share("share", message, "share"),
    )
    return Sublimit(message.asset_class, **read)


def _read_over_advance(terms: pb.BorrowingBaseTerms) -> OverAdvance | None:
    if not terms.HasField("permitted_over_advance"):
        return None
    message, field = terms.permitted_over_advance, f"{FIELD}.permitted_over_advance"
    try:
        read = convert.read_all(
            amount=lambda: convert.read_money("amount", message.amount),
            first_day=lambda: convert.required_date("first_date", message, "first_date"),
            last_day=lambda: convert.required_date("last_date", message, "last_date"),
        )
        return OverAdvance(**read, approver=message.approver)
    except InvalidInput as error:
        raise error.named(lambda name: f"{field}.{name}") from None


def _read_share(field: str, message: Message, name: str, absent: int | None = None) -> int | None:
    """Returns a share in millionths."""
    ratio = convert.read_optional_decimal(field, message, name)
    return absent if ratio is None else ppm_of(field, ratio, PPM, low=0)
