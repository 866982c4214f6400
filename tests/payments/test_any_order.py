"""News in any order, lost, late or twice: after a reconciliation the state is the same."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.booking.reservations import prove
from app.core.database import db
from app.payments.apply import apply
from app.payments.ledger import balance
from app.payments.models import Payment
from app.payments.reconcile import reconcile
from app.payments.states import OPEN
from tests.payments import till
from tests.payments.till import (
    TOTAL,
    at_bank,
    back_at_bank,
    bank_says,
    begin,
    by_hand,
    mails,
    pay_at_bank,
    refunds_of,
)

# What happens at the bank, and what must be true here in the end: the attempt, the
# reservation, what is left of the money, and the states of the refunds.
LIVES = {
    (): ("pending", "held", 0, []),
    ("failed",): ("failed", "held", 0, []),
    ("paid",): ("paid", "confirmed", TOTAL, []),
    ("processing",): ("processing", "held", 0, []),
    ("processing", "paid"): ("paid", "confirmed", TOTAL, []),
    ("processing", "failed"): ("failed", "held", 0, []),
    ("paid", "refund"): ("paid", "confirmed", TOTAL - 100, ["succeeded"]),
    ("paid", "refund", "bounce"): ("paid", "confirmed", TOTAL, ["failed"]),
    ("processing", "paid", "refund", "refund", "bounce"): (
        "paid", "confirmed", TOTAL - 100, ["failed", "succeeded"]
    ),
}  # fmt: skip

_nights = iter(range(0, 100_000, till.NIGHTS))


@pytest.fixture(autouse=True)
def _in_a_request(app, place):
    with app.test_request_context():
        yield


def happen(what, attempt, *, now):
    """Let something happen at the bank."""
    if what == "refund":
        by_hand(attempt, 100, now=now)
    elif what == "bounce":
        bank_says(back_at_bank(attempt)[0].ref, "failed")
    else:
        pay_at_bank(attempt, now=now, state=what)


def forget(clock):
    """Let the next example begin without what this one left open."""
    db.session.execute(sa.update(Payment).where(Payment.state.in_(OPEN)).values(state="failed"))
    db.session.commit()
    clock.move(timedelta(days=3))


def state_of(attempt, reservation):
    """Return what must be the same in the end."""
    refunds = sorted(refund.state for refund in refunds_of(attempt))
    return attempt.state, reservation.status, balance(attempt), refunds


@settings(
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(life=st.sampled_from(sorted(LIVES)), data=st.data())
def test_any_news_in_any_order_lead_to_the_same_state(place, line, clock, life, data):
    arrive = till.FIRST_DAY + timedelta(days=next(_nights))
    reservation = till.book(now=clock(), arrive=arrive)
    attempt = begin(reservation, now=clock())
    ref = at_bank(attempt).ref
    snapshots = [line.fetch(ref)]
    for what in life:
        happen(what, attempt, now=clock())
        db.session.rollback()
        snapshots.append(line.fetch(ref))

    # Stale ones too, in any order, any number of times; then the truth.
    for snapshot in data.draw(st.lists(st.sampled_from(snapshots), max_size=8)):
        apply(snapshot, provider=line, now=clock())
        db.session.commit()
    reconcile(now=clock())
    reconcile(now=clock())

    assert state_of(attempt, reservation) == LIVES[life]
    assert mails(reservation).count("confirmed") == (reservation.status == "confirmed")
    assert prove(now=clock()) == []
    forget(clock)
