"""One disposal: what was estimated, what was realised, and who did what."""

from __future__ import annotations

from uuid import uuid4

from markupsafe import Markup

from collateral_registry.v1 import disposal_pb2 as pb
from collateral_registry.web.pages.charts.realised import Bar, Realised, realised_bars
from collateral_registry.web.pages.disposal_changes import METHODS, STEP_NAMES
from collateral_registry.web.pages.numbers import identifier, value_of, worth
from collateral_registry.web.pages.texts import Texts
from collateral_registry.web.pages.visit import Page, Visit

ASSETS_DRAWN = 8
"""Assets in the chart; the table has all of them."""


async def disposal(visit: Visit) -> Page:
    """Returns the page of a disposal."""
    name = f"loans/{visit.parameters['loan']}/disposals/{visit.parameters['disposal']}"
    request = pb.GetDisposalRequest(name=name)
    found: pb.Disposal = await visit.book.call(visit.book.services.disposals.GetDisposal, request)
    done = visit.query.get("done", "")
    values = {
        "disposal": found,
        "loan": f"loans/{visit.parameters['loan']}",
        "currency": found.exposure.currency_code,
        "chart": _chart(visit.texts, found),
        "is_cut": len(found.items) > ASSETS_DRAWN,
        "steps": [STEP_NAMES[step] for step in found.next_steps if step in STEP_NAMES],
        "methods": METHODS,
        "asks_name": not visit.book.states_credentials,
        "request_id": lambda: str(uuid4()),
        "done": done if done in STEP_NAMES.values() else "",
    }
    return Page("disposal.html", "disposals", values)


def _chart(texts: Texts, found: pb.Disposal) -> Markup | str:
    """Returns the picture of the assets; empty without assets."""
    drawn = [_realised(texts, item) for item in found.items[:ASSETS_DRAWN]]
    return realised_bars(drawn, texts("disposals.chart_label")) if drawn else ""


def _realised(texts: Texts, item: pb.DisposalItem) -> Realised:
    at_default = item.references[0]
    bars = [
        Bar(texts(f"disposals.{key}"), float(value_of(money)), worth(money), kind)
        for key, money, kind in (
            ("market", at_default.market_value, "wf-cut"),
            ("lendable", at_default.lendable_value, "wf"),
        )
        if at_default.HasField("market_value")
    ]
    further = float(value_of(item.expected_proceeds)) if item.HasField("expected_proceeds") else 0.0
    realised = Bar(
        texts("disposals.net"), float(value_of(item.net_proceeds)), worth(item.net_proceeds), "mark", further
    )
    return Realised(identifier(item.asset), [*bars, realised])
