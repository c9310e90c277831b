"""The test of what collateral brings when it is sold."""

from __future__ import annotations

from collateral_registry.v1 import disposal_pb2 as pb
from collateral_registry.web.pages.visit import Visit


async def realisation(visit: Visit) -> pb.RealisationTest:
    """Returns the realisation test as of now."""
    request = pb.GetRealisationTestRequest()
    found: pb.RealisationTest = await visit.book.call(visit.book.services.disposals.GetRealisationTest, request)
    return found
