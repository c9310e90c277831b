"""Each signal on a small ledger: quiet on a regular one, an alarm with its evidence where something is wrong."""

import numpy as np
import pytest

from tests.valuation.receivables.signals.ledgers import TERMS, TODAY, Book, amount_of, regular
from valuation.receivables.ledgers.columns import NO_INVOICE, Answer
from valuation.receivables.signals.panel import SIGNALS, read_all

MONTH = TODAY - 28


@pytest.fixture(scope="module")
def quiet():
    return read_all(regular().standing())


def read(book: Book, name: str, day: int = TODAY):
    signal = next(signal for signal in SIGNALS if signal.name == name)
    return signal.read(book.standing(day), signal.threshold)


@pytest.mark.parametrize("name", [signal.name for signal in SIGNALS])
def test_a_regular_ledger_raises_no_alarm(name, quiet):
    assert not quiet[name].is_alarm


@pytest.mark.parametrize("name", [signal.name for signal in SIGNALS])
def test_a_ledger_of_one_invoice_raises_no_alarm(name):
    book = Book()
    book.invoice(TODAY, 0, 5_000)

    assert not read(book, name).is_alarm


def test_records_after_the_day_change_no_reading():
    book = regular()
    before = read_all(book.standing(MONTH))
    later = regular(MONTH)

    assert {name: reading.value for name, reading in before.items()} == pytest.approx(
        {name: reading.value for name, reading in read_all(later.standing(MONTH)).items()}
    )


def test_an_invoice_that_comes_again_days_later_is_a_duplicate_with_its_original_as_evidence():
    book = regular(TODAY - 10)
    copies = []
    for day in range(TODAY - 9, TODAY + 1):
        original = len(book.invoices) - 40
        copies.append(book.invoice(day, book.invoices[original][1], book.invoices[original][3]))
        originals = [copy - 40 for copy in copies]

    reading = read(book, "DUPLICATES")

    assert reading.is_alarm
    assert set(reading.invoices.tolist()) == {*copies, *originals}


def test_equal_invoices_of_one_day_and_those_of_a_credited_original_are_no_duplicates():
    book = regular(TODAY - 10)
    for day in range(TODAY - 9, TODAY + 1):
        original = len(book.invoices) - 40
        book.credit(original, day - 1)
        again = book.invoice(day, book.invoices[original][1], book.invoices[original][3])
        book.invoice(day, book.invoices[again][1], book.invoices[again][3])

    assert not read(book, "DUPLICATES").is_alarm


def test_a_debtor_with_fixed_prices_raises_no_alarm_by_paying_them_again():
    book = regular(amount=lambda row: 7_777 if row % 8 == 3 else amount_of(row))

    assert not read(book, "DUPLICATES").is_alarm


@pytest.mark.parametrize("number", ["A-{}X", "A-{}-1", "A-{}"])
def test_numbers_of_another_form_or_used_before_are_irregular(number):
    book = regular(TODAY - 6)
    odd = [book.invoice(day, 1, amount_of(day), number.format(2000 + day % 100)) for day in range(TODAY - 5, TODAY + 1)]

    reading = read(book, "IRREGULAR_NUMBERS")

    assert reading.is_alarm
    assert reading.invoices.tolist() == odd


def test_skipped_numbers_are_an_alarm_and_another_series_is_not():
    gaps, restart = regular(TODAY - 20), regular(TODAY - 20)
    for day in range(TODAY - 19, TODAY + 1):
        gaps.invoice(day, 1, amount_of(day), f"A-{10_000 + 7 * (day - TODAY)}")
        restart.invoice(day, 1, amount_of(day), f"B-{day}")

    assert read(gaps, "SKIPPED_NUMBERS").is_alarm
    assert not read(restart, "SKIPPED_NUMBERS").is_alarm


def late_from(day_of_fraud, act):
    """Returns a rule of settlement: invoices due from a day on are not paid, and ``act`` is done ten days later."""

    def settle(book, row, day):
        if day + TERMS < day_of_fraud:
            return False
        if row % 4 == 0:
            act(book, row, day + TERMS + 10)
            return True
        return False

    return settle


def test_due_days_that_move_after_they_have_passed_are_re_ageing():
    moved = []

    def move(book, row, day):
        if day <= TODAY:
            book.due_moves.append((day, row, day + 30))
            moved.append(row)

    reading = read(regular(settle=late_from(MONTH, move)), "RE_AGEING")

    assert reading.is_alarm
    assert set(reading.invoices.tolist()) <= set(moved)
    assert len(reading.invoices) > 0


def test_due_days_that_move_before_they_come_are_not():
    def settle(book, row, day):
        if row % 4 == 0:
            book.due_moves.append((day + 5, row, day + 40))
            book.pay(row, day + 40)
        return row % 4 == 0

    assert read(regular(settle=settle), "RE_AGEING").value == 0.0


def test_late_invoices_that_are_credited_and_issued_again_are_re_ageing():
    book = regular(TODAY - 20)
    pairs = set()
    for day in range(TODAY - 19, TODAY + 1):
        old = len(book.invoices) - 90
        book.payments = [row for row in book.payments if row[2] != old]
        book.credit(old, day)
        new = book.invoice(day, book.invoices[old][1], book.invoices[old][3])
        pairs |= {old, new}

    reading = read(book, "RE_AGEING")

    assert reading.is_alarm
    assert set(reading.invoices.tolist()) <= pairs


def test_round_amounts_beyond_their_usual_share_are_an_alarm():
    book = regular(TODAY - 20)
    round_ones = [book.invoice(day, day % 8, 5_000_000) for day in range(TODAY - 19, TODAY + 1)]

    reading = read(book, "ROUND_AMOUNTS")

    assert reading.is_alarm
    assert set(reading.invoices.tolist()) <= set(round_ones)


def test_sales_that_crowd_at_the_end_of_one_month_are_an_alarm_only_after_that_month():
    book = regular(TODAY - 60)
    month = np.datetime64(TODAY - 45, "D").astype("datetime64[M]")
    end = int((month + 1).astype("datetime64[D]").astype(int))
    for day in range(TODAY - 59, end):
        for _ in range(2 if day < end - 5 else 40):
            book.invoice(day, 1, amount_of(day))

    assert not read(book, "MONTH_END_SALES", end - 2).is_alarm
    assert read(book, "MONTH_END_SALES", end + 1).is_alarm


def test_cash_that_is_posted_late_is_an_alarm_with_its_receipts():
    def settle(book, row, day):
        late = day + TERMS > MONTH and row % 4 == 0
        if late:
            book.post(row, day + TERMS + 25)
            book.receive(row, day + TERMS)
        return late

    reading = read(regular(settle=settle), "UNPOSTED_CASH")

    assert reading.is_alarm
    assert all(row % 4 == 0 for row in reading.invoices.tolist())
    assert len(reading.receipts) == len(reading.invoices)


def test_postings_without_cash_are_an_alarm_and_reversed_ones_are_not():
    def without_cash(book, row, day):
        bare = day + TERMS > MONTH and row % 4 == 0
        if bare:
            book.post(row, day + TERMS)
        return bare

    def reversed_later(book, row, day):
        if without_cash(book, row, day):
            book.post(row, day + TERMS + 2, -book.invoices[row][3])
            return True
        return False

    assert read(regular(settle=without_cash), "POSTED_WITHOUT_CASH").is_alarm
    assert not read(regular(settle=reversed_later), "POSTED_WITHOUT_CASH").is_alarm


def test_cash_in_one_sum_matches_the_payments_of_its_debtor_and_no_more():
    def in_one_sum(book, row, day):
        if row % 8 != 6:
            return False
        book.post(row, day + TERMS)
        if row % 16 == 14:
            both = book.invoices[row][3] + book.invoices[row - 8][3]
            book.receipts.append((day + TERMS, 6, NO_INVOICE, both, 6))
        return True

    def half_of_it(book, row, day):
        found = in_one_sum(book, row, day)
        if found and row % 16 == 14 and day + TERMS > MONTH:
            book.receipts.pop()
        return found

    assert read(regular(settle=in_one_sum), "POSTED_WITHOUT_CASH").value == 0.0
    assert read(regular(settle=half_of_it), "POSTED_WITHOUT_CASH").is_alarm


def test_a_debtor_that_stops_paying_is_an_alarm_even_if_its_invoices_are_still_open():
    book = regular(settle=lambda _, row, day: row % 8 == 5 and day + TERMS > TODAY - 42)

    reading = read(book, "LATE_DEBTOR")

    assert reading.is_alarm
    assert {row % 8 for row in reading.invoices.tolist()} == {5}
    assert not read(book, "LATE_LEDGER").is_alarm


def test_several_debtors_that_stop_paying_together_are_an_alarm_of_the_ledger():
    book = regular(settle=lambda _, row, day: row % 8 in {2, 5, 7} and day + TERMS > MONTH)

    assert read(book, "LATE_LEDGER").is_alarm


def test_rests_without_a_credit_note_are_an_alarm_and_credited_ones_are_not():
    def short(book, row, day):
        if day + TERMS > MONTH and row % 4 == 0:
            book.pay(row, day + TERMS, amount=book.invoices[row][3] * 7 // 10)
            return True
        return False

    def credited(book, row, day):
        if short(book, row, day):
            book.credit(row, day + TERMS - 2, book.invoices[row][3] - book.invoices[row][3] * 7 // 10)
            return True
        return False

    assert read(regular(settle=short), "SHORT_PAYMENTS").is_alarm
    assert not read(regular(settle=credited), "SHORT_PAYMENTS").is_alarm


def test_open_invoices_without_a_report_of_delivery_are_hollow():
    hollow = regular(
        settle=lambda _, row, day: day > MONTH and row % 8 == 0,
        is_delivered=lambda row, day: day <= MONTH or row % 8,
    )

    reading = read(hollow, "HOLLOW_INVOICES")

    assert reading.is_alarm
    assert {row % 8 for row in reading.invoices.tolist()} == {0}


def test_undelivered_invoices_that_are_paid_and_open_ones_that_are_delivered_are_not_hollow():
    paid = regular(is_delivered=lambda row, day: day <= MONTH or row % 8)
    for row in range(len(paid.invoices) - 60, len(paid.invoices)):
        paid.pay(row, TODAY)
    delivered = regular(settle=lambda _, row, day: day > MONTH and row % 8 == 0)

    assert not read(paid, "HOLLOW_INVOICES").is_alarm
    assert not read(delivered, "HOLLOW_INVOICES").is_alarm


def test_a_denied_letter_makes_an_invoice_more_hollow_and_a_confirmed_one_less():
    def with_answer(answer):
        book = regular(is_delivered=lambda row, day: day <= MONTH or row % 32)
        row = len(book.invoices) - len(book.invoices) % 32
        book.letters = [] if answer is None else [(TODAY - 1, TODAY - 8, row, answer)]
        return read(book, "HOLLOW_INVOICES").value

    assert with_answer(Answer.CONFIRMED) < with_answer(None) < with_answer(Answer.DENIED)


def test_a_new_debtor_without_deliveries_and_cash_is_an_alarm_and_one_that_pays_is_not():
    hollow, real = regular(), regular()
    for day in range(TODAY - 40, TODAY + 1):
        hollow.invoice(day, 99, 300_000)
        row = real.invoice(day, 99, 300_000)
        real.deliver(row, day)
        real.pay(row, day + TERMS)
    for book in (hollow, real):
        resort(book)

    reading = read(hollow, "NEW_DEBTORS")

    assert reading.is_alarm
    assert len(reading.invoices) == 41
    assert not read(real, "NEW_DEBTORS").is_alarm


def resort(book: Book) -> None:
    """Puts the invoices of a book in the order of their days, and renames the rows of its other records."""
    order = sorted(range(len(book.invoices)), key=lambda row: book.invoices[row][0])
    place = {old: new for new, old in enumerate(order)}
    book.invoices = [book.invoices[old] for old in order]
    book.payments = [(entry, day, place[row], amount) for entry, day, row, amount in book.payments]
    book.deliveries = [(entry, place[row], day) for entry, row, day in book.deliveries]
    book.receipts = [(day, who, place[row], amount, payer) for day, who, row, amount, payer in book.receipts]


def test_a_debtor_whose_share_of_sales_grows_is_a_creep_in_percentage_points():
    book = regular(TODAY - 90)
    for day in range(TODAY - 89, TODAY + 1):
        for _ in range(3):
            book.invoice(day, 3, 200_000)

    reading = read(book, "CONCENTRATION_CREEP")

    assert reading.is_alarm
    assert reading.value == pytest.approx(87.5, abs=1.0)


def test_credit_notes_that_rise_for_three_periods_are_a_trend_and_one_large_note_is_not():
    rising, single = regular(), regular()
    for row in range(0, len(rising.invoices) - 12, 10):
        usual = 3_000 + 700 * (row % 3)
        recent = rising.invoices[row][0] > TODAY - 90
        rising.credit(row, rising.invoices[row][0] + 5, 5 * usual if recent else usual)
        single.credit(row, single.invoices[row][0] + 5, usual)
    single.credit(len(single.invoices) - 65, TODAY - 10, 100_000)

    assert read(rising, "DILUTION_TREND").is_alarm
    assert not read(single, "DILUTION_TREND").is_alarm


def test_accounts_that_hold_less_than_the_ledger_are_a_gap():
    book = regular()
    day = TODAY - 20
    total = int(book.standing(day).open_minor.sum())
    book.closings = [(day + 3, day, total * 97 // 100)]

    assert read(book, "CLOSING_GAP").value == pytest.approx(0.03, abs=1e-4)
    assert read(book, "CLOSING_GAP").is_alarm
    assert not read(book, "CLOSING_GAP", day + 2).is_alarm


def test_answers_that_deny_are_an_alarm_and_missing_answers_are_none():
    book = regular()
    rows = range(len(book.invoices) - 40, len(book.invoices))
    book.letters = [(TODAY - 5, TODAY - 15, row, Answer.DENIED if row % 4 == 0 else Answer.CONFIRMED) for row in rows]
    silent = regular()
    silent.letters = [(TODAY - 5, TODAY - 35, row, Answer.NONE) for row in rows]

    reading = read(book, "DENIED_LETTERS")

    assert reading.is_alarm
    assert {row % 4 for row in reading.invoices.tolist()} == {0}
    assert read(silent, "DENIED_LETTERS").value == 0.0
