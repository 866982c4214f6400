"""A refund that the provider couldn't bring home is made good outside, said, and not repeated."""

import pytest
import sqlalchemy as sa

from app.booking.links import guest_key
from app.booking.models import Reservation
from app.core.database import db
from app.payments.apply import look
from app.payments.attempts import lock_payment, needs_a_look
from app.payments.audit import audit
from app.payments.by_hand import NotFailed, make_good
from app.payments.models import Refund
from app.payments.reconcile import reconcile
from app.payments.refunds import RefundTooMuch, refundable, request_refund
from tests.payments.till import (
    TOTAL,
    back_at_bank,
    bank_says,
    begin,
    ledger_of,
    pay_at_bank,
    run_jobs,
)

NOTE = "Transfer of 7 May, Kanarienbank"
pytestmark = pytest.mark.clause("C03")


@pytest.fixture
def failed(app, place, reservation, line, clock):
    """A refund that left, and that the guest's bank sent back."""
    with app.test_request_context():
        payment = begin(reservation, now=clock())
        pay_at_bank(payment, now=clock())
        look(line, payment.provider_ref, now=clock())
        refund = request_refund(lock_payment(payment.id), 5_000, reason="owner", now=clock())
        db.session.commit()
        run_jobs(now=clock())
        bank_says(back_at_bank(payment)[0].ref, "failed")
        look(line, payment.provider_ref, now=clock())
    db.session.refresh(refund)
    assert refund.state == "failed"
    return refund


def listed(clock):
    return [one.code for one in audit(now=clock()).mismatches]


def odd(clock):
    return list(db.session.scalars(sa.select(Reservation.id).where(needs_a_look(now=clock()))))


def test_it_leaves_the_lists_and_the_ledger_stays_as_it_was(failed, clock):
    before, ledger = listed(clock), ledger_of(failed.payment)
    owed = odd(clock)

    lock_payment(failed.payment_id)
    make_good(failed, by="transfer", note=NOTE, now=clock())
    db.session.commit()

    assert (before, owed) == (["refund_failed"], [failed.payment.reservation_id])
    assert (listed(clock), odd(clock)) == ([], [])
    assert ledger_of(failed.payment) == ledger
    assert ledger == [("capture", TOTAL), ("refund", -5_000), ("refund_reversal", 5_000)]


def test_what_was_made_good_is_not_given_back_once_more(failed, line, clock):
    payment = lock_payment(failed.payment_id)
    make_good(failed, by="cash", note="", now=clock())

    assert refundable(payment) == TOTAL - 5_000
    with pytest.raises(RefundTooMuch):
        request_refund(payment, TOTAL - 4_999, reason="owner", now=clock())


def test_it_is_noted_once_and_a_look_at_the_provider_changes_nothing(failed, line, clock):
    lock_payment(failed.payment_id)
    make_good(failed, by="transfer", note=NOTE, now=clock())
    make_good(failed, by="cash", note="other", now=clock())
    db.session.commit()
    look(line, failed.payment.provider_ref, now=clock())
    reconcile(now=clock())

    db.session.refresh(failed)
    assert (failed.state, failed.made_good_by, failed.made_good) == ("failed", "transfer", NOTE)


def test_only_what_failed_is_made_good_and_not_what_went_back_since(failed, clock):
    payment = lock_payment(failed.payment_id)
    again = request_refund(payment, TOTAL, reason="owner", now=clock())

    for refund in (failed, again):
        with pytest.raises(NotFailed):
            make_good(refund, by="other", note="", now=clock())


def test_the_note_is_sealed(failed, clock):
    make_good(failed, by="transfer", note=NOTE, now=clock())
    db.session.commit()

    raw = db.session.execute(sa.select(Refund._made_good)).scalar_one()

    assert b"Kanarienbank" not in raw


def test_the_receipt_says_that_it_went_back_in_another_way(failed, clock, visitor):
    make_good(failed, by="transfer", note=NOTE, now=clock())
    db.session.commit()
    reservation = failed.payment.reservation

    page = visitor.get(
        f"/reservations/{reservation.reference}/receipt?key={guest_key(reservation)}"
    )

    assert "Given back in another way" in page.text
    assert "did not arrive" not in page.text
    assert "€262.30" in page.text  # paid, less what came back
    assert "Kanarienbank" not in page.text
