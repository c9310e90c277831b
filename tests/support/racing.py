"""One of two processes that race for the same collateral: starts at a line of input, and prints the outcome."""

import sys
from decimal import Decimal

from collateral_registry.commands.loans.pickups import PickupRequest, request_pickup
from collateral_registry.commands.loans.pledges import ReleaseRequest, pledge_asset, release_pledge
from collateral_registry.commands.prices.admission import Quote
from collateral_registry.commands.prices.ingest import ingest_prices
from collateral_registry.domain.loans.agreements import Pledge
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.engine.database import Database
from tests.support.books import CLOCK, FIRST, do, registered


def report(word: str) -> None:
    """Prints a word for the process that started the race."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def act(database: Database, action: str) -> object:
    """Executes one action."""
    name, *given = action.split()
    if name == "fall":
        return do(database, lambda write: ingest_prices(write, [Quote(0, "aluminium", FIRST, Decimal(given[0]))]))
    if name == "release":
        request = ReleaseRequest(share_ppm=int(given[0]))
        return do(database, lambda write: release_pledge(write, "bank-0", "p-1", "", request))
    if name == "pickup":
        day, tonnes = None, Decimal(given[0])
        return do(database, lambda write: request_pickup(write, PickupRequest("bank-0", "lot-a", "u-1", tonnes, day)))
    last_share = registered(Pledge("p-9", given[0], "lot-a", share_ppm=600_000))
    return do(database, lambda write: pledge_asset(write, last_share))


def main(url: str, action: str) -> None:
    """Prints that it is ready, waits for a line of input, acts and prints the outcome."""
    database = Database(url, lambda: CLOCK)
    with database.read():
        report("ready")
    sys.stdin.readline()
    try:
        act(database, action)
    except Refused as error:
        report(error.reason)
    else:
        report("done")
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
