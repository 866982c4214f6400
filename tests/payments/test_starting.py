"""Going to pay: one open page for one reservation, never a lock during a call, no dead end."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.booking.holds import HOLD_MOST
from app.booking.links import guest_url
from app.booking.models import CANCELLED, CONFIRMED, HELD
from app.booking.reservations import HoldPassed, ReservationCancelled, get_for_update
from app.core.database import db
from app.payments.models import Payment, Refund
from app.payments.pay import (
    PaymentRefused,
    PaymentUnanswered,
    PaymentUnavailable,
    PaymentUnderReview,
    start_payment,
)
from app.payments.provider import Declined
from app.payments.reconcile import reconcile
from tests.payments import till
from tests.payments.till import TOTAL, at_bank, attempt_of, attempts_of, begin, pay_at_bank

HALF_AN_HOUR = timedelta(minutes=30)


@pytest.fixture(autouse=True)
def _in_a_request(app, place):
    with app.test_request_context():
        yield


def test_an_attempt_is_committed_before_the_call_and_no_transaction_is_open_during_it(
    reservation, line, clock
):
    seen = []

    def look_from_outside():
        # The bank's own connection writes as well: it would wait for ours for ever.
        with db.engine.begin() as other:
            seen.append(other.execute(sa.text("SELECT state, amount_minor FROM payment")).one())
        seen.append(db.session().in_transaction())

    line.before = look_from_outside
    start_payment(reservation, now=clock())

    assert seen == [("created", TOTAL), False]
    assert attempt_of(reservation).state == "pending"


def test_a_call_is_keyed_by_its_verb_and_row(reservation, line, clock):
    attempt = begin(reservation, now=clock())

    assert line.keys("start") == [f"start:{attempt.id}"]


def test_a_second_click_gets_the_same_page(reservation, line, clock):
    first = start_payment(reservation, now=clock())
    second = start_payment(reservation, now=clock.move(timedelta(minutes=5)))

    assert first == second
    assert len(line.keys("start")) == len(attempts_of(reservation)) == 1


def test_two_tabs_at_the_same_moment_get_the_same_page(reservation, line, clock):
    urls = []
    line.before = lambda: urls.append(start_payment(reservation, now=clock()))

    urls.append(start_payment(reservation, now=clock()))

    assert urls[0] == urls[1]
    assert len(attempts_of(reservation)) == 1


def test_a_page_for_another_amount_is_closed_before_a_new_one_is_made(reservation, line, clock):
    old = begin(reservation, now=clock())
    reservation.total_minor += 500
    db.session.commit()

    new = begin(reservation, now=clock.move(timedelta(minutes=1)))

    assert (old.state, new.state) == ("cancelled", "pending")
    assert new.amount_minor == TOTAL + 500
    assert [verb for verb, _ in line.calls] == ["start", "close", "start"]
    assert line.keys("start")[0] != line.keys("start")[1]


def test_what_was_paid_on_the_page_that_is_closed_counts(reservation, line, clock):
    attempt = begin(reservation, now=clock())
    pay_at_bank(attempt, now=clock())

    # Its page is about to close, so another one would be made.
    url = start_payment(reservation, now=clock.move(timedelta(minutes=29, seconds=30)))

    assert reservation.status == CONFIRMED
    assert url == guest_url(reservation)
    assert len(attempts_of(reservation)) == 1


def test_the_hold_outlives_the_page(reservation, clock):
    now = clock.move(timedelta(minutes=20))

    attempt = begin(reservation, now=now)

    assert attempt.expires_at == now + HALF_AN_HOUR
    assert reservation.held_until >= now + timedelta(minutes=31)


def test_a_hold_is_not_renewed_for_ever(reservation, clock):
    begin_of_hold, end = reservation.held_since, reservation.held_since + HOLD_MOST

    while clock() < end - timedelta(minutes=15):
        begin(reservation, now=clock.move(timedelta(minutes=10)))

    assert reservation.held_until == begin_of_hold + HOLD_MOST


def test_a_hold_that_ran_out_is_not_paid(reservation, line, clock):
    with pytest.raises(HoldPassed):
        start_payment(reservation, now=clock.move(timedelta(minutes=36)))

    assert line.calls == []


def test_a_cancelled_reservation_is_not_paid(reservation, line, clock):
    reservation.status = CANCELLED
    db.session.commit()

    with pytest.raises(ReservationCancelled):
        start_payment(reservation, now=clock())

    assert line.calls == []


def test_booking_again_after_an_abandoned_payment_does_not_skip_paying(reservation, clock):
    begin(reservation, now=clock())
    later = clock.move(timedelta(hours=1))

    again = till.book_instead(now=later)
    begin(again, now=later)

    assert again.status == HELD
    assert attempt_of(again).state == "pending"


def test_a_total_of_nothing_never_reaches_a_provider(place, line, clock):
    db.session.execute(sa.text("UPDATE rate SET minor = 0"))
    db.session.execute(sa.text("UPDATE venue SET catalogue_version = catalogue_version + 1"))
    db.session.commit()
    free = till.book(now=clock())

    url = start_payment(free, now=clock())

    assert free.status == CONFIRMED
    assert url == guest_url(free)
    assert line.calls == attempts_of(free) == []


def test_a_confirmed_reservation_is_not_paid_twice(reservation, line, clock):
    attempt = begin(reservation, now=clock())
    pay_at_bank(attempt, now=clock())
    reconcile(now=clock())

    url = start_payment(reservation, now=clock())

    assert url == guest_url(reservation)
    assert len(line.keys("start")) == 1


def test_while_money_is_on_its_way_no_other_payment_is_begun(reservation, line, clock):
    attempt = begin(reservation, now=clock())
    pay_at_bank(attempt, now=clock(), state="processing")
    reconcile(now=clock())

    url = start_payment(reservation, now=clock.move(timedelta(hours=5)))

    assert "/return" in url
    assert len(line.keys("start")) == 1


# -- When the provider is down -------------------------------------------------------------


def test_when_the_provider_is_down_the_hold_goes_on_and_trying_again_works(
    reservation, line, clock
):
    with line.broken("cut"), pytest.raises(PaymentUnavailable):
        start_payment(reservation, now=clock())
    kept = reservation.held_until

    url = start_payment(reservation, now=clock.move(timedelta(minutes=3)))

    assert kept > clock()
    assert url.startswith("/demo-bank/")
    assert [attempt.state for attempt in attempts_of(reservation)] == ["expired", "pending"]


def test_an_answer_that_was_lost_is_asked_for_again_under_the_same_key(reservation, line, clock):
    with line.broken("mute"), pytest.raises(PaymentUnanswered):
        start_payment(reservation, now=clock())
    assert attempt_of(reservation).unknown

    start_payment(reservation, now=clock.move(timedelta(minutes=3)))

    attempt = attempt_of(reservation)
    assert (attempt.state, attempt.unknown) == ("pending", False)
    assert line.keys("start") == [f"start:{attempt.id}"] * 2
    first, second = [said["intent"] for verb, said in line.calls if verb == "start"]
    assert first == second


def test_a_key_that_never_answers_is_given_up_with_its_row(reservation, line, clock):
    for _ in range(3):
        with line.broken("mute"), pytest.raises(PaymentUnanswered):
            start_payment(reservation, now=clock.move(timedelta(minutes=1)))

    start_payment(reservation, now=clock.move(timedelta(minutes=1)))

    assert [attempt.state for attempt in attempts_of(reservation)] == ["expired", "pending"]
    assert len(set(line.keys("start"))) == 2


def test_a_page_made_for_an_attempt_that_was_given_up_is_closed(reservation, line, clock):
    def meanwhile():
        attempt = attempt_of(reservation)
        get_for_update(reservation.id)
        attempt.state = "expired"
        db.session.commit()

    line.before = meanwhile
    with pytest.raises(PaymentUnavailable):
        start_payment(reservation, now=clock())

    assert at_bank(attempt_of(reservation)).state == "cancelled"


def test_a_payment_that_the_provider_refuses_ends_and_is_explained(
    reservation, line, clock, monkeypatch
):
    def refuse(*_, **__):
        raise Declined("amount_too_small")

    with monkeypatch.context() as patch:
        patch.setattr(line, "start", refuse)
        with pytest.raises(PaymentRefused) as refused:
            start_payment(reservation, now=clock())

    assert attempt_of(reservation).state == "failed"
    assert "Nothing has been charged" in str(refused.value)
    assert start_payment(reservation, now=clock()).startswith("/demo-bank/")


def test_nobody_pays_again_while_a_payment_is_reviewed(reservation, line, clock):
    attempt = begin(reservation, now=clock())
    attempt.state, attempt.review = "review", "amount"
    db.session.commit()

    with pytest.raises(PaymentUnderReview):
        start_payment(reservation, now=clock())

    assert len(line.keys("start")) == 1


@pytest.mark.parametrize(("currency", "minor"), [("JPY", 500), ("KWD", 1250), ("EUR", 1)])
def test_minor_units_arrive_at_the_bank_as_they_are(reservation, clock, currency, minor):
    reservation.currency, reservation.total_minor = currency, minor
    db.session.commit()

    payment = at_bank(begin(reservation, now=clock()))

    assert (payment.amount_minor, payment.currency) == (minor, currency)


# -- What leaves the house -----------------------------------------------------------------


@pytest.mark.clause("C21")
@pytest.mark.clause("C22")
def test_nothing_personal_leaves(reservation, line, clock):
    attempt = begin(reservation, now=clock())

    told = repr(line.calls) + repr(vars(at_bank(attempt)))

    assert attempt.id in told
    for canary in (*till.NAME.split(), till.EMAIL, till.PHONE, "Reed Room", reservation.person_id):
        assert canary not in told


@pytest.mark.clause("C03")
def test_no_column_could_hold_a_card_number():
    names = {column.name for table in (Payment, Refund) for column in table.__table__.columns}

    assert not {name for name in names if "card" in name or "pan" in name.split("_")}
