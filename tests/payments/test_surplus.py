"""What went back of what was paid beyond the price is owed again when the price rises again."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.booking.cancellation import CancellationPolicy, Tier
from app.booking.change_price import ANEW, Change
from app.booking.changing import change
from app.booking.reservations import cancel, get_for_update, refund_if_cancelled
from app.booking.shop import shop
from app.core.database import db
from app.payments.apply import look
from app.payments.attempts import lock_payment
from app.payments.audit import audit
from app.payments.by_hand import make_good, refund_by_hand
from app.payments.due import outstanding
from app.payments.models import Refund
from app.payments.refunds import refundable
from tests.payments import till
from tests.payments.till import A_NIGHT, FIRST_DAY, TOTAL

pytestmark = [pytest.mark.clause("C16"), pytest.mark.both_databases]


@pytest.fixture
def paid(app, reservation, line, clock):
    """Three nights, booked and paid."""
    with app.test_request_context():
        payment = till.begin(reservation, now=clock())
        till.pay_at_bank(payment, now=clock())
        look(line, payment.provider_ref, now=clock())
    return payment


def stay_for(reservation, nights, *, now):
    depart = FIRST_DAY + timedelta(days=nights)
    catalogue = shop().catalogue
    change(
        catalogue,
        reservation.lines[0].id,
        Change(depart=depart),
        price=ANEW,
        expected=None,
        now=now,
    )
    db.session.commit()


def give_back(payment, minor, *, now):
    locked = lock_payment(payment.id)
    refund = refund_by_hand(
        locked, minor, because="agreed", note="", form_id=f"{now:%s}{minor}",
        seen_left=refundable(locked), now=now,
    )  # fmt: skip
    db.session.commit()
    return refund


def listed(clock):
    return [one.code for one in audit(now=clock()).mismatches]


def test_a_stay_made_longer_again_is_paid_for_again_and_the_books_agree(paid, reservation, clock):
    stay_for(reservation, 1, now=clock())
    before = reservation.paid_minor - reservation.total_minor
    give_back(paid, 2 * A_NIGHT, now=clock())
    till.run_jobs(now=clock())
    settled = reservation.paid_minor - reservation.total_minor

    stay_for(reservation, 3, now=clock())

    assert (before, settled) == (2 * A_NIGHT, 0)
    assert outstanding(reservation) == 2 * A_NIGHT
    assert listed(clock) == []


def test_what_went_back_out_of_goodwill_is_never_asked_for_again(paid, reservation, clock):
    give_back(paid, 1_000, now=clock())
    till.run_jobs(now=clock())

    stay_for(reservation, 4, now=clock())

    assert reservation.paid_minor == TOTAL
    assert outstanding(reservation) == A_NIGHT
    assert listed(clock) == []


def test_of_one_refund_only_what_lies_beyond_the_price_is_owed_again(paid, reservation, clock):
    stay_for(reservation, 2, now=clock())
    give_back(paid, A_NIGHT + 500, now=clock())

    stay_for(reservation, 3, now=clock())

    assert outstanding(reservation) == A_NIGHT


def test_a_refund_that_failed_counts_as_paid_until_it_is_made_good(paid, reservation, line, clock):
    stay_for(reservation, 1, now=clock())
    refund = give_back(paid, 2 * A_NIGHT, now=clock())
    till.run_jobs(now=clock())
    till.bank_says(till.back_at_bank(paid)[0].ref, "failed")
    look(line, paid.provider_ref, now=clock())
    db.session.expire_all()
    came_back = reservation.paid_minor

    lock_payment(paid.id)
    make_good(refund, by="transfer", note="", now=clock())
    db.session.commit()

    assert (came_back, reservation.paid_minor) == (TOTAL, A_NIGHT)
    assert listed(clock) == []


def test_what_was_given_back_at_the_provider_by_hand_counts_alike(paid, reservation, line, clock):
    stay_for(reservation, 1, now=clock())
    till.by_hand(paid, 2 * A_NIGHT, now=clock())
    look(line, paid.provider_ref, now=clock())
    db.session.expire_all()

    stay_for(reservation, 3, now=clock())

    assert outstanding(reservation) == 2 * A_NIGHT
    assert listed(clock) == []


def test_who_cancels_gets_back_what_was_paid_beyond_the_price_as_well(paid, reservation, clock):
    """Three nights were paid, and one is booked since; by the terms, half of that comes back."""
    reservation.cancellation = CancellationPolicy((Tier(0, 5_000),), grace_hours=0).to_json()
    db.session.commit()
    stay_for(reservation, 1, now=clock())
    promised = refund_if_cancelled(reservation, now=clock())

    cancel(get_for_update(reservation.id), expected_refund=promised, now=clock())
    db.session.commit()
    till.run_jobs(now=clock())

    assert promised == 2 * A_NIGHT + reservation.total_minor // 2
    went = db.session.scalars(sa.select(Refund.amount_minor)).all()
    assert sum(went) == promised
    assert listed(clock) == []
