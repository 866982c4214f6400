"""The demo bank plays every outcome: a button for each, kept cards and questions included."""

import pytest

from app.booking.models import CONFIRMED
from app.core.database import db
from app.payments.demo import bank, later
from app.payments.ledger import balance
from app.payments.provider import Declined, NeedsCustomer
from app.payments.states import PAID
from tests.payments.providers import intent
from tests.payments.till import TOTAL, attempt_of, begin, run_jobs


@pytest.fixture
def page(line, place, clock):
    """A page of the bank on which a card is to be kept."""
    return line.start(intent(clock, save=True), "start:1")


def test_without_the_wish_nothing_is_said_of_keeping(visitor, line, place, clock):
    started = line.start(intent(clock), "start:1")

    shown = visitor.get(started.redirect_url).text
    visitor.press(f"{started.redirect_url}/pay")

    assert "keep this card" not in shown
    assert later.kept_with(started.ref) is None


@pytest.mark.parametrize(
    ("button", "error"),
    [("pay", None), ("pay-declines-later", Declined), ("pay-asks-later", NeedsCustomer)],
)
def test_what_a_kept_card_will_do_is_on_a_button(visitor, line, page, clock, button, error):
    shown = visitor.get(page.redirect_url).text
    answer = visitor.press(f"{page.redirect_url}/{button}")
    db.session.rollback()
    saved = line.fetch(page.ref).saved
    balance_due = intent(clock, payment_id="balance", minor=2_000)

    assert "You asked us to keep this card for the balance." in shown
    assert f"{page.redirect_url}/{button}" in shown
    assert answer.status_code == 303
    if error is None:
        assert line.charge_saved(balance_due, saved, "charge:1").state == PAID
    else:
        with pytest.raises(error):
            line.charge_saved(balance_due, saved, "charge:1")


@pytest.mark.parametrize(("button", "left"), [("won", TOTAL), ("lost", 0)])
def test_a_payment_is_questioned_and_decided_by_buttons(
    app, visitor, reservation, clock, button, left
):
    with app.test_request_context():
        page = f"/demo-bank/{begin(reservation, now=clock()).provider_ref}"
    visitor.press(f"{page}/pay")
    run_jobs(now=clock())
    before = visitor.get(page).text

    visitor.press(f"{page}/question")
    run_jobs(now=clock())
    asked, shown = balance(attempt_of(reservation)), visitor.get(page).text
    visitor.press(f"{page}/question/{button}")
    run_jobs(now=clock())

    assert f"{page}/question" in before
    assert (asked, f"{page}/question/{button}" in shown) == (0, True)
    assert balance(attempt_of(reservation)) == left
    assert f"{page}/question" not in visitor.get(page).text
    assert reservation.status == CONFIRMED


@pytest.mark.parametrize("button", ["question", "question/won", "question/lost"])
def test_what_was_not_paid_is_not_questioned(visitor, page, button):
    visitor.press(f"{page.redirect_url}/{button}")
    db.session.rollback()

    assert bank.find(page.ref).dispute is None


def test_nothing_is_decided_that_nobody_asked(visitor, page):
    visitor.press(f"{page.redirect_url}/pay")
    visitor.press(f"{page.redirect_url}/question/won")
    db.session.rollback()

    assert bank.find(page.ref).dispute is None
