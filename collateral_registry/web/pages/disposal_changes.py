"""Changes by forms: opening a disposal, and its steps."""

from __future__ import annotations

import re
from collections.abc import Mapping

from google.type.decimal_pb2 import Decimal as DecimalMessage
from google.type.money_pb2 import Money
from starlette.exceptions import HTTPException

from collateral_registry.v1 import disposal_pb2 as pb
from collateral_registry.web.pages.changes import chosen
from collateral_registry.web.pages.numbers import parsed_money, value_of
from collateral_registry.web.pages.visit import Visit, address_of, day_of, invalid

STEP_NAMES: Mapping[int, str] = {
    pb.DISPOSAL_STEP_CLAIM: "claim",
    pb.DISPOSAL_STEP_PROCEEDS: "proceeds",
    pb.DISPOSAL_STEP_CLOSE: "close",
}
"""Names of the steps in addresses and texts."""

ROW_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
CAUSES = tuple(value for value in pb.DisposalCause.values() if value)
METHODS = tuple(value for value in pb.RealisationMethod.values() if value)


async def open_disposal(visit: Visit, form: Mapping[str, str]) -> str:
    """Opens a disposal of a loan and returns the address that shows it."""
    loan = visit.parameters["loan"]
    day = form.get("default_date", "")
    disposal = pb.Disposal(
        default_date=day_of("default_date", day),
        cause=pb.DisposalCause.ValueType(chosen(form, "cause", CAUSES)),
        discount_rate=DecimalMessage(value=_rate(form.get("rate", ""))),
        breach=f"loans/{loan}/breaches/{form['breach']}" if form.get("breach") else "",
    )
    request = pb.OpenDisposalRequest(
        parent=f"loans/{loan}", disposal_id=f"default-of-{day}", disposal=disposal, **_stated(form)
    )
    found: pb.Disposal = await visit.book.call(visit.book.services.disposals.OpenDisposal, request)
    return f"/{found.name}"


async def take_disposal_step(visit: Visit, form: Mapping[str, str]) -> str:
    """Takes a step of a disposal and returns the address that shows it; raises grpc.aio.AioRpcError or HttpError."""
    loan, disposal, step = (visit.parameters[name] for name in ("loan", "disposal", "step"))
    name = f"loans/{loan}/disposals/{disposal}"
    service, call = visit.book.services.disposals, visit.book.call
    match step:
        case "claim":
            claim = pb.RecordClaimRequest(
                name=name,
                addressee=form.get("addressee", ""),
                amount=_amount(form, "amount"),
                date=day_of("date", form.get("date", "")),
                **_stated(form),
            )
            await call(service.RecordClaim, claim)
        case "proceeds":
            proceeds = pb.RecordProceedsRequest(name=name, proceeds=_proceeds(form), **_stated(form))
            if form.get("expected", "").strip():
                proceeds.expected.amount.CopyFrom(_amount(form, "expected"))
                proceeds.expected.date.CopyFrom(day_of("expected_date", form.get("expected_date", "")))
            await call(service.RecordProceeds, proceeds)
        case "close":
            await call(service.CloseDisposal, pb.CloseDisposalRequest(name=name, **_stated(form)))
        case _:
            raise HTTPException(404)
    return address_of(f"/{name}", {"done": step})


def _proceeds(form: Mapping[str, str]) -> pb.Proceeds:
    corrects = form.get("corrects", "").strip()
    if corrects and not ROW_NUMBER.fullmatch(corrects):
        raise invalid(f"corrects: got {corrects[:20]!r}, want the number of proceeds")
    return pb.Proceeds(
        asset=form.get("asset", ""),
        invoice_number=form.get("invoice_number", ""),
        method=pb.RealisationMethod.ValueType(chosen(form, "method", METHODS)),
        amount=_amount(form, "amount"),
        cost=_amount(form, "cost") if form.get("cost", "").strip() else None,
        date=day_of("date", form.get("date", "")),
        buyer=form.get("buyer", ""),
        buyer_related=bool(form.get("buyer_related")),
        finishes_asset=bool(form.get("finishes_asset")),
        corrects=int(corrects or 0),
    )


def _stated(form: Mapping[str, str]) -> dict[str, str]:
    return {name: form.get(name, "") for name in ("actor", "note", "request_id")}


def _amount(form: Mapping[str, str], field: str) -> Money:
    written = form.get(field, "")
    found = parsed_money(written, form.get("currency_code", ""))
    if found is None:
        raise invalid(f"{field}: got {written[:40]!r}, want an amount such as 1000.50")
    return found


def _rate(text: str) -> str:
    """Returns a rate as a share; people write it in per cent."""
    found = parsed_money(text, "")
    if found is None:
        raise invalid(f"rate: got {text[:40]!r}, want a yearly rate in per cent such as 8")
    return f"{value_of(found) / 100:f}"
