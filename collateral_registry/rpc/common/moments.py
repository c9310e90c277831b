"""Converts the moment of a request."""

from __future__ import annotations

from google.type.date_pb2 import Date

from collateral_registry.commands.pipeline.moments import Moment, moment_of
from collateral_registry.rpc.common import convert
from collateral_registry.store.engine.database import Connection
from collateral_registry.v1 import report_pb2 as pb
from valuation.errors import InvalidInput


def read_moment(connection: Connection, as_of: pb.AsOf, pinned_seq: int = 0) -> Moment:
    """Returns the requested moment.

    If ``pinned_seq`` is given, the result is the moment of the first page, so that all pages show the same commit.
    Raises InvalidInput for a moment that the book cannot have.
    """
    if pinned_seq:
        try:
            return moment_of(connection, seq=pinned_seq)
        except InvalidInput as error:  # only a forged token names a later commit
            raise error.named(lambda _: "page_token") from None
    chosen = as_of.WhichOneof("moment")
    if chosen == "sequence":
        return moment_of(connection, seq=as_of.sequence)
    if chosen == "known_time":
        return moment_of(connection, known_us=convert.read_time("as_of.known_time", as_of, "known_time"))
    if chosen == "market_date":
        return moment_of(connection, day=convert.required_date("as_of.market_date", as_of, "market_date"))
    return moment_of(connection)


def policy_name(moment: Moment) -> str:
    """Returns the name of the policy in force at a moment; empty before the first policy."""
    return f"policies/{moment.policy_id}" if moment.policy_id else ""


def market_date(moment: Moment) -> Date | None:
    """Returns the business date of a moment; None before the first commit."""
    return convert.day(moment.market_day) if moment.seq else None
