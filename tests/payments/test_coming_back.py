"""What the guest reads of a cancellation is what goes back, whatever went back before."""

from datetime import timedelta

import pytest

from app.booking.links import guest_url
from app.booking.mails import compose
from app.booking.models import CANCELLED
from app.core.database import db
from app.payments.apply import look
from app.payments.attempts import lock_payment
from app.payments.audit import audit
from app.payments.by_hand import refund_by_hand
from app.payments.by_house import cancel_by_house, left_of
from app.payments.refunds import refundable
from tests.payments import till
from tests.payments.disputing import Questioned
from tests.payments.till import TOTAL

pytestmark = [pytest.mark.clause("C16"), pytest.mark.both_databases]
GOODWILL = 10_000


@pytest.fixture
def line(app, settings):
    """The line to a bank where payments are disputed."""
    line = Questioned(settings)
    app.extensions["payment_providers"] = {"demo": line}
    return line


@pytest.fixture
def paid(app, reservation, line, clock):
    """Three nights, booked and paid; time has passed since."""
    with app.test_request_context():
        payment = till.begin(reservation, now=clock())
        till.pay_at_bank(payment, now=clock())
        look(line, payment.provider_ref, now=clock())
    clock.move(timedelta(hours=1))
    return payment


@pytest.fixture
def home(app, reservation, paid):
    """The address of the guest's page."""
    with app.test_request_context():
        return guest_url(reservation)


def give_back(payment, minor, clock):
    locked = lock_payment(payment.id)
    refund_by_hand(
        locked, minor, because="goodwill", note="", form_id=f"{clock():%s}",
        seen_left=refundable(locked), now=clock(),
    )  # fmt: skip
    db.session.commit()
    till.run_jobs(now=clock())
    clock.move(timedelta(hours=1))


def dispute(line, payment, state, clock):
    line.dispute(payment, state)
    look(line, payment.provider_ref, now=clock())
    clock.move(timedelta(hours=1))


def cancel(visitor, home, minor):
    db.session.rollback()
    return visitor.press(home.replace("?", "/cancel?"), data={"refund_minor": str(minor)})


def words(visitor, home):
    db.session.rollback()
    return " ".join(visitor.get(home).text.split())


def mail(reservation, clock, *, by_house=False):
    db.session.rollback()
    db.session.refresh(reservation)
    assert reservation.status == CANCELLED
    said = {"by_house": True} if by_house else None
    message = compose("cancelled", reservation, job=1, said=said, now=clock())
    return " ".join(message.get_body().get_content().split())


def euros(minor):
    return f"€{minor / 100:.2f}"


def test_after_a_goodwill_refund_the_page_and_the_mail_name_the_rest(
    paid, home, reservation, visitor, clock
):
    give_back(paid, GOODWILL, clock)
    rest = TOTAL - GOODWILL

    before = words(visitor, home)
    refused = cancel(visitor, home, TOTAL)
    cancelled = cancel(visitor, home, rest)
    till.run_jobs(now=clock())
    after, written = words(visitor, home), mail(reservation, clock)

    assert f"you get {euros(rest)} back" in before
    assert (refused.status_code, cancelled.status_code) == (409, 303)
    assert f"You get {euros(rest)} back" in after
    assert f"{euros(rest)} go back" in written
    for said in (before, after, written):
        assert f"{euros(GOODWILL)} went back to you before." in said
        assert f"{euros(TOTAL)} back" not in said
    assert [refund.amount_minor for refund in till.refunds_of(paid)] == [GOODWILL, rest]


def test_where_all_of_it_went_back_before_nobody_is_promised_it_again(
    paid, home, reservation, visitor, clock
):
    give_back(paid, TOTAL, clock)

    cancel(visitor, home, 0)
    after, written = words(visitor, home), mail(reservation, clock)

    for said in (after, written):
        assert "Nothing more comes back for it." in said
        assert f"{euros(TOTAL)} went back to you before." in said
        assert "as was agreed" not in said


@pytest.mark.parametrize("state", ["open", "lost"])
def test_beside_a_dispute_the_page_and_the_mail_promise_nothing_and_say_why(
    paid, home, reservation, visitor, line, clock, state
):
    dispute(line, paid, state, clock)

    before = words(visitor, home)
    cancel(visitor, home, 0)
    after, written = words(visitor, home), mail(reservation, clock)

    assert "you get €0.00 back" in before
    for said in (before, after, written):
        assert "Your bank was asked to look into a payment" in said
        assert "as was agreed" not in said
    assert f"{euros(TOTAL)} go back" not in written
    assert till.refunds_of(paid) == []


def test_a_dispute_that_is_won_lets_the_page_say_what_the_house_then_gives_back(
    paid, home, reservation, visitor, line, clock
):
    dispute(line, paid, "open", clock)
    cancel(visitor, home, 0)
    dispute(line, paid, "won", clock)
    owed = [one.code for one in audit(now=clock()).mismatches]
    give_back(paid, TOTAL, clock)

    assert "less_than_promised" in owed
    assert f"You get {euros(TOTAL)} back" in words(visitor, home)


def test_what_the_house_cancels_names_what_goes_back_and_what_went_before(
    paid, home, reservation, visitor, clock
):
    give_back(paid, GOODWILL, clock)
    left = left_of(reservation)
    cancel_by_house(reservation.id, left, because="by_us", seen_left=left, now=clock())
    db.session.commit()

    written = mail(reservation, clock, by_house=True)

    assert f"{euros(TOTAL - GOODWILL)} go back" in written
    assert f"{euros(GOODWILL)} went back to you before." in written
