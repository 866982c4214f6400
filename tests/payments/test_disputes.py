"""A dispute is money alone: written down once, told to the house, never a change of a booking."""

from datetime import timedelta
from itertools import permutations

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.booking.models import CANCELLED, CONFIRMED
from app.booking.reservations import cancel, get_for_update, prove
from app.core.database import db
from app.core.outbox import Job
from app.payments.apply import apply, look
from app.payments.attempts import lock_payment
from app.payments.by_hand import DisputeForbids, refund_by_hand
from app.payments.disputes import compose
from app.payments.ledger import balance
from app.payments.models import Payment
from app.payments.refunds import RefundTooMuch, refundable, request_refund
from tests.payments import till
from tests.payments.disputing import Questioned, disputes_of
from tests.payments.till import (
    TOTAL,
    bank_says,
    begin,
    by_hand,
    ledger_of,
    pay_at_bank,
    refunds_of,
    run_jobs,
)

DAY = timedelta(days=1)


@pytest.fixture
def line(app, settings):
    """The line to a bank where payments are disputed."""
    line = Questioned(settings)
    app.extensions["payment_providers"] = {"demo": line}
    return line


@pytest.fixture(autouse=True)
def _in_a_request(app, place):
    with app.test_request_context():
        yield


def paid_for(reservation, line, *, now):
    """Pay a reservation, and return the payment."""
    attempt = begin(reservation, now=now)
    pay_at_bank(attempt, now=now)
    look(line, attempt.provider_ref, now=now)
    return attempt


@pytest.fixture
def payment(reservation, line, clock):
    """What a confirmed reservation was paid with."""
    return paid_for(reservation, line, now=clock())


def hear(line, payment, state, *, now, **more):
    """Let a dispute stand so at the bank, and look."""
    line.dispute(payment, state, **more)
    look(line, payment.provider_ref, now=now)


def seen(line, payment):
    """Return what the bank says now; no transaction is open at a call."""
    ref = payment.provider_ref
    db.session.rollback()
    return line.fetch(ref)


def told():
    """Return the jobs that tell the house of a dispute."""
    return db.session.scalars(sa.select(Job).where(Job.topic == "payments.dispute")).all()


def taken(reservation):
    """Return what must not change: the status, and whether counters and lines agree."""
    db.session.refresh(reservation)
    return reservation.status, prove(now=reservation.created_at)


# -- C27, C28: refunds around it --------------------------------------------------------------


@pytest.mark.both_databases
def test_c27_a_refund_that_fails_late_is_reversed_and_the_booking_stays_cancelled(
    reservation, payment, line, clock
):
    cancel(get_for_update(reservation.id), expected_refund=None, now=clock())
    db.session.commit()
    run_jobs(now=clock())
    (refund,) = refunds_of(payment)
    bank_says(refund.provider_ref, "failed")

    for _ in range(2):
        look(line, payment.provider_ref, now=clock.move(30 * DAY))

    assert ledger_of(payment) == [
        ("capture", TOTAL),
        ("refund", -TOTAL),
        ("refund_reversal", TOTAL),
    ]
    assert taken(reservation) == (CANCELLED, [])


def test_c28_a_refund_made_at_the_provider_is_external_and_counted_once(payment, line, clock):
    by_hand(payment, 100, now=clock())

    for _ in range(3):
        look(line, payment.provider_ref, now=clock())

    assert [(one.external, one.reason) for one in refunds_of(payment)] == [(True, "external")]
    assert balance(payment) == TOTAL - 100


@pytest.mark.clause("C03")
def test_c29_an_open_dispute_blocks_refunds(payment, line, clock):
    hear(line, payment, "open", now=clock())

    assert refundable(lock_payment(payment.id)) == 0
    with pytest.raises(RefundTooMuch):
        request_refund(lock_payment(payment.id), 1, reason="owner", now=clock())
    with pytest.raises(DisputeForbids):
        refund_by_hand(
            lock_payment(payment.id),
            1,
            because="goodwill",
            note="",
            form_id="0" * 32,
            seen_left=TOTAL,
            now=clock(),
        )


@pytest.mark.parametrize(("state", "refundable_there"), [("open", True), ("inquiry", False)])
def test_c29_a_dispute_that_the_provider_refunds_beside_blocks_nothing(
    payment, line, clock, state, refundable_there
):
    hear(line, payment, state, refundable=refundable_there, now=clock())

    assert refundable(lock_payment(payment.id)) == TOTAL


def test_c29_cancelling_a_disputed_booking_gives_nothing_back_twice(
    reservation, payment, line, clock
):
    hear(line, payment, "open", now=clock())

    cancel(get_for_update(reservation.id), expected_refund=None, now=clock())
    db.session.commit()
    run_jobs(now=clock())

    assert refunds_of(payment) == []
    assert balance(payment) == 0


# -- C29: money alone -------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.parametrize("cancelled", [True, False])
def test_c29_a_dispute_changes_no_booking_and_no_places(
    reservation, payment, line, clock, cancelled
):
    if cancelled:
        cancel(get_for_update(reservation.id), expected_refund=None, now=clock())
        db.session.commit()
    before = taken(reservation)

    for state in ("inquiry", "open", "lost"):
        hear(line, payment, state, now=clock())
        assert taken(reservation) == before

    assert before == (CANCELLED if cancelled else CONFIRMED, [])


def test_c29_a_lost_dispute_is_money_out_and_no_refund(payment, line, clock):
    hear(line, payment, "open", now=clock())
    hear(line, payment, "lost", now=clock())

    assert refunds_of(payment) == []
    assert ledger_of(payment) == [("capture", TOTAL), ("chargeback", -TOTAL)]
    assert refundable(lock_payment(payment.id)) == 0


def test_c29_a_won_dispute_is_money_back_and_refunds_go_again(payment, line, clock):
    hear(line, payment, "open", minor=500, now=clock())
    hear(line, payment, "won", minor=500, now=clock())

    assert ledger_of(payment) == [
        ("capture", TOTAL),
        ("chargeback", -500),
        ("chargeback_reversal", 500),
    ]
    assert refundable(lock_payment(payment.id)) == TOTAL


def test_an_inquiry_takes_nothing(payment, line, clock):
    hear(line, payment, "inquiry", now=clock())

    assert ledger_of(payment) == [("capture", TOTAL)]


def test_a_late_word_of_an_open_dispute_after_it_was_won_is_ignored(payment, line, clock):
    line.dispute(payment, "open")
    late = seen(line, payment)
    apply(late, provider=line, now=clock())
    db.session.commit()
    hear(line, payment, "won", now=clock())

    apply(late, provider=line, now=clock())
    db.session.commit()

    assert [one.state for one in disputes_of(payment)] == ["won"]
    assert balance(payment) == TOTAL


_nights = iter(range(0, 100_000, till.NIGHTS))
LIVES = [
    ("inquiry",),
    ("inquiry", "won"),
    ("open",),
    ("open", "won"),
    ("open", "lost"),
    ("inquiry", "open", "won"),
    ("inquiry", "open", "lost"),
]


@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(life=st.sampled_from(LIVES), data=st.data())
def test_any_order_and_any_repetition_end_the_same(place, line, clock, life, data):
    now = clock.move(timedelta(hours=3))
    arrive = till.FIRST_DAY + timedelta(days=next(_nights))
    payment = paid_for(till.book(now=now, arrive=arrive), line, now=now)
    views = []
    for state in life:
        line.dispute(payment, state)
        views.append(seen(line, payment))

    heard = data.draw(st.sampled_from(list(permutations(range(len(views))))))
    again = data.draw(st.lists(st.integers(0, len(views) - 1), max_size=4))
    for index in (*heard, *again):
        apply(views[index], provider=line, now=now)
        db.session.commit()

    (dispute,) = disputes_of(payment)
    gone = TOTAL if life[-1] in ("open", "lost") else 0
    assert (dispute.state, dispute.withdrawn_minor) == (life[-1], gone)
    assert balance(payment) == TOTAL - gone


# -- Telling the house ------------------------------------------------------------------------


@pytest.mark.clause("C03")
def test_the_house_is_told_once_what_to_do_and_nothing_personal(payment, line, clock, instance):
    due = clock() + 9 * DAY
    for _ in range(3):
        hear(line, payment, "open", due=due, now=clock())
    run_jobs(now=clock())
    hear(line, payment, "lost", due=due, now=clock())
    run_jobs(now=clock())

    letters = list((instance / "mail").glob("house-dispute-*.eml"))
    assert len(told()) == len(letters) == 1
    (dispute,) = disputes_of(payment)
    dispute.state = "open"
    message = compose(dispute, job=1, now=clock())
    text = " ".join(message.get_content().split())
    assert message["To"].addresses[0].addr_spec == "house@example.org"
    assert db.session.get(Payment, payment.id).reservation.reference in message["Subject"]
    assert "Answer at the demo bank by Wednesday" in text
    assert "What helps:" in text
    assert "/owner/reservations/" in text
    for personal in (till.NAME, till.EMAIL, till.PHONE, "0000"):
        assert personal not in text + message["Subject"]
    assert "%(" not in text
