"""Names of members of a loan, as they are given on the command line."""

import pytest

from collateral_registry.cli.common.formatting import member_name


@pytest.mark.parametrize("given", ["loan-1/2022-06", "loans/loan-1/certificates/2022-06"])
def test_a_member_is_named_by_two_ids_or_in_full(given):
    assert member_name("certificates", given, "2022-06") == ("loans/loan-1", "2022-06")


@pytest.mark.parametrize("given", ["nope", "loan-1/", "/2022-06", "loans/loan-1/reserves/rent", "a/b/c", ""])
def test_another_form_is_refused_with_an_example(given):
    with pytest.raises(ValueError, match=r"^certificates: got '.*', want a loan and an id such as loan-1/2022-06$"):
        member_name("certificates", given, "2022-06")
