"""What the forms of a page change, and in whose name."""

import re
from urllib.parse import urlencode

import pytest

from collateral_registry.v1 import breach_pb2, proposal_pb2, proposal_pb2_grpc
from collateral_registry.web.pages.changes import steps_of
from tests.support.server import Server, connected, free_port
from tests.web.conftest import Web
from tests.web.pages.conftest import propose_waiver
from tests.web.pages.test_answers import ask

BREACH = "loans/loan-1/breaches/1"
CREDENTIALS = {"authorization": "Bearer x"}


@pytest.fixture
def web(sqlite_url):
    """The pages of a book with an open breach."""
    address = f"127.0.0.1:{free_port()}"
    server = Server(sqlite_url, options=["--http-address", address]).start()
    with connected(server) as client:
        client.open_copper()
        client.quote_history()
        client.register_lot("lot-1")
        client.register_loan("loan-1")
        client.pledge("loan-1", "lot-1")
        client.owe("820000", "loan-1")
        yield Web(server, client, address)
    server.stop()


@pytest.mark.parametrize(("has_credentials", "step"), [(False, "waive"), (True, "propose")])
def test_a_reader_with_credentials_proposes_what_the_local_owner_does_alone(has_credentials, step):
    allowed = [breach_pb2.BREACH_STEP_ACKNOWLEDGE, breach_pb2.BREACH_STEP_WAIVE]

    assert steps_of(breach_pb2.Breach(next_steps=allowed), has_credentials=has_credentials) == ["acknowledge", step]
    assert steps_of(breach_pb2.Breach(next_steps=allowed[:1]), has_credentials=has_credentials) == ["acknowledge"]
    assert not steps_of(None, has_credentials=has_credentials)


@pytest.mark.slow
def test_a_waiver_is_proposed_with_the_reason_of_the_form(web):
    _, headers, text = ask(web, "/loans/loan-1", **CREDENTIALS)
    (form,) = re.findall(rf'action="/{BREACH}/propose">(.*?)</form>', text, re.DOTALL)
    hidden = dict(re.findall(r'name="(token|request_id)" value="([^"]+)"', form))
    terms = {"reason": str(breach_pb2.WAIVER_REASON_PAYMENT_IN_TRANSIT), "expire_date": "2022-01-07"}
    body = urlencode({**hidden, **terms, "actor": "Ana", "note": "repaid tomorrow"})
    own = {"sec_fetch_site": "same-origin", "cookie": headers["set-cookie"].partition(";")[0], **CREDENTIALS}

    status, answer, _ = ask(web, f"/{BREACH}/propose", "POST", body, **own)

    assert (status, answer["location"]) == (303, "/loans/loan-1?done=propose")
    proposals = proposal_pb2_grpc.ProposalServiceStub(web.client.channel)
    (proposal,) = proposals.ListProposals(proposal_pb2.ListProposalsRequest()).proposals
    assert (proposal.reason, proposal.waive_breach.name) == ("repaid tomorrow", BREACH)
    assert proposal.waive_breach.reason == breach_pb2.WAIVER_REASON_PAYMENT_IN_TRANSIT
    assert proposal.waive_breach.expire_date.day == 7
    assert proposal.state == proposal_pb2.PROPOSAL_STATE_PENDING


@pytest.mark.slow
def test_a_proposal_is_approved_by_another_person_than_its_proposer(web):
    propose_waiver(web.client, BREACH, "repaid tomorrow", "Ana")
    _, headers, text = ask(web, "/proposals/1")
    assert "repaid tomorrow" in text
    assert "payment on its way, until 31 Dec 2021" in text
    (form,) = re.findall(r'action="/proposals/1/approve">(.*?)</form>', text, re.DOTALL)
    hidden = dict(re.findall(r'name="(token|request_id)" value="([^"]+)"', form))
    own = {"sec_fetch_site": "same-origin", "cookie": headers["set-cookie"].partition(";")[0]}

    status, _, refusal = ask(web, "/proposals/1/approve", "POST", urlencode({**hidden, "actor": "ana"}), **own)
    assert status == 400
    assert "want a person other than the proposer" in refusal
    assert 'href="/proposals/1"' in refusal

    status, answer, _ = ask(web, "/proposals/1/approve", "POST", urlencode({**hidden, "actor": "Ben"}), **own)
    assert (status, answer["location"]) == (303, "/proposals/1?done=approve")
    breach = web.client.breaches.GetBreach(breach_pb2.GetBreachRequest(name=BREACH))
    assert breach.waived
    assert "Nothing matches" in ask(web, "/proposals")[2]
    assert "Approved" in ask(web, "/proposals?state=decided")[2]


@pytest.mark.slow
def test_a_reader_sees_what_an_approval_would_change_or_why_it_is_refused(web):
    propose_waiver(web.client, BREACH, "repaid tomorrow", "Ana")

    _, _, text = ask(web, "/proposals/1", **CREDENTIALS)

    assert 'id="effect"' in text


@pytest.mark.slow
def test_an_unknown_decision_is_no_address(web):
    _, headers, text = ask(web, "/proposals")
    own = {"sec_fetch_site": "same-origin", "cookie": headers["set-cookie"].partition(";")[0]}
    _, _, text = ask(web, "/loans/loan-1", cookie=own["cookie"])
    (token,) = re.findall(r'name="token" value="([^"]+)"', text)[:1]

    assert ask(web, "/proposals/1/undo", "POST", urlencode({"token": token}), **own)[0] == 404


@pytest.mark.slow
def test_a_breach_is_worked_on_until_its_collateral_is_sold_by_forms(web):
    web.client.owe("960000", "loan-1")
    take = Forms(web)

    take("/loans/loan-1", f"/{BREACH}/acknowledge")
    take("/loans/loan-1", f"/{BREACH}/dispute", note="the price is wrong")
    take("/loans/loan-1", f"/{BREACH}/settle", note="it is not", outcome="2")
    tested = ask(web, "/loans/loan-1?cash=1000&status=1&currency_code=USD")[2]
    take("/loans/loan-1", f"/{BREACH}/cure", cash="1,000", status="1")
    take("/loans/loan-1", f"/{BREACH}/escalate", note="cannot pay")
    opened = take("/loans/loan-1", "/loans/loan-1/disposals", default_date="2021-12-31", cause="2", rate="8", note="x")
    sold = {"method": "2", "asset": "assets/lot-1", "amount": "700000", "date": "2021-12-31", "finishes_asset": "1"}
    take(opened, f"{opened}/proceeds", **sold)
    take(opened, f"{opened}/close", note="all sold")
    text = ask(web, opened)[2]

    assert "not enough" in tested
    assert "27.1" in text  # the loss of 260,000 in per cent of 960,000
    assert "still counts as collateral" in text
    assert "next steps" not in text.lower()


class Forms:
    """Sends forms of pages as a browser does."""

    def __init__(self, web):
        self.web = web

    def __call__(self, page, action, **fields):
        """Fills the form of a page, sends it, and returns the address to which the browser is led."""
        _, headers, text = ask(self.web, page)
        (form,) = re.findall(rf'action="{action}">(.*?)</form>', text, re.DOTALL)
        hidden = dict(re.findall(r'type="hidden" name="([a-z_]+)" value="([^"]*)"', form))
        own = {"sec_fetch_site": "same-origin", "cookie": headers["set-cookie"].partition(";")[0]}
        body = urlencode({**hidden, "actor": "Ana", **fields})
        status, answer, text = ask(self.web, action, "POST", body, **own)
        assert status == 303, text
        return answer["location"]
