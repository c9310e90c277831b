"""Events of IP assets take effect the same day; coming fees are listed."""

from __future__ import annotations

from datetime import date

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from collateral_registry.v1 import (
    asset_pb2,
    common_pb2,
    ip_pb2,
    valuation_pb2,
)
from tests.support.ip_assets import record, register, service, valued
from tests.support.server import Client, calendar, details_of


def test_a_lapse_makes_the_value_zero_the_same_day_and_a_restoration_reverses_it(client: Client) -> None:
    name = register(client, "patent-lapse")
    before = valued(client, name)
    record(client, name, ip_pb2.RIGHT_EVENT_KIND_LAPSED)
    gone = valued(client, name)
    assert gone.state == valuation_pb2.VALUATION_STATE_ZERO
    assert list(gone.zero_reasons) == [common_pb2.ZERO_REASON_LAPSED]
    answer = service(client).ValueRight(ip_pb2.ValueRightRequest(name=name))
    assert (answer.value.units, list(answer.reasons)) == (0, ["LAPSED"])
    record(client, name, ip_pb2.RIGHT_EVENT_KIND_RESTORED)
    assert valued(client, name).market_value == before.market_value
    listed = service(client).ListRightEvents(ip_pb2.ListRightEventsRequest(parent=name)).right_events
    assert all(event.actor for event in listed)
    assert [event.kind for event in listed] == [
        ip_pb2.RIGHT_EVENT_KIND_RESTORED,
        ip_pb2.RIGHT_EVENT_KIND_LAPSED,
    ]


def refused_field(client: Client, name: str, kind: int, day: date) -> str:
    """The field for which an event is refused."""
    with pytest.raises(grpc.RpcError) as refused:
        record(client, name, kind, day)
    (field,) = details_of(refused.value)[1]
    return str(field)


def test_an_earlier_event_or_a_grant_does_not_revive_a_lapsed_ip_asset(client: Client) -> None:
    name = register(client, "patent-revived")
    lapsed, earlier, later = date(2021, 6, 1), date(2019, 3, 1), date(2021, 7, 1)
    record(client, name, ip_pb2.RIGHT_EVENT_KIND_LAPSED, lapsed)
    assert refused_field(client, name, ip_pb2.RIGHT_EVENT_KIND_RESTORED, earlier) == "right_event.date"
    assert refused_field(client, name, ip_pb2.RIGHT_EVENT_KIND_GRANTED, earlier) == "right_event.date"
    assert refused_field(client, name, ip_pb2.RIGHT_EVENT_KIND_GRANTED, later) == "right_event.kind"
    record(client, name, ip_pb2.RIGHT_EVENT_KIND_LICENSED_EXCLUSIVELY, earlier)
    assert list(valued(client, name).zero_reasons) == [common_pb2.ZERO_REASON_LAPSED]


def test_each_event_changes_value_eligibility_or_flag(client: Client) -> None:
    name = register(client, "patent-events")
    whole = valued(client, name).market_value.units
    record(client, name, ip_pb2.RIGHT_EVENT_KIND_CO_OWNED, share="0.4")
    shared = valued(client, name)
    assert shared.market_value.units == pytest.approx(0.4 * whole, abs=1)
    assert common_pb2.QUALITY_FLAG_CO_OWNED in shared.quality_flags
    record(client, name, ip_pb2.RIGHT_EVENT_KIND_SOLE_OWNERSHIP)
    record(client, name, ip_pb2.RIGHT_EVENT_KIND_LICENSED_EXCLUSIVELY)
    assert common_pb2.QUALITY_FLAG_LICENSED_EXCLUSIVELY in valued(client, name).quality_flags
    record(client, name, ip_pb2.RIGHT_EVENT_KIND_DISPUTED)
    assert common_pb2.UNKNOWN_REASON_STATUS_UNCERTAIN in valued(client, name).unknown_reasons
    record(client, name, ip_pb2.RIGHT_EVENT_KIND_DISPUTE_SETTLED)
    record(client, name, ip_pb2.RIGHT_EVENT_KIND_PLEDGED_ELSEWHERE)
    assert list(valued(client, name).zero_reasons) == [common_pb2.ZERO_REASON_DOUBLE_PLEDGED]
    record(client, name, ip_pb2.RIGHT_EVENT_KIND_PLEDGE_RELEASED)
    assert valued(client, name).market_value.units == whole
    record(client, name, ip_pb2.RIGHT_EVENT_KIND_INVALIDATED)
    assert list(valued(client, name).zero_reasons) == [common_pb2.ZERO_REASON_INVALIDATED]


@pytest.mark.parametrize("status", [asset_pb2.ASSET_STATUS_SEIZED, asset_pb2.ASSET_STATUS_LOST])
def test_a_pledge_elsewhere_and_its_release_do_not_change_a_seizure_or_loss(client: Client, status: int) -> None:
    name = register(client, f"patent-gone-{status}")
    asset = asset_pb2.Asset(name=name, status=status)
    mask = FieldMask(paths=["status"])
    client.assets.UpdateAsset(asset_pb2.UpdateAssetRequest(asset=asset, update_mask=mask))
    gone = valued(client, name)
    assert gone.state == valuation_pb2.VALUATION_STATE_ZERO
    for kind in (ip_pb2.RIGHT_EVENT_KIND_PLEDGED_ELSEWHERE, ip_pb2.RIGHT_EVENT_KIND_PLEDGE_RELEASED):
        record(client, name, kind)
        assert list(valued(client, name).zero_reasons) == list(gone.zero_reasons)
    assert client.assets.GetAsset(asset_pb2.GetAssetRequest(name=name)).status == status


def test_fees_of_ip_assets_in_force_are_listed_and_assets_without_a_calendar_are_named(client: Client) -> None:
    name, other = register(client, "patent-fees"), register(client, "patent-elsewhere", office="XX")
    answer = service(client).ListComingFees(ip_pb2.ListComingFeesRequest(days_ahead=120))
    fee = next(fee for fee in answer.fees if fee.asset == name)
    assert (fee.due_date, fee.amount.units, fee.amount.currency_code) == (calendar(date(2022, 3, 31)), 2_000, "CNY")
    assert other in answer.assets_without_calendar


def test_fees_of_a_disputed_ip_asset_fall_due_and_those_of_a_retired_one_do_not(client: Client) -> None:
    disputed, retired = register(client, "patent-fees-disputed"), register(client, "patent-fees-retired")
    record(client, disputed, ip_pb2.RIGHT_EVENT_KIND_DISPUTED)
    client.assets.RetireAsset(asset_pb2.RetireAssetRequest(name=retired))
    fees = service(client).ListComingFees(ip_pb2.ListComingFeesRequest(days_ahead=120)).fees
    assert (disputed in {fee.asset for fee in fees}, retired in {fee.asset for fee in fees}) == (True, False)
