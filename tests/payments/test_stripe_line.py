"""A line to Stripe that breaks is told in our words, and nothing is taken for done that isn't.

Stripe is played by a stand-in, which is looked at here as well.
"""

import json
import socket
from dataclasses import replace
from datetime import timedelta

import pytest
import stripe as library
from stripe.params import WebhookEndpointCreateParams

from app.core.money import Money
from app.payments.provider import NotSent, Rejected, Saved, Unknown
from app.payments.stripe import client as stripe_client
from app.payments.stripe.provider import HEARD, StripeProvider
from tests.payments.providers import StripeHands, intent
from tests.payments.stripe_forms import _hints
from tests.payments.stripe_standin import (
    BUSY,
    DROP,
    DROP_AFTER,
    FAIL,
    FAIL_AFTER,
    HTML,
    KEY,
    LATE,
    NO_KEY,
    TOO_MANY,
    VERSION,
)

pytestmark = pytest.mark.clause("C03")
FIVE = Money(500, "EUR")


@pytest.fixture
def stripe(context, settings, clock, monkeypatch):
    """Stripe alone: a line that can be cut."""
    monkeypatch.setattr(stripe_client, "PAUSE", 0.01)
    monkeypatch.setattr(stripe_client, "ANSWER", 0.3)
    hands = StripeHands(settings, clock)
    yield hands
    hands.close()


# -- A line that breaks -------------------------------------------------------------------


def everything(provider, clock, ref):
    """Each call once, by name."""
    saved, balance = Saved("cus_1", "pm_1", ""), intent(clock, payment_id="balance")
    return {
        "start": lambda: provider.start(intent(clock, payment_id="other"), "start:2"),
        "fetch": lambda: provider.fetch(ref),
        "close": lambda: provider.close(ref, "close:1"),
        "refund": lambda: provider.refund(ref, FIVE, "r1", "refund:r1"),
        "charge_saved": lambda: provider.charge_saved(balance, saved, "charge:1"),
        "forget": lambda: provider.forget(saved),
        "changes": lambda: list(provider.changes(clock() - timedelta(days=1))),
    }


VERBS = ("start", "fetch", "close", "refund", "charge_saved", "forget", "changes")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (DROP, Unknown), (DROP_AFTER, Unknown), (FAIL, Unknown), (FAIL_AFTER, Unknown),
        (HTML, Unknown), (BUSY, Unknown), (TOO_MANY, NotSent), (NO_KEY, NotSent),
    ],
)  # fmt: skip
def test_what_went_wrong_is_told_in_our_words(stripe, clock, verb, fault, error):
    provider = stripe.provider
    ref = provider.start(intent(clock), "start:1").ref

    with stripe.stand_in.broken(fault), pytest.raises(error) as told:
        everything(provider, clock, ref)[verb]()

    assert told.value.__cause__ is None or isinstance(told.value.__cause__, NotSent | Rejected)


@pytest.mark.parametrize("verb", VERBS)
def test_where_nobody_listens_nothing_was_sent(settings, clock, context, verb):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    provider = StripeProvider(
        replace(settings, stripe_secret_key="sk_test_x", stripe_webhook_secrets=("whsec_x",)),
        f"http://127.0.0.1:{port}",
    )

    with pytest.raises(NotSent):
        everything(provider, clock, "cs_test_1")[verb]()


def test_an_answer_that_comes_too_late_may_have_been_an_act(stripe, clock):
    with stripe.stand_in.broken(LATE), pytest.raises(Unknown):
        stripe.provider.start(intent(clock), "start:1")

    started = stripe.provider.start(intent(clock), "start:1")

    assert [one["id"] for one in stripe.stand_in._all("checkout.session")] == [started.ref]


def test_an_answer_that_got_lost_is_asked_for_once_more_under_the_same_key(stripe, clock):
    with stripe.stand_in.broken(DROP_AFTER, times=1):
        started = stripe.provider.start(intent(clock), "start:1")

    assert [call.key for call in stripe.stand_in.calls] == ["start:1", "start:1"]
    assert [one["id"] for one in stripe.stand_in._all("checkout.session")] == [started.ref]


def test_a_lost_answer_stays_unknown_even_if_the_line_is_then_gone(stripe, clock):
    stripe_gone = stripe.stand_in.broken(DROP_AFTER, times=1)
    with stripe_gone, stripe.stand_in.broken(TOO_MANY), pytest.raises(Unknown):
        stripe.provider.start(intent(clock), "start:1")


def test_a_failure_that_stripe_keeps_is_repeated_under_its_key_and_not_under_another(stripe, clock):
    with stripe.stand_in.broken(FAIL_AFTER, times=1), pytest.raises(Unknown):
        stripe.provider.start(intent(clock), "start:1")
    with pytest.raises(Unknown):
        stripe.provider.start(intent(clock), "start:1")

    assert stripe.provider.start(intent(clock), "start:2")


def test_a_page_that_will_not_close_is_not_taken_for_closed(stripe, clock):
    ref = stripe.provider.start(intent(clock), "start:1").ref
    refused = stripe.stand_in.on_list_events
    stripe.stand_in.on_expire_session = lambda *_: refused({"types": ["x"] * 21})

    with pytest.raises(Unknown):
        stripe.provider.close(ref, "close:1")

    del stripe.stand_in.on_expire_session
    assert stripe.provider.close(ref, "close:1").state == "expired"


def test_no_error_repeats_what_was_sent_or_answered(stripe, clock, caplog, capfd):
    caplog.set_level(0)
    told = []
    for fault in (DROP, FAIL, HTML, TOO_MANY, NO_KEY):
        with stripe.stand_in.broken(fault), pytest.raises((NotSent, Unknown)) as error:
            stripe.provider.start(intent(clock), "start:1")
        told.append(f"{error.value!r} {error.value.__cause__!r}")

    said = " ".join([*told, caplog.text, *capfd.readouterr()])
    assert "R7F3K2P9" not in said
    assert stripe.stand_in.key not in said
    assert "went wrong" not in said


# -- Thin notices, and pages of others ----------------------------------------------------


def test_thin_and_whole_notices_lead_to_the_same_payment(stripe, clock):
    provider, stand_in = stripe.provider, stripe.stand_in
    ref = provider.start(intent(clock), "start:1").ref
    stripe.pay(ref)
    refund = stand_in.refund_by_hand(ref, 500)
    stand_in.refund_becomes(refund["id"], "failed")
    stand_in.dispute(ref)

    for event in stand_in.events:
        for thin in (False, True):
            body, headers = stand_in.notice(event, thin=thin)
            (about,) = provider.notice(headers, body, now=clock()).refs
            assert provider.fetch(about).ref == ref, event["type"]


def test_a_thin_notice_has_nothing_personal_in_it(stripe, clock):
    stripe.pay(stripe.provider.start(intent(clock), "start:1").ref)

    told = [stripe.stand_in.notice(event, thin=True)[0] for event in stripe.stand_in.events]

    assert b"typed-at-stripe" not in b"".join(told)
    assert "typed-at-stripe" in json.dumps(stripe.stand_in.events)


@pytest.mark.parametrize("other", [{"mode": "setup"}, {"currency": None}, {"amount_total": None}])
def test_a_page_that_another_shop_of_the_account_made_is_rejected(stripe, clock, other):
    ref = stripe.provider.start(intent(clock), "start:1").ref
    stripe.stand_in.things[ref] |= other

    with pytest.raises(Rejected):
        stripe.provider.fetch(ref)


# -- The stand-in itself -------------------------------------------------------------------


def test_the_stand_in_refuses_what_stripe_would(stripe):
    client = library.StripeClient(
        KEY, stripe_version=VERSION, base_addresses={"api": stripe.stand_in.base}
    )
    line = {
        "quantity": 1,
        "price_data": {"currency": "eur", "unit_amount": 500, "product_data": {"name": "x"}},
    }
    good = {"mode": "payment", "line_items": [line], "success_url": "https://x.example"}
    assert client.v1.checkout.sessions.create(good).id

    for bad in (
        {"payment_method_types": ["card"]},
        {"ui_mode": "hosted"},
        {"payment_intent_data": {"capture_methd": "manual"}},
        {"expires_at": stripe.stand_in.seconds() + 1799},
        {"expires_at": stripe.stand_in.seconds() + 86401},
        {"expires_at": 1.5},
        {"submit_type": "buy"},
        {"locale": "xx"},
        {"metadata": {"a": "b" * 501}},
        {"line_items": [{"quantity": 1, "price_data": {"currency": "eur", "unit_amount": 49}}]},
    ):
        with pytest.raises(library.InvalidRequestError):
            client.v1.checkout.sessions.create({**good, **bad})


def test_what_we_listen_for_exists():
    hints = str(_hints(WebhookEndpointCreateParams)["enabled_events"])

    assert [kind for kind in HEARD if f"'{kind}'" not in hints] == []
    assert len(HEARD) <= 20  # as many as Stripe takes in one question
