"""Whatever a provider says, in whatever order: one confirmation, or every cent goes back."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.booking.holds import HOLD_TIME
from app.booking.models import CANCELLED, CONFIRMED, HELD, RELEASED
from app.booking.reservations import cancel, get_for_update, prove
from app.core.database import db
from app.core.money import Money
from app.payments.apply import EnvironmentMismatch, apply, look
from app.payments.demo import bank
from app.payments.models import LedgerEntry
from app.payments.pay import start_payment
from app.payments.reconcile import reconcile
from tests.payments import till
from tests.payments.till import (
    TOTAL,
    attempt_of,
    attempts_of,
    begin,
    ledger_of,
    mails,
    pay_at_bank,
    refunds_of,
    run_jobs,
)

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _in_a_request(app, place):
    with app.test_request_context():
        yield


@pytest.fixture
def attempt(reservation, clock):
    """A page that is open at the bank."""
    return begin(reservation, now=clock())


def snapshot_of(attempt, line):
    """Return what is true at the bank."""
    ref = attempt.provider_ref
    db.session.rollback()
    return line.fetch(ref)


def hear(snapshot, line, *, now):
    """Apply a snapshot, and commit."""
    db.session.rollback()
    apply(snapshot, provider=line, now=now)
    db.session.commit()


def test_paid_is_confirmed(reservation, attempt, line, clock):
    pay_at_bank(attempt, now=clock())

    look(line, attempt.provider_ref, now=clock())

    assert reservation.status == CONFIRMED
    assert (attempt.state, attempt.captured_minor) == ("paid", TOTAL)
    assert attempt.redirect_url is None
    assert ledger_of(attempt) == [("capture", TOTAL)]


@pytest.mark.both_databases
def test_the_same_news_three_times_confirms_and_mails_once(reservation, attempt, line, clock):
    pay_at_bank(attempt, now=clock())

    for _ in range(3):
        look(line, attempt.provider_ref, now=clock.move(HOUR))

    assert mails(reservation) == ["confirmed"]
    assert ledger_of(attempt) == [("capture", TOTAL)]


@pytest.mark.both_databases
def test_old_news_changes_nothing(reservation, attempt, line, clock):
    early = snapshot_of(attempt, line)
    pay_at_bank(attempt, now=clock(), state="processing")
    later = snapshot_of(attempt, line)
    pay_at_bank(attempt, now=clock())
    hear(snapshot_of(attempt, line), line, now=clock())

    for stale in (early, later, early):
        hear(stale, line, now=clock())

    assert attempt.state == "paid"
    assert reservation.status == CONFIRMED
    assert mails(reservation) == ["confirmed"]


@pytest.mark.clause("C03")
def test_of_a_card_only_a_hint_is_kept_and_that_is_sealed(attempt, line, clock):
    pay_at_bank(attempt, now=clock())
    look(line, attempt.provider_ref, now=clock())

    stored = db.session.scalar(sa.text("SELECT method_hint FROM payment"))

    assert attempt.method_hint == bank.CARD
    assert b"0000" not in bytes(stored)


# -- Doubt ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "because"),
    [
        ({"captured": Money(TOTAL - 1, "EUR")}, "amount"),
        ({"captured": Money(TOTAL + 1, "EUR")}, "amount"),
        ({"asked": Money(TOTAL - 1, "EUR"), "captured": Money(TOTAL - 1, "EUR")}, "amount"),
        ({"captured": Money(0, "EUR")}, "amount"),
        ({"asked": Money(TOTAL, "USD"), "captured": Money(TOTAL, "USD")}, "currency"),
        ({"payment_id": "another"}, "payment_id"),
        ({"ref": "another"}, "reference"),
    ],
)
def test_what_does_not_match_is_never_confirmed(
    reservation, attempt, line, clock, changed, because
):
    pay_at_bank(attempt, now=clock())
    wrong = replace(snapshot_of(attempt, line), **changed)

    hear(wrong, line, now=clock())

    assert reservation.status == HELD
    assert (attempt.state, attempt.review) == ("review", because)
    assert mails(reservation) == []


def test_a_price_that_changed_since_is_reviewed(reservation, attempt, line, clock):
    pay_at_bank(attempt, now=clock())
    reservation.total_minor += 1
    db.session.commit()

    look(line, attempt.provider_ref, now=clock())

    assert reservation.status == HELD
    assert (attempt.state, attempt.review) == ("review", "total")
    assert attempt.captured_minor == TOTAL


def test_money_in_doubt_is_in_the_ledger_once(attempt, line, clock):
    pay_at_bank(attempt, now=clock())
    wrong = replace(snapshot_of(attempt, line), captured=Money(TOTAL - 1, "EUR"))

    hear(wrong, line, now=clock())
    hear(wrong, line, now=clock())

    assert ledger_of(attempt) == [("capture", TOTAL - 1)]
    assert attempt.captured_minor == TOTAL - 1


def test_foreign_money_is_not_counted_as_ours(attempt, line, clock):
    pay_at_bank(attempt, now=clock())
    other = Money(TOTAL, "USD")
    foreign = replace(snapshot_of(attempt, line), asked=other, captured=other)
    for _ in range(2):
        hear(foreign, line, now=clock())

    entry = db.session.scalars(sa.select(LedgerEntry)).one()

    assert (entry.amount_minor, entry.currency) == (TOTAL, "USD")
    assert attempt.captured_minor == 0


def test_real_money_on_a_test_site_is_refused(reservation, attempt, line, clock):
    pay_at_bank(attempt, now=clock())
    live = replace(snapshot_of(attempt, line), live=True)

    with pytest.raises(EnvironmentMismatch):
        hear(live, line, now=clock())

    db.session.rollback()
    assert (attempt.state, reservation.status) == ("pending", HELD)


# -- Too late ------------------------------------------------------------------------------


def test_paid_after_the_hold_and_still_free_is_confirmed(reservation, attempt, line, clock):
    pay_at_bank(attempt, now=clock())

    look(line, attempt.provider_ref, now=clock.move(HOUR))

    assert reservation.status == CONFIRMED
    assert prove(now=clock()) == []


@pytest.mark.both_databases
def test_paid_after_the_hold_was_released_takes_the_places_again(reservation, attempt, line, clock):
    pay_at_bank(attempt, now=clock())
    till.release_run_out(now=clock.move(HOUR))
    assert db.session.get(type(reservation), reservation.id).status == RELEASED

    look(line, attempt.provider_ref, now=clock())

    assert reservation.status == CONFIRMED
    assert prove(now=clock()) == []


@pytest.mark.both_databases
def test_paid_after_somebody_else_booked_goes_back_in_full_once(reservation, attempt, line, clock):
    pay_at_bank(attempt, now=clock())
    other = till.book_instead(now=clock.move(HOUR))

    for _ in range(3):
        look(line, attempt.provider_ref, now=clock())
        run_jobs(now=clock())

    (refund,) = refunds_of(attempt)
    assert (refund.amount_minor, refund.state, refund.reason) == (TOTAL, "succeeded", "late")
    assert ledger_of(attempt) == [("capture", TOTAL), ("refund", -TOTAL)]
    assert (reservation.status, other.status) == (RELEASED, HELD)
    assert mails(reservation) == ["payment_late_refunded"]
    assert prove(now=clock()) == []


def test_paid_after_the_page_was_closed_here_still_counts(reservation, attempt, line, clock):
    pay_at_bank(attempt, now=clock())
    attempt.state = "expired"
    db.session.commit()

    look(line, attempt.provider_ref, now=clock())

    assert (attempt.state, reservation.status) == ("paid", CONFIRMED)


def test_paid_on_a_cancelled_reservation_goes_back(reservation, attempt, line, clock):
    pay_at_bank(attempt, now=clock())
    reservation.status = CANCELLED
    db.session.commit()

    look(line, attempt.provider_ref, now=clock())
    run_jobs(now=clock())

    assert [refund.amount_minor for refund in refunds_of(attempt)] == [TOTAL]
    assert reservation.status == CANCELLED
    assert mails(reservation) == ["payment_late_refunded"]


@pytest.mark.both_databases
def test_of_two_payments_for_one_reservation_one_goes_back_whole(reservation, attempt, line, clock):
    # The first page was given up here, and paid on all the same.
    attempt.state = "expired"
    db.session.commit()
    second = begin(reservation, now=clock.move(timedelta(minutes=1)))
    for each in (attempt, second):
        pay_at_bank(each, now=clock())

    for each in (second, attempt, second, attempt):
        look(line, each.provider_ref, now=clock())
        run_jobs(now=clock())

    assert reservation.status == CONFIRMED
    assert refunds_of(second) == []
    assert [r.amount_minor for r in refunds_of(attempt)] == [TOTAL]
    assert mails(reservation).count("confirmed") == 1
    assert mails(reservation).count("payment_late_refunded") == 1


def test_once_it_is_paid_no_other_page_stays_open(reservation, attempt, line, clock):
    pay_at_bank(attempt, now=clock())
    attempt.state = "expired"
    db.session.commit()
    second = begin(reservation, now=clock.move(timedelta(minutes=1)))

    look(line, attempt.provider_ref, now=clock())
    run_jobs(now=clock())

    assert reservation.status == CONFIRMED
    assert second.state == "cancelled"


def test_paid_and_cancelled_and_told_again_stays_cancelled(reservation, attempt, line, clock):
    pay_at_bank(attempt, now=clock())
    look(line, attempt.provider_ref, now=clock())
    cancel(get_for_update(reservation.id), expected_refund=TOTAL, now=clock())
    db.session.commit()

    look(line, attempt.provider_ref, now=clock())
    run_jobs(now=clock())

    assert reservation.status == CANCELLED
    assert [r.amount_minor for r in refunds_of(attempt)] == [TOTAL]


# -- Slow money ----------------------------------------------------------------------------


def test_while_money_is_on_its_way_places_are_kept_and_the_guest_is_told(
    reservation, attempt, line, clock
):
    pay_at_bank(attempt, now=clock(), state="processing")

    for _ in range(2):
        look(line, attempt.provider_ref, now=clock())

    assert attempt.state == "processing"
    assert reservation.held_until == clock() + line.caps.processing
    assert mails(reservation) == ["payment_processing"]


def test_slow_money_that_arrives_confirms(reservation, attempt, line, clock):
    pay_at_bank(attempt, now=clock(), state="processing")
    look(line, attempt.provider_ref, now=clock())
    pay_at_bank(attempt, now=clock.move(timedelta(days=2)))

    look(line, attempt.provider_ref, now=clock())

    assert reservation.status == CONFIRMED
    assert mails(reservation) == ["payment_processing", "confirmed"]


def test_slow_money_that_never_arrives_frees_the_places_soon_and_the_guest_is_told(
    reservation, attempt, line, clock
):
    pay_at_bank(attempt, now=clock(), state="processing")
    look(line, attempt.provider_ref, now=clock())
    pay_at_bank(attempt, now=clock.move(HOUR), state="failed")

    look(line, attempt.provider_ref, now=clock())

    assert attempt.state == "failed"
    assert reservation.held_until == clock() + HOLD_TIME
    assert mails(reservation) == ["payment_processing", "payment_failed"]


def test_places_are_not_kept_for_slow_money_beyond_the_arrival(place, line, clock):
    soon = till.book(now=clock(), arrive=clock().date() + timedelta(days=1))
    attempt = begin(soon, now=clock())
    pay_at_bank(attempt, now=clock(), state="processing")

    look(line, attempt.provider_ref, now=clock())

    assert soon.held_until == soon.first_start


def test_declined_leaves_the_hold_and_another_try(reservation, attempt, line, clock):
    pay_at_bank(attempt, now=clock(), state="failed")
    reconcile(now=clock())

    url = start_payment(reservation, now=clock.move(timedelta(minutes=1)))

    assert url.startswith("/demo-bank/")
    assert [each.state for each in attempts_of(reservation)] == ["failed", "pending"]
    assert mails(reservation) == []
    assert attempt_of(reservation).id != attempt.id
