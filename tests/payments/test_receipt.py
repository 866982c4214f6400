"""A receipt says what was paid, what came back and what is open; a button makes the invoice."""

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup

from app.accounts.models import STAFF
from app.accounts.readings import DETAIL
from app.core.database import db
from app.core.vault import dump_address, vault
from app.payments.models import Invoice
from app.payments.series import invoices_of, read
from tests.accounts.ways import let_in, make_house
from tests.payments import till
from tests.payments.papers import (
    ADDRESS,
    TYPED,
    address_of,
    come_back,
    give_back,
    make,
    papers,
    pay,
    with_tax,
)
from tests.payments.till import TOTAL

LANGUAGES = ["en", "zh", "de", "fr"]


@pytest.fixture
def paid(app, place, reservation, line, clock):
    """A reservation that is paid in full."""
    with_tax()
    return pay(app, reservation, line, now=clock())


@pytest.fixture
def receipt(reservation):
    """The address of the receipt."""
    return address_of(reservation, "receipt")


def words(answer):
    """Return what a page's main part says, as one line."""
    return " ".join(BeautifulSoup(answer.text, "html.parser").main.get_text(" ").split())


def said_beside(answer, field):
    """Return the message at a field."""
    found = BeautifulSoup(answer.text, "html.parser").find(id=f"{field}-error")
    return found.get_text(strip=True) if found else ""


# -- The receipt --------------------------------------------------------------------------


def test_it_says_what_was_paid_by_what_means_and_when(visitor, paid, receipt):
    answer = visitor.get(receipt)

    for told in (till.NAME, "Reed Room", "Demo ···· 0000", "5 May 2031", "€312.30"):
        assert told in words(answer)
    assert "Still to be paid" not in words(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers


def test_it_says_what_came_back_and_what_did_not(visitor, paid, reservation, receipt, line, clock):
    refund = give_back(paid, 10_000, now=clock())
    line.slow = True
    give_back(paid, 500, now=clock())
    before = words(visitor.get(receipt))

    come_back(paid, refund, line, now=clock())
    after = words(visitor.get(receipt))

    assert "Given back 5 May 2031 -€100.00" in before
    assert "On its way back to you 5 May 2031 -€5.00" in before
    assert "Paid, less what came back €212.30" in before
    assert "it did not arrive" in after
    assert "Paid, less what came back €312.30" in after


def test_of_a_deposit_it_says_what_is_still_to_be_paid(visitor, paid, reservation, receipt, clock):
    reservation.deposit_minor, reservation.paid_minor = 10_000, 10_000
    reservation.balance_due_at = clock()
    db.session.commit()

    answer = visitor.get(receipt)

    assert "Still to be paid: €212.30" in words(answer)
    assert "We make an invoice once all of it is paid" in words(answer)
    assert "<form" not in answer.text.partition("<main")[2].partition("</main>")[0]


def test_before_anything_is_paid_it_says_so(visitor, reservation, receipt):
    assert "Nothing has been paid yet" in words(visitor.get(receipt))


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_stands_in_every_language(visitor, paid, reservation, receipt, language):
    answer = visitor.get(f"{receipt}&lang={language}")

    assert answer.status_code == 200
    assert f'<html lang="{language}' in answer.text


@pytest.mark.parametrize("key", ["", "?key=", "?key=x", "?key=é", "?key=" + "A" * 24])
def test_without_its_key_there_is_no_receipt(visitor, paid, reservation, key):
    url = f"/reservations/{reservation.reference}/receipt{key}"

    assert visitor.get(url).status_code == visitor.press(url).status_code == 404


def test_the_reservation_leads_to_it(visitor, paid, reservation, receipt):
    home = visitor.get(receipt.replace("/receipt", ""))

    assert receipt.replace("&", "&amp;") in home.text


def test_after_an_erasure_it_says_so(visitor, paid, reservation, receipt):
    vault().destroy([reservation.person_id])

    answer = visitor.get(receipt)
    asked = visitor.press(receipt, data=TYPED)

    assert answer.status_code == 200
    assert "were erased" in words(answer)
    assert asked.status_code == 410
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Invoice)) == 0


def test_markup_in_a_name_is_a_name(visitor, paid, reservation, receipt):
    reservation.person.name = "<img src=x onerror=alert(1)>"
    db.session.commit()

    assert "<img src=x" not in visitor.get(receipt).text


# -- Asking for an invoice ----------------------------------------------------------------


@pytest.mark.clause("C03")
def test_a_guest_asks_and_has_it(visitor, paid, reservation, receipt):
    asked = visitor.press(receipt, data=TYPED)
    page = visitor.get(asked.location)
    again = visitor.press(receipt, data={**TYPED, "billing_city": "Elsewhere"})

    assert (asked.status_code, page.status_code) == (303, 200)
    assert "Ufer 3" in words(page)
    assert again.location == asked.location
    assert papers(reservation) == [("invoice", "2031-1", TOTAL)]
    assert "Invoice 2031-000001" in words(visitor.get(receipt))


def test_the_address_stays_on_the_paper_alone(visitor, paid, reservation, receipt):
    visitor.press(receipt, data=TYPED)
    db.session.expire_all()

    assert reservation.person.billing_address is None
    assert "Stralsund" in str(read(invoices_of(reservation.id)[0])["buyer"])


def test_what_was_given_with_the_booking_is_filled_in(visitor, reservation, clock):
    reservation.person.billing_address = dump_address(ADDRESS)
    db.session.commit()
    reservation.status, reservation.held_until = "confirmed", None
    reservation.confirmed_at, reservation.paid_minor = clock(), TOTAL
    db.session.commit()

    answer = visitor.get(address_of(reservation, "receipt"))

    assert 'value="Stralsund"' in answer.text


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"billing_street_address": ""}, "billing_street_address"),
        ({"billing_postal_code": "1"}, "billing_postal_code"),
        ({"billing_country": "XX"}, "billing_country"),
        ({"billing_city": ""}, "billing_city"),
        ({"billing_city": "x" * 300}, "billing_city"),
        ({"billing_organisation": "4111 1111 1111 1111"}, "billing_organisation"),
        ({"billing_street_address": "5555-5555-5555-4444"}, "billing_street_address"),
    ],
)
def test_what_cannot_be_is_answered_beside_the_field(visitor, paid, receipt, typed, field):
    sent = {**TYPED, **typed}

    answer = visitor.press(receipt, data=sent)

    assert answer.status_code == 422
    assert said_beside(answer, field)
    assert "4111 1111" not in answer.text
    assert "5555-5555" not in answer.text
    assert "Ufer 3" in answer.text or "billing_street_address" in typed
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Invoice)) == 0


def test_an_address_is_asked_for_above_250_euros_whatever_is_sent(visitor, paid, receipt):
    answer = visitor.press(receipt, data={"with_address": ""})

    assert answer.status_code == 422
    assert said_beside(answer, "billing_street_address")


def test_the_country_s_button_draws_the_fields_anew(visitor, paid, receipt):
    typed = {**TYPED, "billing_country": "FR", "billing_country_set": "1"}

    answer = visitor.press(receipt, data=typed)

    assert answer.status_code == 200
    assert not said_beside(answer, "billing_postal_code")
    assert "Ufer 3" in answer.text
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Invoice)) == 0


def test_a_small_sum_asks_for_no_address(app, place, visitor, line, clock):
    small = till.book(now=clock(), nights=2)
    pay(app, small, line, now=clock())
    url = address_of(small, "receipt")

    shown = words(visitor.get(url))
    asked = visitor.press(url, data={})

    assert "Up to €250.00 an invoice needs no address" in shown
    assert asked.status_code == 303
    assert read(invoices_of(small.id)[0])["buyer"]["address"] == [till.NAME]


def test_nothing_else_can_be_put_on_it(visitor, paid, reservation, receipt):
    more = {
        "total_minor": "1", "number": "7", "series": "1999", "kind": "credit_note",
        "person_id": "x", "seller": "Me", "tax_id": "X", "language": "zh", "issued_at": "1999",
    }  # fmt: skip

    visitor.press(receipt, data={**TYPED, **more})

    assert papers(reservation) == [("invoice", "2031-1", TOTAL)]
    (made,) = invoices_of(reservation.id)
    assert (made.language, made.person_id) == ("en", reservation.person_id)
    assert read(made)["seller"]["name"] == "Haus Rohrdommel"


def test_before_all_is_paid_the_button_does_nothing(visitor, reservation, receipt):
    answer = visitor.press(receipt, data=TYPED)

    assert answer.status_code == 409
    assert "once all of it is paid" in words(answer)


def test_a_form_from_elsewhere_makes_none(client, paid, reservation, receipt):
    answer = till.outside(
        client.post, receipt, data=TYPED, headers={"Origin": "https://evil.example"}
    )

    assert answer.status_code == 403
    assert papers(reservation) == []


# -- The house ----------------------------------------------------------------------------


@pytest.mark.clause("C17")
def test_the_house_opens_papers_and_the_guest_sees_that_it_did(app, paid, reservation, clock):
    make(reservation, now=clock())
    account = make_house(app, clock, STAFF, "staff@house.example").account_id
    staff = let_in(app, clock, app.test_client(), account, strong=True)
    url = f"/owner/reservations/{reservation.reference}/invoices/2031-000001"

    page, pdf = till.outside(staff.get, url), till.outside(staff.get, f"{url}.pdf")
    wrong = [
        till.outside(staff.get, url.replace("000001", "000002")).status_code,
        till.outside(staff.get, url.replace(reservation.reference, "AAAAAAAA")).status_code,
    ]
    stranger = till.outside(app.test_client().get, url)

    assert till.NAME in page.text
    assert pdf.data.startswith(b"%PDF")
    assert wrong == [404, 404]
    assert stranger.status_code in (302, 303, 401, 403, 404)
    noted = db.session.execute(sa.text("SELECT what, times FROM reading")).all()
    assert [tuple(row) for row in noted] == [(DETAIL, 2)]
