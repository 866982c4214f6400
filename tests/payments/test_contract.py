"""The demo bank and Stripe keep one contract: whoever takes the money, the site is told alike.

Stripe is played by a stand-in on this machine, which checks each call against Stripe's
own description of its parameters.
"""

from datetime import timedelta

import pytest

from app.core.money import Money
from app.payments.provider import (
    BadSignature,
    Declined,
    NeedsCustomer,
    NotSent,
    Rejected,
    Saved,
    Unknown,
)
from app.payments.stripe import client as stripe_client
from app.payments.stripe.amounts import from_stripe, to_stripe
from tests.payments.providers import DemoHands, StripeHands, intent
from tests.payments.stripe_standin import (
    DROP,
    FAIL,
    NO_KEY,
    TOO_MANY,
)

pytestmark = pytest.mark.clause("C03")
ZERO = Money.zero("EUR")
FIVE = Money(500, "EUR")


@pytest.fixture(params=[DemoHands, StripeHands], ids=["demo", "stripe"])
def hands(request, context, settings, clock, monkeypatch):
    """A provider, and whoever pays, questions and decides there."""
    monkeypatch.setattr(stripe_client, "PAUSE", 0.01)
    hands = request.param(settings, clock)
    yield hands
    hands.close()


@pytest.fixture
def stripe(context, settings, clock, monkeypatch):
    """Stripe alone: a line that can be cut."""
    monkeypatch.setattr(stripe_client, "PAUSE", 0.01)
    monkeypatch.setattr(stripe_client, "ANSWER", 0.3)
    hands = StripeHands(settings, clock)
    yield hands
    hands.close()


@pytest.fixture
def provider(hands):
    """The provider."""
    return hands.provider


@pytest.fixture
def started(provider, clock):
    """A page on which the guest can pay."""
    return provider.start(intent(clock), "start:1")


@pytest.fixture
def paid(hands, started):
    """A payment that was made: its reference."""
    hands.pay(started.ref)
    return started.ref


# -- Start, fetch, close ------------------------------------------------------------------


def test_a_page_is_made_once_for_a_key(provider, clock):
    pages = {provider.start(intent(clock), "start:1") for _ in range(3)}
    other = provider.start(intent(clock, payment_id="p2"), "start:2")

    (page,) = pages
    assert page.ref != other.ref
    assert page.redirect_url
    assert page.expires_at == clock() + timedelta(minutes=40)


@pytest.mark.parametrize("change", [{"minor": 1_000}, {"currency": "USD"}, {"payment_id": "x"}])
def test_a_key_that_comes_back_with_something_else_is_rejected(provider, started, clock, change):
    with pytest.raises(Rejected):
        provider.start(intent(clock, **change), "start:1")


def test_an_open_page_is_pending_and_says_whose_it_is(provider, started, clock):
    seen = provider.fetch(started.ref)

    asked = intent(clock)
    assert (seen.ref, seen.payment_id, seen.state) == (started.ref, asked.payment_id, "pending")
    assert (seen.asked, seen.captured, seen.live) == (asked.money, ZERO, False)
    assert (seen.method_hint, seen.refunds, seen.disputes, seen.saved) == (None, (), (), None)


def test_what_was_paid_is_captured_and_of_the_card_only_a_hint_is_told(provider, paid, clock):
    seen = provider.fetch(paid)

    assert (seen.state, seen.captured) == ("paid", intent(clock).money)
    assert seen.method_hint in ("Demo ···· 0000", "Visa ···· 4242")
    assert seen.saved is None


def test_slow_money_is_on_its_way_and_arrives(hands, provider, started):
    hands.pay_slowly(started.ref)
    waiting = provider.fetch(started.ref)
    hands.arrive(started.ref)

    assert (waiting.state, waiting.captured) == ("processing", ZERO)
    assert provider.fetch(started.ref).state == "paid"


def test_slow_money_that_never_arrives_has_failed(hands, provider, started):
    hands.pay_slowly(started.ref)
    hands.never_arrive(started.ref)

    seen = provider.fetch(started.ref)

    assert (seen.state, seen.captured) == ("failed", ZERO)


def test_a_page_ends_with_its_time(provider, started, clock):
    clock.move(timedelta(minutes=41))

    assert provider.fetch(started.ref).state == "expired"


def test_closing_an_open_page_closes_it_and_twice_is_once(hands, provider, started):
    states = [provider.close(started.ref, "close:1").state for _ in range(2)]

    assert states == [hands.closed] * 2


def test_closing_a_page_that_was_paid_tells_so(provider, paid):
    assert provider.close(paid, "close:1").state == "paid"


def test_closing_a_page_whose_time_is_over_tells_so(provider, started, clock):
    clock.move(timedelta(hours=1))

    assert provider.close(started.ref, "close:1").state == "expired"


@pytest.mark.parametrize("ref", ["cs_test_nothing", "pi_nothing", "du_nothing", "db_nothing", ""])
def test_what_the_provider_does_not_know_is_rejected(provider, ref):
    with pytest.raises(Rejected):
        provider.fetch(ref)
    with pytest.raises(Rejected):
        provider.close(ref, "close:1")
    with pytest.raises(Rejected):
        provider.refund(ref, FIVE, "r1", "refund:r1")


# -- Money back ---------------------------------------------------------------------------


def test_a_part_goes_back_and_a_key_sends_it_once(provider, paid):
    views = {provider.refund(paid, FIVE, "r1", "refund:r1") for _ in range(3)}

    (view,) = views
    assert (view.refund_id, view.money, view.state) == ("r1", FIVE, "succeeded")
    assert provider.fetch(paid).refunds == (view,)


def test_equal_parts_are_two_refunds_and_the_rest_goes_back_too(provider, paid):
    for name in ("r1", "r2"):
        provider.refund(paid, FIVE, name, f"refund:{name}")
    provider.refund(paid, Money(9_410, "EUR"), "r3", "refund:r3")

    seen = provider.fetch(paid)

    assert {view.refund_id for view in seen.refunds} == {"r1", "r2", "r3"}
    assert sum(view.money.minor for view in seen.refunds) == seen.captured.minor


def test_more_than_came_does_not_go_back(provider, paid):
    provider.refund(paid, Money(10_000, "EUR"), "r1", "refund:r1")

    with pytest.raises(Declined):
        provider.refund(paid, FIVE, "r2", "refund:r2")
    provider.refund(paid, Money(410, "EUR"), "r3", "refund:r3")
    with pytest.raises(Declined):
        provider.refund(paid, Money(1, "EUR"), "r4", "refund:r4")


def test_what_was_never_paid_does_not_go_back(provider, started):
    with pytest.raises(Declined):
        provider.refund(started.ref, FIVE, "r1", "refund:r1")


def test_a_refund_s_key_is_for_that_refund(provider, paid):
    provider.refund(paid, FIVE, "r1", "refund:r1")

    with pytest.raises(Rejected):
        provider.refund(paid, Money(600, "EUR"), "r1", "refund:r1")


def test_many_refunds_are_all_told(provider, paid):
    for number in range(23):
        provider.refund(paid, Money(100, "EUR"), f"r{number}", f"refund:r{number}")

    assert len({view.ref for view in provider.fetch(paid).refunds}) == 23


# -- Disputes -----------------------------------------------------------------------------


@pytest.mark.parametrize(("end", "taken"), [("won", 0), ("lost", 9_910)])
def test_a_question_takes_what_is_left_until_it_is_decided(hands, provider, paid, end, taken):
    provider.refund(paid, FIVE, "r1", "refund:r1")

    hands.question(paid)
    (asked,) = provider.fetch(paid).disputes
    with pytest.raises(Declined):
        provider.refund(paid, FIVE, "r2", "refund:r2")
    hands.decide(paid, end)
    (decided,) = provider.fetch(paid).disputes

    assert (asked.state, asked.money.minor, asked.withdrawn.minor) == ("open", 9_910, 9_910)
    assert asked.refundable is False
    assert asked.due is not None
    assert (decided.ref, decided.state) == (asked.ref, end)
    assert decided.withdrawn.minor == taken


def test_a_mere_inquiry_takes_nothing_and_leaves_refunds_possible(stripe, clock):
    provider = stripe.provider
    ref = provider.start(intent(clock), "start:1").ref
    stripe.pay(ref)

    stripe.stand_in.dispute(ref, "warning_needs_response")

    (view,) = provider.fetch(ref).disputes
    assert (view.state, view.withdrawn, view.refundable) == ("inquiry", ZERO, True)
    assert provider.refund(ref, FIVE, "r1", "refund:r1").state == "succeeded"


# -- Kept means ---------------------------------------------------------------------------


@pytest.fixture
def kept(hands, provider, clock):
    """Pay, and have the card kept; return what the provider calls it."""

    def keep(later="pays"):
        ref = provider.start(intent(clock, save=True), "start:1").ref
        hands.pay(ref, later=later)
        return provider.fetch(ref).saved

    return keep


def test_means_are_kept_where_the_guest_wished_it(provider, kept):
    saved = kept()

    assert saved.customer
    assert saved.method
    assert "····" in saved.hint


def test_nothing_is_kept_of_a_page_that_nobody_paid_on(provider, clock):
    started = provider.start(intent(clock, save=True), "start:1")

    assert provider.fetch(started.ref).saved is None


def test_kept_means_are_charged_once_for_a_key(provider, kept, clock):
    saved, balance = kept(), intent(clock, minor=2_000, payment_id="balance")

    seen = [provider.charge_saved(balance, saved, "charge:1") for _ in range(3)]

    assert {one.ref for one in seen} == {seen[0].ref}
    assert (seen[0].state, seen[0].captured.minor) == ("paid", 2_000)
    again = provider.fetch(seen[0].ref)
    assert (again.payment_id, again.state, again.asked.minor) == ("balance", "paid", 2_000)
    assert provider.refund(seen[0].ref, FIVE, "r1", "refund:r1").state == "succeeded"


@pytest.mark.parametrize(("later", "error"), [("declines", Declined), ("asks", NeedsCustomer)])
def test_kept_means_may_be_refused_or_their_bank_may_want_the_guest(
    provider, kept, clock, later, error
):
    saved = kept(later)

    for _ in range(2):
        with pytest.raises(error) as told:
            provider.charge_saved(intent(clock, payment_id="balance"), saved, "charge:1")

    assert type(told.value) is error
    assert told.value.code


def test_a_charge_that_waits_for_the_guest_is_taken_back(stripe, clock):
    ref = stripe.provider.start(intent(clock, save=True), "start:1").ref
    stripe.pay(ref, later="asks politely")
    saved = stripe.provider.fetch(ref).saved

    with pytest.raises(NeedsCustomer):
        stripe.provider.charge_saved(intent(clock, payment_id="b"), saved, "charge:1")

    states = [one["status"] for one in stripe.stand_in.things.values() if "pi_" in one["id"]]
    assert sorted(states) == ["canceled", "succeeded"]


def test_forgotten_means_are_gone_and_forgetting_twice_is_once(provider, kept, clock):
    saved = kept()

    for _ in range(2):
        provider.forget(saved)

    with pytest.raises(Rejected):
        provider.charge_saved(intent(clock, payment_id="balance"), saved, "charge:1")


def test_means_that_were_never_kept_are_not_charged(provider, clock):
    with pytest.raises(Rejected):
        provider.charge_saved(intent(clock), Saved("cus_x", "pm_x", ""), "charge:1")


@pytest.mark.parametrize("fault", [NO_KEY, TOO_MANY, FAIL, DROP])
def test_forgetting_that_was_not_heard_is_not_taken_for_done(stripe, clock, fault):
    ref = stripe.provider.start(intent(clock, save=True), "start:1").ref
    stripe.pay(ref)
    saved = stripe.provider.fetch(ref).saved

    with stripe.stand_in.broken(fault), pytest.raises((NotSent, Unknown)):
        stripe.provider.forget(saved)
    kept = saved.customer in stripe.stand_in.things
    stripe.provider.forget(saved)

    assert kept
    assert saved.customer not in stripe.stand_in.things


# -- Notices ------------------------------------------------------------------------------


def test_a_notice_says_what_to_look_at(hands, provider, paid, clock):
    body, event_id = hands.newest()

    notice = provider.notice(hands.sign(body), body, now=clock())

    assert notice.event_id == event_id
    assert notice.refs == (paid,)


def test_a_header_is_found_whatever_its_case(stripe, clock):
    stripe.pay(stripe.provider.start(intent(clock), "start:1").ref)
    body, _ = stripe.newest()
    headers = {name.lower(): value for name, value in stripe.sign(body).items()}

    assert stripe.provider.notice(headers, body, now=clock())


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_five_minutes_either_way_are_fresh(hands, provider, paid, clock, seconds):
    body, event_id = hands.newest()

    headers = hands.sign(body, at=clock() + timedelta(seconds=seconds))

    assert provider.notice(headers, body, now=clock()).event_id == event_id


@pytest.mark.parametrize("seconds", [-301, 301, -86_400, 86_400])
def test_more_than_five_minutes_either_way_are_refused(hands, provider, paid, clock, seconds):
    body, _ = hands.newest()
    headers = hands.sign(body, at=clock() + timedelta(seconds=seconds))

    with pytest.raises(BadSignature):
        provider.notice(headers, body, now=clock())


def test_old_and_new_secret_are_good_together(hands, provider, paid, clock):
    body, event_id = hands.newest()
    hands.trust("n" * 32, "o" * 32)

    for secret in ("o" * 32, "n" * 32):
        headers = hands.sign(body, secret=secret)
        assert provider.notice(headers, body, now=clock()).event_id == event_id
    with pytest.raises(BadSignature):
        provider.notice(hands.sign(body, secret="x" * 32), body, now=clock())


BODIES = {
    "not utf-8": b"\xff\xfe",
    "not json": b"paid!",
    "no object": b"[1]",
    "a number": b"1",
    "null": b"null",
    "nothing in it": b"{}",
    "no id": b'{"data": {"object": {"id": "cs_1"}}, "ref": "db_1"}',
    "an id that is no text": b'{"id": 1, "data": {"object": {}}, "ref": "db_1"}',
    "no thing": b'{"id": "evt_1", "data": {"object": 1}, "ref": {"a": 1}}',
    "deep": b"[" * 30_000,
    "large": b" " * 1_000_000,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_signed_notice_that_says_nothing_is_refused(hands, provider, clock, body):
    with pytest.raises(BadSignature) as told:
        provider.notice(hands.sign(body), body, now=clock())

    assert len(str(told.value)) < 20  # and not what it said


def _altered(hands, body):
    return hands.sign(body)[hands.header] + "0"


def _of_another_body(hands, body):
    return hands.sign(body + b" ")[hands.header]


def _without_time(hands, body):
    return hands.sign(body)[hands.header].partition(",")[2]


def _with_another_time(hands, body):
    return hands.sign(body)[hands.header].replace("t=1", "t=2", 1)


def _with_a_fresh_time_before(hands, body):
    at = hands.clock()
    old = hands.sign(body, at=at - timedelta(days=2))[hands.header]
    return f" t={int(at.timestamp())},{old}"


def _with_letters_of_elsewhere(hands, body):
    return hands.sign(body)[hands.header].partition("v1=")[0] + "v1=é"


@pytest.mark.parametrize(
    "made",
    [
        None, lambda *_: "", lambda *_: "t=,v1=", lambda *_: "é=é", lambda *_: "x" * 100_000,
        _altered, _of_another_body, _without_time, _with_another_time,
        _with_a_fresh_time_before, _with_letters_of_elsewhere,
    ],
)  # fmt: skip
def test_a_notice_that_nobody_signed_is_refused(hands, provider, paid, clock, made):
    body, _ = hands.newest()
    headers = {hands.header: made(hands, body)} if made else {}

    with pytest.raises(BadSignature):
        provider.notice(headers, body, now=clock())


def test_the_other_provider_s_notice_is_refused(settings, context, clock):
    demo, stripe = DemoHands(settings, clock), StripeHands(settings, clock)
    stripe.close()
    body = b'{"id": "e1", "ref": "db_1", "data": {"object": {"id": "cs_1"}}}'

    for one, other in ((demo, stripe), (stripe, demo)):
        with pytest.raises(BadSignature):
            one.provider.notice(other.sign(body), body, now=clock())


def test_what_happened_can_be_asked_for(hands, provider, clock):
    clock.move(timedelta(hours=1))
    ref = provider.start(intent(clock), "start:1").ref
    hands.pay(ref)
    _, event_id = hands.newest()

    heard = list(provider.changes(clock() - timedelta(minutes=1)))

    assert (event_id, (ref,)) in [(notice.event_id, notice.refs) for notice in heard]
    assert not list(provider.changes(clock() + timedelta(minutes=1)))


def test_however_much_happened_all_of_it_is_told_once(stripe, clock):
    provider = stripe.provider
    for number in range(120):
        ref = provider.start(intent(clock, payment_id=f"p{number}"), f"start:{number}").ref
        stripe.pay(ref)

    told = [notice.event_id for notice in provider.changes(clock() - timedelta(days=1))]

    assert len(told) == len(set(told)) == 240


# -- Amounts ------------------------------------------------------------------------------

AMOUNTS = [
    ("EUR", 500, 500), ("JPY", 500, 500), ("KWD", 1_250, 1_250), ("ISK", 700, 70_000),
    ("UGX", 5_000, 500_000), ("RSD", 300, 30_000), ("KRW", 9_000, 9_000), ("HUF", 100_000, 100_000),
]  # fmt: skip


@pytest.mark.parametrize(("currency", "minor", "_"), AMOUNTS)
def test_an_amount_comes_back_as_it_went(hands, provider, clock, currency, minor, _):
    ref = provider.start(intent(clock, minor=minor, currency=currency), "start:1").ref
    hands.pay(ref)
    provider.refund(ref, Money(minor // 10 * 2, currency), "r1", "refund:r1")

    seen = provider.fetch(ref)

    assert seen.asked == seen.captured == Money(minor, currency)
    assert seen.refunds[0].money == Money(minor // 10 * 2, currency)


@pytest.mark.parametrize(("currency", "minor", "at_stripe"), AMOUNTS)
def test_stripe_counts_in_its_own_units(stripe, clock, currency, minor, at_stripe):
    assert to_stripe(Money(minor, currency)) == at_stripe
    assert from_stripe(at_stripe, currency.lower()) == Money(minor, currency)

    stripe.provider.start(intent(clock, minor=minor, currency=currency), "start:1")

    (call,) = stripe.stand_in.calls
    assert f"[unit_amount]={at_stripe}&" in call.form.replace("%5B", "[").replace("%5D", "]") + "&"


def test_an_amount_that_stripe_cannot_take_is_declined_and_never_rounded(stripe, clock):
    with pytest.raises(Declined):
        stripe.provider.start(intent(clock, minor=1_251, currency="KWD"), "start:1")
    with pytest.raises(Declined, match="amount_too_small"):
        stripe.provider.start(intent(clock, minor=1), "start:2")
    with pytest.raises(Rejected):
        from_stripe(150, "isk")
    with pytest.raises(Rejected):
        from_stripe(150, "xqz")
