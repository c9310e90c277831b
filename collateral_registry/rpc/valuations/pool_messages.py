"""Conversion of pools to be quoted, and of their quotes, to and from messages."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from collateral_registry.commands.loans.pool_quotes import PooledAsset, PoolQuote
from collateral_registry.domain.assets.kinds import Asset, Status
from collateral_registry.domain.loans.levels import LtvBasis
from collateral_registry.domain.shared.errors import located
from collateral_registry.domain.shared.names import id_of
from collateral_registry.rpc.assets.messages import read_quoted
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.cover_messages import cover_message
from collateral_registry.rpc.valuations.messages import quote_message, valuation_message
from collateral_registry.store.loans.pledges import StoredPledge
from collateral_registry.v1 import common_pb2, valuation_pb2 as pb
from valuation.errors import InvalidInput

NAMED_PLEDGES_LIMIT = 10
"""Number of senior pledges that are named. The others are only counted."""

DRAFT_ID = "draft"
"""Begins the ids of the assets that are not registered."""

BASES = {LtvBasis.LENDABLE: common_pb2.LTV_BASIS_LENDABLE, LtvBasis.MARKET: common_pb2.LTV_BASIS_MARKET}
LEVELS = ("watch", "margin_call", "stop_draw", "liquidation")


def read_pool(messages: Sequence[pb.PooledAsset]) -> list[str | Asset]:
    """Returns the members of a pool, each of them the id of an asset, or a draft with an id of its own.

    Raises one InvalidInput that lists the violations of all members.
    """
    numbers = count()
    return convert.read_each("assets", messages, lambda one: _read_member(one, f"{DRAFT_ID}-{next(numbers)}"))


def _read_member(message: pb.PooledAsset, draft_id: str) -> str | Asset:
    match message.WhichOneof("asset"):
        case "name":
            return id_of("name", message.name, "assets")[0]
        case "draft":
            with located("draft"):
                return read_quoted(message.draft, draft_id)
        case _:
            raise InvalidInput("asset", "nothing", "name or draft")


def pool_message(request: pb.QuotePoolRequest, quote: PoolQuote) -> pb.QuotePoolResponse:
    """Returns the quote of the pool in a request as a message."""
    row, position, currency = {**quote.judgement, "seq": 0}, quote.position, quote.currency
    message = pb.QuotePoolResponse(
        cover=cover_message(row, currency),
        ltv_basis=BASES[position.basis],
        ltv_limit=convert.of_millionths(position.target_ppm),
        collateral_value=convert.money(position.decision_pool, currency),
        largest_principal=convert.money(quote.largest_principal, currency),
        headroom=convert.money(quote.headroom.largest, currency),
        reason_code=int(quote.headroom.refusal),
        policy=f"policies/{quote.policy_id}",
    )
    for name in LEVELS:
        getattr(message.ltv_levels, name).CopyFrom(convert.of_millionths(row[f"{name}_ppm"]))
    for stated, pooled in zip(request.assets, quote.assets, strict=True):
        message.assets.append(_pooled_message(pooled, currency, is_draft=stated.HasField("draft")))
    return message


def _pooled_message(pooled: PooledAsset, currency: str, *, is_draft: bool) -> pb.PooledAssetQuote:
    return pb.PooledAssetQuote(
        valuation=quote_message(pooled.valued) if is_draft else valuation_message(pooled.valued),
        rank=pooled.rank,
        market_claim=convert.money(pooled.market_claim, currency),
        lendable_claim=convert.money(pooled.lendable_claim, currency),
        senior_pledges=map(_name, pooled.senior[:NAMED_PLEDGES_LIMIT]),
        senior_pledge_count=len(pooled.senior),
        reason=_reason(pooled),
    )


def _reason(pooled: PooledAsset) -> str:
    """Returns why an asset counts for less than its value; empty if it counts in full."""
    row, asset = pooled.valued.row, pooled.valued.asset
    unlimited = next((one for one in pooled.senior if one.pledge.limit is None), None)
    if asset.status == Status.RETIRED:
        return "the asset is retired and cannot be pledged: register it again"
    if unlimited is not None:
        return f"no pledge may stand behind {_name(unlimited)}, which has no limit: set one by UpdatePledge"
    if not pooled.rank:
        return "the last rank on the asset is taken: release a pledge first"
    if row["unknown"]:
        return "its value is UNKNOWN and counts as 0"
    if pooled.lendable_claim == row["lendable_minor"] and pooled.market_claim == pooled.valued.adjusted_minor:
        return ""
    ahead = ["the limits of the pledges ahead"] if pooled.senior else []
    prior = ["prior claims of other creditors"] if asset.prior_claims else []
    return f"{' and '.join([*prior, *ahead])} count first"


def _name(stored: StoredPledge) -> str:
    return f"loans/{stored.pledge.loan_id}/pledges/{stored.pledge.pledge_id}"
