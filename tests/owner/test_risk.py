"""Signals are hints with their reason in words; a person decides, and nothing happens by itself."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from app.accounts.models import READER, STAFF
from app.booking.models import Reservation
from app.core.audit import AuditEntry
from app.core.database import db
from app.owner import risk
from app.payments.models import Dispute, Payment
from tests.accounts.ways import mails
from tests.owner.guests import book, details, stay
from tests.owner.house import words

FIRST, DAY = date(2031, 6, 2), timedelta(days=1)
ADA = details("Ada Lovelace", "ada@example.org")
ROOMS = ("reed-room", "lagoon-suite", "boathouse")


def found(reference):
    return db.session.scalar(sa.select(Reservation).where(Reservation.reference == reference))


def codes(app, reference):
    """Return the signals of a reservation by their names."""
    with app.app_context():
        one = found(reference)
        now = app.extensions["clock"]()
        return [signal.code for signal in risk.signals_of([one], now=now).get(one.id, ())]


def nights(app, clock, who, week=0, room="reed-room", length=2):
    with app.app_context():
        first = FIRST + 7 * week * DAY
        return book(stay(room, first, first + length * DAY), now=clock(), who=who)


def attempt(reservation, clock, number, state="failed"):
    return Payment(
        id=f"p-{reservation.reference}-{number}",
        reservation_id=reservation.id,
        person_id=reservation.person_id,
        provider="demo",
        state=state,
        amount_minor=reservation.total_minor,
        captured_minor=reservation.total_minor if state == "paid" else 0,
        currency="EUR",
        expires_at=clock(),
        created_at=clock(),
        changed_at=clock(),
    )


@pytest.mark.both_databases
def test_an_ordinary_booking_has_no_signal(place, clock):
    assert codes(place, nights(place, clock, ADA)) == []


@pytest.mark.both_databases
def test_many_bookings_under_one_address_in_a_day_are_a_signal(place, clock):
    few = [nights(place, clock, ADA, week) for week in range(3)]
    before = codes(place, few[0])
    clock.move(timedelta(hours=3))
    last = nights(place, clock, details("A. Lovelace", "ADA@example.org"), 3)
    clock.move(timedelta(days=3))
    later = nights(place, clock, ADA, 4)

    assert before == []
    assert codes(place, few[0]) == codes(place, last) == ["many_bookings"]
    assert codes(place, later) == []


@pytest.mark.both_databases
def test_payments_that_fail_again_and_again_are_a_signal(place, clock):
    reference = nights(place, clock, ADA)
    with place.app_context():
        for number in range(3):
            db.session.add(attempt(found(reference), clock, number))
        db.session.commit()

    assert codes(place, reference) == ["failed_payments"]


@pytest.mark.both_databases
def test_a_chargeback_under_the_same_address_before_is_a_signal(place, clock):
    former = nights(place, clock, ADA)
    with place.app_context():
        db.session.add(attempt(found(former), clock, 1, "paid"))
        db.session.flush()
        row = {column.name for column in Dispute.__table__.columns}
        values = {
            "payment_id": f"p-{former}-1",
            "provider_ref": "dp_1",
            "state": "lost",
            "reason": "fraudulent",
            "amount_minor": 100,
            "withdrawn_minor": 100,
            "refundable": False,
            "opened_at": clock(),
            "changed_at": clock(),
        }
        db.session.add(Dispute(**{name: value for name, value in values.items() if name in row}))
        db.session.commit()
    clock.move(timedelta(days=2))
    later = nights(place, clock, ADA, 1)
    other = nights(place, clock, details("Bo Ek", "bo@example.org"), 2)

    assert codes(place, later) == ["chargeback"]
    assert codes(place, other) == codes(place, former) == []


def test_a_sum_far_beyond_the_usual_is_a_signal_once_there_is_a_usual(place, clock):
    big = nights(place, clock, details("Bo Ek", "bo@example.org"), 30, "lagoon-suite", 21)
    before = codes(place, big)
    for week in range(20):
        nights(place, clock, details(f"Guest {week}", f"g{week}@example.org"), week, length=2)

    assert before == []
    assert codes(place, big) == ["large_sum"]


def test_arriving_within_hours_is_a_signal_but_not_at_the_door(place, clock):
    with place.app_context():
        today = clock().date()
        reference = book(stay("reed-room", today, today + DAY), now=clock(), who=ADA)
    on_the_site = codes(place, reference)
    with place.app_context():
        found(reference).source = "walk_in"
        db.session.commit()

    assert on_the_site == ["arrives_soon"]
    assert codes(place, reference) == []


@pytest.mark.clause("C16")
def test_a_decision_is_noted_and_changes_nothing_else(place, enters, clock):
    for week in range(4):
        reference = nights(place, clock, ADA, week)
    letters, staff = len(mails(place)), enters(STAFF)
    path = f"/owner/reservations/{reference}"
    listed = words(staff.get("/owner/reservations"))

    before = words(staff.get(path))
    answers = [staff.post(f"{path}/risk", decision="refused").status_code for _ in range(2)]
    after = words(staff.get(path))

    assert "1 signal to look at" in listed
    assert "4 reservations under one address within a day." in before
    assert "Nothing happens by them" in before
    assert answers == [303, 303]
    assert "refused" in after
    assert "The reservation still stands." in after
    assert "looked at: refused" in words(staff.get("/owner/reservations"))
    assert len(mails(place)) == letters
    with place.app_context():
        assert found(reference).status == "confirmed"
        entries = db.session.scalars(sa.select(AuditEntry).where(AuditEntry.verb == "risk.decided"))
        assert [entry.detail for entry in entries] == [{"decision": "refused"}]


@pytest.mark.parametrize("decision", ["", "maybe", "x" * 500])
def test_no_other_decision_is_taken(place, enters, clock, decision):
    reference = nights(place, clock, ADA)

    answer = enters(STAFF).post(f"/owner/reservations/{reference}/risk", decision=decision)

    assert answer.status_code == 400


@pytest.mark.clause("C04")
def test_who_only_reads_decides_nothing(place, enters, clock):
    reference = nights(place, clock, ADA)
    reader = enters(READER)

    assert reader.post(f"/owner/reservations/{reference}/risk", decision="fine").status_code == 403
    assert reader.post(f"/owner/reservations/{reference}/cancel").status_code == 403
    assert "I have looked" not in reader.get(f"/owner/reservations/{reference}").text


def test_signals_of_a_page_cost_the_same_however_many_are_on_it(place, clock, count_queries):
    references = [nights(place, clock, ADA, week) for week in range(8)]
    costs = []
    with place.app_context():
        all_of_them = db.session.scalars(
            sa.select(Reservation).where(Reservation.reference.in_(references))
        ).all()
        for some in (all_of_them[:1], all_of_them):
            with count_queries() as sent:
                risk.signals_of(some, now=clock())
            costs.append(len(sent))

    assert costs[0] == costs[1] <= 6
