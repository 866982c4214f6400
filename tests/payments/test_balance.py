"""What is left after a deposit is told once, paid by a link, and given back as was promised."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.booking.cancellation import CancellationPolicy, Tier
from app.booking.links import checkout_key, guest_url
from app.booking.mails import compose
from app.booking.models import CANCELLED, CONFIRMED, Reservation
from app.booking.reservations import cancel, get_for_update, refund_if_cancelled
from app.core.database import db
from app.core.datamap import Kind
from app.core.vault import vault
from app.core.worker import tidy
from app.payments.apply import apply, look
from app.payments.attempts import needs_a_look
from app.payments.balances import remind
from app.payments.due import outstanding
from app.payments.ledger import balance
from app.payments.models import BALANCE
from app.payments.pay import start_payment
from app.payments.reconcile import reconcile
from tests.payments import till
from tests.payments.test_plan import DUE, REST, SHARE, seen
from tests.payments.till import (
    TOTAL,
    attempt_of,
    attempts_of,
    begin,
    mails,
    pay_at_bank,
    pay_deposit,
    refunds_of,
    run_jobs,
)

LANGUAGES = ("en", "zh", "de", "fr")


@pytest.fixture
def firm(app, reservation, line, clock):
    """A reservation that a deposit made firm."""
    till.ask_for_deposits()
    with app.test_request_context():
        pay_deposit(reservation, line, now=clock())
    return reservation


@pytest.fixture
def page(firm):
    """The address at which its balance is paid."""
    return f"/checkout/{checkout_key(firm)}/pay"


def home_of(app, reservation):
    with app.test_request_context():
        return guest_url(reservation)


def told(reservation):
    """Return what was told of the balance, in order."""
    return [one for one in mails(reservation) if one.startswith("balance")]


def work(clock, at):
    """Let the worker do its minute's round at an instant, twice."""
    clock.set(at)
    db.session.rollback()
    tidy(at)
    tidy(at)


def odd(reservation, clock):
    query = sa.select(Reservation.id).where(needs_a_look(now=clock()))
    return reservation.id in db.session.scalars(query).all()


# -- Paying it ----------------------------------------------------------------------------


@pytest.mark.both_databases
def test_a_paid_balance_settles_the_reservation(app, firm, line, clock):
    with app.test_request_context():
        attempt = begin(firm, now=clock())
    pay_at_bank(attempt, now=clock())
    look(line, attempt.provider_ref, now=clock())

    assert (attempt.part, attempt.amount_minor) == (BALANCE, REST)
    assert (firm.paid_minor, outstanding(firm)) == (TOTAL, 0)
    assert told(firm) == ["balance_paid"]


@pytest.mark.both_databases
def test_a_balance_that_is_paid_twice_goes_back_once(app, firm, line, clock):
    with app.test_request_context():
        first = begin(firm, now=clock())
        first_ref = first.provider_ref
        pay_at_bank(first, now=clock())
        clock.move(timedelta(seconds=1))
        first_paid = seen(line, first)
        db.session.execute(sa.text("UPDATE payment SET state = 'expired' WHERE part = 'balance'"))
        db.session.commit()
        second = begin(firm, now=clock())
    pay_at_bank(second, now=clock())
    second_paid = seen(line, second)

    for snapshot in (second_paid, first_paid, second_paid, first_paid):
        apply(snapshot, provider=line, now=clock())
        db.session.commit()

    assert first_ref != second_paid.ref
    assert firm.paid_minor == TOTAL
    assert [one.amount_minor for one in attempts_of(firm) if one.part == BALANCE] == [REST, REST]
    back = [one for attempt in attempts_of(firm) for one in refunds_of(attempt)]
    assert [(one.reason, one.amount_minor) for one in back] == [("surplus", REST)]


def test_two_windows_share_one_attempt(app, firm, clock):
    with app.test_request_context():
        addresses = {start_payment(firm, now=clock()) for _ in range(3)}

    assert len(addresses) == 1
    assert sum(one.part == BALANCE for one in attempts_of(firm)) == 1


# -- The pages ----------------------------------------------------------------------------


@pytest.mark.clause("C16")
def test_the_balance_page_says_what_was_paid_what_is_left_and_until_when(visitor, page):
    answer = visitor.get(page)

    assert answer.status_code == 200
    for said in ("€93.69", "€218.61", "19 May 2031", "Pay €218.61"):
        assert said in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.clause("C22")
def test_the_balance_page_names_nobody(visitor, page):
    text = visitor.get(page).text

    assert till.NAME not in text
    assert till.EMAIL not in text


def test_its_button_leads_to_the_bank_and_back_to_a_reservation_that_is_paid(
    app, visitor, firm, page
):
    there = visitor.press(page)
    back = visitor.press(f"{there.location}/pay")
    end = visitor.get(back.location)

    assert there.status_code == 303
    assert end.location.startswith(home_of(app, firm))
    text = visitor.get(home_of(app, firm)).text
    assert "Left to pay" not in text
    assert firm.paid_minor == TOTAL
    assert visitor.get(page).location == home_of(app, firm)


def test_a_card_that_is_declined_leads_back_to_the_button(visitor, firm, page):
    there = visitor.press(page)
    back = visitor.press(f"{there.location}/decline")
    end = visitor.get(back.location)

    assert end.location.startswith(page)
    text = visitor.get(page).text
    assert "Your payment was not accepted" in text
    assert "Pay €218.61" in text
    assert firm.status == CONFIRMED


def test_money_on_its_way_isn_t_asked_for_again(app, visitor, firm, page):
    there = visitor.press(page)
    back = visitor.press(f"{there.location}/later")
    end = visitor.get(back.location)

    assert end.location.startswith(home_of(app, firm))
    for address in (home_of(app, firm), page):
        text = visitor.get(address).text
        assert "on its way" in text
        assert ">Pay €218.61" not in text
    assert page.replace("/pay", "/return") in visitor.press(page).location


def test_when_the_provider_is_down_the_page_says_so(visitor, line, page):
    with line.broken("cut"):
        answer = visitor.press(page)

    assert answer.status_code == 503
    assert "Nothing has been charged" in answer.text
    assert "Pay €218.61" in answer.text


@pytest.mark.clause("C16")
def test_the_reservation_shows_what_is_left_and_leads_to_paying_it(app, visitor, firm, page):
    text = visitor.get(home_of(app, firm)).text

    assert "Left to pay by 19 May 2031" in text
    assert "€218.61" in text
    assert page in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_its_pages_stand_in_every_language(app, visitor, firm, page, language):
    home = home_of(app, firm)

    answers = [visitor.get(f"{page}?lang={language}"), visitor.get(f"{home}&lang={language}")]

    assert [answer.status_code for answer in answers] == [200, 200]


def test_a_cancelled_reservation_has_nothing_to_be_paid(app, visitor, firm, page, clock):
    cancel(get_for_update(firm.id), expected_refund=None, now=clock())
    db.session.commit()

    assert visitor.get(page).status_code == 303
    assert visitor.press(page).status_code == 303
    assert [one.part for one in attempts_of(firm)] == ["deposit"]


# -- Reminding ----------------------------------------------------------------------------


@pytest.mark.both_databases
def test_a_balance_is_told_a_week_before_and_on_the_day_once_each(firm, clock):
    work(clock, DUE - timedelta(days=8))
    assert told(firm) == []

    for at in (
        DUE - timedelta(days=7),
        DUE - timedelta(days=3),
        DUE - timedelta(hours=10),
        DUE + timedelta(days=3),
    ):
        work(clock, at)

    assert told(firm) == ["balance_due", "balance_due"]


def test_a_worker_that_stood_still_sends_the_last_reminder_alone(firm, clock):
    work(clock, DUE + timedelta(days=2))

    assert told(firm) == ["balance_due"]


def test_a_booking_within_the_week_isn_t_reminded_on_the_heels_of_its_confirmation(
    app, place, line, clock
):
    till.ask_for_deposits()
    clock.set(DUE - timedelta(days=5))
    reservation = till.book(now=clock())
    with app.test_request_context():
        pay_deposit(reservation, line, now=clock())

    work(clock, clock())
    assert told(reservation) == []
    work(clock, DUE - timedelta(hours=9))
    assert told(reservation) == ["balance_due"]


@pytest.mark.parametrize("state", ["paid", "processing"])
def test_whoever_has_paid_isn_t_reminded(app, firm, line, clock, state):
    with app.test_request_context():
        attempt = begin(firm, now=clock())
    pay_at_bank(attempt, now=clock(), state=state)
    look(line, attempt.provider_ref, now=clock())

    work(clock, DUE - timedelta(days=6))

    assert "balance_due" not in told(firm)


def test_money_that_never_came_is_told_with_time_to_pay_again(app, firm, line, clock):
    clock.set(DUE - timedelta(hours=1))
    with app.test_request_context():
        attempt = begin(firm, now=clock())
    for state in ("processing", "failed"):
        pay_at_bank(attempt, now=clock(), state=state)
        look(line, attempt.provider_ref, now=clock())

    assert told(firm) == ["balance_failed"]
    assert firm.balance_due_at >= DUE + timedelta(days=2, hours=23)
    assert firm.status == CONFIRMED


def test_an_overdue_balance_is_shown_to_the_owner_and_cancels_nothing(firm, clock):
    clock.set(DUE)
    assert not odd(firm, clock)

    work(clock, DUE + timedelta(days=1))

    assert odd(firm, clock)
    assert firm.status == CONFIRMED


# -- What the messages say ----------------------------------------------------------------


def letter(template, reservation, clock):
    db.session.rollback()
    return compose(template, reservation, job=1, now=clock()).get_body(("plain",)).get_content()


@pytest.mark.clause("C16")
def test_the_confirmation_says_what_was_paid_and_what_is_due_by_when(firm, page, clock):
    text = letter("confirmed", firm, clock)

    assert "Paid: €93.69" in text
    assert re.search(r"Left to pay by .*19 May 2031.*: €218\.61", text)
    assert page in text


@pytest.mark.clause("C17")
@pytest.mark.clause("C18")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", ["balance_due", "balance_failed", "balance_saved_notice"])
def test_what_asks_for_a_balance_names_the_sum_and_leads_here(
    firm, page, clock, template, language
):
    firm.language = language
    db.session.commit()

    text = letter(template, firm, clock)

    assert "218" in text
    assert f"http://localhost{page}" in text
    assert "/is-this-real" in text


def test_a_reminder_that_waited_until_all_was_paid_isn_t_sent(app, firm, line, clock, instance):
    clock.set(DUE - timedelta(days=7))
    run_jobs(now=clock())
    remind(clock())
    with app.test_request_context():
        attempt = begin(firm, now=clock())
    pay_at_bank(attempt, now=clock())
    look(line, attempt.provider_ref, now=clock())
    run_jobs(now=clock())

    sent = [file.name for file in (instance / "mail").glob("*.eml")]
    assert told(firm) == ["balance_due", "balance_paid"]
    assert [name for name in sent if "balance_due" in name] == []
    assert len([name for name in sent if "balance_paid" in name]) == 1


# -- Is this request real? ----------------------------------------------------------------


@pytest.mark.clause("C17")
def test_whoever_asks_is_told_of_the_balance_and_until_when(visitor, firm, clock):
    vault().index(firm.person_id, Kind.EMAIL, till.EMAIL)
    db.session.commit()
    asked = {"reference": firm.reference, "email": till.EMAIL}

    text = visitor.press("/is-this-real", data=asked).text

    assert "€218.61 is owed" in text
    assert "19 May 2031" in text


@pytest.mark.clause("C17")
@pytest.mark.parametrize(("part", "sum_"), [("deposit", "€93.69"), ("full", "€312.30")])
def test_while_it_is_held_what_was_chosen_is_owed(app, visitor, reservation, part, sum_):
    till.ask_for_deposits()
    vault().index(reservation.person_id, Kind.EMAIL, till.EMAIL)
    db.session.commit()
    visitor.press(f"/checkout/{checkout_key(reservation)}/pay", data={"part": part})
    asked = {"reference": reservation.reference, "email": till.EMAIL}

    assert f"{sum_} is owed" in visitor.press("/is-this-real", data=asked).text


# -- Cancelling ---------------------------------------------------------------------------


@pytest.mark.clause("C16")
@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("days", "with_deposit", "with_all"),
    [(20, SHARE, TOTAL), (5, 0, TOTAL // 2), (1, 0, 0)],
)
def test_what_comes_back_of_a_deposit_is_what_is_above_the_kept_share(
    app, visitor, firm, line, clock, days, with_deposit, with_all
):
    clock.set(firm.first_start - timedelta(days=days))
    shown = visitor.get(home_of(app, firm)).text
    back = with_deposit

    assert f'value="{back}"' in shown
    cancel(get_for_update(firm.id), expected_refund=back, now=clock())
    db.session.commit()
    run_jobs(now=clock())
    reconcile(now=clock())

    assert firm.status == CANCELLED
    assert firm.refund_minor == with_deposit <= with_all
    assert sum(balance(one) for one in attempts_of(firm)) == SHARE - with_deposit


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    shares=st.lists(st.integers(0, 10_000), min_size=3, max_size=3),
    days=st.integers(0, 27),
    deposit=st.integers(1, TOTAL - 1),
    rest=st.booleans(),
)
def test_no_more_comes_back_than_was_paid_and_no_less_than_nothing(
    firm, clock, shares, days, deposit, rest
):
    tiers = [Tier(at, share) for at, share in zip((14, 7, 1), sorted(shares)[::-1], strict=True)]
    firm.cancellation = CancellationPolicy(tuple(tiers), grace_hours=0).to_json()
    firm.deposit_minor = deposit
    firm.paid_minor = TOTAL if rest else deposit
    db.session.flush()
    at = firm.first_start - timedelta(days=days, minutes=1)

    back = refund_if_cancelled(firm, now=at)
    firm.paid_minor = TOTAL
    db.session.flush()
    of_all = refund_if_cancelled(firm, now=at)
    kept = TOTAL - of_all

    paid = TOTAL if rest else deposit
    assert 0 <= back <= paid
    # The house keeps its share of the whole, or all that it has, whichever is less.
    assert paid - back == min(kept, paid)
    db.session.rollback()


def test_a_balance_that_arrives_after_the_cancellation_goes_back(app, firm, line, clock):
    with app.test_request_context():
        attempt = begin(firm, now=clock())
    pay_at_bank(attempt, now=clock())
    cancel(get_for_update(firm.id), expected_refund=SHARE, now=clock())
    db.session.commit()
    run_jobs(now=clock())
    reconcile(now=clock())

    assert firm.refund_minor == SHARE
    assert sum(balance(one) for one in attempts_of(firm)) == 0
    assert [one.reason for one in refunds_of(attempt_of(firm))] == ["surplus"]
