"""Certificates on their pages: the figures of the service, and decisions by forms."""

import hashlib
import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from html import unescape
from urllib.parse import quote, urlencode

import pytest
from typer.testing import CliRunner

from collateral_registry.cli.main import app
from collateral_registry.v1 import certificate_pb2 as pb
from collateral_registry.web.pages.certificates.columns import Columns
from collateral_registry.web.pages.certificates.walk import walk_chart, walk_of
from collateral_registry.web.pages.numbers import grouped
from collateral_registry.web.pages.texts import texts_of
from collateral_registry.web.pages.visit import ROWS
from tests.support.authority import access_file, web_token
from tests.support.borrowing_bases import opened, reserve
from tests.support.certificates import NAME, create, get, stated_class, submit
from tests.support.server import FIRST_DAY, Server, amount, calendar, connected, free_port, money
from tests.web.conftest import Web
from tests.web.pages.conftest import Pages
from tests.web.pages.test_answers import ask
from tests.web.pages.test_changes import Forms
from tests.web.pages.test_exports import fetch

CERTIFICATE = "loans/loan-meridian-parts/certificates/july"
"""A certificate of the sample book whose statement differs from the recomputed one in classes and rules."""


def served(url: str, **settings: object) -> tuple[Server, str]:
    """Starts a server with pages; returns it and the address of the pages."""
    address = f"127.0.0.1:{free_port()}"
    return Server(url, options=["--http-address", address], **settings).start(), address


@pytest.fixture
def web(sqlite_url) -> Iterator[Web]:
    """The pages of a book with a loan that has a base."""
    server, address = served(sqlite_url)
    with connected(server) as client:
        opened(client)
        yield Web(server, client, address)
    server.stop()


def cells_of(text: str, section: str = "") -> list[list[str]]:
    """Returns the texts of the rows of the table of a section, or of the page."""
    found = re.findall(rf'id="{section}">(.*?)</section>', text, re.DOTALL)[0] if section else text
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", found, re.DOTALL)
    return [
        [unescape(re.sub(r"<[^>]+>", "", re.sub(r'<span class="sub">.*?</span>', "", cell))).strip() for cell in cells]
        for cells in (re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows)
    ]


def number(text: str) -> Decimal:
    """Returns an amount of a page; 0 where it has none."""
    return Decimal(0) if text == "\u2014" else Decimal(text.replace(",", "").replace("\u2212", "-").replace("+", ""))


def test_the_columns_are_what_the_service_states_to_the_cent_and_add_up(pages: Pages) -> None:
    found = get(pages.client, CERTIFICATE)

    _, *rows = cells_of(ask(pages, f"/{CERTIFICATE}")[2], "columns")

    heads = [row[0] for row in rows if len(row) == 1]
    assert heads == ["Equipment", "Inventory", "Receivables", "Borrowing base"]
    names = [one.asset_class for one in found.recomputed.classes]
    shown = [row for row in rows if len(row) > 1]
    for column, statement in ((1, found.submitted), (2, found.recomputed)):
        by_class = {one.asset_class: one for one in statement.classes}
        stated = [by_class.get(name, pb.StatedClass()) for name in names]
        gross, lends = (
            [number(row[column]) for row in shown if row[0] == name] for name in ("Gross amount", "Lendable")
        )
        before, reserves, base = (number(row[column]) for row in shown[-3:])
        assert gross == [amount(one.gross) for one in stated]
        assert lends == [amount(one.lendable_value) for one in stated]
        assert before + reserves == base == amount(statement.base)
        texts = {row[column] for row in shown}
        assert {grouped(-amount(each.amount), 2) for one in stated for each in one.exclusions} <= texts
    assert {row[3] for row in shown} == {"\u2014"}


def test_the_walk_starts_at_the_submitted_base_and_sums_to_the_recomputed_one(pages: Pages) -> None:
    found, text = get(pages.client, CERTIFICATE), ask(pages, f"/{CERTIFICATE}")[2]

    _, first, *steps, last = cells_of(text, "walk")

    assert (number(first[2]), number(last[2])) == (amount(found.submitted.base), amount(found.recomputed.base))
    assert [number(step[1]) for step in steps] == [amount(step.change) for step in found.steps]
    assert sum(number(step[1]) for step in steps) == amount(found.difference) == number(last[1])
    assert number(steps[-1][2]) == number(last[2])
    assert "More than 90 days since the issue (120 for a government)." in text
    assert "\u8d26\u9f84\u8d85\u8fc790\u5929\u3002" in ask(pages, f"/{CERTIFICATE}", accept_language="zh")[2]


def test_every_step_is_in_the_picture_or_in_its_rest() -> None:
    steps = [pb.DifferenceStep(term=1, asset_class=f"c{n}", change=money(str(n + 1))) for n in range(30)]
    rows = walk_of(pb.Certificate(submitted=pb.BaseStatement(base=money("1000")), steps=steps))

    drawn = walk_chart(texts_of("en"), rows)

    assert (rows[-1].base_after, drawn.count("gross amount")) == (Decimal(1465), 12)
    assert "+171" in drawn  # the sum of the 18 smallest
    assert "+465" in drawn


@pytest.mark.parametrize(
    ("reserves", "base", "floor"), [("30", "120", None), ("200", "0", "50")], ids=["less", "more than the base"]
)
def test_the_lines_of_the_base_add_up_under_sublimits_and_reserves(reserves, base, floor) -> None:
    classes = [stated_class("receivable", "400", "1"), stated_class("ip", "60", "1")]
    classes[0].share_limit.value = "0.6"  # of 150, which is 60 and 0.6 of itself
    stated = pb.BaseStatement(classes=classes, reserves=money(reserves), base=money(base))
    for one in stated.classes:
        one.lendable_value.CopyFrom(one.gross)

    columns = Columns(pb.Certificate(submitted=stated))

    lines = {line.name: line.submitted for line in columns.base}
    assert [lines[name] for name in ("classes", "sublimits", "before_reserves")] == [460, 310, 150]
    assert lines["before_reserves"] - lines["reserves"] + lines.get("floor", 0) == lines["base"] == Decimal(base)
    assert lines.get("floor") == (Decimal(floor) if floor else None)
    counted = [line.submitted for one in columns.classes for line in one.lines if line.name == "counted"]
    assert counted == [90]


def test_the_submitter_may_not_approve_and_another_person_may_with_a_reason_for_less(web: Web) -> None:
    create(web.client)
    create(web.client, "earlier")
    submit(web.client, actor="Bo Li")
    page, take = f"/{NAME}", Forms(web)
    assert "A person other than Bo Li, who submitted it, decides." in ask(web, page)[2]

    assert "want a person other than the submitter" in refused(web, "approve", actor=" bo  LI ")
    assert "reason: got nothing" in refused(web, "approve", approved_base="550,000")
    assert "approved_base: got &#39;x&#39;" in refused(web, "approve", approved_base="x")
    led = take(page, f"{page}/approve", approved_base="550,000", reason="stock to be counted")

    assert led == f"{page}?done=approve"
    found, text = get(web.client), ask(web, led)[2]
    assert (found.state, found.approved_base) == (pb.CERTIFICATE_STATE_APPROVED, money("550000"))
    *_, reduction, base = cells_of(text, "columns")
    assert reduction == ["Taken off by the approver", "\u2014", "\u2014", "\u221250,000.00"]
    assert base == ["Borrowing base", "600,000.00", "600,000.00", "550,000.00"]
    assert "step-approve" not in text
    assert "The certificate is approved." in text
    assert "supersedes this one" in ask(web, "/loans/loan-1/certificates/earlier")[2]


def test_a_certificate_is_returned_with_the_lines_that_differ_and_submitted_again_by_a_form(web: Web) -> None:
    create(web.client)
    page, take = f"/{NAME}", Forms(web)
    assert "step-submit" in ask(web, page)[2]
    assert "line: got" in refused(web, "submit", statement="class,line,value\nip,gross,1\nip,gross,2\n")
    take(page, f"{page}/submit", statement="class,line,value\r\ninventory,gross,700000\r\ninventory,rate,1\r\n")
    text = ask(web, page)[2]
    (drafted,) = re.findall(r'name="failing_lines"[^>]*>(.*?)</textarea>', text, re.DOTALL)
    assert drafted == "inventory:gross:submitted 700,000.00, recomputed 600,000.00"
    assert "failing_lines: got" in refused(web, "return", failing_lines="gross", reason="see")

    take(page, f"{page}/return", failing_lines=drafted, reason="counted less", actor="Cy")

    found, text = get(web.client), ask(web, page)[2]
    assert [(one.asset_class, one.line) for one in found.failing_lines] == [("inventory", "gross")]
    assert (found.state, found.return_reason) == (pb.CERTIFICATE_STATE_RETURNED, "counted less")
    assert "inventory,gross,700000" in text  # the form begins with the statement before
    assert happened_in(text) == ["returned", "submitted, 700,000.00", "opened"]
    assert refused(web, "undo", status=404)
    led = take(page, f"{page}/submit", statement="class,line,value\ninventory,gross,610000\ninventory,rate,1\n")
    assert happened_in(ask(web, led)[2]) == ["submitted, 610,000.00", "returned", "opened"]


def happened_in(text: str) -> list[str]:
    """Returns what people did, newest first."""
    return re.findall(r"</time>(.*?)(?: <span|</li>)", text)


def refused(web: Web, step: str, status: int = 400, **fields: str) -> str:
    """Sends a form of the certificate's page that is refused; returns the page of the error."""
    _, headers, text = ask(web, "/loans/loan-1/certificates/december")
    (token,) = set(re.findall(r'name="token" value="([^"]+)"', text)[:1])
    own = {"sec_fetch_site": "same-origin", "cookie": headers["set-cookie"].partition(";")[0]}
    body = urlencode({"token": token, "actor": "Ana", "currency_code": "USD", **fields})
    got, _, answer = ask(web, f"/{NAME}/{step}", "POST", body, **own)
    assert got == status, answer
    return answer


def test_overdue_certificates_come_first_and_their_effect_is_stated(web: Web) -> None:
    create(web.client, "early", due_date=calendar(FIRST_DAY))
    create(web.client, "a-later-one")
    web.client.advance(FIRST_DAY + timedelta(days=5))

    rows = cells_of(ask(web, "/certificates")[2])[1:]

    assert [row[0] for row in rows] == ["loan-1", "loan-1"]
    assert ["5 days late" in row[2] for row in rows] == [True, False]
    assert len(cells_of(ask(web, "/certificates?state=overdue")[2])) == 2
    text = ask(web, "/loans/loan-1/certificates/early")[2]
    assert "more than 5 business days after the due day" in text
    assert "5 days late" in text


def test_a_statement_before_the_end_of_its_period_is_shown_as_owed_and_late(web: Web) -> None:
    end = calendar(FIRST_DAY + timedelta(days=1))
    create(web.client, period_end_date=end, due_date=end)
    submit(web.client)
    web.client.advance(FIRST_DAY + timedelta(days=3))

    page = ask(web, f"/{NAME}")[2]

    assert "submitted again by 1 Jan 2022" in page
    assert "2 days late" in page
    assert "more than 5 business days after the due day" in page
    for state in ("open", "overdue", "submitted"):
        assert len(cells_of(ask(web, f"/certificates?state={state}")[2])) == 2, state


def test_a_search_for_a_text_that_is_no_id_finds_nothing_and_capitals_are_read(web: Web) -> None:
    create(web.client)

    for text, count in (("LOAN", 1), ("Acme Ltd", 0), ('"', 0)):
        status, _, page = ask(web, f"/certificates?q={quote(text)}")
        assert (status, page.count('href="/loans/loan-1/certificates/')) == (200, count), text


def test_a_loan_links_to_its_own_certificates_only(web: Web) -> None:
    create(web.client)
    (address,) = set(re.findall(r'href="(/certificates\?[^"]+)"', ask(web, "/loans/loan-1/base")[2]))

    assert "filter=loan%20%3D%20%22loan-1%22" in address
    assert 'href="/loans/loan-1/certificates/' in ask(web, unescape(address))[2]


def test_a_long_list_is_paged_without_loss(web: Web) -> None:
    count = ROWS + 3
    days = {f"c-{n}": FIRST_DAY + timedelta(days=n % 2) for n in range(count)}
    for name, day in days.items():
        create(web.client, name, due_date=calendar(day))
    web.client.advance(FIRST_DAY + timedelta(days=1))

    names, path = [], "/certificates"
    while path:
        text = ask(web, path)[2]
        names += re.findall(r'href="/loans/loan-1/certificates/([^"]+)"', text)
        path = next(map(unescape, re.findall(r'class="button" href="([^"]+page_token=[^"]+)"', text)), "")

    assert names == sorted(days, key=lambda name: (days[name], name))


def test_the_text_and_the_files_stay_as_they_were_after_later_changes(web: Web, tmp_path) -> None:
    create(web.client)
    submit(web.client)
    before, files = cells_before(ask(web, f"/{NAME}")[2]), files_of(web)

    web.client.change_classes("second", added=["inventory.extra"])
    web.client.advance(FIRST_DAY + timedelta(days=3))
    reserve(web.client, "later", "OTHER", "10")

    assert cells_before(ask(web, f"/{NAME}")[2]) == before
    assert files_of(web) == files
    for form in ("pdf", "csv"):
        out = tmp_path / form
        options = ["--output", str(out), "--format", form, "--language", "zh", "--server", web.server.address]
        assert CliRunner().invoke(app, ["certificate", "export", "loan-1/december", *options]).exit_code == 0
        assert out.read_bytes() == files[form]
    found = get(web.client)
    assert found.canonical_sha256 in before[1]
    _, headers, text = ask(web, f"/{NAME}.txt")
    assert (text, hashlib.sha256(text.encode()).hexdigest()) == (found.canonical_text, found.canonical_sha256)
    assert headers["content-disposition"] == 'attachment; filename="loan-1-december.txt"'
    create(web.client, "open")
    assert "want a submitted statement first" in ask(web, "/loans/loan-1/certificates/open.txt")[2]
    assert ask(web, "/loans/loan-1/certificates/open.pdf")[0] == 400
    assert ask(web, f"/{NAME}.doc")[0] == 404


def files_of(web: Web) -> dict[str, bytes]:
    """Returns the files of the certificate in Chinese."""
    return {form: fetch(web.address, f"/{NAME}.{form}", accept_language="zh")[2] for form in ("pdf", "csv")}


def cells_before(text: str) -> tuple[object, ...]:
    """Returns what a page shows of the recomputed base: its columns and its text."""
    (shown,) = re.findall(r'id="text">(.*?)</section>', text, re.DOTALL)
    return cells_of(text, "columns"), shown


def test_an_identified_submitter_sees_why_he_may_not_approve(sqlite_url, tmp_path) -> None:
    server, _ = served(sqlite_url)
    with connected(server) as client:
        opened(client)
        create(client)
        submit(client, actor="Ana")
    server.stop()
    server, address = served(sqlite_url, environment={"COLLATERAL_ACCESS_FILE": str(access_file(tmp_path))})
    web = Web(server, None, address)

    own, others = (
        ask(web, f"/{NAME}", authorization=f"Bearer {web_token(sub=sub, roles=['head_of_risk'])}")[2]
        for sub in ("ana", "bo")
    )
    server.stop()

    assert "You cannot approve this certificate:" in own
    assert "want a person other than the submitter" in unescape(own)
    assert "step-approve" not in own
    assert ("step-approve" in others, 'id="refusal"' in others) == (True, False)
