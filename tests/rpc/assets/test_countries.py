"""The country of an asset is a code that is stated, never derived, and the region of the concentration by then."""

import grpc
import pytest

from collateral_registry.v1 import asset_pb2 as pb, concentration_pb2, report_pb2
from tests.support.server import Client, copper_lot, details_of

REGION = report_pb2.CONCENTRATION_DIMENSION_REGION
RULE = "want an alpha-2 code of ISO 3166-1 in capitals, such as DE"


@pytest.fixture(scope="module")
def book(shared_client: Client) -> Client:
    """A loan covered by one lot, and a lot in the Netherlands that secures nothing."""
    shared_client.covered_loan()
    shared_client.register_lot("dutch", country_code="NL")
    return shared_client


def updated(client: Client, name: str, country: str) -> pb.Asset:
    request = pb.UpdateAssetRequest(asset=pb.Asset(name=name, country_code=country))
    request.update_mask.paths.append("country_code")
    return client.assets.UpdateAsset(request)


def regions(client: Client, **fields: object) -> concentration_pb2.GenerateConcentrationReportResponse:
    request = concentration_pb2.GenerateConcentrationReportRequest(dimensions=[REGION], **fields)
    return client.concentrations.GenerateConcentrationReport(request)


def keys(report: concentration_pb2.GenerateConcentrationReportResponse) -> list[tuple[str, bool, str]]:
    (found,) = report.distributions
    return [(row.key, row.not_stated, row.share.value) for row in found.rows]


def listed(client: Client, text: str) -> list[str]:
    return [asset.name for asset in client.assets.ListAssets(pb.ListAssetsRequest(filter=text)).assets]


@pytest.mark.parametrize("code", ["nl", "NLD", "EP", "UK", "N L"])
def test_a_code_that_iso_3166_does_not_assign_is_refused_with_its_field_and_the_rule(book, code):
    asset = copper_lot(lot="wrong")
    asset.country_code = code
    create = pb.CreateAssetRequest(asset=asset, asset_id="wrong")
    for call, field in (
        (lambda: book.assets.CreateAsset(create), "asset.country_code"),
        (
            lambda: book.assets.BatchCreateAssets(pb.BatchCreateAssetsRequest(requests=[create])),
            "requests[0].asset.country_code",
        ),
        (lambda: updated(book, "assets/dutch", code), "asset.country_code"),
    ):
        with pytest.raises(grpc.RpcError) as error:
            call()
        assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert details_of(error.value)[1] == [field]
        assert error.value.details() == f"{field}: got {code!r}, {RULE}"


def test_a_stated_country_is_returned_and_selected_by_the_filter_of_the_list(book):
    assert book.assets.GetAsset(pb.GetAssetRequest(name="assets/dutch")).country_code == "NL"
    assert listed(book, "country_code = NL") == ["assets/dutch"]
    assert listed(book, "country_code IN (BE, DE)") == []
    assert listed(book, "NOT country_code:*") == ["assets/lot-1"]


def test_a_country_is_counted_from_the_moment_of_its_update_and_no_earlier(book):
    before = regions(book)
    update = updated(book, "assets/lot-1", "PE")
    stated = regions(book)
    updated(book, "assets/lot-1", "CL")
    corrected = regions(book)

    assert update.country_code == "PE"
    assert [keys(one) for one in (before, stated, corrected)] == [
        [("", True, "1")],
        [("PE", False, "1")],
        [("CL", False, "1")],
    ]
    for then in (before, stated):
        as_of = report_pb2.AsOf(sequence=then.sequence)
        assert regions(book, as_of=as_of).distributions == then.distributions


def test_a_country_is_removed_by_an_update_to_nothing_and_kept_by_an_update_of_another_field(book):
    book.register_lot("moved", country_code="US")
    request = pb.UpdateAssetRequest(asset=pb.Asset(name="assets/moved", display_name="Copper"))
    request.update_mask.paths.append("display_name")

    assert book.assets.UpdateAsset(request).country_code == "US"
    assert updated(book, "assets/moved", "").country_code == ""
