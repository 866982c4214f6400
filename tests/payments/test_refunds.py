"""What goes back never exceeds what came, goes once, and is never lost sight of."""

from contextlib import suppress
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.booking.models import CANCELLED, CONFIRMED
from app.booking.reservations import cancel, get_for_update
from app.core.database import db
from app.payments.apply import look
from app.payments.attempts import lock_payment
from app.payments.ledger import balance
from app.payments.models import Refund
from app.payments.provider import Declined, NotSent, Unknown
from app.payments.reconcile import reconcile
from app.payments.refunds import RefundTooMuch, refundable, request_refund, send_refund
from tests.payments import till
from tests.payments.till import (
    FIRST_DAY,
    TOTAL,
    back_at_bank,
    bank_says,
    begin,
    by_hand,
    ledger_of,
    mails,
    pay_at_bank,
    refunds_of,
    run_jobs,
)

DAY = timedelta(days=1)


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


def ask(payment, amount, *, now, **more):
    """Ask for a refund, and commit."""
    refund = request_refund(lock_payment(payment.id), amount, reason="owner", now=now, **more)
    db.session.commit()
    return refund


# -- Asking --------------------------------------------------------------------------------


def test_a_refund_is_a_row_before_it_is_a_call_and_the_row_is_its_key(payment, line, clock):
    refund = ask(payment, 100, now=clock())
    before = list(line.keys("refund"))
    run_jobs(now=clock())

    assert before == []
    assert line.keys("refund") == [f"refund:{refund.id}"]
    assert (refund.state, ledger_of(payment)[-1]) == ("succeeded", ("refund", -100))


def test_two_equal_parts_are_two_refunds(payment, line, clock):
    for _ in range(2):
        ask(payment, 100, now=clock())
    run_jobs(now=clock())

    assert len(set(line.keys("refund"))) == 2
    assert balance(payment) == TOTAL - 200


def test_more_than_is_left_is_refused_and_the_remainder_is_offered(payment, clock):
    ask(payment, TOTAL - 100, now=clock())

    with pytest.raises(RefundTooMuch):
        ask(payment, 101, now=clock())

    db.session.rollback()
    assert refundable(lock_payment(payment.id)) == 100


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_and_less_is_no_refund(payment, clock, amount):
    with pytest.raises(RefundTooMuch):
        ask(payment, amount, now=clock())


def test_what_was_never_paid_is_never_refunded(reservation, clock):
    attempt = begin(reservation, now=clock())

    with pytest.raises(RefundTooMuch):
        ask(attempt, 1, now=clock())


@pytest.mark.both_databases
def test_a_cause_refunds_once(payment, clock):
    ask(payment, 100, cause="once", now=clock())

    with pytest.raises(sa.exc.IntegrityError):
        ask(payment, 100, cause="once", now=clock())


def test_three_parts_of_an_odd_amount_come_to_the_whole(payment, clock):
    third = TOTAL // 3
    for part in (third, third, TOTAL - 2 * third):
        ask(payment, part, now=clock())
    run_jobs(now=clock())

    assert balance(payment) == 0
    assert refundable(lock_payment(payment.id)) == 0


# -- Cancelling ----------------------------------------------------------------------------


@pytest.mark.clause("C16")
@pytest.mark.parametrize(("days_before", "part"), [(8, TOTAL), (3, TOTAL // 2), (1, 0)])
def test_cancelling_gives_back_what_was_promised(reservation, payment, clock, days_before, part):
    now = reservation.first_start - days_before * DAY
    clock.set(now)

    cancel(get_for_update(reservation.id), expected_refund=None, now=now)
    db.session.commit()
    run_jobs(now=now)

    assert reservation.status == CANCELLED
    assert balance(payment) == TOTAL - part


def test_cancelling_that_is_rolled_back_refunds_nothing(reservation, payment, line, clock):
    cancel(get_for_update(reservation.id), expected_refund=None, now=clock())
    db.session.rollback()
    run_jobs(now=clock())

    assert reservation.status == CONFIRMED
    assert refunds_of(payment) == []
    assert line.keys("refund") == []


def test_what_was_sent_back_by_hand_is_not_sent_again_at_cancelling(reservation, payment, clock):
    by_hand(payment, TOTAL, now=clock())
    reconcile(now=clock())

    cancel(get_for_update(reservation.id), expected_refund=None, now=clock())
    db.session.commit()
    run_jobs(now=clock())

    assert [refund.external for refund in refunds_of(payment)] == [True]
    assert balance(payment) == 0


# -- Sending -------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["cut", "mute"])
def test_a_call_that_fails_keeps_the_row_and_repeats_its_key(payment, line, clock, fault):
    refund = ask(payment, 100, now=clock())
    with line.broken(fault):
        run_jobs(now=clock())
    state = refund.state

    run_jobs(now=clock.move(timedelta(minutes=5)))

    assert (state, refund.state) == ("requested", "succeeded")
    assert len(line.keys("refund")) == 2
    assert len(set(line.keys("refund"))) == 1
    assert ledger_of(payment) == [("capture", TOTAL), ("refund", -100)]


def test_a_day_later_we_look_before_asking_again_and_believe_what_is_there(payment, line, clock):
    refund = ask(payment, 100, now=clock())
    with line.broken("mute"), pytest.raises(Unknown):
        send_refund(refund.id, now=clock())

    send_refund(refund.id, now=clock.move(DAY))

    assert refund.state == "succeeded"
    assert len(line.keys("refund")) == 1
    assert refunds_of(payment) == [refund]


def test_a_day_later_what_never_happened_is_asked_for_under_a_new_key(payment, line, clock):
    refund = ask(payment, 100, cause="once", now=clock())
    with line.broken("cut"), pytest.raises(NotSent):
        send_refund(refund.id, now=clock())

    send_refund(refund.id, now=clock.move(DAY))
    run_jobs(now=clock())

    again = next(other for other in refunds_of(payment) if other.id != refund.id)
    assert (refund.state, refund.cause) == ("failed", None)
    assert (again.state, again.cause) == ("succeeded", "once")
    assert ledger_of(payment) == [("capture", TOTAL), ("refund", -100)]


def test_a_refund_that_the_bank_refuses_fails_and_the_guest_is_told(
    reservation, payment, line, clock
):
    refund = ask(payment, 100, now=clock())
    by_hand(payment, TOTAL, now=clock())

    run_jobs(now=clock())

    assert (refund.state, refund.failure) == ("failed", "more_than_was_paid")
    assert "refund_failed" in mails(reservation)


@pytest.mark.both_databases
def test_a_refund_that_comes_back_later_is_reversed_once_and_the_booking_stays_cancelled(
    reservation, payment, line, clock
):
    cancel(get_for_update(reservation.id), expected_refund=None, now=clock())
    db.session.commit()
    run_jobs(now=clock())
    (refund,) = refunds_of(payment)
    bank_says(refund.provider_ref, "failed")

    for _ in range(2):
        look(line, payment.provider_ref, now=clock())

    assert refund.state == "failed"
    assert ledger_of(payment) == [
        ("capture", TOTAL),
        ("refund", -TOTAL),
        ("refund_reversal", TOTAL),
    ]
    assert reservation.status == CANCELLED
    assert mails(reservation).count("refund_failed") == 1


def test_a_slow_refund_is_followed_to_its_end(payment, line, clock):
    line.slow = True
    refund = ask(payment, 100, now=clock())
    run_jobs(now=clock())
    waiting = refund.state, balance(payment)
    bank_says(refund.provider_ref, "succeeded")

    reconcile(now=clock.move(DAY))

    assert waiting == ("pending", TOTAL)
    assert (refund.state, balance(payment)) == ("succeeded", TOTAL - 100)


def test_a_slow_refund_that_fails_has_moved_nothing(payment, line, clock):
    line.slow = True
    refund = ask(payment, 100, now=clock())
    run_jobs(now=clock())
    bank_says(refund.provider_ref, "failed")

    reconcile(now=clock.move(DAY))

    assert refund.state == "failed"
    assert ledger_of(payment) == [("capture", TOTAL)]
    assert refundable(lock_payment(payment.id)) == TOTAL


@pytest.mark.both_databases
def test_a_refund_made_by_hand_is_recorded_once_and_counts(payment, line, clock):
    by_hand(payment, 100, now=clock())

    for _ in range(3):
        look(line, payment.provider_ref, now=clock())

    (refund,) = refunds_of(payment)
    assert (refund.external, refund.reason, refund.state) == (True, "external", "succeeded")
    assert balance(payment) == TOTAL - 100
    with pytest.raises(RefundTooMuch):
        ask(payment, TOTAL - 99, now=clock())


# -- Always --------------------------------------------------------------------------------

_steps = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(1, TOTAL)),
        st.tuples(st.just("by hand"), st.integers(1, TOTAL)),
        st.tuples(st.just("come back"), st.integers(0, 3)),
        st.tuples(st.sampled_from(["send", "send cut", "send mute", "reconcile"]), st.just(0)),
    ),
    max_size=8,
)
_nights = iter(range(0, 100_000, till.NIGHTS))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_steps)
def test_whatever_happens_no_more_goes_back_than_came(place, line, clock, steps):
    arrive = FIRST_DAY + timedelta(days=next(_nights))
    payment = paid_for(till.book(now=clock(), arrive=arrive), line, now=clock())

    for step, number in steps:
        _do(step, number, payment, line, clock)
        claimed = db.session.scalar(
            sa.select(sa.func.coalesce(sa.func.sum(Refund.amount_minor), 0)).where(
                Refund.payment_id == payment.id,
                Refund.state.in_(("requested", "pending", "succeeded")),
                ~Refund.external,
            )
        )
        assert claimed <= TOTAL
        assert 0 <= balance(payment) <= TOTAL

    run_jobs(now=clock.move(timedelta(hours=3)))
    reconcile(now=clock())
    at_bank = sum(r.amount_minor for r in back_at_bank(payment) if r.state == "succeeded")
    assert balance(payment) == TOTAL - at_bank
    clock.move(3 * DAY)  # the next example needn't hear of this one


def _do(step, number, payment, line, clock):
    now = clock.move(timedelta(minutes=3))
    if step == "ask":
        with suppress(RefundTooMuch):
            ask(payment, number, now=now)
    elif step == "by hand":
        with suppress(Declined):
            by_hand(payment, number, now=now)
    elif step == "come back":
        for refund in back_at_bank(payment)[number : number + 1]:
            bank_says(refund.ref, "failed")
            look(line, payment.provider_ref, now=now)
    elif step == "reconcile":
        reconcile(now=now)
    else:
        with line.broken(step.removeprefix("send").strip() or None):
            run_jobs(now=now)
