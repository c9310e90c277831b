"""Documents of assets that earlier versions stored state no country, on both engines."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import text

from collateral_registry.commands.assets.register import register
from collateral_registry.store.assets.repository import ASSET_FILTER, get_asset, list_assets, places_since
from tests.support.books import LOT, do, open_empty_book

OTHER = replace(LOT, asset_id="lot-2", detail=replace(LOT.detail, lot="L-2"), country="NL")
FILTERS = ("country_code = NL", "country_code IN (BE, NL)", 'country_code:"N*"', "country_code > M", "country_code:*")


def listed(connection, wanted):
    return [stored.asset for stored in list_assets(connection, ASSET_FILTER.parse(wanted), "", 10)]


def test_an_older_document_is_read_filtered_and_distributed_as_an_asset_without_a_country(schemaless_url):
    database = open_empty_book(schemaless_url)
    do(database, lambda write: [register(write, LOT), register(write, OTHER)])
    with database.engine.begin() as connection:
        # the document of a version that had no such field
        connection.execute(text("UPDATE asset_revision SET document = replace(document, ',\"country\":\"\"', '')"))
        documents = connection.execute(text("SELECT document FROM asset_revision ORDER BY asset_key")).scalars().all()

    with database.read() as connection:
        asset = get_asset(connection, LOT.asset_id).asset
        without = listed(connection, "NOT country_code:*")
        found = [listed(connection, one) for one in FILTERS]
        places = places_since(connection, 0, 10)
    database.close()
    assert ["country" in document for document in documents] == [False, True]
    assert asset == LOT
    assert without == [LOT]
    assert found == [[OTHER]] * len(FILTERS)
    assert dict(zip(places["asset_key"].tolist(), places["country"].tolist(), strict=True)) == {1: "", 2: "NL"}
