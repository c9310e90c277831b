"""The breach report as of an earlier moment shows and filters what was recorded then."""

from google.protobuf.field_mask_pb2 import FieldMask

from collateral_registry.v1 import loan_pb2, report_pb2


def test_a_past_breach_report_shows_and_filters_the_borrower_of_its_moment(client):
    client.covered_loan()
    client.owe("900000")

    def report(filter_="", **as_of):
        request = report_pb2.GenerateBreachReportRequest(filter=filter_, as_of=report_pb2.AsOf(**as_of))
        return client.reports.GenerateBreachReport(request)

    before = report()
    (breach,) = before.breaches
    renamed = loan_pb2.Loan(name="loans/loan-1", borrower="Renamed")
    client.loans.UpdateLoan(loan_pb2.UpdateLoanRequest(loan=renamed, update_mask=FieldMask(paths=["borrower"])))

    assert report().breaches[0].borrower == "Renamed"
    assert report(sequence=before.sequence) == before
    assert list(report(f'borrower = "{breach.borrower}"', sequence=before.sequence).breaches) == [breach]
    assert not report("borrower = Renamed", sequence=before.sequence).breaches
    assert not report(f'borrower = "{breach.borrower}"').breaches
    assert len(report("state = OPEN AND level >= MARGIN_CALL AND loan:loan*").breaches) == 1
