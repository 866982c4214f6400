"""Whatever doesn't agree has a name and says what to do; what agrees is not in the list."""

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.booking.models import CANCELLED, RELEASED, Reservation
from app.booking.reservations import cancel, confirm, get_for_update
from app.core.database import db
from app.payments.apply import look
from app.payments.attempts import lock_payment
from app.payments.audit import audit
from app.payments.audit_words import WORDS
from app.payments.cli import payments_cli
from app.payments.compare import compare, look_again
from app.payments.models import LedgerEntry, Payment, Refund, SeenNotice
from app.payments.pay import start_payment
from app.payments.provider import Rejected
from app.payments.reconcile import reconcile
from app.payments.refunds import request_refund
from tests.payments import till
from tests.payments.disputing import Questioned
from tests.payments.till import (
    TOTAL,
    attempt_of,
    bank_says,
    begin,
    by_hand,
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


@pytest.fixture
def payment(reservation, line, clock):
    """What a confirmed reservation was paid with."""
    attempt = begin(reservation, now=clock())
    pay_at_bank(attempt, now=clock())
    look(line, attempt.provider_ref, now=clock())
    return attempt


def found(now):
    """Return the names of what doesn't agree here."""
    db.session.rollback()
    db.session.expire_all()
    return [one.code for one in audit(now=now).mismatches]


def ask(payment, minor, *, now, **more):
    """Ask for a refund, and send it."""
    refund = request_refund(
        lock_payment(payment.id), minor, **{"reason": "owner", "now": now, **more}
    )
    db.session.commit()
    run_jobs(now=now)
    return refund


def change(statement):
    """Spoil a row behind everybody's back."""
    db.session.execute(statement)
    db.session.commit()


# -- What agrees ------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_a_whole_story_agrees_at_every_step(reservation, line, clock):
    steps = [found(clock())]
    attempt = begin(reservation, now=clock())
    steps.append(found(clock()))
    pay_at_bank(attempt, now=clock())
    look(line, attempt.provider_ref, now=clock())
    steps.append(found(clock()))
    ask(attempt, 100, now=clock())
    steps.append(found(clock()))
    cancel(get_for_update(reservation.id), expected_refund=None, now=clock())
    db.session.commit()
    steps.append(found(clock()))
    run_jobs(now=clock())
    steps.append(found(clock()))

    assert steps == [[]] * len(steps)
    assert compare(now=clock()) == []


def test_money_that_came_too_late_and_went_back_agrees(reservation, line, clock):
    attempt = begin(reservation, now=clock())
    pay_at_bank(attempt, now=clock())
    ref = attempt.provider_ref
    till.book_instead(now=clock.move(timedelta(hours=30)))
    look(line, ref, now=clock())
    run_jobs(now=clock())

    assert [one.reason for one in refunds_of(attempt)] == ["late"]
    assert found(clock()) == []


def test_a_booking_that_was_never_paid_here_is_counted_and_no_mismatch(reservation, clock):
    confirm(get_for_update(reservation.id), now=clock())
    db.session.commit()

    assert audit(now=clock()).mismatches == ()
    assert audit(now=clock()).elsewhere == 1


def test_nothing_is_written_by_comparing(payment, line, clock, count_queries):
    db.session.rollback()
    with count_queries() as sent:
        audit(now=clock())
        compare(now=clock())

    written = [one for one in sent if one.split()[0] not in ("SELECT", "PRAGMA", "BEGIN")]
    assert written == []


# -- What doesn't ------------------------------------------------------------------------------


def test_money_without_a_booking_is_named(reservation, payment, clock):
    change(sa.update(Reservation).values(status=RELEASED, paid_minor=0).where(Reservation.id > 0))

    assert "paid_not_firm" in found(clock())


def test_another_sum_than_what_was_paid_is_named(reservation, payment, clock):
    change(sa.update(Reservation).values(paid_minor=TOTAL - 1))

    assert found(clock()) == ["paid_differs"]
    (one,) = audit(now=clock()).mismatches
    assert (one.reference, one.found, one.expected) == (reservation.reference, TOTAL, TOTAL - 1)


def test_a_firm_booking_whose_attempt_was_never_paid_is_named(reservation, line, clock):
    begin(reservation, now=clock())
    confirm(get_for_update(reservation.id), now=clock())
    db.session.commit()

    assert found(clock()) == ["firm_unpaid"]


@pytest.mark.both_databases
def test_a_ledger_that_says_something_else_is_named(payment, clock):
    db.session.add(
        LedgerEntry(
            source="by mistake",
            payment_id=payment.id,
            kind="refund",
            debit="guests",
            credit="provider",
            amount_minor=7,
            currency="EUR",
            at=clock(),
        )
    )
    db.session.commit()

    assert found(clock()) == ["ledger"]
    (one,) = audit(now=clock()).mismatches
    assert (one.found, one.expected) == (TOTAL - 7, TOTAL)


def test_a_refund_that_failed_is_named_until_it_was_made_good(payment, line, clock):
    refund = ask(payment, 100, now=clock())
    bank_says(refund.provider_ref, "failed")
    look(line, payment.provider_ref, now=clock.move(DAY))
    failed = found(clock())

    ask(payment, 100, now=clock.move(DAY))

    assert failed == ["refund_failed"]
    assert found(clock()) == []


def test_a_refund_that_never_ends_is_named(payment, line, clock):
    with line.broken("cut"):
        ask(payment, 100, now=clock())

        assert found(clock.move(2 * DAY)) == ["refund_stuck"]


def test_less_than_was_promised_is_named(reservation, payment, clock):
    cancel(get_for_update(reservation.id), expected_refund=None, now=clock())
    db.session.commit()
    change(sa.update(Refund).values(amount_minor=TOTAL - 5))

    assert "less_than_promised" in found(clock())
    assert db.session.get(Reservation, reservation.id).status == CANCELLED


def test_all_of_it_sent_back_at_the_provider_is_named_until_the_stay_begins(
    reservation, payment, line, clock
):
    by_hand(payment, TOTAL, now=clock())
    look(line, payment.provider_ref, now=clock())

    assert found(clock()) == ["all_back_but_firm"]
    assert found(reservation.first_start) == []


@pytest.mark.parametrize(
    ("state", "named"),
    [("open", ["dispute_open"]), ("inquiry", ["dispute_inquiry"]), ("won", []), ("lost", [])],
)
def test_a_dispute_is_named_while_it_waits(payment, line, clock, state, named):
    due = clock() + 5 * DAY
    line.dispute(payment, state, due=due)
    look(line, payment.provider_ref, now=clock())

    assert found(clock()) == named
    assert all(one.until == due for one in audit(now=clock()).mismatches)


def test_money_to_be_reviewed_is_named_until_it_is_gone(reservation, line, clock):
    attempt = begin(reservation, now=clock())
    change(sa.text("UPDATE demo_bank_payment SET amount_minor = amount_minor + 1"))
    pay_at_bank(attempt, now=clock())
    look(line, attempt.provider_ref, now=clock())
    named = found(clock())

    ask(attempt, TOTAL + 1, now=clock())

    assert named == ["review"]
    assert found(clock()) == []


def test_an_overdue_balance_is_named(reservation, payment, clock):
    change(
        sa.update(Reservation).values(
            deposit_minor=100, balance_due_at=clock() + DAY, paid_minor=100
        )
    )
    change(sa.update(Payment).values(part="deposit", amount_minor=100, captured_minor=100))

    assert "balance_overdue" not in found(clock())
    assert "balance_overdue" in found(clock.move(2 * DAY))


def test_an_attempt_that_never_ends_is_named(reservation, line, clock):
    begin(reservation, now=clock())

    assert found(clock()) == []
    assert found(clock.move(2 * DAY)) == ["attempt_open"]


def test_a_call_that_was_never_answered_is_named(reservation, line, clock):
    with line.broken("mute"), pytest.raises(Exception, match="hasn’t answered"):
        start_payment(reservation, now=clock())

    assert attempt_of(reservation).unknown
    assert found(clock.move(2 * DAY)) == ["unanswered"]


def test_notices_of_nothing_we_know_are_named_for_a_week(place, clock):
    notice = {"provider": "demo", "refs": ["db_x"], "resolved": False, "at": clock()}
    db.session.add_all([SeenNotice(event_id=f"e{n}", **notice) for n in range(2)])
    db.session.commit()

    (one,) = audit(now=clock()).mismatches
    assert (one.code, one.found, one.detail) == ("notice_unknown", 2, "demo")
    assert found(clock.move(8 * DAY)) == []


def test_places_that_are_not_the_lines_are_named(payment, clock):
    change(sa.text("UPDATE night SET taken = taken - 1"))

    assert set(found(clock())) == {"places"}


# -- The provider ------------------------------------------------------------------------------


def test_what_the_provider_says_otherwise_is_named_and_looking_again_mends_it(payment, line, clock):
    by_hand(payment, 100, now=clock())
    line.dispute(payment, "open", minor=500)
    db.session.rollback()

    (before,) = compare(now=clock())
    after = look_again(payment.id, now=clock())

    assert (before.code, before.detail) == ("provider_differs", "refunded")
    assert (before.expected, before.found) == (0, 100)
    assert after is None
    assert compare(now=clock()) == []


def test_a_payment_that_we_missed_is_named(reservation, line, clock):
    attempt = begin(reservation, now=clock())
    pay_at_bank(attempt, now=clock())

    (one,) = compare(now=clock())

    assert (one.code, one.detail, one.expected, one.found) == (
        "provider_differs",
        "captured",
        0,
        TOTAL,
    )


def test_a_provider_that_is_silent_or_knows_nothing_is_named(payment, line, clock):
    db.session.rollback()
    with line.broken("cut"):
        silent = [one.code for one in compare(now=clock())]
    change(sa.update(Payment).values(provider_ref="db_gone"))

    assert silent == ["provider_silent"]
    assert [one.code for one in compare(now=clock())] == ["provider_unknown"]
    with pytest.raises(Rejected):
        look_again(payment.id, now=clock())


# -- The command -------------------------------------------------------------------------------


def test_the_command_names_each_for_programs_and_people_and_fails(app, payment, clock):
    change(sa.update(Reservation).values(paid_minor=1))
    reference = db.session.scalar(sa.select(Reservation.reference))
    db.session.rollback()
    run = app.test_cli_runner().invoke

    told = run(payments_cli, ["reconcile", "--json"])
    plain = run(payments_cli, ["reconcile"])

    (one,) = json.loads(told.stdout)["mismatches"]
    assert (one["code"], one["reference"]) == ("paid_differs", reference)
    assert one["words"]
    assert one["to_do"]
    assert "paid_differs: What counts as paid" in plain.stdout
    assert f"found €{TOTAL / 100:.2f}, expected €0.01" in plain.stdout
    assert (told.exit_code, plain.exit_code) == (1, 1)


def test_the_command_is_content_where_all_agrees(app, payment, clock):
    reconcile(now=clock())
    db.session.rollback()

    told = app.test_cli_runner().invoke(payments_cli, ["reconcile"])

    assert "mismatches: 0" in told.stdout
    assert told.exit_code == 0


def test_every_name_has_its_words():
    assert all(said.what.endswith(".") and said.do.endswith(".") for said in WORDS.values())
