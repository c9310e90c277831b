"""A saved view has a readable name and leads to a page of this service only."""

import pytest

from collateral_registry.domain.saved_views.saved_views import PAGES, PATH_LIMIT_CHARACTERS, SavedView
from valuation.errors import InvalidInput

KEPT = [
    *PAGES,
    "/loans?level=beyond&order=ltv+desc",
    "/loans?q=%E9%93%9C%E4%B8%9A&filter=ltv+%3E%3D+0.85",
    "/reports?as_of=2021-12-31",
    "/loans?q=",
    "/loans?q=" + "a" * (PATH_LIMIT_CHARACTERS - 9),
]
REFUSED = {
    "nothing": "",
    "another host": "//evil.example/loans",
    "another host after a backslash": "/\\evil.example",
    "a scheme": "https://evil.example/loans",
    "a program": "javascript:alert(1)",
    "a page that is no list": "/loans/loan-1",
    "the first page": "/",
    "a step upwards": "/loans/../status",
    "a slash too many": "/loans/",
    "a blank in front": " /loans",
    "a fragment": "/loans#top",
    "a line break": "/loans?q=a\nb",
    "a line break at the end": "/loans\n",
    "a line break at the end of the query": "/loans?q=a\n",
    "an encoded line break": "/loans?q=a%0Ab",
    "an encoded change of direction": "/loans?q=%E2%80%AE",
    "letters that are not encoded": "/loans?q=铜",
    "a quotation mark": '/loans?q="x"',
    "the page of a list": "/loans?level=beyond&page_token=x",
    "the language of a reader": "/loans?lang=zh",
    "an encoded name of a field": "/loans?l%61ng=zh",
    "too many characters": "/loans?q=" + "a" * (PATH_LIMIT_CHARACTERS - 8),
}


@pytest.mark.parametrize("path", KEPT, ids=range(len(KEPT)))
def test_addresses_of_lists_and_reports_are_kept_as_they_are(path):
    assert SavedView("near", path, shared=False).path == path


@pytest.mark.parametrize("path", REFUSED.values(), ids=REFUSED.keys())
def test_no_view_leads_elsewhere(path):
    with pytest.raises(InvalidInput, match=r"^path: got "):
        SavedView("near", path, shared=True)


@pytest.mark.parametrize(
    "name", ["", " ", "a" * 81, "a\nb", "a\u202eb"], ids=["empty", "blank", "long", "lines", "bidi"]
)
def test_a_name_is_readable_and_short(name):
    with pytest.raises(InvalidInput, match=r"^display_name: got "):
        SavedView(name, "/loans", shared=False)
    assert SavedView("铜" * 80, "/loans", shared=False)
