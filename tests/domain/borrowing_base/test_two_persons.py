"""A certificate is approved or returned by another identity than the one that submitted its statement."""

from datetime import date

import pytest

from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.borrowing_base.certificates import Certificate, Recomputation
from collateral_registry.domain.borrowing_base.walk import Statement
from collateral_registry.domain.shared.errors import Refused

DAY = date(2022, 1, 31)
STATEMENT = Statement({}, 0)
LOAN_SYSTEM, OFFICER = "spiffe://bank.example/los", Author("people/bo", "people/bo")


def recomputed(submitter):
    """Returns a recomputed certificate whose statement a person submitted."""
    found = Recomputation(STATEMENT, (), 0, 0, 1, DAY, "default", ())
    return Certificate("c-1", "loan-1", DAY, DAY).submit(STATEMENT, submitter, 1).recompute(found)


@pytest.mark.parametrize(
    ("submitter", "second"),
    [
        (OFFICER, OFFICER),
        (Author(LOAN_SYSTEM, "Bo"), OFFICER),
        (Author(LOAN_SYSTEM, "ana"), Author(LOAN_SYSTEM, "bo")),
    ],
)
def test_the_submitter_neither_approves_nor_returns_it(submitter, second):
    for decide in (
        lambda certificate: certificate.approve(None, second, "", 2),
        lambda certificate: certificate.give_back(second, "wrong", (), 2),
    ):
        with pytest.raises(Refused) as refused:
            decide(recomputed(submitter))
        assert refused.value.reason == "CERTIFICATE_OWN_STATEMENT"


def test_both_identities_are_recorded():
    approved = recomputed(Author(LOAN_SYSTEM, "ana")).approve(None, OFFICER, "", 2)

    assert (approved.submitted_by, approved.submitting_principal) == ("ana", LOAN_SYSTEM)
    assert (approved.approved_by, approved.approving_principal) == ("people/bo", "people/bo")
