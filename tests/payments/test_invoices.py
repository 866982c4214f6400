"""Invoices have a number without gaps, say what the law asks, and never change."""

import json
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default

import pytest
import sqlalchemy as sa

from app.booking.links import guest_key
from app.booking.models import OfferRow, VenueRow
from app.booking.reservations import cancel, get_for_update
from app.core.database import db
from app.core.vault import dump_address, vault
from app.payments.apply import look
from app.payments.invoices import AddressNeeded, NotPaidYet, issue, write_missing
from app.payments.models import Invoice
from app.payments.paper import put_into_words
from app.payments.series import invoices_of, read
from tests.payments import till
from tests.payments.papers import (
    ADDRESS,
    address_of,
    come_back,
    give_back,
    make,
    numbers,
    papers,
    pay,
    text_of,
    with_tax,
)
from tests.payments.test_races import together
from tests.payments.till import TOTAL, by_hand, run_jobs

AT_ONCE = 20


@pytest.fixture
def paid(app, place, reservation, line, clock):
    """A reservation that is paid in full, with tax in its price."""
    with_tax()
    reservation.lines[0].vat_bp, reservation.lines[0].vat_minor = 700, 2043
    db.session.commit()
    return pay(app, reservation, line, now=clock())


def firm(clock, many):
    """Return so many reservations that are firm and paid, one after the other."""
    made = []
    for number in range(many):
        arrive = till.FIRST_DAY + timedelta(days=number)
        reservation = till.book(now=clock(), arrive=arrive, nights=1)
        reservation.status, reservation.held_until = "confirmed", None
        reservation.confirmed_at = clock()
        reservation.paid_minor = reservation.total_minor
        made.append(reservation.id)
    db.session.commit()
    return made


# -- Numbers ------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_many_at_once_get_numbers_without_gap_or_double(app, place, clock):
    reservations = firm(clock, AT_ONCE)

    def issue_one(reservation_id):
        issue(get_for_update(reservation_id), now=clock(), address=ADDRESS)
        if reservation_id % 4 == 0:
            db.session.rollback()  # what failed gives its number back
            issue(get_for_update(reservation_id), now=clock(), address=ADDRESS)
        db.session.commit()

    # The first of a year makes its series; tried again as a request would be.
    issue_one(reservations[0])
    together(app, *[lambda one=one: issue_one(one) for one in reservations[1:]])

    assert numbers() == [("2031", number) for number in range(1, AT_ONCE + 1)]


@pytest.mark.both_databases
def test_many_at_once_make_one_invoice_of_one_reservation(app, client, place, clock):
    (reservation_id,) = firm(clock, 1)
    reservation = get_for_update(reservation_id)
    url = address_of(reservation, "receipt")
    db.session.rollback()
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}

    answers = together(
        app, *[lambda: app.test_client().post(url, headers=own, data={}) for _ in range(8)]
    )

    assert [answer.status_code for answer in answers] == [303] * 8
    assert numbers() == [("2031", 1)]


@pytest.mark.both_databases
def test_the_first_two_of_a_year_at_once_both_get_one(app, place, clock):
    both = firm(clock, 2)
    urls = [address_of(get_for_update(one), "receipt") for one in both]
    db.session.rollback()
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}

    answers = together(
        app,
        *[lambda url=url: app.test_client().post(url, headers=own, data={}) for url in urls],
    )

    assert [answer.status_code for answer in answers] == [303, 303]
    assert numbers() == [("2031", 1), ("2031", 2)]


def test_each_year_of_the_place_begins_with_one(place, clock):
    first, second, third = firm(clock, 3)
    late = datetime(2031, 12, 31, 22, 30, tzinfo=UTC)  # 23:30 at the place

    for reservation_id, now in (
        (first, late),
        (second, late + timedelta(hours=1)),
        (third, late + timedelta(hours=2)),
    ):
        make(get_for_update(reservation_id), now=now)

    assert numbers() == [("2031", 1), ("2032", 1), ("2032", 2)]


# -- When ---------------------------------------------------------------------------------


@pytest.mark.clause("C03")
def test_who_gave_an_address_has_the_invoice_once_all_is_paid(app, reservation, line, clock):
    reservation.person.billing_address = dump_address(ADDRESS)
    db.session.commit()

    payment = pay(app, reservation, line, now=clock())
    run_jobs(now=clock())

    assert papers(reservation) == [("invoice", "2031-1", TOTAL)]
    said = read(invoices_of(reservation.id)[0])
    assert said["buyer"]["address"][:2] == [till.NAME, "Ufer 3"]
    assert said["payments"] == [
        {"day": "2031-05-05", "means": payment.method_hint, "minor": TOTAL},
    ]


def test_who_gave_none_has_none_until_they_ask(paid, reservation):
    assert papers(reservation) == []


def test_a_deposit_alone_has_a_receipt_and_no_invoice(paid, reservation, clock):
    reservation.paid_minor = 10_000
    db.session.commit()

    with pytest.raises(NotPaidYet):
        issue(get_for_update(reservation.id), now=clock(), address=ADDRESS)


def test_what_is_cancelled_or_not_firm_gets_none(place, clock):
    held = till.book(now=clock())

    with pytest.raises(NotPaidYet):
        issue(get_for_update(held.id), now=clock(), address=ADDRESS)


def test_the_law_asks_for_an_address_above_250_euros(paid, reservation, clock):
    with pytest.raises(AddressNeeded):
        issue(get_for_update(reservation.id), now=clock())


def test_a_small_sum_needs_no_address(place, clock):
    (reservation_id,) = firm(clock, 1)

    made = make(get_for_update(reservation_id), now=clock(), address=None)

    assert read(made)["buyer"]["address"] == [till.NAME]


# -- What it says -------------------------------------------------------------------------


def test_it_says_what_the_law_asks(paid, reservation, clock):
    said = read(make(reservation, now=clock()))

    assert said["seller"]["name"] == "Haus Rohrdommel"
    assert (said["seller"]["address"], said["seller"]["tax_id"]) == (
        ["Am Bodden 1", "Germany"],
        "DE123456788",
    )
    assert said["buyer"]["address"] == [till.NAME, "Ufer 3", "18439 Stralsund", "Germany"]
    assert (said["number"], said["issued"]) == ("2031-000001", "2031-05-05")
    assert said["supplied"] == ["2031-06-02", "2031-06-05"]
    assert [(row["label"], row["gross_minor"], row["vat_bp"]) for row in said["rows"]] == [
        ("Reed Room", TOTAL, 700)
    ]
    assert said["vat"] == [[700, TOTAL, 2043]]


def test_a_company_and_another_name_stand_where_their_country_puts_them(paid, reservation, clock):
    made = make(
        reservation,
        now=clock(),
        address={**ADDRESS, "name": "Łukasz Żółć", "organisation": "Trzciny sp. z o.o."},
    )

    assert read(made)["buyer"]["address"][:2] == ["Łukasz Żółć", "Trzciny sp. z o.o."]


def test_nothing_that_changes_later_changes_it(app, paid, reservation, visitor, clock):
    make(reservation, now=clock())
    url = address_of(reservation, "invoices/2031-000001")
    before = visitor.get(url).text

    reservation.person.name = "Somebody Else"
    db.session.execute(sa.update(VenueRow).values(tax_id="DE000000000"))
    db.session.execute(sa.update(OfferRow).values(vat_bp=1900))
    reservation.lines[0].label = {"en": "Another room"}
    db.session.commit()

    assert visitor.get(url).text == before


def test_what_it_says_is_sealed(paid, reservation, clock):
    make(reservation, now=clock())

    raw = db.session.scalar(sa.text("SELECT body FROM invoice"))

    assert b"Stralsund" not in bytes(raw)
    assert json.loads(invoices_of(reservation.id)[0].body)["buyer"]["name"] == till.NAME


# -- Credit notes -------------------------------------------------------------------------


@pytest.mark.both_databases
def test_each_refund_that_left_has_its_credit_note_and_no_more(paid, reservation, line, clock):
    make(reservation, now=clock())

    give_back(paid, 10_000, now=clock())
    by_hand(paid, 5_000, now=clock())
    for _ in range(2):
        look(line, paid.provider_ref, now=clock())
        run_jobs(now=clock())

    assert papers(reservation) == [
        ("invoice", "2031-1", TOTAL),
        ("credit_note", "2031-2", -10_000),
        ("credit_note", "2031-3", -5_000),
    ]
    note = read(invoices_of(reservation.id)[1])
    assert note["refers_to"] == ["2031-000001", "2031-05-05"]
    assert note["vat"] == [[700, -10_000, -654]]


def test_all_that_goes_back_takes_all_of_it_back(paid, reservation, clock):
    make(reservation, now=clock())

    for minor in (10_001, 1, TOTAL - 10_002):
        give_back(paid, minor, now=clock())

    bodies = [read(paper) for paper in invoices_of(reservation.id)]
    assert sum(body["total_minor"] for body in bodies) == 0
    assert sum(vat for body in bodies for _rate, _gross, vat in body["vat"]) == 0


def test_a_cancellation_is_followed_by_its_credit_note(app, paid, reservation, clock):
    make(reservation, now=clock())

    cancel(get_for_update(reservation.id), expected_refund=None, now=clock())
    db.session.commit()
    run_jobs(now=clock())

    assert [total for _kind, _number, total in papers(reservation)] == [TOTAL, -TOTAL]


def test_money_that_paid_for_nothing_corrects_nothing(paid, reservation, clock):
    refund = give_back(paid, TOTAL, now=clock())
    refund.reason = "surplus"
    db.session.commit()

    make(reservation, now=clock())

    assert papers(reservation) == [("invoice", "2031-1", TOTAL)]


def test_what_went_back_before_is_credited_as_the_invoice_is_made(paid, reservation, clock):
    give_back(paid, 2_000, now=clock())

    make(reservation, now=clock())

    assert [total for _kind, _number, total in papers(reservation)] == [TOTAL, -2_000]


def test_a_refund_that_comes_back_takes_its_credit_note_back(paid, reservation, line, clock):
    make(reservation, now=clock())
    refund = give_back(paid, 10_000, now=clock())

    come_back(paid, refund, line, now=clock())
    write_missing(reservation.id, now=clock())  # as a job does that is run twice
    db.session.commit()

    assert papers(reservation) == [
        ("invoice", "2031-1", TOTAL),
        ("credit_note", "2031-2", -10_000),
        ("invoice", "2031-3", 10_000),
    ]
    reversal = read(invoices_of(reservation.id)[2])
    assert reversal["refers_to"] == ["2031-000002", "2031-05-05"]
    assert reversal["vat"] == [[700, 10_000, 654]]


def test_without_an_invoice_a_refund_makes_no_paper(paid, reservation, clock):
    give_back(paid, 10_000, now=clock())

    assert papers(reservation) == []


def test_for_somebody_erased_a_credit_note_is_written_under_a_key_of_its_own(
    paid, reservation, clock
):
    invoice = make(reservation, now=clock())
    vault().destroy([reservation.person_id])

    give_back(paid, 10_000, now=clock())

    note = invoices_of(reservation.id)[1]
    assert len({invoice.paper_id, note.paper_id, reservation.person_id}) == 3
    assert read(note)["buyer"]["address"][0] == till.NAME


def test_without_its_own_key_a_paper_is_followed_by_nothing(paid, reservation, clock):
    invoice = make(reservation, now=clock())
    vault().destroy([reservation.person_id, invoice.paper_id])

    give_back(paid, 10_000, now=clock())

    assert len(papers(reservation)) == 1


# -- Pages and PDF ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["Invoice 2031-000001", "5 May 2031", "€312.30", "7%", "Germany"]),
        ("de", ["2031-000001", "5. Mai 2031", "312,30\xa0€", "7\xa0%", "Deutschland"]),
        ("fr", ["2031-000001", "5 mai 2031", "312,30\xa0€", "7\xa0%", "Allemagne"]),
        ("zh", ["2031-000001", "2031年5月5日", "€312.30", "7%", "德国"]),
    ],
)
def test_page_and_pdf_speak_the_language_of_the_document(
    visitor, paid, reservation, clock, language, said
):
    reservation.language = language
    make(reservation, now=clock())

    page = visitor.get(address_of(reservation, "invoices/2031-000001") + "&lang=en")
    text, about = text_of(visitor.get(address_of(reservation, "invoices/2031-000001.pdf")).data)

    assert page.status_code == 200
    for one in said:
        assert one in page.text.replace("&nbsp;", "\xa0").replace(
            '<span translate="no">2031', "2031"
        )
        assert "".join(one.split()) in "".join(text.split())
    assert about["Title"] == "2031-000001"


MIXED = ["Ab 李小龙", "李 Ab 小", "龙", "Zz", "12 号 3", "Ελ 李"]


@pytest.mark.parametrize("turn", range(len(MIXED)))
def test_letters_of_several_fonts_in_any_order_are_each_set_in_their_own(
    visitor, paid, reservation, clock, turn
):
    names = [*MIXED[turn:], *MIXED[:turn]]
    reservation.language = "zh"
    reservation.person.name = names[0]
    reservation.lines[0].label = {"zh": " ".join(names * 6)}
    db.session.commit()
    venue = db.session.get(VenueRow, 1)
    venue.name, venue.address, venue.tax_id = names[1], names[2:], names[3]
    db.session.commit()
    paper = put_into_words(make(reservation, now=clock()))

    text, _ = text_of(visitor.get(address_of(reservation, "invoices/2031-000001.pdf")).data)

    printed = "".join(text.split())
    facts = [word for fact in paper.facts for word in fact]
    taxes = [word for row in (paper.tax_heads, *paper.taxes) for word in row]
    for word in (*paper.seller, *paper.buyer, *paper.lines[0], *paper.notes, *facts, *taxes):
        assert "".join(word.split()) in printed


@pytest.mark.parametrize(
    "name",
    ["Łukasz Żółć", "李小龙", "Ελένη Παπαδοπούλου", "Владимир Ёлкин", "Őri Çağla Ş", "Nguyễn"],
)
def test_names_from_everywhere_are_printed_as_they_are(visitor, paid, reservation, clock, name):
    reservation.person.name = name
    db.session.commit()
    make(reservation, now=clock())

    answer = visitor.get(address_of(reservation, "invoices/2031-000001.pdf"))
    text, about = text_of(answer.data)

    assert name.replace(" ", "") in text.replace(" ", "")
    assert name not in str(about)
    assert len(answer.data) < 60_000
    assert answer.mimetype == "application/pdf"
    assert answer.headers["Cache-Control"] == "no-store"
    disposition = answer.headers["Content-Disposition"]
    assert disposition == "attachment; filename=invoice-2031-000001.pdf"


def test_letters_that_cannot_be_printed_are_said_to_be_on_the_page(
    visitor, paid, reservation, clock, caplog
):
    reservation.person.name = "مريم"
    db.session.commit()
    make(reservation, now=clock())

    page = visitor.get(address_of(reservation, "invoices/2031-000001")).text
    text, _ = text_of(visitor.get(address_of(reservation, "invoices/2031-000001.pdf")).data)

    assert "مريم" in page
    assert "????" in text
    assert "can’t be printed here" in text
    assert "مريم" not in caplog.text


def test_markup_in_a_name_is_a_name(visitor, paid, reservation, clock):
    nasty = "<script>alert(1)</script> **b** --u-- x"
    reservation.person.name = nasty
    db.session.commit()
    make(reservation, now=clock())

    page = visitor.get(address_of(reservation, "invoices/2031-000001")).text
    text, _ = text_of(visitor.get(address_of(reservation, "invoices/2031-000001.pdf")).data)

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert nasty in " ".join(text.split())


@pytest.mark.parametrize(
    "number",
    ["2031-000002", "2031-1", "2031-0000001", "2032-000001", "x", "2031-999999999", "٢٠٣١-000001"],
)
def test_a_number_that_is_not_of_this_reservation_leads_nowhere(
    visitor, paid, reservation, clock, number
):
    make(reservation, now=clock())

    assert visitor.get(address_of(reservation, f"invoices/{number}")).status_code == 404
    assert visitor.get(address_of(reservation, f"invoices/{number}.pdf")).status_code == 404


def test_other_people_s_papers_are_nowhere(visitor, paid, reservation, clock):
    make(reservation, now=clock())
    other = till.book(now=clock(), arrive=till.FIRST_DAY + timedelta(days=9))
    theirs = guest_key(other)

    for rest in ("invoices/2031-000001", "invoices/2031-000001.pdf", "receipt"):
        assert visitor.get(f"/reservations/{reservation.reference}/{rest}").status_code == 404
        mixed = f"/reservations/{reservation.reference}/{rest}?key={theirs}"
        assert visitor.get(mixed).status_code == 404
        assert visitor.press(mixed).status_code in (404, 405)
    assert visitor.get(address_of(other, "invoices/2031-000001")).status_code == 404


def test_once_its_key_is_gone_the_page_of_a_paper_says_so(visitor, paid, reservation, clock):
    invoice = make(reservation, now=clock())
    vault().destroy([reservation.person_id, invoice.paper_id])

    for rest in ("invoices/2031-000001", "invoices/2031-000001.pdf"):
        answer = visitor.get(address_of(reservation, rest))
        assert answer.status_code == 410
        assert "erased" in answer.text


def test_a_page_costs_the_same_with_many_papers(visitor, paid, reservation, clock, count_queries):
    make(reservation, now=clock())
    urls = [
        address_of(reservation, rest)
        for rest in ("receipt", "invoices/2031-000001", "invoices/2031-000001.pdf")
    ]
    visitor.get(urls[0])  # what every page knows by then
    before = []
    for url in urls:
        with count_queries() as seen:
            assert visitor.get(url).status_code == 200
        before.append(len(seen))

    for _ in range(5):
        give_back(paid, 100, now=clock())
    after = []
    for url in urls:
        with count_queries() as seen:
            assert visitor.get(url).status_code == 200
        after.append(len(seen))

    assert after == before
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Invoice)) == 6


@pytest.mark.clause("C03")
def test_who_asked_for_an_invoice_with_their_booking_is_told_where_it_is(
    app, reservation, line, clock, visitor, settings
):
    with_tax()
    reservation.person.billing_address = dump_address(ADDRESS)
    db.session.commit()
    pay(app, reservation, line, now=clock())
    run_jobs(now=clock())

    [letter] = (settings.instance_dir / "mail").glob("*-invoice_ready-*.eml")
    text = message_from_bytes(letter.read_bytes(), policy=default).get_content()
    [link] = [line for line in text.splitlines() if "/invoices/" in line]
    page = visitor.get(link)

    assert papers(reservation) == [("invoice", "2031-1", TOTAL)]
    assert "2031-000001" in text
    assert page.status_code == 200
    assert "2031-000001" in page.text
    assert till.mails(reservation).count("invoice_ready") == 1


@pytest.mark.clause("C03")
def test_who_asked_for_none_or_makes_it_themselves_gets_no_such_mail(paid, reservation, clock):
    make(reservation, now=clock())
    run_jobs(now=clock())

    assert "invoice_ready" not in till.mails(reservation)
