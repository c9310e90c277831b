"""Changes by forms: the reserves of a borrowing base."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from google.type.decimal_pb2 import Decimal as DecimalMessage

from collateral_registry.v1 import borrowing_base_pb2 as pb
from collateral_registry.web.pages.changes import chosen
from collateral_registry.web.pages.numbers import parsed_money, value_of
from collateral_registry.web.pages.visit import Visit, address_of, day_of, invalid

KINDS = tuple(value for value in pb.ReserveKind.values() if value)
DONE = ("reserve", "end")
"""What the page states as done."""

ID_CHARACTERS = 8
"""Characters of the id of a form that end the id of its reserve, so that a repeated form names the same one."""

MOST_PERCENT = Decimal(100)


async def create_reserve(visit: Visit, form: Mapping[str, str]) -> str:
    """Records a reserve and returns the address that shows it; raises grpc.aio.AioRpcError or HttpError."""
    loan = f"loans/{visit.parameters['loan']}"
    kind = pb.ReserveKind.ValueType(chosen(form, "kind", KINDS))
    reserve = pb.Reserve(
        kind=kind,
        owner=form.get("owner", ""),
        reason=form.get("reason", ""),
        first_date=day_of("first_date", form.get("first_date", "")),
        last_date=day_of("last_date", form["last_date"]) if form.get("last_date") else None,
    )
    _state_deduction(reserve, form)
    request_id = form.get("request_id", "")
    name = pb.ReserveKind.Name(kind).removeprefix("RESERVE_KIND_").lower().replace("_", "-")
    request = pb.CreateReserveRequest(
        parent=loan,
        reserve=reserve,
        reserve_id=f"{name}-{re.sub('[^a-z0-9]', '', request_id)[:ID_CHARACTERS]}",
        request_id=request_id,
    )
    await visit.book.call(visit.book.services.borrowing_bases.CreateReserve, request)
    return address_of(f"/{loan}/base", {"done": "reserve"})


async def end_reserve(visit: Visit, form: Mapping[str, str]) -> str:
    """Ends a reserve and returns the address that shows it; raises grpc.aio.AioRpcError."""
    loan = f"loans/{visit.parameters['loan']}"
    stated = {name: form.get(name, "") for name in ("actor", "reason", "request_id")}
    request = pb.EndReserveRequest(name=f"{loan}/reserves/{visit.parameters['reserve']}", **stated)
    await visit.book.call(visit.book.services.borrowing_bases.EndReserve, request)
    return address_of(f"/{loan}/base", {"done": "end"})


def _state_deduction(reserve: pb.Reserve, form: Mapping[str, str]) -> None:
    """Sets the amount of a form, or its rate, which people write in per cent; raises HttpError."""
    amount, rate = (form.get(name, "").strip() for name in ("amount", "rate"))
    if bool(amount) == bool(rate):
        raise invalid("amount: got both or neither of amount and rate, want one of them")
    found = parsed_money(amount or rate, form.get("currency_code", ""))
    if found is None:
        raise invalid(f"{'amount' if amount else 'rate'}: got {(amount or rate)[:40]!r}, want a number such as 1000.50")
    if amount:
        reserve.amount.CopyFrom(found)
    elif value_of(found) > MOST_PERCENT:
        raise invalid(f"rate: got {rate[:40]!r}, want a rate in per cent, 0 to 100")
    else:
        reserve.rate.CopyFrom(DecimalMessage(value=f"{value_of(found) / 100:f}"))
