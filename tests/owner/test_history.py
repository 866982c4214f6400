"""A page tells what became of a reservation, who of the house did it, and what was mailed when."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from app.accounts.models import STAFF
from app.booking.models import Reservation
from app.booking.reservations import cancel, get_for_update
from app.core import audit
from app.core.database import db
from app.owner import history
from tests.accounts.ways import mails
from tests.owner.guests import book, details, stay
from tests.owner.house import words

FIRST, DAY = date(2031, 6, 2), timedelta(days=1)
ADA, BO = details("Ada Lovelace", "ada@example.org"), details("Bo Ek", "bo@example.org")


def found(reference):
    return db.session.scalar(sa.select(Reservation).where(Reservation.reference == reference))


@pytest.mark.both_databases
def test_everything_that_happened_is_told_in_its_order(place, clock):
    with place.app_context():
        reference = book(stay("reed-room", FIRST, FIRST + 2 * DAY), now=clock(), who=ADA)
        book(stay("reed-room", FIRST, FIRST + 2 * DAY), now=clock(), who=BO)
        number = found(reference).id
        clock.move(timedelta(hours=1))
        audit.enter(7, "staff", "link.renewed", "reservation", number, now=clock())
        audit.enter(7, "staff", "link.renewed", "reservation", number + 1, now=clock())
        audit.enter(7, "staff", "link.renewed", "account", number, now=clock())
        clock.move(timedelta(hours=1))
        cancel(get_for_update(number), expected_refund=None, now=clock())
        db.session.commit()
        one = found(reference)

        told = [event.what for event in history.events_of(one)]
        ordered = [(mail.template, mail.sent_at is None) for mail in history.mails_of(one)]

    assert told == ["made", "confirmed", "link.renewed", "cancelled"]
    assert ordered == [("confirmed", True), ("cancelled", True)]


@pytest.mark.clause("C17")
def test_the_page_says_it_in_words_and_names_roles_only(place, enters, clock):
    with place.app_context():
        reference = book(stay("reed-room", FIRST, FIRST + 2 * DAY), now=clock(), who=ADA)
    staff = enters(STAFF, "sam@house.example")
    staff.post(f"/owner/reservations/{reference}/messages", body="Welcome")
    mails(place)

    page = words(staff.get(f"/owner/reservations/{reference}"))

    for text in ("Held", "Confirmed", "Wrote to the guest", "Confirmation", "A message is waiting"):
        assert text in page
    assert "sam@house.example" not in page


def test_history_and_mails_take_one_statement_each(place, clock, count_queries):
    with place.app_context():
        one = found(book(stay("reed-room", FIRST, FIRST + 2 * DAY), now=clock(), who=ADA))
        assert one.lines
        with count_queries() as sent:
            history.events_of(one)
            history.mails_of(one)

    assert len(sent) == 2
