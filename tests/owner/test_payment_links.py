"""The house asks for a sum by a link, once for each form, and may take it back (C03)."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup

from app.accounts.models import READER, STAFF, Person
from app.booking.links import pay_url
from app.booking.models import ASKED, Reservation
from app.core.database import db
from app.core.outbox import Job
from app.payments.reconcile import reconcile
from tests.accounts.ways import newest_mail
from tests.owner.guests import book, details, stay
from tests.owner.house import buttons, read_of, words
from tests.payments.till import begin, run_jobs
from tests.payments.till import pay_at_bank as pay

ASK = "/owner/payments/ask"
NAME, EMAIL, WHAT = "Ada Lovelace", "ada@example.org", "A lost key of the Reed Room"
FIRST = date(2031, 6, 2)

pytestmark = pytest.mark.clause("C03")


def hidden(page):
    soup = BeautifulSoup(page.text, "html.parser")
    form = next(one for one in soup.select("main form") if one.get("action") == ASK)
    return {one["name"]: one.get("value", "") for one in form.select("input[type=hidden]")}


def rates(page):
    soup = BeautifulSoup(page.text, "html.parser")
    return [one["value"] for one in soup.select("input[name=vat]")]


def fill(somebody, page=None, **typed):
    """Open the form, fill it in and press; return the answer."""
    page = page or somebody.get(ASK)
    usual = {
        "amount": "35", "vat": rates(page)[-1], "what_for": WHAT, "name": NAME, "email": EMAIL,
        "language": "de", "until": "2031-05-20",
    }  # fmt: skip
    sent = {**hidden(page), **usual, **typed}
    return somebody.client.post(ASK, data={key: text for key, text in sent.items() if text != ""})


def found(app):
    """Return what was asked for: (reference, total, what for, name, language), oldest first."""
    with app.app_context():
        query = sa.select(Reservation).where(Reservation.kind == ASKED).order_by(Reservation.id)
        return [
            (one.reference, one.total_minor, one.what_for, one.person.name, one.language)
            for one in db.session.scalars(query)
        ]


def work(app, clock):
    with app.app_context():
        run_jobs(now=clock())


def test_the_house_asks_the_guest_gets_a_mail_and_the_link_can_be_copied(place, enters, clock):
    staff = enters(STAFF)

    answer = fill(staff)
    page = staff.get(answer.location)
    work(place, clock)
    mail = newest_mail(place).get_content()

    [(reference, total, what, name, language)] = found(place)
    with place.test_request_context():
        one = db.session.scalar(sa.select(Reservation))
        link = pay_url(one)
    assert answer.status_code == 303
    assert (total, what, name, language) == (3_500, WHAT, NAME, "de")
    assert link in page.text.replace("&amp;", "&")
    assert link in mail
    assert reference in mail
    assert WHAT in words(page)
    assert f"{ASK}/{reference}/withdraw" in buttons(page)


def test_the_form_proposes_what_is_likely_and_only_rates_that_are_in_use(place, enters, clock):
    with place.test_request_context():
        wish = stay("reed-room", FIRST, FIRST + timedelta(days=2))
        reference = book(wish, now=clock(), who=details(NAME, EMAIL))
    staff = enters(STAFF)

    plain, led = staff.get(ASK), staff.get(f"{ASK}?about={reference}")
    odd = fill(staff, vat="1234")

    assert set(rates(plain)) <= {"0", "700", "1900"}
    assert 'value="2031-05-19"' in plain.text
    assert f'value="{reference}"' in led.text
    assert NAME not in led.text
    assert (odd.status_code, found(place)) == (422, [])


def test_the_same_form_sent_twice_asks_once_and_mails_once(place, enters, clock):
    staff = enters(STAFF)
    page = staff.get(ASK)

    first, again = fill(staff, page), fill(staff, page)

    assert first.location == again.location
    assert len(found(place)) == 1
    with place.app_context():
        assert db.session.scalar(sa.select(sa.func.count(Job.id)).where(Job.topic == "mail")) == 1


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"amount": ""}, "Please enter how much you ask for."),
        ({"amount": "twelve"}, "Please write the amount like this"),
        ({"amount": "0.50"}, "too little or too much"),
        ({"amount": "9999999"}, "too little or too much"),
        ({"what_for": ""}, "Please say what it is for."),
        ({"name": "", "email": ""}, "Please enter a name and an e-mail address"),
        ({"about": "ZZZZZZZZ"}, "no reservation with this reference"),
        ({"until": "2031-05-04"}, "within 30 days"),
        ({"until": "2031-06-05"}, "within 30 days"),
        ({"language": "xx"}, "Please choose one from the list."),
        ({"what_for": "4111 1111 1111 1111"}, "card"),
        ({"form_id": "nonsense"}, "Ask for a sum"),
    ],
)
def test_what_does_not_fit_is_said_beside_its_field_and_kept(place, enters, typed, says):
    staff = enters(STAFF)

    answer = fill(staff, **typed)

    assert answer.status_code == 422
    assert says in words(answer)
    assert found(place) == []
    with place.app_context():
        names = [one.name for one in db.session.scalars(sa.select(Person))]
    assert NAME not in names
    if "email" not in typed:
        assert f'value="{EMAIL}"' in answer.text


def test_who_only_reads_sees_the_links_state_and_neither_link_nor_button(place, enters, clock):
    fill(enters(STAFF))
    [(reference, *_)] = found(place)
    reader = enters(READER, "rita@house.example")

    refused, money, one = (
        reader.get(path) for path in (ASK, "/owner/payments", f"/owner/reservations/{reference}")
    )
    pressed = reader.post(f"{ASK}/{reference}/withdraw")

    assert (refused.status_code, pressed.status_code) == (403, 403)
    assert reference in words(money)
    for page in (money, one):
        assert "/pay?" not in page.text
        assert ASK not in page.text


def test_money_asks_again_who_one_is(place, enters, clock):
    staff = enters(STAFF)
    page = staff.get(ASK)
    clock.move(timedelta(hours=2))

    answer = fill(staff, page)

    assert answer.status_code == 303
    assert "/owner/reservations" not in answer.location
    assert found(place) == []


def test_the_page_of_payments_tells_open_paid_and_withdrawn_links_apart(place, enters, clock):
    staff = enters(STAFF)
    for _ in range(3):
        fill(staff)
    [first, second, third] = [one[0] for one in found(place)]
    staff.post(f"{ASK}/{first}/withdraw")
    with place.test_request_context():
        link = db.session.scalar(sa.select(Reservation).where(Reservation.reference == second))
        attempt = begin(link, now=clock())
        pay(attempt, now=clock())
    work(place, clock)
    with place.app_context():
        reconcile(now=clock())

    rows = BeautifulSoup(staff.get("/owner/payments").text, "html.parser").select("tr")
    states = {
        row.a.text: row.select("td")[3].text
        for row in rows
        if row.a and row.a.text in (first, second, third) and len(row.select("td")) == 6
    }
    assert states == {first: "withdrawn", second: "paid", third: "open"}


def test_a_link_that_was_paid_is_not_withdrawn(place, enters, clock):
    staff = enters(STAFF)
    fill(staff)
    [(reference, *_)] = found(place)
    with place.test_request_context():
        link = db.session.scalar(sa.select(Reservation).where(Reservation.kind == ASKED))
        pay(begin(link, now=clock()), now=clock())
        reconcile(now=clock())

    answer = staff.post(f"{ASK}/{reference}/withdraw")
    page = staff.get(answer.location)

    assert "This has been paid already" in words(page)
    assert "Withdraw it" not in words(page)
    assert "Give back some of €35.00" in words(page)


def test_only_a_link_is_withdrawn_and_never_a_booking(place, enters, clock):
    with place.test_request_context():
        wish = stay("reed-room", FIRST, FIRST + timedelta(days=2))
        reference = book(wish, now=clock(), who=details(NAME, EMAIL), firm=False)
    staff = enters(STAFF)

    answer = staff.post(f"{ASK}/{reference}/withdraw")

    assert answer.status_code == 404
    with place.app_context():
        assert db.session.scalar(sa.select(Reservation.status)) == "held"


def test_a_link_holds_no_place_on_the_first_page_and_its_booking_names_it(place, enters, clock):
    with place.test_request_context():
        wish = stay("reed-room", FIRST, FIRST + timedelta(days=2))
        booking = book(wish, now=clock(), who=details(NAME, EMAIL))
    staff = enters(STAFF)
    fill(staff, about=booking, name="", email="")
    [(reference, *_)] = found(place)

    today, page = staff.get("/owner/"), staff.get(f"/owner/reservations/{booking}")
    own = staff.get(f"/owner/reservations/{reference}")

    assert reference not in words(today)
    assert f"{reference} €35.00 open" in words(page)
    assert booking in words(own)
    with place.app_context():
        [person_id] = set(db.session.scalars(sa.select(Reservation.person_id)))
    assert read_of(place, person_id)
