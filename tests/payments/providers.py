"""The two providers behind one set of hands, so that one contract can be asked of both."""

import json
from dataclasses import replace
from datetime import timedelta

from app.core.database import db
from app.core.money import Money
from app.payments.demo import bank, later
from app.payments.demo.provider import SIGNATURE_HEADER, DemoProvider
from app.payments.provider import Intent
from app.payments.stripe.provider import StripeProvider
from tests.payments.stripe_standin import KEY, SECRET, StandIn


def intent(clock, *, minor=10_410, currency="EUR", minutes=40, save=False, payment_id=None):
    """Return what a guest is asked to pay."""
    return Intent(
        payment_id=payment_id or "5b0e8a3e-6f63-4a1c-9b6a-0c7f5a1d2e3f",
        money=Money(minor, currency),
        label="Booking R7F3K2P9",
        expires_at=clock() + timedelta(minutes=minutes),
        return_url="http://localhost/checkout/KEY/return",
        cancel_url="http://localhost/checkout/KEY/pay",
        locale="de",
        save=save,
    )


OUTCOMES = {"pays": "pay", "declines": "decline", "asks": "ask"}
"""What a kept card does when it is charged, in the demo bank's words."""


class DemoHands:
    """The demo bank, and whoever presses its buttons."""

    name = "demo"
    closed = "cancelled"

    def __init__(self, settings, clock):
        self.clock = clock
        self.provider = DemoProvider(settings)

    def pay(self, ref, later="pays"):
        """Pay by card."""
        assert bank.settle(ref, "paid", now=self.clock(), later=OUTCOMES[later])

    def pay_slowly(self, ref):
        """Give an order that takes days."""
        assert bank.settle(ref, "processing", now=self.clock())

    def arrive(self, ref):
        """Let slow money arrive."""
        assert bank.settle(ref, "paid", now=self.clock())

    def never_arrive(self, ref):
        """Let slow money never come."""
        assert bank.settle(ref, "failed", now=self.clock())

    def question(self, ref):
        """Let the guest's bank question a payment."""
        assert later.question(ref, "open", now=self.clock())

    def decide(self, ref, state):
        """Decide it."""
        assert later.question(ref, state, now=self.clock())

    def newest(self):
        """Return the body of the newest notice, and what it is about."""
        event = bank.events_since(self.clock() - timedelta(days=1))[-1]
        return json.dumps({"id": event.id, "ref": event.ref}).encode(), event.id

    def sign(self, body, *, at=None, secret=None):
        """Sign a body."""
        signer = self.provider
        if secret is not None:
            signer = DemoProvider.__new__(DemoProvider)
            signer._secrets = (secret.encode(),)
        return signer.sign(body, now=at or self.clock())

    def trust(self, *secrets):
        """Let the provider believe these secrets."""
        self.provider._secrets = tuple(secret.encode() for secret in secrets)

    header = SIGNATURE_HEADER

    def close(self):
        """Go home."""
        db.session.rollback()


class StripeHands:
    """The stand-in for Stripe, and whoever pays on its pages."""

    name = "stripe"
    closed = "expired"
    header = "Stripe-Signature"

    def __init__(self, settings, clock):
        self.clock = clock
        self.stand_in = StandIn(clock)
        self.settings = with_stripe(settings, self.stand_in)
        self.provider = StripeProvider(self.settings, self.stand_in.base)
        self.pay, self.pay_slowly = self.stand_in.pay, self.stand_in.pay_slowly
        self.arrive, self.never_arrive = self.stand_in.arrive, self.stand_in.never_arrive

    def question(self, ref):
        """Let the guest's bank question a payment."""
        self.disputed = self.stand_in.dispute(ref)["id"]

    def decide(self, ref, state):
        """Decide it."""
        self.stand_in.decide(self.disputed, state)

    def newest(self):
        """Return the body of the newest notice, and its id."""
        event = self.stand_in.events[-1]
        return json.dumps(event).encode(), event["id"]

    def sign(self, body, *, at=None, secret=None):
        """Sign a body; one that isn't text is signed as if it were."""
        return self.stand_in.sign(body.decode("latin-1"), at=at, secret=secret)

    def trust(self, *secrets):
        """Let the provider believe these secrets."""
        self.provider._secrets = secrets

    def close(self):
        """Stop listening."""
        self.stand_in.close()


def with_stripe(settings, stand_in, **other):
    """Return settings under which payments go to the stand-in."""
    given = {
        "stripe_secret_key": KEY,
        "stripe_webhook_secrets": (SECRET,),
        "stripe_api_base": stand_in.base,
    }
    return replace(settings, **{**given, **other})
