"""The house cancels after a second press, for the sum that it decided on, and says so."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup

from app.accounts.models import STAFF
from app.booking.models import CANCELLED, CONFIRMED, Reservation
from app.booking.reservations import RefundChanged, get_for_update, prove
from app.core.audit import AuditEntry
from app.core.database import db
from app.payments import by_house
from app.payments.apply import look
from app.payments.audit import audit
from app.payments.models import Refund
from app.payments.refunds import RefundTooMuch
from tests.accounts.ways import mails
from tests.owner.guests import book, details, stay
from tests.owner.house import words
from tests.payments.disputing import Questioned
from tests.payments.till import begin, pay_at_bank, run_jobs

FIRST = date(2031, 6, 2)
ADA = details("Ada Lovelace", "ada@example.org")


@pytest.fixture
def line(place, settings):
    """The line to the bank."""
    line = Questioned(settings)
    place.extensions["payment_providers"] = {"demo": line}
    return line


@pytest.fixture
def paid(place, line, clock):
    """The reference of what Ada has booked and paid."""
    return _paid(place, line, clock)


def _paid(app, line, clock):
    with app.test_request_context():
        wish = stay("reed-room", FIRST, FIRST + timedelta(days=2))
        reference = book(wish, now=clock(), who=ADA, firm=False)
        attempt = begin(found(reference), now=clock())
        pay_at_bank(attempt, now=clock())
        look(line, attempt.provider_ref, now=clock())
        run_jobs(now=clock())
    return reference


def found(reference):
    return db.session.scalar(sa.select(Reservation).where(Reservation.reference == reference))


def stands(app, reference):
    """Return a reservation's status, its total, what was promised, and what went back and why."""
    with app.app_context():
        one = found(reference)
        refunds = db.session.scalars(sa.select(Refund)).all()
        back = [(refund.amount_minor, refund.because) for refund in refunds]
        return one.status, one.total_minor, one.refund_minor, back


def hidden(page):
    soup = BeautifulSoup(page.text, "html.parser")
    form = next(f for f in soup.select("main form") if str(f["action"]).endswith("/cancel"))
    return {one["name"]: one.get("value", "") for one in form.select("input[type=hidden]")}


def first_press(somebody, reference, **typed):
    path = f"/owner/reservations/{reference}/cancel"
    page = somebody.get(path)
    return somebody.client.post(path, data={**hidden(page), "because": "by_us", **typed})


def second_press(somebody, reference, page):
    return somebody.client.post(f"/owner/reservations/{reference}/cancel", data=hidden(page))


@pytest.mark.clause("C17")
@pytest.mark.parametrize(
    ("amount", "promised"),
    [("12.50", 1250), ("", 0), ("0", 0)],
)
def test_the_house_decides_what_goes_back_and_the_guest_is_told(
    place, enters, paid, clock, amount, promised
):
    staff = enters(STAFF)
    proposed = staff.get(f"/owner/reservations/{paid}/cancel")

    asked = first_press(staff, paid, amount=amount)
    before = stands(place, paid)
    done = second_press(staff, paid, asked)
    letter = [m for m in mails(place) if "is cancelled" in str(m["Subject"])]

    assert "what the terms give back today" in words(proposed)
    assert (asked.status_code, before[0]) == (200, CONFIRMED)
    assert "It can’t be undone." in words(asked)
    assert done.location == f"/owner/reservations/{paid}?done=cancelled"
    status, _, refund, back = stands(place, paid)
    assert (status, refund) == (CANCELLED, promised)
    assert back == ([(promised, "by_us")] if promised else [])
    assert len(letter) == 1
    text = " ".join(letter[0].get_body().get_content().split())
    assert "we have cancelled your reservation" in text
    assert ("€12.50 go back" in text) == bool(promised)
    with place.app_context():
        run_jobs(now=clock())
        assert prove(now=clock()) == []
        assert audit(now=clock()).mismatches == ()
        entry = db.session.scalar(
            sa.select(AuditEntry).where(AuditEntry.verb == "reservation.cancelled")
        )
        assert entry.detail == {"amount": promised, "currency": "EUR", "because": "by_us"}
    assert "Cancelled the reservation" in words(staff.get(done.location))


def test_all_of_it_is_one_link_away(place, enters, paid):
    staff, total = enters(STAFF), stands(place, paid)[1]

    page = staff.get(f"/owner/reservations/{paid}/cancel?minor={total}")
    none = staff.get(f"/owner/reservations/{paid}/cancel?minor=0")

    typed = BeautifulSoup(page.text, "html.parser").find(id="amount")["value"]
    assert round(float(typed) * 100) == total
    assert not BeautifulSoup(none.text, "html.parser").find(id="amount").get("value")


def test_pressed_again_nothing_more_happens(place, enters, paid):
    staff = enters(STAFF)
    asked = first_press(staff, paid, amount="10")

    answers = [second_press(staff, paid, asked) for _ in range(3)]

    assert [one.status_code for one in answers] == [303, 303, 303]
    assert stands(place, paid)[3] == [(1000, "by_us")]


@pytest.mark.parametrize(
    ("typed", "status"),
    [({"amount": "99999"}, 409), ({"because": ""}, 422), ({"amount": "much"}, 422)],
)
def test_what_cannot_be_is_refused_and_nothing_is_cancelled(place, enters, paid, typed, status):
    assert first_press(enters(STAFF), paid, **typed).status_code == status
    assert stands(place, paid)[0] == CONFIRMED


def test_a_press_that_names_another_sum_than_was_shown_asks_once_more(place, enters, paid):
    staff = enters(STAFF)
    asked = hidden(first_press(staff, paid, amount="10"))

    answer = staff.client.post(
        f"/owner/reservations/{paid}/cancel", data={**asked, "amount": "20.00"}
    )

    assert answer.status_code == 200
    assert stands(place, paid)[0] == CONFIRMED


def test_money_moves_only_for_who_proved_lately_who_they_are(place, enters, paid, clock):
    staff = enters(STAFF)
    clock.move(timedelta(minutes=25))

    answer = staff.get(f"/owner/reservations/{paid}/cancel")

    assert answer.status_code == 303
    assert "/account/" in answer.location


def test_nothing_is_offered_where_nothing_was_paid(place, enters, clock):
    with place.app_context():
        reference = book(stay("reed-room", FIRST, FIRST + timedelta(days=2)), now=clock(), who=ADA)
    staff = enters(STAFF)

    asked = first_press(staff, reference)
    done = second_press(staff, reference, asked)

    assert "give nothing back" in words(asked)
    assert done.status_code == 303
    assert stands(place, reference)[0] == CANCELLED


@pytest.mark.both_databases
def test_a_sum_that_was_seen_and_is_no_more_cancels_nothing(place, line, clock):
    reference = _paid(place, line, clock)
    with place.test_request_context():
        one = found(reference)
        left = by_house.left_of(one)
        given = {"because": "goodwill", "now": clock()}
        with pytest.raises(RefundChanged):
            by_house.cancel_by_house(one.id, 100, seen_left=left - 1, **given)
        db.session.rollback()
        with pytest.raises(RefundTooMuch):
            by_house.cancel_by_house(one.id, left + 1, seen_left=left, **given)
        db.session.rollback()

        by_house.cancel_by_house(one.id, left, seen_left=left, **given)
        db.session.commit()

        assert get_for_update(one.id).refund_minor == left
        assert prove(now=clock()) == []


@pytest.mark.both_databases
def test_the_house_may_cancel_what_has_begun(place, line, clock):
    reference = _paid(place, line, clock)
    clock.set(clock().replace(month=6, day=3))
    with place.test_request_context():
        one = found(reference)
        left = by_house.left_of(one)

        by_terms = by_house.by_terms(one, now=clock())
        by_house.cancel_by_house(one.id, 0, because="agreed", seen_left=left, now=clock())
        db.session.commit()

        assert by_terms is None
        assert (found(reference).status, found(reference).refund_minor) == (CANCELLED, 0)
