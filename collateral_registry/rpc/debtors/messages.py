"""Conversion between debtors and messages."""

from __future__ import annotations

from collateral_registry.domain.debtors.debtor import (
    Debtor,
    DebtorKind,
    DebtorLine,
    DebtorState,
    DefaultProbability,
)
from collateral_registry.domain.debtors.identifiers import Identifier, IdentifierScheme
from collateral_registry.domain.loans.agreements import ppm_of
from collateral_registry.domain.shared.errors import located
from collateral_registry.domain.shared.money import Money
from collateral_registry.domain.shared.names import id_of
from collateral_registry.rpc.common import convert
from collateral_registry.store.debtors.repository import StoredDebtor
from collateral_registry.v1 import debtor_pb2 as pb
from valuation.errors import InvalidInput
from valuation.money import PPM

DEBTOR_MASK = (
    "display_name",
    "aliases",
    "identifiers",
    "country_code",
    "parent",
    "independent",
    "kind",
    "core_firm",
    "state",
    "default_probability",
    "line",
    "usual_terms_days",
)
"""Fields of a debtor that an update may change."""


def read_debtor(message: pb.Debtor, debtor_id: str) -> Debtor:
    """Returns the debtor in a message; raises InvalidInput with the name of the field."""
    return convert.read_record(
        Debtor,
        "debtor",
        message,
        debtor_id=lambda: debtor_id,
        aliases=lambda: tuple(message.aliases),
        identifiers=lambda: convert.read_each("debtor.identifiers", message.identifiers, _read_identifier),
        country=lambda: message.country_code,
        parent_id=lambda: id_of("parent", message.parent, "debtors")[0] if message.parent else "",
        is_independent=lambda: message.independent,
        kind=lambda: convert.member("kind", DebtorKind, message.kind),
        is_core_firm=lambda: message.core_firm,
        state=lambda: convert.member("state", DebtorState, message.state or pb.DEBTOR_STATE_ACTIVE),
        default_probability=lambda: _read_probability(message),
        line=lambda: _read_line(message),
        merged_into=lambda: "",
    )


def _read_identifier(message: pb.DebtorIdentifier) -> Identifier:
    return Identifier(convert.member("scheme", IdentifierScheme, message.scheme), message.value)


def _read_probability(message: pb.Debtor) -> DefaultProbability | None:
    if not message.HasField("default_probability"):
        return None
    stated = message.default_probability
    with located("debtor.default_probability"):
        return convert.read_record(
            DefaultProbability,
            "",
            stated,
            ppm=lambda: ppm_of("ratio", convert.read_decimal("ratio", stated.ratio), PPM),
            day=lambda: convert.required_date("date", stated, "date"),
        )


def _read_line(message: pb.Debtor) -> DebtorLine | None:
    if not message.HasField("line"):
        return None
    with located("debtor.line"):
        return convert.read_record(
            DebtorLine,
            "",
            message.line,
            amount=lambda: _read_amount(message.line),
            expire=lambda: convert.read_date("expire_date", message.line, "expire_date"),
        )


def _read_amount(message: pb.DebtorLine) -> Money:
    amount = convert.read_optional_money("amount", message, "amount")
    if amount is None:
        raise InvalidInput("amount", "nothing", "an amount")
    return amount


def plain_debtor(debtor: Debtor) -> pb.Debtor:
    """Returns a debtor as a message without an etag and a time."""
    message = convert.message_of(
        pb.Debtor,
        debtor,
        name=f"debtors/{debtor.debtor_id}",
        identifiers=[convert.message_of(pb.DebtorIdentifier, one) for one in debtor.identifiers],
        country_code=debtor.country,
        parent=f"debtors/{debtor.parent_id}" if debtor.parent_id else "",
        independent=debtor.is_independent,
        core_firm=debtor.is_core_firm,
        default_probability=None,
        line=None,
        merged_into=f"debtors/{debtor.merged_into}" if debtor.merged_into else "",
    )
    if (stated := debtor.default_probability) is not None:
        ratio, day = convert.of_millionths(stated.ppm), convert.calendar_date(stated.day)
        message.default_probability.CopyFrom(pb.DefaultProbability(ratio=ratio, source=stated.source, date=day))
    if (line := debtor.line) is not None:
        amount, expire = convert.optional_money(line.amount), convert.calendar_date(line.expire)
        message.line.CopyFrom(pb.DebtorLine(amount=amount, expire_date=expire))
    return message


def debtor_message(stored: StoredDebtor) -> pb.Debtor:
    """Returns a stored debtor as a message."""
    message = plain_debtor(stored.debtor)
    message.etag = str(stored.revision)
    message.create_time.CopyFrom(convert.timestamp(stored.created_us))
    return message
