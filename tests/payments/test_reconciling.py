"""Nothing hangs on a notice: what is open is looked at, and what is over is closed."""

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.booking.holds import release_run_out
from app.booking.models import CONFIRMED, HELD, RELEASED
from app.core.database import db
from app.core.worker import _periodic
from app.payments.cli import payments_cli
from app.payments.models import SeenNotice
from app.payments.pay import PaymentUnanswered, start_payment
from app.payments.provider import NotSent
from app.payments.reconcile import close_attempt, periodic, reconcile
from tests.payments import till
from tests.payments.till import at_bank, attempt_of, begin, mails, pay_at_bank

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _in_a_request(app, place):
    with app.test_request_context():
        yield


@pytest.fixture
def attempt(reservation, clock):
    """A page that is open at the bank."""
    return begin(reservation, now=clock())


@pytest.mark.both_databases
def test_what_was_never_told_is_found(reservation, attempt, clock):
    pay_at_bank(attempt, now=clock())

    report = reconcile(now=clock.move(10 * MINUTE))

    assert reservation.status == CONFIRMED
    assert (report.attempts, report.moved, report.unreachable, report.failed) == (1, 1, 0, 0)
    assert db.session.scalars(sa.select(SeenNotice)).all() != []


def test_reconciling_again_changes_nothing(reservation, attempt, clock):
    pay_at_bank(attempt, now=clock())
    reconcile(now=clock())

    report = reconcile(now=clock())

    assert (report.attempts, report.moved, report.notices) == (0, 0, 0)
    assert mails(reservation) == ["confirmed"]


def test_late_money_on_a_page_that_was_given_up_is_found_by_its_notice(reservation, attempt, clock):
    pay_at_bank(attempt, now=clock())
    attempt.state = "expired"
    db.session.commit()

    reconcile(now=clock())

    assert reservation.status == CONFIRMED


def test_a_provider_that_is_down_is_reported_and_nothing_is_lost(reservation, attempt, line, clock):
    pay_at_bank(attempt, now=clock())

    with line.broken("cut"):
        report = reconcile(now=clock())
    again = reconcile(now=clock())

    assert report.unreachable > report.moved == 0
    assert again.moved == 1
    assert (attempt.state, reservation.status) == ("paid", CONFIRMED)


@pytest.mark.both_databases
def test_an_abandoned_attempt_ends_without_any_notice(reservation, attempt, clock):
    periodic(clock.move(31 * MINUTE))

    assert attempt.state == "expired"
    assert at_bank(attempt).state == "expired"


def test_an_attempt_that_never_had_a_page_ends_with_its_time(reservation, line, clock):
    with line.broken("mute"), pytest.raises(PaymentUnanswered):
        start_payment(reservation, now=clock())

    periodic(clock.move(29 * MINUTE))
    early = attempt_of(reservation).state
    periodic(clock.move(2 * MINUTE))

    assert (early, attempt_of(reservation).state) == ("created", "expired")


def test_while_its_time_lasts_a_page_stays_open(reservation, attempt, line, clock):
    periodic(clock.move(29 * MINUTE))

    assert attempt.state == "pending"
    assert "close" not in [verb for verb, _ in line.calls]


def test_what_was_paid_in_the_last_moment_counts(reservation, attempt, clock):
    pay_at_bank(attempt, now=clock.move(29 * MINUTE))

    periodic(clock.move(2 * MINUTE))

    assert (attempt.state, reservation.status) == ("paid", CONFIRMED)


def test_a_page_is_closed_before_its_places_go(reservation, attempt, line, clock):
    # Somebody who has held for two hours: the page would outlive the hold.
    reservation.held_until = clock() + 20 * MINUTE
    db.session.commit()

    periodic(clock.move(19 * MINUTE))

    assert reservation.held_until > clock()
    assert attempt.state == at_bank(attempt).state == "cancelled"


def test_while_the_provider_does_not_answer_the_places_are_kept_a_little_longer(
    reservation, attempt, line, clock
):
    end = reservation.held_until = clock() + 20 * MINUTE
    db.session.commit()

    with line.broken("mute"):
        periodic(clock.move(19 * MINUTE + timedelta(seconds=30)))

    assert reservation.held_until > end
    assert (attempt.state, reservation.status) == ("pending", HELD)


def test_money_on_its_way_is_not_closed(reservation, attempt, line, clock):
    pay_at_bank(attempt, now=clock(), state="processing")
    reconcile(now=clock())

    periodic(clock.move(timedelta(days=4)))
    close_attempt(attempt.id, now=clock())

    assert attempt.state == "processing"
    assert line.keys("close") == []


def test_a_released_hold_closes_its_page(reservation, attempt, clock):
    release_run_out(now=clock.move(36 * MINUTE))

    close_attempt(attempt.id, now=clock())

    assert (attempt.state, reservation.status) == ("expired", RELEASED)


def test_closing_that_fails_is_tried_again(attempt, line, clock):
    with line.broken("cut"), pytest.raises(NotSent):
        close_attempt(attempt.id, now=clock())
    state = attempt.state

    close_attempt(attempt.id, now=clock())

    assert (state, attempt.state) == ("pending", "cancelled")


def test_a_page_that_the_bank_does_not_know_does_not_block_another(reservation, attempt, clock):
    attempt.provider_ref = "db_of_a_restored_backup"
    db.session.commit()

    close_attempt(attempt.id, now=clock())
    again = start_payment(reservation, now=clock())

    assert attempt.state == "expired"
    assert again.startswith("/demo-bank/")


def test_every_ten_minutes_the_worker_reconciles(reservation, attempt, clock):
    pay_at_bank(attempt, now=clock())

    periodic(clock().replace(minute=7))
    before = attempt.state
    periodic(clock().replace(minute=20))

    assert (before, attempt.state) == ("pending", "paid")
    assert periodic in _periodic


def test_the_command_reports_to_programs_and_to_people(app, reservation, attempt, line, clock):
    pay_at_bank(attempt, now=clock())
    db.session.rollback()
    run = app.test_cli_runner().invoke

    told = run(payments_cli, ["reconcile", "--json"])
    plain = run(payments_cli, ["reconcile"])
    later = till.book(now=clock(), arrive=till.FIRST_DAY + timedelta(days=9))
    begin(later, now=clock())
    db.session.rollback()
    with line.broken("cut"):
        failed = run(payments_cli, ["reconcile"])

    assert json.loads(told.stdout)["moved"] == 1
    assert "attempts: 0" in plain.stdout
    assert (told.exit_code, plain.exit_code, failed.exit_code) == (0, 0, 1)
