"""A sum that the house asks for is paid by a link: no place, no policy, once, and in time (C16)."""

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from app.accounts.models import Person
from app.booking.cancellation import StayBegun
from app.booking.links import checkout_key, guest_key
from app.booking.mails import compose
from app.booking.models import CANCELLED, CONFIRMED, HELD, RELEASED, OfferRow, Reservation, VenueRow
from app.booking.reservations import HoldPassed, get_for_update, prove, refund_if_cancelled, revive
from app.booking.shop import shop
from app.booking.summary import summary
from app.core.database import db
from app.core.vault import vault
from app.core.worker import tidy
from app.payments import links
from app.payments.apply import look
from app.payments.audit import audit
from app.payments.invoices import issue
from app.payments.links import Asking
from app.payments.pay import start_payment
from app.payments.plan import deposit_for
from app.payments.series import read
from tests.payments import till
from tests.payments.till import (
    attempt_of,
    attempts_of,
    begin,
    ledger_of,
    mails,
    pay_at_bank,
    refunds_of,
    run_jobs,
)

KEY = "Room key Kanarienvogel"
WEEK = timedelta(days=7)
LAST = date(2031, 5, 19)  # two weeks from now, by the calendar of the place
END = datetime(2031, 5, 19, 22, tzinfo=UTC)  # its midnight in Berlin

pytestmark = [pytest.mark.clause("C03"), pytest.mark.clause("C16")]


@pytest.fixture
def asks(place, clock):
    """Ask somebody for 35 euros, unless something else is said."""
    offer = db.session.scalar(sa.select(OfferRow))
    offer.vat_bp = 1900
    db.session.get(VenueRow, 1).catalogue_version += 1
    db.session.commit()

    def ask(form_id="f" * 32, **said):
        usual = {
            "minor": 3_500, "vat_bp": 1900, "what_for": KEY, "language": "en", "until": LAST,
            "name": till.NAME, "email": till.EMAIL,
        }  # fmt: skip
        asking = Asking(**{**usual, **said})
        made = links.ask(asking, shop().catalogue, form_id=form_id, now=clock())
        db.session.commit()
        return made

    return ask


@pytest.fixture
def link(asks):
    """A sum that was asked for."""
    return asks()


@pytest.fixture
def address(link):
    """Where it is paid."""
    return f"/checkout/{checkout_key(link)}/pay"


def state(link, clock):
    db.session.rollback()
    db.session.refresh(link)
    return links.states_of([link], now=clock())[link.id]


def work(clock, at):
    clock.set(at)
    db.session.rollback()
    tidy(at)
    run_jobs(now=at)


def paid(app, link, line, clock):
    with app.test_request_context():
        attempt = begin(link, now=clock())
        pay_at_bank(attempt, now=clock())
        look(line, attempt.provider_ref, now=clock())
    db.session.refresh(link)
    return attempt


# -- Paying ---------------------------------------------------------------------------------


def test_who_opens_the_link_sees_what_for_from_whom_and_the_tax_and_pays(
    link, address, visitor, clock
):
    page = visitor.get(address)
    answer = visitor.press(address)
    pay_at_bank(attempt_of(link), now=clock())
    back = visitor.get(f"/checkout/{checkout_key(link)}/return", follow_redirects=True)

    for word in (KEY, "Haus Rohrdommel", "€35.00", "VAT of 19", "€5.59", "19 May 2031"):
        assert word in page.text
    assert till.NAME not in page.text
    assert (page.status_code, answer.status_code) == (200, 303)
    assert "/demo-bank/" in answer.location or "/bank" in answer.location
    assert (back.status_code, state(link, clock)) == (200, links.PAID)
    assert KEY in back.text
    assert "Receipt" in back.text
    assert ledger_of(attempt_of(link)) == [("capture", 3_500)]
    assert audit(now=clock()).mismatches == ()


def test_it_takes_no_place_and_no_policy_gives_it_back(app, link, line, clock, reservation):
    before = prove(now=clock())
    paid(app, link, line, clock)

    with pytest.raises(StayBegun):
        refund_if_cancelled(link, now=clock())

    assert link.status == CONFIRMED
    assert deposit_for(link, now=clock()) is None
    assert (before, prove(now=clock())) == ([], [])


def test_a_guest_cannot_cancel_it(app, link, line, clock, visitor):
    paid(app, link, line, clock)
    url = f"/reservations/{link.reference}/cancel?key={guest_key(link)}"

    visitor.press(url, data={"refund_minor": "0"})
    visitor.press(url)

    db.session.refresh(link)
    assert (link.status, refunds_of(attempt_of(link))) == (CONFIRMED, [])


def test_the_page_at_the_provider_ends_and_another_is_begun_while_the_link_lives(
    link, address, visitor, clock
):
    visitor.press(address)
    clock.move(WEEK)
    work(clock, clock())
    ended = attempt_of(link).state
    page = visitor.get(address)
    visitor.press(address)

    assert (ended, page.status_code) == ("expired", 200)
    assert [one.state for one in attempts_of(link)] == ["expired", "pending"]
    assert state(link, clock) == links.OPEN_LINK


def test_it_is_open_until_its_last_day_is_over_by_the_clock_of_the_place(
    link, address, visitor, clock
):
    clock.set(END - timedelta(minutes=3))
    before = visitor.get(address)
    clock.set(END)
    after, pressed = visitor.get(address), visitor.press(address)
    work(clock, END + timedelta(minutes=1))

    assert (before.status_code, after.status_code, pressed.status_code) == (200, 410, 410)
    assert KEY not in after.text
    assert (link.status, state(link, clock)) == (RELEASED, links.RUN_OUT)
    assert attempts_of(link) == []


def test_what_was_on_its_way_as_it_ran_out_still_counts(app, link, line, clock):
    clock.set(END - timedelta(minutes=3))
    with app.test_request_context():
        attempt = begin(link, now=clock())
        pay_at_bank(attempt, now=clock())
    work(clock, END + timedelta(minutes=1))

    assert state(link, clock) == links.PAID
    assert mails(link)[-1] == "confirmed"
    assert refunds_of(attempt) == []


def test_a_payment_that_fails_later_leaves_the_link_open(app, link, line, clock):
    with app.test_request_context():
        attempt = begin(link, now=clock())
        for outcome in ("processing", "failed"):
            pay_at_bank(attempt, now=clock(), state=outcome)
            look(line, attempt.provider_ref, now=clock())
    on_its_way = mails(link)
    clock.move(timedelta(days=2))

    assert on_its_way[1:] in (["payment_failed"], ["payment_processing", "payment_failed"])
    assert state(link, clock) == links.OPEN_LINK
    text = compose("payment_failed", link, job=1, now=clock()).get_content()
    assert "Until 19 May 2031" in text
    assert "places" not in text


def test_nobody_holds_a_link_anew_once_it_ran_out(link, visitor, clock):
    work(clock, END + timedelta(minutes=1))

    with pytest.raises(HoldPassed):
        revive(get_for_update(link.id), now=clock())
    db.session.rollback()
    visitor.press(f"/checkout/{checkout_key(link)}/again")

    assert state(link, clock) == links.RUN_OUT


def test_its_checkout_and_its_reservation_lead_to_where_it_is_paid(link, address, visitor):
    checkout = visitor.get(f"/checkout/{checkout_key(link)}")
    own = visitor.get(f"/reservations/{link.reference}?key={guest_key(link)}")
    calendar = visitor.get(f"/reservations/{link.reference}/calendar.ics?key={guest_key(link)}")

    assert checkout.location.startswith(address)
    assert own.location.startswith(address)
    assert calendar.status_code == 404


# -- Withdrawn ------------------------------------------------------------------------------


def test_a_link_that_was_withdrawn_opens_nothing_and_its_page_is_closed(
    app, link, line, address, visitor, clock
):
    visitor.press(address)
    links.withdraw(link.id, now=clock())
    db.session.commit()
    run_jobs(now=clock())
    page, pressed = visitor.get(address), visitor.press(address)

    assert (page.status_code, pressed.status_code) == (410, 410)
    assert "nothing to pay any more" in page.text
    assert attempt_of(link).state in ("cancelled", "expired")
    assert (link.status, state(link, clock)) == (CANCELLED, links.WITHDRAWN)
    assert mails(link) == ["asked", "asked_withdrawn"]
    assert audit(now=clock()).mismatches == ()


def test_what_is_paid_on_a_withdrawn_link_all_the_same_goes_back_once(app, link, line, clock):
    with app.test_request_context():
        attempt = begin(link, now=clock())
        links.withdraw(link.id, now=clock())
        db.session.commit()
        pay_at_bank(attempt, now=clock())
        for _ in range(3):
            look(line, attempt.provider_ref, now=clock())
        run_jobs(now=clock())

    assert [one.amount_minor for one in refunds_of(attempt)] == [3_500]
    assert sum(minor for _, minor in ledger_of(attempt)) == 0
    assert state(link, clock) == links.WITHDRAWN
    assert mails(link).count("payment_late_refunded") == 1
    text = compose("payment_late_refunded", link, job=1, now=clock()).get_content()
    assert "taken our request back" in " ".join(text.split())


def test_what_was_paid_or_is_on_its_way_is_not_withdrawn(app, asks, line, clock):
    first, second = asks("a" * 32), asks("b" * 32)
    paid(app, first, line, clock)
    with app.test_request_context():
        attempt = begin(second, now=clock())
        pay_at_bank(attempt, now=clock(), state="processing")
        look(line, attempt.provider_ref, now=clock())

    with pytest.raises(links.PaidAlready):
        links.withdraw(first.id, now=clock())
    with pytest.raises(links.PaymentComing):
        links.withdraw(second.id, now=clock())

    db.session.rollback()
    assert (state(first, clock), state(second, clock)) == (links.PAID, links.COMING)


# -- Asking ---------------------------------------------------------------------------------


def test_the_same_form_sent_twice_asks_once(asks):
    first, again, other = asks(), asks(), asks("0" * 32)

    assert first.id == again.id != other.id
    assert mails(first) == ["asked"]
    assert db.session.scalar(sa.select(sa.func.count(Person.id))) == 2


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"minor": 99}, links.AmountOutOfReach),
        ({"minor": 100_000_000}, links.AmountOutOfReach),
        ({"vat_bp": 700}, links.NoSuchRate),
        ({"until": date(2031, 5, 4)}, links.BadEnd),
        ({"until": date(2031, 6, 5)}, links.BadEnd),
        ({"about": "ZZZZZZZZ"}, links.NoSuchBooking),
        ({"name": ""}, links.NobodyNamed),
        ({"name": "", "email": ""}, links.NobodyNamed),
    ],
)
def test_what_cannot_be_asked_is_refused_with_nothing_written(asks, said, error):
    with pytest.raises(error) as refused:
        asks(**said)

    db.session.rollback()
    assert refused.value.say()
    assert db.session.scalar(sa.select(sa.func.count(Reservation.id))) == 0


def test_whoever_booked_is_asked_where_only_their_booking_is_named(asks, reservation):
    link = asks(name="", email="", about=f" {reservation.reference.lower()} "[1:-1])

    assert (link.person_id, link.belongs_to_id) == (reservation.person_id, reservation.id)
    assert [one.id for one in links.about(reservation)] == [link.id]
    assert db.session.scalar(sa.select(sa.func.count(Person.id))) == 1


def test_what_it_is_for_is_sealed_and_goes_with_its_person(link, clock):
    raw = db.session.execute(sa.text("SELECT * FROM reservation")).mappings().one()
    lines = db.session.execute(sa.text("SELECT * FROM reservation_line")).mappings().one()

    assert KEY.encode() not in b" ".join(str(value).encode() for value in raw.values())
    assert "Kanarienvogel" not in str(dict(lines))
    vault().destroy([link.person_id])
    db.session.expire_all()
    assert links.states_of([link], now=clock())[link.id] == links.OPEN_LINK
    assert [line.label for line in summary(link).lines] == ["Payment by link"]


# -- Papers and mails -----------------------------------------------------------------------


def test_a_receipt_is_there_and_an_invoice_if_it_is_asked_for(app, link, line, clock, visitor):
    paid(app, link, line, clock)
    receipt = visitor.get(f"/reservations/{link.reference}/receipt?key={guest_key(link)}")
    with app.test_request_context():
        body = read(issue(get_for_update(link.id), now=clock()))
        db.session.commit()

    assert receipt.status_code == 200
    assert KEY in receipt.text
    assert "Back to your reservation" not in receipt.text
    assert body["rows"][0]["label"] == KEY
    assert (body["total_minor"], body["vat"]) == (3_500, [[1900, 3_500, 559]])


@pytest.mark.parametrize("language", ["en", "zh", "de", "fr"])
@pytest.mark.parametrize("template", ["asked", "asked_paid", "asked_withdrawn"])
def test_every_message_about_it_can_be_written_in_every_language(asks, clock, template, language):
    link = asks(language=language)

    message = compose(template, link, job=1, now=clock())

    assert link.reference in message["Subject"]
    text = message.get_content()
    assert till.NAME in text
    assert (KEY in text) == (template != "asked_withdrawn")
    assert ("/pay?lang=" in text) == (template == "asked")
    assert "%(" not in text


def test_the_mail_with_the_link_is_not_sent_once_it_leads_nowhere(app, link, clock, settings):
    links.withdraw(link.id, now=clock())
    db.session.commit()
    run_jobs(now=clock())

    sent = [one.name for one in (settings.instance_dir / "mail").glob("*.eml")]
    assert [one for one in sent if "-asked-" in one] == []
    assert len([one for one in sent if "-asked_withdrawn-" in one]) == 1


def test_who_paid_gets_no_confirmation_of_a_stay(app, link, line, clock, settings):
    paid(app, link, line, clock)
    run_jobs(now=clock())

    sent = {one.name.split("-")[1] for one in (settings.instance_dir / "mail").glob("*.eml")}
    assert "asked_paid" in sent
    assert "confirmed" not in sent


def test_nothing_is_started_twice_and_both_windows_lead_to_one_page(app, link, line, clock):
    with app.test_request_context():
        first = start_payment(link, now=clock())
        second = start_payment(link, now=clock())

    assert first == second
    assert len(attempts_of(link)) == 1
    assert link.status == HELD
