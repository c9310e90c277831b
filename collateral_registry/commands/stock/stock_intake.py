"""Books batches of stock movements."""

from __future__ import annotations

from collections.abc import Sequence

from collateral_registry.commands.feeds import intake as feed_intake
from collateral_registry.commands.feeds.intake import Batch, Group, Outcome, Run
from collateral_registry.domain.shared.units import NO_SPELLINGS, UnitsBySpelling
from collateral_registry.domain.stock.movement_booking import Booked, Known, Place, book, places_of
from collateral_registry.domain.stock.movements import Movements, problems_of, unclear_units
from collateral_registry.store.engine.database import Database
from collateral_registry.store.feeds.batches import Feed
from collateral_registry.store.prices.unit_spellings import units_of_owner
from collateral_registry.store.stock.booking import (
    known_movements,
    read_lots,
    store_lateness,
    store_lots,
    store_movements,
    warehouse_shard,
)
from collateral_registry.store.stock.feeds import REJECTED_MOVEMENTS, STOCK_FEEDS


class StockGroup(Group[Movements]):
    """Batches of movements that are committed together. The scope of a feed is its warehouses."""

    feeds = STOCK_FEEDS
    rejections = REJECTED_MOVEMENTS

    @staticmethod
    def shards_of(items: Movements) -> set[str]:
        """Returns the shards of the warehouses that movements name."""
        return {*map(warehouse_shard, {*items.warehouse, *items.to_warehouse} - {""})}

    def prepare(self) -> None:
        """Checks the movements and reads the earlier ones that they repeat or correct."""
        self.own_units = [self._own_units(run) for run in self.runs]
        self.past: list[dict[str, Known]] = []
        for run, own_units in zip(self.runs, self.own_units, strict=True):
            run.problems = problems_of(run.items, run.scope, self.intake.received_us, own_units)
            self.past.append(known_movements(self.intake.connection, run.feed.key, _ids(run)))
        self.places = self._places()

    def shards(self) -> set[str]:
        """Returns the shards of the warehouses whose lots may change."""
        return {warehouse_shard(place[0]) for place in self.places}

    def book_runs(self) -> None:
        """Books the movements on their lots, and stores both."""
        lots = read_lots(self.intake.connection, self.places)
        done: list[Booked] = []
        for run, past, own_units in zip(self.runs, self.past, self.own_units, strict=True):
            done.append(book(run.items, run.problems, lots, past, run.scope, own_units))
        since_us = min((min(booked.effective_us) for booked in done if booked.row), default=0)
        store_lots(self.intake, lots, since_us)
        for run, booked in zip(self.runs, done, strict=True):
            store_movements(self.intake, run.feed.key, run.items, run.places(), booked, lots)
            run.problems, run.booked, run.known = booked.problems, booked.row, booked.known
        store_lateness(self.intake, lots, done)

    def _own_units(self, run: Run[Movements]) -> UnitsBySpelling:
        """Returns the feed's own spellings of units, which are read only if the registry does not decide a unit."""
        if not unclear_units(run.items):
            return NO_SPELLINGS
        return units_of_owner(self.intake.connection, f"stockFeeds/{run.feed.source_id}")

    def _places(self) -> set[Place]:
        """Returns every place whose lot may change."""
        places: set[Place] = set()
        for run, past in zip(self.runs, self.past, strict=True):
            places |= places_of(run.items, run.problems)
            for known in past.values():
                places |= {known.place} if known.to_place is None else {known.place, known.to_place}
        return places


def _ids(run: Run[Movements]) -> set[str]:
    """Returns the ids of the valid rows and of the movements that these rows correct."""
    ids, corrects = run.items.ids, run.items.corrects
    if not run.problems:
        return {*ids, *corrects} - {""}
    return {name for row in run.rows() for name in (ids[row], corrects[row]) if name}


def open_feed(database: Database, source_id: str) -> Feed:
    """Opens a new stream of a feed and returns the feed's progress; earlier streams may no longer write."""
    return feed_intake.open_feed(database, StockGroup, source_id)


def book_batches(database: Database, batches: Sequence[Batch[Movements]]) -> list[Outcome]:
    """Books batches in order and returns the outcome of each [n]."""
    return feed_intake.book_batches(database, StockGroup, batches)
