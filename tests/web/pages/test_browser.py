"""The pages in a browser: on the sample book, in both languages, at two widths, light and dark."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from collateral_registry.v1 import breach_pb2
from tests.web.pages.conftest import STATEMENT

CERTIFICATE = "/loans/loan-meridian-parts/certificates/july"
PATHS = [
    "/",
    "/loans?level=beyond",
    "/loans/loan-red-prairie",
    "/loans/loan-meridian-parts/base",
    "/breaches?state=all",
    "/disposals",
    "/loans/loan-red-prairie/disposals/sale",
    "/assets?good=copper",
    "/assets/lot-red-prairie-1",
    "/assets/pool-meridian-parts/pool",
    "/assets/pool-meridian-parts/invoices?state=all",
    "/assets/pool-meridian-parts/invoice?debtor=prairie-pump&number=2021-001",
    "/debtors",
    "/debtors/continental-assembly",
    "/prices",
    "/prices/wheat",
    "/reports?as_of=2021-12-31",
    "/proposals",
    "/proposals/1",
    "/reports/differences?from=2021-12-31",
    "/certificates",
    CERTIFICATE,
    "/status",
]
WIDTHS = (1280, 390)
VARIANTS = [("en-US", "light", WIDTHS[0]), ("zh-CN", "dark", WIDTHS[1])]
"""Language, colours, and the width at which rules of accessibility are checked."""

COLOURFUL = {"/", "/loans/loan-red-prairie", "/assets/lot-red-prairie-1", "/status"}
"""Pages that have all colours between them. Contrast is checked on these alone, because it takes most of the time."""

VIOLATIONS = (
    "document.addEventListener('securitypolicyviolation', e => console.error('policy: ' + e.violatedDirective))"
)
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
FOCUSABLE = """() => [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')]
  .filter(e => e.type !== 'hidden' && e.checkVisibility({visibilityProperty: true}))
  .map(e => (e.dataset.n ??= String(Math.random())) && e.dataset.n)"""
FOCUSED = """() => { const e = document.activeElement, s = getComputedStyle(e);
  return [e.dataset.n, s.outlineStyle !== 'none' && s.outlineWidth !== '0px'] }"""


@contextmanager
def opened(browser: Browser, language: str, colours: str, width: int) -> Iterator[Page]:
    """Provides a page whose console must stay empty, of errors and of violations of the content security policy."""
    context = browser.new_context(locale=language, color_scheme=colours, viewport={"width": width, "height": 900})
    context.add_init_script(VIOLATIONS)
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def check_accessibility(page: Page, path: str, *, contrast_only: bool) -> None:
    """Fails if a page violates a rule, or if fewer rules were checked than it has."""
    rules: dict[str, object] = {"rules": {"color-contrast": {"enabled": path in COLOURFUL}}}
    if contrast_only:
        rules = {"runOnly": {"type": "rule", "values": ["color-contrast", "html-has-lang"]}}
    found = Axe().run(page, options={"resultTypes": ["violations"], **rules}).response
    assert len(found["passes"]) > (1 if contrast_only else 15)
    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == [], path


@pytest.mark.parametrize(("language", "colours", "width"), VARIANTS)
def test_every_page_is_accessible_and_nothing_scrolls_sideways(pages, browser, language, colours, width):
    with opened(browser, language, colours, width) as page:
        for path in PATHS:
            page.goto(f"http://{pages.address}{path}", wait_until="load")
            for one in WIDTHS:
                page.set_viewport_size({"width": one, "height": 900})
                assert page.evaluate(OVERFLOW) <= 0, (path, one)
            page.set_viewport_size({"width": width, "height": 900})
            if colours == "light" or path in COLOURFUL:
                check_accessibility(page, path, contrast_only=colours == "dark")


@pytest.mark.parametrize(("language", "colours", "width"), VARIANTS)
def test_the_four_questions_are_answered_within_three_clicks(pages, browser, language, colours, width):
    with opened(browser, language, colours, width) as page:
        home = f"http://{pages.address}/"
        page.goto(home)
        counts = page.locator(".four .big").all_inner_texts()
        assert [counts[0], counts[3].split()[-1]] == ["7", "49"]

        page.locator(".four .more").nth(0).click()
        worst = page.locator("#work tbody tr").first
        ltv = worst.locator("td b").first.inner_text()
        worst.locator("a").click()
        assert page.locator(".facts dd").first.inner_text().startswith(ltv)
        assert page.locator("#steps summary").count() == 7

        page.goto(home)
        page.locator(".four .more").nth(1).click()
        assert page.locator("#next tbody tr").count() == 8

        page.goto(home)
        page.locator(".four .more").nth(2).click()
        page.locator("#falls summary").click()
        assert page.locator("#falls tbody tr").count() == 11

        page.goto(home)
        page.locator(".four .more").nth(3).click()
        assert page.url.endswith("/status")
        assert page.locator("tbody tr").count() > 20


@pytest.mark.parametrize("path", ["/", "/loans/loan-red-prairie"])
def test_everything_is_reached_by_keyboard_and_seen_there(pages, browser, path):
    with opened(browser, "en-US", "light", WIDTHS[0]) as page:
        page.goto(f"http://{pages.address}{path}")
        for summary in page.locator("summary").all():
            summary.click()
        page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
        wanted = set(page.evaluate(FOCUSABLE))
        reached = {}
        for _ in range(2 * len(wanted)):
            page.keyboard.press("Tab")
            number, is_seen = page.evaluate(FOCUSED)
            reached[number] = is_seen
        assert wanted <= reached.keys()
        assert all(reached[number] for number in wanted)


def test_a_breach_is_acknowledged_and_another_window_shows_it_at_once(pages, browser):
    with opened(browser, "en-US", "light", WIDTHS[0]) as watching, opened(browser, "en-US", "light", WIDTHS[0]) as page:
        watching.goto(f"http://{pages.address}/")
        page.goto(f"http://{pages.address}/loans/loan-harbour-metals")
        page.get_by_text("Acknowledge", exact=True).first.click()
        page.get_by_label("Your name").first.fill("Ann Officer")
        page.get_by_label("Note").first.fill("seen <b>today</b>")
        page.get_by_role("button", name="Acknowledge").click()

        assert page.get_by_role("status").inner_text() == "The breach is acknowledged."
        assert "Acknowledge" not in page.locator("#steps summary").all_inner_texts()
        assert "Waive the call" in page.locator("#steps summary").all_inner_texts()
        new = watching.locator("#events li.new")
        new.wait_for()
        assert new.locator("a").inner_text() == "loan-harbour-metals"
        assert new.locator(".what").inner_text() == "acknowledged"
        assert watching.locator("#news").is_visible()
    request = breach_pb2.ListBreachesRequest(parent="loans/loan-harbour-metals")
    breach = pages.client.breaches.ListBreaches(request).breaches[0]
    assert (breach.acknowledged, breach.waived) == (True, False)


def test_a_view_is_saved_by_keyboard_and_found_on_its_page(pages, browser):
    with opened(browser, "zh-CN", "light", WIDTHS[1]) as page:
        page.goto(f"http://{pages.address}/disposals?state=all")
        page.locator(".saving summary").press("Enter")
        assert page.evaluate(OVERFLOW) <= 0
        check_accessibility(page, "/", contrast_only=False)
        page.get_by_label("名称").fill("全部处置")
        page.get_by_label("共享").press("Space")
        page.get_by_label("名称").press("Enter")

        link = page.locator(".chips").get_by_role("link", name="全部处置")
        assert link.get_attribute("aria-current") == "page"
        page.goto(f"http://{pages.address}/disposals")
        link.press("Enter")
        page.wait_for_url("**/disposals?state=all")
        page.locator(".saving summary").press("Enter")
        assert page.evaluate(OVERFLOW) <= 0
        check_accessibility(page, "/", contrast_only=False)
        page.get_by_role("button", name="删除 全部处置").press("Enter")
        link.wait_for(state="detached")


def test_a_statement_is_filled_in_from_a_file(pages, browser, tmp_path):
    path = tmp_path / "statement.csv"
    path.write_text(STATEMENT, encoding="utf-8")
    with opened(browser, "en-US", "light", WIDTHS[0]) as page:
        page.goto(f"http://{pages.address}/loans/loan-meridian-parts/certificates/late")
        page.locator("#step-submit summary").click()
        page.get_by_label("Fill in from a file").set_input_files(path)

        page.wait_for_function("document.getElementById('statement').value.includes('OVER_AGE')")
        assert page.locator("#statement").input_value() == STATEMENT


def test_the_check_finds_what_is_not_accessible(browser):
    page = browser.new_page()
    page.set_content("<html lang=en><title>x</title><main><h1>x</h1><img src='data:,'></main></html>")

    assert [one["id"] for one in Axe().run(page).response["violations"]] == ["image-alt"]
    page.close()
