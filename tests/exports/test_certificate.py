"""A certificate as a file: what a committee reads in both languages, and the same bytes every time."""

import csv
import time
from decimal import Decimal

import pypdf
import pytest
from google.protobuf import text_format

from collateral_registry.domain.receivables.rule_numbers import DEFAULT_VALUES, ReceivableNumbers
from collateral_registry.exports.typesetting import REPLACEMENT
from collateral_registry.v1 import certificate_pb2 as pb, loan_pb2
from collateral_registry.web.pages.certificates.sentences import RECEIVABLES
from collateral_registry.web.pages.exports.certificates import Certified, check_stated, write_certificate_file
from tests.exports.test_files import elements_of, part_of
from valuation.errors import InvalidInput

SHA = "588da55a5871d5bfc94358d2125a4ba6f9cbf605884a00e7bbd85315f06f1854"
USD = 'currency_code: "USD" units:'
CERTIFICATE = text_format.Parse(
    f"""
    name: "loans/loan-1/certificates/march" state: CERTIFICATE_STATE_APPROVED
    period_end_date {{year: 2022 month: 3 day: 31}} due_date {{year: 2022 month: 4 day: 10}}
    submitted {{ classes {{ asset_class: "receivable" gross {{{USD} 100}}
      exclusions {{rule: "OVER_AGE" amount {{{USD} 20}}}} exclusions {{rule: "#[let x = 1]" amount {{{USD} 1}}}}
      rate {{value: "0.8"}} lendable_value {{{USD} 63 nanos: 200000000}} }} base {{{USD} 63 nanos: 200000000}} }}
    submitted_by: "Bo" submit_time {{seconds: 1648800000}}
    recomputed {{ classes {{ asset_class: "receivable" gross {{{USD} 90}}
      exclusions {{rule: "OVER_AGE" amount {{{USD} 30}}}} exclusions {{rule: "UNKNOWN_TENOR" amount {{{USD} 10}}}}
      rate {{value: "0.8"}} lendable_value {{{USD} 40}} }} reserves {{{USD} 5}} base {{{USD} 35}} }}
    sequence: 549 used {{{USD} 10}} availability {{{USD} 25}}
    difference {{{USD} -28 nanos: -200000000}}
    steps {{term: STATEMENT_TERM_GROSS asset_class: "receivable" change {{{USD} -8}}}}
    steps {{term: STATEMENT_TERM_EXCLUSION asset_class: "receivable" rule: "OVER_AGE" change {{{USD} -8}}}}
    steps {{term: STATEMENT_TERM_EXCLUSION asset_class: "receivable" rule: "UNKNOWN_TENOR" change {{{USD} -8}}}}
    steps {{
      term: STATEMENT_TERM_EXCLUSION asset_class: "receivable" rule: "#[let x = 1]" change {{nanos: 800000000}}
    }}
    steps {{term: STATEMENT_TERM_RESERVES change {{{USD} -5}}}}
    approved_base {{{USD} 30}} approved_by: "Ana" approve_time {{seconds: 1648900000}} approval_reason: "to be counted"
    reserves {{reserve: "loans/loan-1/reserves/rent" kind: RESERVE_KIND_RENT deduction {{{USD} 5}}}}
    canonical_text: "date\\t2022-03-31\\nsequence\\t549\\npolicy\\tdefault-2021\\nestimates\\t1234\\t5678\\n"
    canonical_sha256: "{SHA}"
    """,
    pb.Certificate(),
)


def written(folder, form, language, borrower="华东铜业有限公司"):
    """Writes the certificate of a borrower to a file and returns its path."""
    numbers = {RECEIVABLES: ReceivableNumbers(DEFAULT_VALUES)}
    loan = loan_pb2.Loan(name="loans/loan-1", borrower=borrower, currency_code="USD")
    out = folder / f"certificate-{language}.{form}"
    write_certificate_file(form, language, Certified(CERTIFICATE, loan, numbers), out)
    return out


def text_of(path):
    """Returns the text of a PDF, on one line."""
    return " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(path).pages).split())


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("en", ("Borrowing base certificate, period to 31 Mar 2022", "Submitted Recomputed Approved",
                "More than 90 days", "Not known whether this applies: More than 180 days",
                "Taken off by the approver", "Approved in the book by Ana",
                "to be counted", "For the borrower", "For the lender", "Policy default-2021", "1234, 5678")),
        ("zh", ("借款基数证书", "申报 重算 批准", "账龄超过", "未能确定", "批准人调减", "签署", "1234, 5678")),
    ],
    ids=["en", "zh"],
)  # fmt: skip
def test_a_committee_reads_columns_walk_reserves_sources_and_where_to_sign(tmp_path, language, shown):
    found = text_of(written(tmp_path, "pdf", language))

    for text in ("华东铜业有限公司", "#[let x = 1]", "loans/loan-1", SHA, "549", *shown):
        assert "".join(text.split()) in "".join(found.split()), text
    for row in ("100.00 90.00 90.00", "\u221220.00 \u221230.00 \u221230.00", "\u2014 \u221210.00 \u221210.00",
                "63.20 35.00 30.00", "\u2014 \u2014 \u22125.00", "\u221228.20 35.00"):  # fmt: skip
        assert row in found


def test_the_pdf_meets_both_standards_and_is_read_by_screen_readers(tmp_path):
    reader = pypdf.PdfReader(written(tmp_path, "pdf", "zh"))

    metadata = part_of(reader.root_object, "/Metadata").get_data().decode()
    for stated in ("<pdfaid:part>2<", "<pdfaid:conformance>B<", "<pdfuaid:part>1<"):
        assert stated in metadata
    assert reader.root_object["/Lang"] == "zh-CN"
    elements = list(elements_of(part_of(reader.root_object, "/StructTreeRoot")))
    kinds = [element["/S"] for element in elements]
    assert (kinds.count("/Table"), kinds.count("/Figure")) == (3, 1)
    (figure,) = (element for element in elements if element["/S"] == "/Figure")
    assert figure["/Alt"].startswith("每一步")


@pytest.mark.parametrize("form", ["pdf", "csv"])
def test_the_same_certificate_has_the_same_bytes_whatever_the_time_and_the_zone(tmp_path, form, monkeypatch):
    first = written(tmp_path, form, "en").read_bytes()
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        again = written(tmp_path, form, "en").read_bytes()
    finally:
        monkeypatch.undo()
        time.tzset()

    assert again == first


def test_a_character_that_the_fonts_lack_is_a_square_and_said_so(tmp_path):
    found = text_of(written(tmp_path, "pdf", "en", "copper 🔥"))

    assert f"copper {REPLACEMENT}" in found
    assert "the CSV has it" in found
    assert "the CSV has it" not in text_of(written(tmp_path, "pdf", "en"))


def test_the_rows_for_programs_have_all_digits_and_sum_up(tmp_path):
    with written(tmp_path, "csv", "zh").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.reader(file))
    facts = dict(line[0].removeprefix("# ").split(": ", 1) for line in lines if line[0].startswith("# "))
    rows = [dict(zip(lines[len(facts)], line, strict=True)) for line in lines[len(facts) + 1 :]]

    assert (facts["certificate"], facts["text_sha256"]) == ("loans/loan-1/certificates/march", SHA)
    by_line = {(row["part"], row["line"]): row for row in rows}
    assert [by_line["statement", "base"][column] for column in ("submitted", "recomputed", "approved")] == (
        ["63.2", "35", "30"]
    )
    assert by_line["statement", "OVER_AGE"]["submitted"] == "20"
    changes = [Decimal(row["change"]) for row in rows if row["part"] == "walk"]
    assert Decimal("63.2") + sum(changes) == Decimal(rows[-2]["base_after"]) == 35
    assert by_line["reserve", "rent"]["recomputed"] == "5"


def test_a_certificate_without_a_statement_is_refused():
    with pytest.raises(InvalidInput, match="want a certificate with a submitted statement"):
        check_stated(pb.Certificate(name="loans/loan-1/certificates/june"))
