"""Adds to the response of a validated change the covers that loans would have after it."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import Message

from collateral_registry.rpc.common.cover_messages import cover_message, level_message
from collateral_registry.store.engine.database import Write
from collateral_registry.store.loans.judgements import JudgedLoan, judgements_of_commit
from collateral_registry.v1 import common_pb2, loan_pb2

M = TypeVar("M", bound=Message)

FIELD = "resulting_covers"
"""Name of the field in every response that states covers."""

RESULTING_COVERS_LIMIT = 100


def with_resulting_covers(write: Write, response: M) -> M:
    """Returns the response of a settled change with the covers of the loans that it judged, if it has a field for them.

    At most RESULTING_COVERS_LIMIT loans are listed, those at the worst level first.
    """
    if FIELD in response.DESCRIPTOR.fields_by_name:
        judged, count = judgements_of_commit(write.connection, write.seq, RESULTING_COVERS_LIMIT)
        covers = loan_pb2.ResultingCovers(covers=map(_message, judged), omitted_count=count - len(judged))
        getattr(response, FIELD).CopyFrom(covers)
    return response


def _message(judged: JudgedLoan) -> loan_pb2.ResultingCover:
    before = judged.level_before
    return loan_pb2.ResultingCover(
        loan=f"loans/{judged.loan_id}",
        level_before=common_pb2.LTV_LEVEL_UNSPECIFIED if before is None else level_message(before),
        cover=cover_message(judged.row, judged.currency),
    )
