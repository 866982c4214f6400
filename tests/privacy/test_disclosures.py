"""What leaves this house is noted as it leaves, for whom it concerns to see."""

import ast

import pytest
import sqlalchemy as sa

from app.accounts import disclosures
from app.accounts.disclosures import KEPT_CARD, MAIL_ABOUT_ACCOUNT, MAIL_ABOUT_BOOKING, PAYMENT
from app.accounts.models import Disclosure, Person
from app.booking.models import Reservation
from app.core import outbox
from app.core.database import db
from app.core.egress import MAIL_RELAY, Egress
from app.core.outbox import Job
from app.core.vault import vault
from app.payments.charging import intent_of as charging_intent
from app.payments.models import KEEP, Payment
from app.payments.pay import intent_of
from app.payments.stripe.provider import STRIPE
from tests.accounts.guests import ALICE, Guest, book
from tests.architecture.source import sources
from tests.house.visitor import Visitor, reference_of


class Relay:
    """A relay that takes what it is given; `broken` breaks off as it does."""

    def __init__(self):
        self.took, self.broken = [], False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def send_message(self, message):
        """Take a message."""
        self.took.append(message)
        if self.broken:
            raise ConnectionError


@pytest.fixture
def relay(place, monkeypatch):
    """A site whose mails go to a relay outside, and whose payments to Stripe."""
    relay = Relay()
    egress = Egress({MAIL_RELAY.code: "smtp://relay.example:587", STRIPE.code: "https://s.example"})
    monkeypatch.setattr(egress, "mail_relay", lambda: relay)
    place.extensions["egress"] = egress
    return relay


def work(place):
    """Let the worker do what is due."""
    with place.app_context():
        while outbox.run_due(now=place.extensions["clock"]()):
            pass


def noted(place):
    """Return what was noted: recipient, what, how often."""
    with place.app_context():
        rows = db.session.scalars(sa.select(Disclosure).order_by(Disclosure.id))
        return [(row.recipient, row.what, row.times) for row in rows]


@pytest.mark.clause("C02")
def test_a_mail_that_goes_to_a_relay_is_noted_for_whom_it_is_to(place, clock, relay):
    reference = reference_of(book(place, ALICE))

    work(place)

    assert [message["To"].addresses[0].addr_spec for message in relay.took] == [ALICE]
    assert noted(place) == [(MAIL_RELAY.code, MAIL_ABOUT_BOOKING, 1)]
    alice = Guest(place, clock, ALICE)
    page = alice.open("/account/data")
    assert reference in page.words
    assert "Mail relay: a mail about a reservation" in page.words


@pytest.mark.clause("C02")
def test_the_demos_files_go_to_nobody_and_nothing_is_noted(place, clock):
    book(place, ALICE)

    work(place)

    assert list((place.extensions["settings"].instance_dir / "mail").glob("*.eml"))
    assert noted(place) == []


@pytest.mark.clause("C02")
def test_a_mail_about_an_account_is_noted_too(place, clock, relay):
    Visitor(place).ask("POST", "/account/way-in", data={"name": ALICE})
    Guest(place, clock, ALICE)
    Visitor(place).ask("POST", "/account/way-in", data={"name": ALICE})

    work(place)

    assert len(relay.took) == 1
    assert noted(place) == [(MAIL_RELAY.code, MAIL_ABOUT_ACCOUNT, 1)]


@pytest.mark.clause("C02")
def test_what_was_sent_twice_is_counted_and_never_missing(place, clock, relay):
    book(place, ALICE)
    relay.broken = True
    work(place)
    with place.app_context():
        db.session.execute(sa.update(Job).where(Job.done_at.is_(None)).values(not_before=clock()))
        db.session.commit()
    relay.broken = False

    work(place)

    assert len(relay.took) == 2  # the first was taken, and the answer lost
    assert noted(place) == [(MAIL_RELAY.code, MAIL_ABOUT_BOOKING, 2)]


@pytest.mark.clause("C02")
def test_a_provider_is_told_nothing_that_is_not_noted_first(place, clock, relay):
    reference = reference_of(book(place, ALICE))
    with place.app_context():
        reservation = db.session.scalar(
            sa.select(Reservation).where(Reservation.reference == reference)
        )
        payment = db.session.scalar(sa.select(Payment))
        payment.provider, payment.way = STRIPE.code, KEEP

        intent_of(payment, reservation, now=clock())
        db.session.commit()

    assert noted(place) == [(STRIPE.code, PAYMENT, 1), (STRIPE.code, KEPT_CARD, 1)]
    assert charging_intent is intent_of


@pytest.mark.clause("C02")
def test_the_demos_own_bank_is_nobody_outside(place, clock, relay):
    book(place, ALICE)

    assert [row for row in noted(place) if row[1] == PAYMENT] == []


@pytest.mark.clause("C02")
def test_no_mail_leaves_by_another_way_and_no_intent_is_made_elsewhere():
    mails, intents = set(), set()
    for source in sources("app"):
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func).split(".")[-1]
                if called == "deliver":
                    mails.add(source.name)
                if called in ("send_message", "sendmail", "mail_relay"):
                    mails.add(source.name)
                if called == "Intent":
                    intents.add(source.name)

    assert mails == {"app/accounts/mailing.py", "app/core/mail.py"}
    assert intents == {"app/payments/pay.py"}


@pytest.mark.clause("C02")
@pytest.mark.both_databases
def test_who_got_a_kind_of_value_is_known_for_a_correction(context, clock):
    person = Person(id=vault().new_person(), created_at=clock())
    db.session.add(person)
    db.session.flush()
    for _ in range(2):
        disclosures.note(person.id, MAIL_RELAY.code, MAIL_ABOUT_ACCOUNT, now=clock())
    disclosures.note(None, MAIL_RELAY.code, MAIL_ABOUT_ACCOUNT, now=clock())
    db.session.commit()

    kinds = disclosures.WHAT[MAIL_ABOUT_ACCOUNT][1]
    found = disclosures.who_got([person.id], kinds[0])

    assert [(one.recipient, one.times) for one in found] == [(MAIL_RELAY.code, 2)]
