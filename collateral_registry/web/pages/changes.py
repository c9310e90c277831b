"""Changes by forms: the steps of a breach."""

from __future__ import annotations

from collections.abc import Mapping

from google.type.money_pb2 import Money
from starlette.exceptions import HTTPException

from collateral_registry.v1 import breach_pb2 as pb, proposal_pb2
from collateral_registry.web.pages.numbers import parsed_money
from collateral_registry.web.pages.visit import Visit, address_of, day_of, invalid

STEP_NAMES: Mapping[int, str] = {
    pb.BREACH_STEP_ACKNOWLEDGE: "acknowledge",
    pb.BREACH_STEP_NOTE: "note",
    pb.BREACH_STEP_DISPUTE: "dispute",
    pb.BREACH_STEP_SETTLE_DISPUTE: "settle",
    pb.BREACH_STEP_GRANT_GRACE: "grace",
    pb.BREACH_STEP_WAIVE: "waive",
    pb.BREACH_STEP_RECORD_CURE: "cure",
    pb.BREACH_STEP_ESCALATE: "escalate",
}
"""Names of the steps in addresses and texts. A step that this version does not know has no form."""

STEPS = (*STEP_NAMES.values(), "propose")
"""The local owner waives the call; a caller with credentials proposes that another person does."""

REASONS = tuple(value for value in pb.WaiverReason.values() if value)
OUTCOMES = tuple(value for value in pb.DisputeOutcome.values() if value)
CURE_STATUSES = tuple(value for value in pb.CureStatus.values() if value)


def steps_of(breach: pb.Breach | None, *, has_credentials: bool) -> list[str]:
    """Returns the steps that the service allows, as a reader with or without credentials takes them."""
    if breach is None:
        return []
    names = [STEP_NAMES[step] for step in breach.next_steps if step in STEP_NAMES]
    return ["propose" if name == "waive" and has_credentials else name for name in names]


async def take_step(visit: Visit, form: Mapping[str, str]) -> str:
    """Takes a step of a breach and returns the address that shows it; raises grpc.aio.AioRpcError or HttpError."""
    loan, number, step = (visit.parameters[name] for name in ("loan", "breach", "step"))
    if step not in STEPS:
        raise HTTPException(404)
    name = f"loans/{loan}/breaches/{number}"
    stated = {"actor": form.get("actor", ""), "note": form.get("note", ""), "request_id": form.get("request_id", "")}
    breaches, call = visit.book.services.breaches, visit.book.call
    match step:
        case "acknowledge":
            await call(breaches.AcknowledgeBreach, pb.AcknowledgeBreachRequest(name=name, **stated))
        case "note":
            await call(breaches.NoteBreach, pb.NoteBreachRequest(name=name, **stated))
        case "dispute":
            await call(breaches.DisputeBreach, pb.DisputeBreachRequest(name=name, **stated))
        case "settle":
            outcome = pb.DisputeOutcome.ValueType(chosen(form, "outcome", OUTCOMES))
            await call(breaches.SettleDispute, pb.SettleDisputeRequest(name=name, outcome=outcome, **stated))
        case "grace":
            deadline = day_of("deadline_date", form.get("deadline_date", ""))
            await call(breaches.GrantGrace, pb.GrantGraceRequest(name=name, deadline_date=deadline, **stated))
        case "waive":
            waiver = _waiver(name, form)
            waiver.MergeFrom(pb.WaiveBreachRequest(**stated))
            await call(breaches.WaiveBreach, waiver)
        case "propose":
            proposal = proposal_pb2.Proposal(reason=stated.pop("note"), waive_breach=_waiver(name, form))
            request = proposal_pb2.CreateProposalRequest(proposal=proposal, **stated)
            await call(visit.book.services.proposals.CreateProposal, request)
        case "cure":
            cure = cure_request(name, form)
            cure.MergeFrom(pb.RecordCureRequest(**stated))
            await call(breaches.RecordCure, cure)
        case _:
            await call(breaches.EscalateBreach, pb.EscalateBreachRequest(name=name, **stated))
    return address_of(f"/loans/{loan}", {"done": step})


def cure_request(name: str, form: Mapping[str, str]) -> pb.RecordCureRequest:
    """Returns the cure of a form: cash in the currency that the form states, or an asset; raises HttpError."""
    status = pb.CureStatus.ValueType(chosen(form, "status", CURE_STATUSES))
    cash, asset = form.get("cash", "").strip(), form.get("asset", "").strip()
    if bool(cash) == bool(asset):
        raise invalid("cash: got both or neither of cash and asset, want one of them")
    if asset:
        return pb.RecordCureRequest(name=name, status=status, asset=f"assets/{asset}")
    return pb.RecordCureRequest(name=name, status=status, cash=_cash(cash, form.get("currency_code", "")))


def _cash(text: str, currency: str) -> Money:
    found = parsed_money(text, currency)
    if found is None:
        raise invalid(f"cash: got {text[:40]!r}, want an amount such as 1000.50")
    return found


def _waiver(name: str, form: Mapping[str, str]) -> pb.WaiveBreachRequest:
    reason = pb.WaiverReason.ValueType(chosen(form, "reason", REASONS))
    last = day_of("expire_date", form.get("expire_date", ""))
    return pb.WaiveBreachRequest(name=name, note=form.get("note", ""), reason=reason, expire_date=last)


def chosen(form: Mapping[str, str], field: str, choices: tuple[int, ...]) -> int:
    """Returns the number that a form chooses; raises HttpError for another one."""
    text = form.get(field, "")
    chosen = next((choice for choice in choices if str(choice) == text), None)
    if chosen is None:
        raise invalid(f"{field}: got {text[:40]!r}, want one of the choices of the form")
    return chosen
