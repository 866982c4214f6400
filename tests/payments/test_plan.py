"""A guest pays all of it at once, or a deposit and the balance by a day they are told."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.booking.links import checkout_key
from app.booking.models import CONFIRMED, HELD, VenueRow
from app.booking.shop import shop
from app.core.database import db
from app.payments.apply import apply, look
from app.payments.ledger import balance
from app.payments.models import BALANCE, DEPOSIT, FULL, Payment
from app.payments.pay import start_payment
from app.payments.plan import (
    AHEAD,
    LEAST_MINOR,
    Choice,
    DepositNotOffered,
    deposit_for,
    deposit_of,
)
from app.payments.refunds import refundable
from app.payments.states import CLAIMING, OPEN
from tests.payments import till
from tests.payments.till import (
    TOTAL,
    attempt_of,
    attempts_of,
    pay_at_bank,
    pay_deposit,
    refunds_of,
)

SHARE = 9_369  # 30 % of EUR 312.30
REST = TOTAL - SHARE
DUE = datetime(2031, 5, 19, 16, tzinfo=UTC)  # six o'clock at the place, two weeks ahead


@pytest.fixture
def in_request(app, place):
    """The ground on which addresses are made."""
    till.ask_for_deposits()
    with app.test_request_context():
        yield


@pytest.fixture
def held(in_request, clock):
    """A room that is held for somebody, at a place that offers a deposit."""
    return till.book(now=clock())


def venue_with(**terms):
    row = db.session.get(VenueRow, 1)
    for name, value in terms.items():
        setattr(row, name, value)
    row.catalogue_version += 1
    db.session.flush()
    return shop().venue


def seen(line, attempt):
    """Return what is true of an attempt at the bank now."""
    ref = attempt.provider_ref
    db.session.rollback()
    return line.fetch(ref)


# -- What is offered ----------------------------------------------------------------------


def test_the_deposit_is_a_share_and_the_rest_is_due_at_six_by_the_place_s_clock(held, clock):
    deposit = deposit_for(held, now=clock())

    assert (deposit.minor, deposit.balance_minor) == (SHARE, REST)
    assert deposit.due_at == DUE


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(total=st.integers(0, 10**12), share=st.integers(0, 10_000))
def test_the_parts_are_the_whole_to_the_cent(in_request, total, share):
    venue = venue_with(deposit_bp=share)

    deposit = deposit_of(total, DUE + timedelta(days=60), venue, now=DUE)

    if deposit is not None:
        assert deposit.minor + deposit.balance_minor == total
        assert min(deposit.minor, deposit.balance_minor) >= LEAST_MINOR
        assert abs(deposit.minor * 10_000 - total * share) * 2 <= 10_000
    db.session.rollback()


def test_half_a_cent_is_rounded_up(in_request):
    deposit = deposit_of(1_001, DUE + timedelta(days=60), venue_with(deposit_bp=5_000), now=DUE)

    assert (deposit.minor, deposit.balance_minor) == (501, 500)


@pytest.mark.parametrize("share", [None, 0, 9_990, 10_000, 10])
def test_without_terms_or_with_a_part_that_is_hardly_anything_it_is_all_at_once(in_request, share):
    venue = venue_with(deposit_bp=share)

    assert deposit_of(9_000, DUE + timedelta(days=60), venue, now=DUE) is None


def test_it_is_offered_until_two_days_before_the_balance_would_be_due(held):
    last = DUE - AHEAD

    assert deposit_for(held, now=last) is not None
    assert deposit_for(held, now=last + timedelta(seconds=1)) is None


# -- Choosing -----------------------------------------------------------------------------


@pytest.mark.both_databases
def test_a_deposit_makes_the_reservation_firm_and_leaves_a_balance(held, line, clock):
    attempt = pay_deposit(held, line, now=clock())

    assert (attempt.part, attempt.amount_minor, attempt.state) == (DEPOSIT, SHARE, "paid")
    assert (held.status, held.paid_minor, held.deposit_minor) == (CONFIRMED, SHARE, SHARE)
    assert held.balance_due_at == DUE


@pytest.mark.both_databases
def test_choosing_anew_closes_the_other_page_and_leaves_one_open_attempt(held, line, clock):
    start_payment(held, choice=Choice(DEPOSIT), now=clock())
    start_payment(held, choice=Choice(FULL), now=clock())
    clock.move(timedelta(seconds=1))
    start_payment(held, choice=Choice(DEPOSIT, keep=True), now=clock())

    states = [(one.part, one.way, one.state) for one in attempts_of(held)]
    assert [one for one in states if one[2] in OPEN] == [("deposit", "keep", "pending")]
    assert len(states) == 3
    assert (held.deposit_minor, held.balance_due_at) == (SHARE, DUE)


def test_the_same_choice_again_leads_to_the_same_page(held, line, clock):
    first = start_payment(held, choice=Choice(DEPOSIT), now=clock())
    again = start_payment(held, choice=Choice(DEPOSIT), now=clock())

    assert first == again
    assert len(attempts_of(held)) == 1


def test_only_a_ticked_box_asks_the_provider_to_keep_a_card(held, line, clock):
    start_payment(held, choice=Choice(DEPOSIT), now=clock())
    start_payment(held, choice=Choice(DEPOSIT, keep=True), now=clock())
    start_payment(held, choice=Choice(FULL, keep=True), now=clock())

    assert [said["intent"].save for verb, said in line.calls if verb == "start"] == [
        False, True, False,
    ]  # fmt: skip


def test_a_deposit_that_was_paid_before_the_other_page_was_chosen_counts(held, line, clock):
    start_payment(held, choice=Choice(DEPOSIT), now=clock())
    pay_at_bank(attempt_of(held), now=clock())

    address = start_payment(held, choice=Choice(FULL), now=clock())

    assert f"/reservations/{held.reference}" in address
    assert (held.status, held.paid_minor, held.deposit_minor) == (CONFIRMED, SHARE, SHARE)
    assert len(attempts_of(held)) == 1


def test_a_deposit_that_arrives_after_all_was_chosen_anew_still_makes_it_firm(held, line, clock):
    start_payment(held, choice=Choice(DEPOSIT), now=clock())
    deposit = attempt_of(held)
    pay_at_bank(deposit, now=clock())
    paid = seen(line, deposit)
    held.deposit_minor = held.balance_due_at = None
    db.session.commit()

    apply(paid, provider=line, now=clock())
    db.session.commit()

    assert (held.status, held.paid_minor, held.deposit_minor) == (CONFIRMED, SHARE, SHARE)
    assert held.balance_due_at == DUE


def test_a_deposit_can_t_be_chosen_once_it_isn_t_offered(held, line, clock):
    till.ask_for_deposits(share=None)

    with pytest.raises(DepositNotOffered):
        start_payment(held, choice=Choice(DEPOSIT), now=clock())
    assert attempts_of(held) == []
    assert held.status == HELD


# -- Late, twice, in any order ------------------------------------------------------------


@pytest.mark.both_databases
def test_a_full_payment_that_arrives_late_beside_a_deposit_goes_back(held, line, clock):
    start_payment(held, choice=Choice(FULL), now=clock())
    full = attempt_of(held)
    pay_at_bank(full, now=clock())
    late = seen(line, full)
    db.session.execute(sa.update(Payment).values(state="expired"))
    db.session.commit()
    clock.move(timedelta(seconds=1))
    pay_deposit(held, line, now=clock())

    apply(late, provider=line, now=clock())
    db.session.commit()

    assert held.paid_minor == SHARE
    assert [(one.reason, one.amount_minor) for one in refunds_of(full)] == [("surplus", TOTAL)]


_nights = iter(range(0, 100_000, till.NIGHTS))


def stale_pages(reservation, line, *, now):
    """Return what may be told of a deposit, a full payment and two balances, all of them paid."""
    told = []

    def begin(choice):
        start_payment(reservation, choice=choice, now=now)
        newest = db.session.scalars(
            sa.select(Payment).where(
                Payment.reservation_id == reservation.id, Payment.state.in_(OPEN)
            )
        ).one()
        told.append(seen(line, newest))
        pay_at_bank(newest, now=now)
        told.append(seen(line, newest))
        # As if the page had been left alone until its time was over, and told of late.
        db.session.execute(
            sa.update(Payment).where(Payment.id == newest.id).values(state="expired")
        )
        db.session.commit()

    begin(Choice(FULL))
    begin(Choice(DEPOSIT))
    apply(told[-1], provider=line, now=now)
    db.session.commit()
    begin(None)
    begin(None)
    return told


@pytest.mark.clause("C03")
@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_whatever_is_told_in_any_order_no_more_counts_than_is_due(in_request, line, clock, data):
    arrive = till.FIRST_DAY + timedelta(days=30 + next(_nights))
    reservation = till.book(now=clock(), arrive=arrive)
    told = stale_pages(reservation, line, now=clock())

    for snapshot in data.draw(st.permutations(told * 2)):
        apply(snapshot, provider=line, now=clock())
        db.session.commit()
        assert reservation.paid_minor <= reservation.total_minor

    attempts = attempts_of(reservation)
    here = sum(balance(one) for one in attempts)
    going = sum(
        one.amount_minor
        for attempt in attempts
        for one in refunds_of(attempt)
        if one.state in CLAIMING and one.state != "succeeded"
    )
    assert here - going == reservation.paid_minor == TOTAL
    assert all(refundable(one) >= 0 for one in attempts)


# -- The page -----------------------------------------------------------------------------


@pytest.fixture
def page(reservation):
    """The address at which a reservation is paid, at a place that offers a deposit."""
    till.ask_for_deposits()
    return f"/checkout/{checkout_key(reservation)}/pay"


@pytest.mark.clause("C16")
def test_the_page_names_both_sums_and_the_day(visitor, page):
    text = visitor.get(page).text

    for told in ("All of it now: €312.30", "A deposit now: €93.69", "€218.61", "19 May 2031"):
        assert told in text
    assert "Pay €312.30 now" in text
    assert "Book, and pay €93.69 now" in text


@pytest.mark.clause("C03")
def test_the_card_is_kept_only_for_somebody_who_ticks_a_box_that_is_empty(visitor, page):
    text = visitor.get(page).text

    [box] = [line for line in text.split("<") if 'name="keep"' in line]
    assert "checked" not in box
    assert "three days before" in text


@pytest.mark.parametrize(
    ("sent", "part", "way"),
    [
        ({}, FULL, "page"),  # a page that was opened before there was a choice
        ({"part": "full"}, FULL, "page"),
        ({"part": "full", "keep": "y"}, FULL, "page"),
        ({"part": "deposit"}, DEPOSIT, "page"),
        ({"part": "deposit", "keep": "y"}, DEPOSIT, "keep"),
    ],
)
def test_what_is_chosen_is_what_the_bank_asks_for(visitor, reservation, page, sent, part, way):
    answer = visitor.press(page, data=sent)

    attempt = attempt_of(reservation)
    assert (answer.status_code, answer.location) == (303, attempt.redirect_url)
    assert (attempt.part, attempt.way) == (part, way)


@pytest.mark.parametrize("sent", [{"part": ""}, {"part": "half"}, {"part": "balance"}])
def test_a_choice_that_there_isn_t_is_asked_for_again(visitor, reservation, page, sent):
    answer = visitor.press(page, data=sent)

    assert answer.status_code == 422
    assert "field__error" in answer.text
    assert attempts_of(reservation) == []


def test_where_no_deposit_is_offered_any_more_all_of_it_is_asked_for(visitor, reservation, page):
    till.ask_for_deposits(share=None)

    answer = visitor.press(page, data={"part": "deposit"})

    assert answer.status_code == 409
    assert "isn’t possible" in answer.text
    assert "Pay €312.30 now" in answer.text
    assert attempts_of(reservation) == []


def test_all_at_once_leaves_no_balance(visitor, reservation, page, line, clock):
    visitor.press(page, data={"part": "full"})
    attempt = attempt_of(reservation)
    pay_at_bank(attempt, now=clock())
    look(line, attempt.provider_ref, now=clock())

    assert (reservation.paid_minor, reservation.deposit_minor) == (TOTAL, None)
    assert BALANCE not in {one.part for one in attempts_of(reservation)}
