"""A card is kept only by wish, charged once, announced before, and forgotten (C33, C35)."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts.models import Person
from app.booking.links import checkout_key, guest_url
from app.booking.mails import compose
from app.booking.reservations import cancel, get_for_update
from app.core.database import db
from app.core.outbox import MOST_ATTEMPTS, Job
from app.core.vault import vault
from app.core.worker import tidy
from app.payments import saved
from app.payments.apply import look
from app.payments.charging import AGAIN, SURELY_TOLD, charge_due
from app.payments.ledger import balance
from app.payments.models import BALANCE, LedgerEntry, SavedMeans
from app.payments.pay import start_payment
from app.payments.plan import NOTICE, Choice
from app.payments.provider import NotSent, Rejected, Unknown
from app.payments.refunds import KEY_LIFE
from tests.payments import till
from tests.payments.test_plan import DUE, REST, SHARE
from tests.payments.till import (
    TOTAL,
    attempts_of,
    begin,
    mails,
    pay_at_bank,
    pay_deposit,
    refunds_of,
    run_jobs,
)


@pytest.fixture
def firm_with(app, reservation, line, clock):
    """Make a reservation firm by a deposit with a kept card, which will do as is said."""
    till.ask_for_deposits()

    def firm(later="pay", *, keep=True):
        with app.test_request_context():
            pay_deposit(reservation, line, now=clock(), keep=keep, later=later)
        return reservation

    return firm


@pytest.fixture
def firm(firm_with):
    """A reservation whose card will be good."""
    return firm_with()


def work(clock, at):
    """Let the worker do its minute's round at an instant."""
    clock.set(at)
    db.session.rollback()
    tidy(at)
    run_jobs(now=at)


def announce(clock):
    """Let the worker tell the guest in time."""
    work(clock, DUE - NOTICE)


def told(reservation):
    return [one for one in mails(reservation) if one.startswith("balance")]


def balances(reservation):
    db.session.rollback()
    return [one for one in attempts_of(reservation) if one.part == BALANCE]


def kept(reservation):
    db.session.rollback()
    query = sa.select(SavedMeans).where(SavedMeans.reservation_id == reservation.id)
    return list(db.session.scalars(query))


def known_at_bank():
    db.session.rollback()
    with db.engine.connect() as books:
        return books.execute(sa.text("SELECT COUNT(*) FROM demo_bank_means")).scalar_one()


def charged_at_bank():
    """Return how often the bank really took the balance."""
    db.session.rollback()
    query = "SELECT COUNT(*) FROM demo_bank_payment WHERE state = 'paid' AND amount_minor = :rest"
    with db.engine.connect() as books:
        return books.execute(sa.text(query), {"rest": REST}).scalar_one()


# -- Keeping ------------------------------------------------------------------------------


@pytest.mark.clause("C03")
def test_nothing_is_kept_of_somebody_who_didn_t_ask(firm_with):
    reservation = firm_with(keep=False)

    assert kept(reservation) == []
    assert known_at_bank() == 0


@pytest.mark.clause("C03")
@pytest.mark.both_databases
def test_what_is_kept_are_two_names_at_the_provider_sealed(firm):
    [means] = kept(firm)

    row = db.session.execute(sa.text("SELECT customer, method, hint FROM saved_means")).one()
    assert means.customer.startswith("dc_")
    assert means.customer.encode() not in bytes(row.customer)
    assert means.method.encode() not in bytes(row.method)
    assert "0000" not in str(bytes(row.hint))


def test_the_same_news_again_keep_nothing_again(firm, line, clock):
    [deposit] = attempts_of(firm)
    look(line, deposit.provider_ref, now=clock())
    run_jobs(now=clock())

    assert len(kept(firm)) == 1
    assert known_at_bank() == 1


def test_a_deposit_that_goes_back_leaves_no_card_behind(app, reservation, line, clock):
    till.ask_for_deposits()
    with app.test_request_context():
        start_payment(reservation, choice=saved_choice(), now=clock())
    pay_at_bank(attempts_of(reservation)[0], now=clock())
    clock.move(timedelta(hours=1))
    till.book_instead(now=clock())
    [deposit] = attempts_of(reservation)
    look(line, deposit.provider_ref, now=clock())
    run_jobs(now=clock())

    assert [one.reason for one in refunds_of(deposit)] == ["late"]
    assert kept(reservation) == []
    assert known_at_bank() == 0


def saved_choice():
    return Choice("deposit", keep=True)


# -- Charging (C33) -----------------------------------------------------------------------


@pytest.mark.both_databases
def test_c33_the_balance_is_charged_on_its_day_once_and_said_three_days_before(firm, line, clock):
    work(clock, DUE - NOTICE - timedelta(minutes=1))
    assert told(firm) == []
    announce(clock)
    work(clock, DUE - timedelta(minutes=1))
    assert told(firm) == ["balance_saved_notice"]
    assert balances(firm) == []

    for minutes in (0, 1, 2, 60):
        work(clock, DUE + timedelta(minutes=minutes))

    [attempt] = balances(firm)
    assert (attempt.state, attempt.way, attempt.amount_minor) == ("paid", "kept", REST)
    assert line.keys("charge") == [f"charge:{attempt.id}"]
    assert (firm.paid_minor, charged_at_bank()) == (TOTAL, 1)
    assert told(firm) == ["balance_saved_notice", "balance_paid"]


def test_the_bank_is_told_an_id_an_amount_and_nobody_s_name(firm, line, clock):
    announce(clock)
    work(clock, DUE)

    [said] = [said for verb, said in line.calls if verb == "charge"]
    assert till.NAME not in repr(said)
    assert till.EMAIL not in repr(said)


def test_a_row_is_committed_before_the_card_is_charged(firm, line, clock):
    announce(clock)
    seen = []

    def look_meanwhile():
        seen.extend(one.state for one in balances(firm))
        db.session.rollback()

    line.before = look_meanwhile

    work(clock, DUE)

    assert seen == ["created"]
    assert [one.state for one in balances(firm)] == ["paid"]


def test_a_worker_that_stood_still_announces_first_and_gives_the_time_it_promised(firm, clock):
    work(clock, DUE + timedelta(hours=2))
    assert told(firm) == ["balance_saved_notice"]
    assert balances(firm) == []
    assert firm.balance_due_at >= DUE + timedelta(hours=2) + NOTICE - timedelta(hours=1)

    work(clock, firm.balance_due_at)

    assert [one.state for one in balances(firm)] == ["paid"]


def test_c33_a_declined_card_is_tried_once_more_a_day_later_and_then_the_link_alone(
    firm_with, line, clock
):
    firm = firm_with("decline")
    announce(clock)

    work(clock, DUE)
    assert told(firm)[1:] == ["balance_failed"]
    assert firm.balance_due_at > DUE + timedelta(days=2)
    work(clock, DUE + AGAIN - timedelta(minutes=1))
    assert len(balances(firm)) == 1
    for days in range(1, 6):
        work(clock, DUE + days * AGAIN)

    assert [one.state for one in balances(firm)] == ["failed", "failed"]
    assert len(set(line.keys("charge"))) == 2
    assert told(firm) == ["balance_saved_notice", "balance_failed", "balance_failed", "balance_due"]
    assert (kept(firm), known_at_bank()) == ([], 0)
    assert firm.status == "confirmed"


def test_c33_a_bank_that_wants_to_see_the_guest_isn_t_asked_again(firm_with, line, clock):
    firm = firm_with("ask")
    announce(clock)

    for days in range(4):
        work(clock, DUE + timedelta(days=days))

    assert len(line.keys("charge")) == 1
    assert told(firm)[:2] == ["balance_saved_notice", "balance_failed"]
    assert kept(firm) == []


def test_the_link_in_that_message_leads_to_paying(app, firm_with, visitor, line, clock):
    firm = firm_with("ask")
    announce(clock)
    work(clock, DUE)
    db.session.rollback()
    page = f"/checkout/{checkout_key(firm)}/pay"

    text = compose("balance_failed", firm, job=1, now=clock()).get_content()
    clock.move(timedelta(hours=1))
    there = visitor.press(page)
    back = visitor.press(f"{there.location}/pay")
    visitor.get(back.location)

    assert page in text
    assert "22 May 2031" in text
    assert (firm.paid_minor, told(firm)[-1]) == (TOTAL, "balance_paid")


@pytest.mark.both_databases
def test_c33_an_answer_that_was_lost_is_asked_for_under_the_same_key(firm, line, clock):
    announce(clock)
    with line.broken("mute"):
        work(clock, DUE)
    [attempt] = balances(firm)
    assert (attempt.state, attempt.unknown, charged_at_bank()) == ("created", True, 1)

    for minutes in (1, 2, 3, 20):
        work(clock, DUE + timedelta(minutes=minutes))

    assert set(line.keys("charge")) == {f"charge:{attempt.id}"}
    assert (firm.paid_minor, charged_at_bank()) == (TOTAL, 1)


def test_a_call_that_never_went_out_is_made_again_as_the_same_one(firm, line, clock):
    announce(clock)
    with line.broken("cut"):
        work(clock, DUE)
        work(clock, DUE + timedelta(minutes=1))

    work(clock, DUE + timedelta(minutes=2))

    [attempt] = balances(firm)
    assert line.keys("charge") == [f"charge:{attempt.id}"] * 3
    assert (attempt.state, charged_at_bank()) == ("paid", 1)


@pytest.mark.parametrize("happened", [True, False])
def test_after_a_day_of_silence_the_key_is_used_no_more_and_we_only_look(
    firm, line, clock, happened
):
    announce(clock)

    def silent(intent, saved, key):
        line.calls.append(("charge", {"key": key}))
        if happened and line.keys("charge") == [key]:
            super(till.Line, line).charge_saved(intent, saved, key)
        raise Unknown

    line.charge_saved = silent
    real = line.changes
    line.changes = lambda since: iter(())  # and it tells nothing of it, for a day
    at = DUE
    while at < DUE + KEY_LIFE:
        clock.set(at)
        charge_due(at)
        at += timedelta(hours=3)
    called = len(line.keys("charge"))
    line.changes = real

    clock.set(DUE + KEY_LIFE + timedelta(minutes=1))
    charge_due(clock())

    [attempt] = balances(firm)
    assert len(line.keys("charge")) == called
    assert set(line.keys("charge")) == {f"charge:{attempt.id}"}
    assert attempt.state == ("paid" if happened else "failed")
    assert firm.paid_minor == (TOTAL if happened else SHARE)
    assert told(firm)[-1] == ("balance_paid" if happened else "balance_failed")


def test_while_it_isn_t_known_whether_it_was_charged_nothing_else_can_be_paid(
    app, visitor, firm, line, clock
):
    announce(clock)
    with line.broken("mute"):
        work(clock, DUE)
        page = f"/checkout/{checkout_key(firm)}/pay"

        answer = visitor.press(page)

        assert answer.location == home_of(app, firm)
        assert "on its way" in visitor.get(home_of(app, firm)).text
    assert len(balances(firm)) == 1


def test_a_guest_on_the_bank_s_page_isn_t_charged_beside_it(app, firm, line, clock):
    announce(clock)
    clock.set(DUE - timedelta(minutes=5))
    with app.test_request_context():
        page = begin(firm, now=clock())

    work(clock, DUE)
    assert line.keys("charge") == []
    pay_at_bank(page, now=clock())
    work(clock, DUE + timedelta(minutes=40))

    assert (firm.paid_minor, line.keys("charge")) == (TOTAL, [])


def test_a_reservation_that_is_cancelled_meanwhile_isn_t_charged(firm, line, clock):
    announce(clock)
    with line.broken("cut"):
        work(clock, DUE)
    cancel(get_for_update(firm.id), expected_refund=None, now=clock())
    db.session.commit()

    work(clock, DUE + timedelta(minutes=1))
    assert balances(firm)[0].state == "created"  # until we know that nothing was taken
    for minutes in (5, 30):
        work(clock, DUE + timedelta(minutes=minutes))

    assert line.keys("charge") == [f"charge:{balances(firm)[0].id}"]
    assert (charged_at_bank(), balances(firm)[0].state) == (0, "failed")
    assert "balance_failed" not in told(firm)


def test_a_charge_that_reaches_us_after_the_cancellation_goes_back(firm, line, clock):
    announce(clock)
    with line.broken("mute"):
        work(clock, DUE)
    cancel(get_for_update(firm.id), expected_refund=None, now=clock())
    db.session.commit()

    work(clock, DUE + SURELY_TOLD + timedelta(minutes=1))

    [attempt] = balances(firm)
    assert len(line.keys("charge")) == 1
    assert [one.reason for one in refunds_of(attempt)] == ["surplus"]
    assert balance(attempt) == 0


def test_a_call_that_the_provider_doesn_t_understand_isn_t_repeated(firm, line, clock):
    announce(clock)

    def misunderstood(intent, saved, key):
        line.calls.append(("charge", {"key": key}))
        raise Rejected

    line.charge_saved = misunderstood
    for days in range(3):
        work(clock, DUE + timedelta(days=days))

    assert len(line.keys("charge")) == 1
    assert "balance_failed" in told(firm)


# -- Forgetting (C35) ---------------------------------------------------------------------


def home_of(app, reservation):
    with app.test_request_context():
        return guest_url(reservation)


def test_the_guest_takes_the_wish_back_by_one_button(app, visitor, firm, line, clock):
    home = home_of(app, firm)
    shown = visitor.get(home).text
    assert "Don’t keep my card" in shown
    assert "0000" in shown

    answer = visitor.press(home.replace("?", "/forget-card?"))
    run_jobs(now=clock())

    assert (answer.status_code, answer.location) == (303, home)
    assert (kept(firm), known_at_bank()) == ([], 0)
    assert "Don’t keep" not in visitor.get(home).text
    work(clock, DUE - timedelta(days=6))
    assert told(firm) == ["balance_due"]
    work(clock, DUE + timedelta(days=1))
    assert line.keys("charge") == []


def test_nobody_without_the_link_takes_it_back(visitor, firm, clock):
    answer = visitor.press(f"/reservations/{firm.reference}/forget-card?key=A")
    run_jobs(now=clock())

    assert answer.status_code == 404
    assert len(kept(firm)) == 1


@pytest.mark.both_databases
@pytest.mark.parametrize("because", ["paid", "cancelled"])
def test_a_card_is_forgotten_once_it_isn_t_needed(app, firm, line, clock, because):
    if because == "cancelled":
        cancel(get_for_update(firm.id), expected_refund=SHARE, now=clock())
        db.session.commit()
    else:
        with app.test_request_context():
            pay_at_bank(begin(firm, now=clock()), now=clock())
    work(clock, clock() + timedelta(minutes=40))
    run_jobs(now=clock())

    assert (kept(firm), known_at_bank()) == ([], 0)


def test_c35_forgetting_is_tried_until_the_provider_confirms_it(firm, line, clock):
    with line.broken("cut"):
        saved.end(firm.id, now=clock())
        db.session.commit()
        for _ in range(MOST_ATTEMPTS + 2):
            run_jobs(now=clock())
            clock.move(timedelta(days=2))
    query = sa.select(Job.attempts).where(Job.topic == "payments.forget")
    assert db.session.scalar(query) == MOST_ATTEMPTS
    assert len(kept(firm)) == 1
    assert saved.keeps_anything_of(firm.person_id)

    clock.set(clock().replace(minute=30))
    saved.try_again(clock())

    assert (kept(firm), known_at_bank()) == ([], 0)
    assert not saved.keeps_anything_of(firm.person_id)


def test_c35_an_answer_that_was_lost_is_no_confirmation(firm, line, clock):
    [deposit] = attempts_of(firm)
    payment_id = deposit.id
    saved.end(firm.id, now=clock())
    db.session.commit()
    with line.broken("mute"), pytest.raises(Unknown):
        saved.forget(payment_id)
    assert len(kept(firm)) == 1

    saved.forget(payment_id)
    saved.forget(payment_id)

    assert kept(firm) == []


def test_c35_erasing_a_person_deletes_the_card_at_the_provider_and_keeps_the_ledger(
    firm, line, clock
):
    person_id = firm.person_id
    saved.end_all_of(person_id, now=clock())
    db.session.commit()
    run_jobs(now=clock())
    assert not saved.keeps_anything_of(person_id)
    vault().destroy([person_id])

    lines = db.session.execute(sa.select(LedgerEntry.kind, LedgerEntry.amount_minor)).all()
    assert known_at_bank() == 0
    assert [tuple(one) for one in lines] == [("capture", SHARE)]


def test_c35_a_card_is_deleted_even_if_the_person_s_key_went_first(firm, line, clock):
    vault().destroy([firm.person_id])
    saved.end(firm.id, now=clock())
    db.session.commit()

    run_jobs(now=clock())

    assert (kept(firm), known_at_bank()) == ([], 0)


def test_somebody_who_was_erased_isn_t_charged(firm, line, clock):
    announce(clock)
    vault().destroy([firm.person_id])

    work(clock, DUE)

    assert line.keys("charge") == []
    assert db.session.get(Person, firm.person_id) is not None
    assert (kept(firm), known_at_bank()) == ([], 0)


def test_not_being_reached_is_an_error_that_is_tried_again(firm, line, clock):
    [deposit] = attempts_of(firm)
    payment_id = deposit.id
    saved.end(firm.id, now=clock())
    db.session.commit()

    with line.broken("cut"), pytest.raises(NotSent):
        saved.forget(payment_id)
