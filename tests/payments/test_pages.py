"""A guest checks, pays, comes back, and is told the truth; no script, no cookie, no key needed."""

import sys
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.booking.links import checkout_key, guest_url
from app.booking.models import CANCELLED, CONFIRMED, HELD
from app.core.database import db
from app.payments.ledger import balance
from app.payments.reconcile import reconcile
from tests.payments import till
from tests.payments.till import (
    TOTAL,
    attempt_of,
    attempts_of,
    begin,
    mails,
    pay_at_bank,
    refunds_of,
    run_jobs,
)


@pytest.fixture
def page(reservation):
    """The address at which the reservation is paid."""
    return f"/checkout/{checkout_key(reservation)}/pay"


@pytest.fixture
def back(reservation):
    """The address at which the guest comes back."""
    return f"/checkout/{checkout_key(reservation)}/return"


@pytest.fixture
def bank(visitor, page):
    """The bank's page, to which the guest was sent."""
    answer = visitor.press(page)
    assert answer.status_code == 303
    return answer.location


def home_of(app, reservation):
    """Return the address of the guest's reservation."""
    with app.test_request_context():
        return guest_url(reservation)


# -- Check and pay ------------------------------------------------------------------------


@pytest.mark.clause("C16")
def test_the_page_says_what_who_until_when_and_what_comes_back(visitor, page):
    answer = visitor.get(page)

    for told in (
        "Reed Room", "€312.30", "Pay €312.30 now", till.NAME, till.EMAIL, "Held for you until",
        "you get everything back", "agree to pay", "Back to your details",
    ):  # fmt: skip
        assert told in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("language", ["en", "zh", "de", "fr"])
def test_the_pages_stand_in_every_language(visitor, page, bank, back, language):
    answers = [visitor.get(f"{url}?lang={language}") for url in (page, bank, f"{bank}/secure")]

    assert [answer.status_code for answer in answers] == [200, 200, 200]


@pytest.mark.clause("C10")
def test_paying_needs_no_cookie_and_sets_none(visitor, page, bank, back):
    answers = [
        visitor.get(page),
        visitor.get(bank),
        visitor.press(f"{bank}/pay"),
        visitor.get(back),
    ]

    assert [answer.headers.getlist("Set-Cookie") for answer in answers] == [[]] * 4


@pytest.mark.parametrize("path", ["pay", "return"])
@pytest.mark.parametrize("key", ["x", "ABCDEFGH-x", "ABCDEFGH-%FF", "-", "A" * 500])
def test_an_address_that_was_guessed_leads_nowhere(visitor, path, key):
    answer = visitor.get(f"/checkout/{key}/{path}")

    assert answer.status_code == 404


def test_another_reservation_s_proof_opens_nothing(visitor, reservation, clock):
    other = till.book(now=clock(), arrive=till.FIRST_DAY + timedelta(days=9))
    mixed = f"{reservation.reference}-{checkout_key(other).split('-', 1)[1]}"

    assert visitor.get(f"/checkout/{mixed}/pay").status_code == 404


def test_without_details_the_guest_is_asked_for_them_first(visitor, reservation, page):
    reservation.person_id = None
    db.session.commit()

    answers = visitor.get(page), visitor.press(page)

    assert [answer.location for answer in answers] == [page.removesuffix("/pay")] * 2
    assert attempts_of(reservation) == []


def test_a_hold_that_ran_out_leads_back_to_where_it_can_be_renewed(
    visitor, reservation, page, clock
):
    clock.move(timedelta(hours=1))

    answer = visitor.press(page)

    assert (answer.status_code, answer.location) == (303, page.removesuffix("/pay"))
    assert attempts_of(reservation) == []


def test_a_total_of_nothing_is_confirmed_by_one_button(app, visitor, clock):
    db.session.execute(sa.text("UPDATE rate SET minor = 0"))
    db.session.execute(sa.text("UPDATE venue SET catalogue_version = catalogue_version + 1"))
    db.session.commit()
    free = till.book(now=clock())
    page = f"/checkout/{checkout_key(free)}/pay"

    text, answer = visitor.get(page).text, visitor.press(page)

    assert ">Confirm<" in text
    assert "Pay €" not in text
    assert answer.location == home_of(app, free)
    assert free.status == CONFIRMED


def test_only_this_page_s_form_may_lead_to_the_provider(app, visitor, line, page):
    own = visitor.get(page).headers["Content-Security-Policy"]
    line.caps = replace(line.caps, redirect_origin="https://bank.example")

    there = visitor.get(page).headers["Content-Security-Policy"]
    elsewhere = visitor.get("/contact").headers["Content-Security-Policy"]

    assert "form-action 'self';" in own + ";"
    assert "form-action 'self' https://bank.example" in there
    assert there.replace(" https://bank.example", "") == own
    assert "bank.example" not in elsewhere


def test_when_the_provider_is_down_the_page_says_so_and_offers_another_try(
    visitor, line, reservation, page
):
    with line.broken("cut"):
        answer = visitor.press(page)

    assert answer.status_code == 503
    assert "Nothing has been charged" in answer.text
    assert "Pay €312.30 now" in answer.text
    assert visitor.press(page).status_code == 303
    assert reservation.status == HELD


def test_a_site_that_cannot_take_money_says_so(app, visitor, page):
    app.extensions["payment_providers"] = {}

    answers = visitor.get(page), visitor.press(page)

    assert [answer.status_code for answer in answers] == [409, 409]
    assert all("can’t take payments yet" in answer.text for answer in answers)


# -- What the bank's buttons lead to --------------------------------------------------------


def test_the_bank_looks_like_no_real_one_and_knows_no_name(visitor, bank):
    answer = visitor.get(bank)

    assert "no real money" in answer.text
    assert "€312.30" in answer.text
    assert till.NAME not in answer.text
    assert till.EMAIL not in answer.text


def test_paying_leads_to_the_confirmed_reservation(app, visitor, reservation, bank, back):
    paid = visitor.press(f"{bank}/pay")
    returned = visitor.get(paid.location)

    assert paid.location.startswith(back)
    assert returned.location.startswith(home_of(app, reservation))
    assert reservation.status == CONFIRMED


def test_the_notice_and_the_return_confirm_once(visitor, reservation, bank, back, clock):
    visitor.press(f"{bank}/pay")
    run_jobs(now=clock())
    visitor.get(back)
    visitor.get(back)
    run_jobs(now=clock())

    assert reservation.status == CONFIRMED
    assert mails(reservation) == ["confirmed"]


@pytest.mark.parametrize("button", ["decline", "secure/refuse"])
def test_a_refused_card_leads_back_to_paying_with_a_reason(
    visitor, reservation, page, bank, button
):
    returned = visitor.get(visitor.press(f"{bank}/{button}").location)
    again = visitor.get(returned.location)

    assert returned.location.startswith(page)
    assert "Your payment was not accepted" in again.text
    assert reservation.status == HELD
    assert visitor.press(page).location != bank


def test_3_d_secure_is_a_second_page(visitor, reservation, bank):
    asked = visitor.press(f"{bank}/secure")
    second = visitor.get(asked.location)
    visitor.get(visitor.press(f"{bank}/secure/approve").location)

    assert "is this you?" in second.text
    assert reservation.status == CONFIRMED


def test_slow_money_is_waited_for_and_arrives(visitor, reservation, page, bank, back, clock):
    waiting = visitor.get(visitor.press(f"{bank}/later").location)
    mailed = visitor.get(back)
    again = visitor.press(page)
    run_jobs(now=clock.move(timedelta(minutes=2)))

    assert waiting.status_code == 200
    assert "on its way" in waiting.text
    assert "Look again" in waiting.text
    assert "Your payment is on its way" in mailed.text
    assert "Go on to payment" not in mailed.text  # whoever follows it pays twice
    assert again.location.startswith(back)
    assert reservation.status == CONFIRMED


def test_slow_money_that_never_arrives_leads_to_another_try(
    visitor, reservation, page, bank, back, clock
):
    visitor.get(visitor.press(f"{bank}/later-fails").location)
    run_jobs(now=clock.move(timedelta(minutes=2)))

    returned = visitor.get(back)

    assert returned.location.startswith(page)
    assert reservation.status == HELD
    assert mails(reservation) == ["payment_processing", "payment_failed"]


def test_who_pays_and_never_comes_back_is_confirmed_all_the_same(visitor, reservation, bank, clock):
    stayed = visitor.press(f"{bank}/pay-and-stay")
    said = visitor.get(stayed.location)
    run_jobs(now=clock())

    assert stayed.location.startswith(bank)
    assert "You can close this page" in said.text
    assert reservation.status == CONFIRMED


def test_who_leaves_without_paying_can_go_back_to_the_same_page(visitor, page, bank):
    left = visitor.press(f"{bank}/leave")
    said = visitor.get(left.location)

    assert left.location.startswith(page)
    assert "haven’t paid yet" in said.text
    assert visitor.press(page).location == bank


def test_a_button_pressed_twice_pays_once(visitor, reservation, bank, clock):
    for _ in range(2):
        visitor.press(f"{bank}/pay")
    run_jobs(now=clock())

    assert attempt_of(reservation).captured_minor == TOTAL
    assert mails(reservation) == ["confirmed"]


def test_a_bank_page_that_is_over_takes_no_money(visitor, reservation, bank, clock):
    clock.move(timedelta(minutes=31))

    said, pressed = visitor.get(bank), visitor.press(f"{bank}/pay")
    reconcile(now=clock())

    assert "time for paying" in said.text
    assert pressed.status_code == 303
    assert attempt_of(reservation).state == "expired"


@pytest.mark.parametrize(
    "button",
    ["pay", "decline", "secure", "secure/approve", "secure/refuse", "later", "later-fails",
     "pay-and-stay", "leave"],
)  # fmt: skip
def test_a_bank_page_that_was_guessed_leads_nowhere(visitor, button):
    assert visitor.press(f"/demo-bank/db_guessed/{button}").status_code == 404


# -- Coming back --------------------------------------------------------------------------


def test_the_return_address_alone_pays_nothing(visitor, reservation, bank, page, back):
    answers = [visitor.get(back) for _ in range(3)]

    assert {answer.location for answer in answers} == {page}
    assert (reservation.status, attempt_of(reservation).state) == (HELD, "pending")


def test_the_return_address_shows_nobody_s_name(visitor, reservation, back, clock, app):
    with app.test_request_context():
        pay_at_bank(begin(reservation, now=clock()), now=clock(), state="processing")

    text = visitor.get(back).text

    assert till.NAME not in text
    assert till.EMAIL not in text


def test_while_the_provider_does_not_answer_we_say_that_we_are_checking(
    visitor, line, reservation, bank, back
):
    visitor.press(f"{bank}/pay")

    with line.broken("cut"):
        silent = visitor.get(back)
    then = visitor.get(back)

    assert silent.status_code == 200
    assert "We are checking your payment" in silent.text
    assert then.status_code == 303
    assert reservation.status == CONFIRMED


def test_who_paid_too_late_is_told_that_all_of_it_goes_back(
    visitor, reservation, page, bank, back, clock
):
    visitor.press(f"{bank}/pay")
    till.book_instead(now=clock.move(timedelta(hours=1)))

    told, again = visitor.get(back), visitor.press(page)

    assert "goes back to you" in told.text
    assert again.location == back
    assert [refund.amount_minor for refund in refunds_of(attempt_of(reservation))] == [TOTAL]


def test_who_paid_too_late_may_book_again_once_the_places_are_free(
    visitor, reservation, page, bank, back, clock
):
    visitor.press(f"{bank}/pay")
    till.book_instead(now=clock.move(timedelta(hours=1)))
    visitor.get(back)
    clock.move(timedelta(hours=1))
    till.release_run_out(now=clock())

    visitor.press(page.replace("/pay", "/again"))
    answer = visitor.press(page)

    assert answer.location.startswith("/demo-bank/")
    assert answer.location != bank


def test_a_payment_in_doubt_is_explained_and_not_asked_for_again(
    visitor, reservation, page, bank, back
):
    attempt = attempt_of(reservation)
    attempt.state, attempt.review = "review", "amount"
    db.session.commit()

    told, again = visitor.get(back), visitor.press(page)

    assert "We are looking at your payment" in told.text
    assert again.location == back


# -- From end to end ------------------------------------------------------------------------


@pytest.mark.clause("C16")
def test_book_pay_cancel_and_refund_need_no_key_no_network_and_no_stripe(
    app, visitor, reservation, page, bank, back, clock, monkeypatch
):
    for name in [name for name in sys.modules if name.split(".")[0] == "stripe"]:
        monkeypatch.delitem(sys.modules, name)

    visitor.get(visitor.press(f"{bank}/pay").location)
    run_jobs(now=clock())
    home = home_of(app, reservation)
    cancelled = visitor.press(home.replace("?", "/cancel?"), data={"refund_minor": str(TOTAL)})
    run_jobs(now=clock())

    payment = attempt_of(reservation)
    assert cancelled.status_code == 303
    assert reservation.status == CANCELLED
    assert [refund.state for refund in refunds_of(payment)] == ["succeeded"]
    assert balance(payment) == 0
    assert mails(reservation) == ["confirmed", "cancelled"]
    assert "stripe" not in sys.modules
