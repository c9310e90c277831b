"""The certificate of the sample: its statement is read, submitted once, and approved by another person."""

from google.protobuf.json_format import MessageToDict

from collateral_registry.cli.server.sample import table
from collateral_registry.cli.server.sample_certificates import approve, certify, sample_statement
from collateral_registry.v1 import certificate_pb2 as pb
from collateral_registry.web.pages.certificates.statement_table import statement_of
from tests.support.borrowing_bases import opened
from tests.support.certificates import get
from tests.support.server import FIRST_DAY, Client, calendar, money

NAME = "loans/loan-1/certificates/march"


def test_a_repeated_action_changes_nothing_and_an_approval_is_that_of_another_person(client: Client) -> None:
    opened(client, ["600000"])
    rows = [row.values for row in table("timeline") if row.values["action"] in {"certify", "approve"}]
    certified, approved = ({**row, "target": "loan-1/march"} for row in rows)
    certified["value"] = FIRST_DAY.isoformat()

    for _ in range(2):
        certify(client.channel, certified, calendar(FIRST_DAY))
    submitted = get(client, NAME)
    for _ in range(2):
        approve(client.channel, {**approved, "value": "500000"})

    found = get(client, NAME)
    assert submitted.state == pb.CERTIFICATE_STATE_RECOMPUTED
    assert (found.state, found.approved_base) == (pb.CERTIFICATE_STATE_APPROVED, money("500000"))
    assert found.approval_reason == approved["note"]
    assert found.submitted_by != found.approved_by
    stated = statement_of(sample_statement(), "USD")
    assert [one.asset_class for one in stated.classes] == ["receivable", "inventory", "equipment"]
    assert MessageToDict(found.submitted.classes[0].gross) == MessageToDict(stated.classes[0].gross)
