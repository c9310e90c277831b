"""A saved view is a link to the address that was saved, for its owner and for those with whom it is shared."""

import re
from datetime import UTC, datetime
from html import unescape
from urllib.parse import urlencode

import pytest

from collateral_registry.commands.saved_views import saved_views as commands
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.saved_views.saved_views import PAGES, SavedView
from collateral_registry.store.engine.database import Database
from collateral_registry.v1 import saved_view_pb2, saved_view_pb2_grpc
from tests.web.pages.conftest import save_view
from tests.web.pages.test_answers import ask

pytestmark = pytest.mark.slow

LOANS = "/loans?q=%E9%93%9C&filter=ltv+%3E%3D+0.85"


class Form:
    """The forms of saved views on a page, as a browser of ours sends them."""

    def __init__(self, web, path: str) -> None:
        _, headers, self.text = ask(web, path)
        self.web, self.page = web, path.partition("?")[0]
        self.own = {"sec_fetch_site": "same-origin", "cookie": headers["set-cookie"].partition(";")[0]}

    def send(self, action: str, **fields: str):
        """Sends a form with its hidden fields; returns status, headers and text."""
        (form, *_) = re.findall(rf'action="{self.page}/{action}">(.*?)</form>', self.text, re.DOTALL)
        hidden = {name: unescape(text) for name, text in re.findall(r'name="(\w+)" value="([^"]*)"', form)}
        hidden.pop("shared", "")
        return ask(self.web, f"{self.page}/{action}", "POST", urlencode({**hidden, **fields}), **self.own)


def links(text: str) -> dict[str, str]:
    """Returns the addresses of the saved views of a page by their names."""
    (listed,) = re.findall(r'<ul class="saved".*?</ul>', text, re.DOTALL) or [""]
    return {unescape(name): unescape(path) for path, name in re.findall(r'<a href="([^"]*)">(.*?)</a>', listed)}


def saved(pages) -> dict[str, saved_view_pb2.SavedView]:
    service = saved_view_pb2_grpc.SavedViewServiceStub(pages.client.channel)
    found = service.ListSavedViews(saved_view_pb2.ListSavedViewsRequest(page_size=1_000)).saved_views
    return {view.display_name: view for view in found}


def test_a_saved_view_leads_to_the_address_at_which_it_was_saved(pages):
    form = Form(pages, f"{LOANS}&page_token=&lang=en")
    status, headers, _ = form.send("save-view", display_name='<b>铜 & "lead"</b>')

    assert (status, headers["location"]) == (303, LOANS)
    text = ask(pages, LOANS)[2]
    assert links(text)['<b>铜 & "lead"</b>'] == LOANS
    assert "<b>铜" not in text
    assert re.search(rf'<a href="{re.escape(LOANS.replace("&", "&amp;"))}" aria-current="page">&lt;b&gt;铜', text)
    assert not saved(pages)['<b>铜 & "lead"</b>'].shared


@pytest.mark.parametrize("page", PAGES)
def test_every_list_and_report_saves_its_address_and_shows_the_views_of_its_own(pages, page):
    name = f"of {page}"
    assert Form(pages, page).send("save-view", display_name=name, shared="1")[0] == 303

    assert saved(pages)[name].shared
    for other in PAGES:
        assert (name in links(ask(pages, other)[2])) == (other == page)


def test_a_view_of_another_is_shown_with_its_owner_once_shared_and_has_no_form_to_delete_it(pages):
    save_view(pages.client, "own", "/prices?currency=CNY")
    database = Database(pages.server.url, lambda: datetime.now(UTC))
    with database.write("SaveView", Author("people/ana", "people/ana")) as write:
        commands.save_view(write, SavedView("by Ana", "/prices?currency=EUR", shared=True))
        commands.save_view(write, SavedView("of Ana alone", "/prices?currency=USD", shared=False))
        write.commit()
    database.close()

    text = ask(pages, "/prices")[2]
    assert links(text)["by Ana"] == "/prices?currency=EUR"
    assert "of Ana alone" not in text
    assert "shared by ana" in text
    (item,) = re.findall(r'<li><a href="[^"]*">by Ana</a>.*?</li>', text, re.DOTALL)
    assert "<form" not in item
    key = saved(pages)["by Ana"].name.partition("/")[2]
    assert Form(pages, "/prices").send("delete-view", view=key)[0] == 403
    assert saved(pages)["by Ana"]


def test_a_view_is_deleted_by_a_form_that_leads_back_to_its_page(pages):
    save_view(pages.client, "0 to delete", "/assets?good=copper")
    form = Form(pages, "/assets?good=zinc")
    view = saved(pages)["0 to delete"].name.partition("/")[2]

    for _ in range(2):  # a form that is sent twice
        status, headers, _ = form.send("delete-view", view=view)
        assert (status, headers["location"]) == (303, "/assets?good=zinc")
    assert "0 to delete" not in saved(pages)


def test_a_form_leads_to_no_other_place_and_is_refused_without_its_token(pages):
    form = Form(pages, "/prices")
    count = len(saved(pages))

    for address in ("//evil.example/?q=a", "https://evil.example/?q=a"):
        assert form.send("save-view", display_name="evil", address=address)[1]["location"] == "/prices?q=a"
    assert len(saved(pages)) == count + 1
    assert form.send("save-view", display_name="foreign", token="")[0] == 403
    status, _, text = form.send("save-view", display_name="lines", address="/prices?q=a%0Ab")
    assert (status, 'href="/prices"' in text) == (400, True)
    assert "saved_view.path" in text
    assert not {"foreign", "lines"} & saved(pages).keys()


@pytest.mark.parametrize("page", ["status", "proposals", "nowhere"])
def test_other_pages_save_no_views(pages, page):
    form = Form(pages, "/prices")
    (token,) = set(re.findall(r'name="token" value="([^"]+)"', form.text)[:1])

    body = urlencode({"token": token, "display_name": "other"})
    assert ask(pages, f"/{page}/save-view", "POST", body, **form.own)[0] == 404
    assert "save-view" not in ask(pages, f"/{page}")[2]
