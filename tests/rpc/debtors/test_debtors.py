"""Debtors are registered, changed by a mask, listed by a filter and merged, over gRPC."""

import grpc
import pytest
from google.type.decimal_pb2 import Decimal

from collateral_registry.v1 import debtor_pb2 as pb, debtor_pb2_grpc
from tests.support.server import FIRST_DAY, calendar, details_of, money

LEI = pb.DebtorIdentifier(scheme=pb.IDENTIFIER_SCHEME_LEI, value="5493001kjtiigc8y1r12")


@pytest.fixture
def debtors(client):
    return debtor_pb2_grpc.DebtorServiceStub(client.channel)


def create(debtors, debtor_id, **fields):
    message = pb.Debtor(display_name=fields.pop("display_name", debtor_id), **fields)
    return debtors.CreateDebtor(pb.CreateDebtorRequest(debtor=message, debtor_id=debtor_id))


def update(debtors, debtor_id, *paths, actor="", note="", etag="", **fields):
    message = pb.Debtor(name=f"debtors/{debtor_id}", etag=etag, **fields)
    request = pb.UpdateDebtorRequest(debtor=message, actor=actor, note=note)
    request.update_mask.paths.extend(paths)
    return debtors.UpdateDebtor(request)


def get(debtors, debtor_id):
    return debtors.GetDebtor(pb.GetDebtorRequest(name=f"debtors/{debtor_id}"))


def refusal(call):
    with pytest.raises(grpc.RpcError) as refused:
        call()
    info, fields = details_of(refused.value)
    return info.reason, fields


def test_a_debtor_is_returned_as_it_was_stated_and_changed_by_a_mask(debtors):
    create(debtors, "group", independent=True)
    stated = {
        "aliases": ["Acme GmbH"],
        "country_code": "DE",
        "parent": "debtors/group",
        "kind": pb.DEBTOR_KIND_FIRM,
        "core_firm": True,
        "default_probability": pb.DefaultProbability(
            ratio=Decimal(value="0.0125"), source="agency", date=calendar(FIRST_DAY)
        ),
        "line": pb.DebtorLine(amount=money("500", "EUR"), expire_date=calendar(FIRST_DAY)),
        "usual_terms_days": 60,
    }
    created = create(debtors, "acme", identifiers=[LEI], **stated)
    plain = pb.Debtor(
        name="debtors/acme",
        display_name="acme",
        identifiers=[pb.DebtorIdentifier(scheme=LEI.scheme, value=LEI.value.upper())],
        state=pb.DEBTOR_STATE_ACTIVE,
        etag="1",
        create_time=created.create_time,
        **stated,
    )
    assert created == plain == get(debtors, "acme")

    changed = update(debtors, "acme", "state", "identifiers", etag="1", state=pb.DEBTOR_STATE_INSOLVENT)

    plain.state, plain.etag = pb.DEBTOR_STATE_INSOLVENT, "2"
    del plain.identifiers[:]
    assert changed == plain == get(debtors, "acme")
    assert refusal(lambda: update(debtors, "acme", "state", etag="1"))[0] == "ETAG_MISMATCH"
    assert refusal(lambda: update(debtors, "acme", "state")) == ("INVALID_INPUT", ["actor", "note"])
    assert update(debtors, "acme", "state", actor="Ana", note="plan approved").state == pb.DEBTOR_STATE_ACTIVE


def test_a_page_of_debtors_follows_its_filter(debtors):
    for name, country in (("a", "DE"), ("b", "CN"), ("c", "DE")):
        create(debtors, name, country_code=country, **({"parent": "debtors/a"} if name == "c" else {}))

    def listed(text):
        return [one.name for one in debtors.ListDebtors(pb.ListDebtorsRequest(filter=text)).debtors]

    assert listed("") == ["debtors/a", "debtors/b", "debtors/c"]
    assert listed("country_code = DE AND state = ACTIVE") == ["debtors/a", "debtors/c"]
    assert listed("parent = debtors/a") == ["debtors/c"]
    assert listed("parent:*") == ["debtors/c"]
    assert listed("default_probability > 0.01") == []
    page = debtors.ListDebtors(pb.ListDebtorsRequest(page_size=2))
    rest = debtors.ListDebtors(pb.ListDebtorsRequest(page_size=2, page_token=page.next_page_token))
    assert [one.name for one in rest.debtors] == ["debtors/c"]


def test_a_merge_is_recorded_with_the_duplicate_and_can_be_undone(debtors):
    create(debtors, "acme")
    create(debtors, "acme-2")
    by = {"actor": "Ana", "note": "same register entry"}

    merged = debtors.MergeDebtors(pb.MergeDebtorsRequest(name="debtors/acme-2", into="debtors/acme", **by))

    assert merged.merged_into == "debtors/acme"
    assert get(debtors, "acme-2").merged_into == "debtors/acme"
    for again in (
        lambda: debtors.MergeDebtors(pb.MergeDebtorsRequest(name="debtors/acme-2", into="debtors/acme", **by)),
        lambda: debtors.MergeDebtors(pb.MergeDebtorsRequest(name="debtors/acme", into="debtors/acme-2", **by)),
        lambda: update(debtors, "acme-2", "display_name", display_name="x"),
    ):
        assert refusal(again)[0] == "DEBTOR_MERGED"
    undone = debtors.UndoDebtorMerge(pb.UndoDebtorMergeRequest(name="debtors/acme-2", **by))
    assert undone.merged_into == ""
    undo = pb.UndoDebtorMergeRequest(name="debtors/acme", **by)
    assert refusal(lambda: debtors.UndoDebtorMerge(undo))[0] == "DEBTOR_NOT_MERGED"


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"display_name": ""}, "debtor.display_name"),
        ({"country_code": "XX"}, "debtor.country_code"),
        ({"country_code": "de"}, "debtor.country_code"),
        ({"parent": "debtors/acme"}, "debtor.parent"),
        ({"parent": "loans/a"}, "debtor.parent"),
        ({"parent": "debtors/a", "independent": True}, "debtor.independent"),
        ({"identifiers": [pb.DebtorIdentifier(scheme=1, value="5493001KJTIIGC8Y1R13")]}, "debtor.identifiers[0].value"),
        ({"identifiers": [LEI, pb.DebtorIdentifier(value="1")]}, "debtor.identifiers[1].scheme"),
        ({"kind": 9}, "debtor.kind"),
        ({"usual_terms_days": -1}, "debtor.usual_terms_days"),
        ({"aliases": ["a", ""]}, "debtor.aliases[1]"),
        ({"line": pb.DebtorLine()}, "debtor.line.amount"),
        (
            {"default_probability": pb.DefaultProbability(source="a", date=calendar(FIRST_DAY))},
            "debtor.default_probability.ratio",
        ),
        (
            {
                "default_probability": pb.DefaultProbability(
                    ratio=Decimal(value="0.01"), source="a", date=calendar(FIRST_DAY.replace(year=2030))
                )
            },
            "debtor.default_probability.date",
        ),
    ],
)
def test_a_wrong_field_of_a_debtor_is_named(debtors, fields, wrong):
    assert refusal(lambda: create(debtors, "acme", **fields)) == ("INVALID_INPUT", [wrong])
