"""With Stripe the whole journey holds, whatever gets lost, and nothing personal leaves.

The site is real, its pages are real, and so are the calls; Stripe itself is played by a
stand-in on this machine. At every end its balance is that of our ledger.
"""

import os
import socket
import subprocess
import sys
from datetime import timedelta
from itertools import permutations

import pytest
import sqlalchemy as sa

from app.booking.links import checkout_key
from app.booking.models import CANCELLED, CONFIRMED, HELD
from app.booking.reservations import cancel
from app.config import Settings
from app.core.database import db
from app.payments.models import LedgerEntry, SeenNotice
from app.payments.pay import start_payment
from app.payments.reconcile import periodic, reconcile
from app.payments.stripe import client as stripe_client
from app.payments.stripe.provider import STRIPE
from tests.architecture.source import ROOT
from tests.payments import stripe_books, till
from tests.payments.providers import with_stripe
from tests.payments.stripe_standin import (
    DROP,
    DROP_AFTER,
    FAIL_AFTER,
    KEY,
    SECRET,
    VERSION,
    StandIn,
)
from tests.payments.till import TOTAL, attempt_of, attempts_of, mails, outside, refunds_of, run_jobs

pytestmark = pytest.mark.clause("C03")
DOOR = "/webhooks/stripe"
CANARIES = ("Wintergreen", "canary@", "4930123456", "Kanarienweg", "zz-note-canary", "203.0.113.77")


@pytest.fixture
def stripe(clock, monkeypatch):
    """Stripe, as far as we can tell."""
    monkeypatch.setattr(stripe_client, "PAUSE", 0.01)
    monkeypatch.setattr(stripe_client, "ANSWER", 1.0)
    stand_in = StandIn(clock)
    yield stand_in
    stand_in.close()


@pytest.fixture
def settings(settings, stripe):
    """The settings of a site with a key of Stripe's test mode."""
    return with_stripe(settings, stripe)


@pytest.fixture
def place(context):
    """The place; payments go the way that the site itself has chosen."""
    till.open_the_place()
    return context


@pytest.fixture
def page(reservation):
    """The address at which the reservation is paid."""
    return f"/checkout/{checkout_key(reservation)}/pay"


@pytest.fixture
def back(page):
    """The address at which the guest comes back."""
    return page.replace("/pay", "/return")


@pytest.fixture
def ref(visitor, page, stripe, reservation):
    """The page at Stripe to which the guest was sent."""
    answer = visitor.press(page)
    assert answer.status_code == 303
    assert answer.location.startswith(f"{stripe.base}/c/pay/")
    return answer.location.rpartition("/")[2]


def tell(client, stripe, event, **how):
    """Deliver a notice, as Stripe does; return the answer's status."""
    body, headers = stripe.notice(event, **how)
    return outside(client.post, DOOR, data=body, headers=headers).status_code


def tell_all(client, stripe, **how):
    """Deliver everything that happened, in order."""
    return {tell(client, stripe, event, **how) for event in list(stripe.events)}


def ledger_says(currency="EUR"):
    """Return what our ledger says that Stripe has of ours."""
    db.session.rollback()
    query = sa.select(sa.func.coalesce(sa.func.sum(till.SIGNED), 0))
    return int(db.session.scalar(query.where(LedgerEntry.currency == currency)))


def agree(stripe):
    """Whether Stripe and our ledger say the same, and no call of ours was refused."""
    return ledger_says() == stripe.balance("eur") and not stripe.wrong


# -- From end to end ----------------------------------------------------------------------


@pytest.mark.parametrize("thin", [False, True])
def test_book_pay_cancel_and_refund(
    app, client, visitor, reservation, ref, back, stripe, clock, thin
):
    stripe.pay(ref)
    told = tell_all(client, stripe, thin=thin)
    home = visitor.get(back).location
    run_jobs(now=clock())
    paid = stripe.balance("eur")
    cancelled = visitor.press(home.replace("?", "/cancel?"), data={"refund_minor": str(TOTAL)})
    run_jobs(now=clock())
    tell_all(client, stripe, thin=thin)

    payment = attempt_of(reservation)
    assert (told, cancelled.status_code, paid) == ({200}, 303, TOTAL)
    assert (reservation.status, payment.state) == (CANCELLED, "paid")
    assert [(one.state, one.external) for one in refunds_of(payment)] == [("succeeded", False)]
    assert payment.method_hint == "Visa ···· 4242"
    assert mails(reservation).count("confirmed") == 1
    assert (stripe.balance("eur"), agree(stripe)) == (0, True)


def test_coming_back_is_enough_without_any_notice(visitor, reservation, ref, back, stripe):
    stripe.pay(ref)

    visitor.get(back)

    db.session.expire_all()
    assert reservation.status == CONFIRMED
    assert agree(stripe)


def test_reconciling_is_enough_without_notice_or_return(reservation, ref, stripe, clock):
    stripe.pay(ref)
    db.session.rollback()

    report = reconcile(now=clock())

    assert (reservation.status, report.moved, report.failed) == (CONFIRMED, 1, 0)
    assert agree(stripe)


def test_what_happened_at_stripe_by_hand_is_found_without_notices(
    client, reservation, ref, stripe, clock
):
    stripe.pay(ref)
    tell_all(client, stripe)
    stripe.refund_by_hand(ref, 500)
    stripe.dispute(ref)
    db.session.rollback()

    reconcile(now=clock())
    reconcile(now=clock())

    payment = attempt_of(reservation)
    assert [(one.external, one.amount_minor) for one in refunds_of(payment)] == [(True, 500)]
    assert (len(payment.disputes), ledger_says()) == (1, 0)
    assert agree(stripe)


@pytest.mark.parametrize("order", list(permutations(range(3)))[::2])
def test_notices_in_any_order_and_twice_confirm_once(
    client, reservation, ref, stripe, clock, order
):
    stripe.pay(ref)
    events = [event for event in stripe.events if event["type"] != "charge.succeeded"]
    refund = stripe.refund_by_hand(ref, 500)
    stripe.refund_becomes(refund["id"], "failed")
    events = [events[-1], stripe.events[-1], stripe.events[-3]]

    told = [tell(client, stripe, events[place]) for place in (*order, *order)]
    run_jobs(now=clock())

    assert set(told) == {200}
    assert mails(reservation).count("confirmed") == 1
    assert (reservation.status, ledger_says()) == (CONFIRMED, TOTAL)
    assert agree(stripe)


def test_slow_money_keeps_the_places_and_arrives(
    client, visitor, reservation, ref, back, stripe, clock
):
    stripe.pay_slowly(ref)
    tell_all(client, stripe)
    waiting = visitor.get(back)
    held = reservation.status
    clock.move(timedelta(days=3))
    stripe.arrive(ref)
    tell_all(client, stripe)

    assert (waiting.status_code, held) == (200, HELD)
    assert reservation.status == CONFIRMED
    assert agree(stripe)


def test_slow_money_that_never_arrives_lets_the_places_go(client, reservation, ref, stripe, clock):
    stripe.pay_slowly(ref)
    tell_all(client, stripe)
    clock.move(timedelta(days=3))
    stripe.never_arrive(ref)
    tell_all(client, stripe)

    assert attempt_of(reservation).state == "failed"
    assert "payment_failed" in mails(reservation)
    assert (ledger_says(), agree(stripe)) == (0, True)


def test_a_declined_card_changes_nothing_and_the_page_goes_on(
    client, visitor, reservation, ref, page, stripe
):
    stripe.decline(ref)

    told = tell_all(client, stripe)
    again = visitor.press(page)

    assert told == {200}
    assert again.location.endswith(ref)
    assert attempt_of(reservation).state == "pending"


def test_a_dispute_takes_money_and_nothing_else(client, reservation, ref, stripe, clock):
    stripe.pay(ref)
    tell_all(client, stripe)

    dispute = stripe.dispute(ref)["id"]
    tell_all(client, stripe)
    asked, status = ledger_says(), reservation.status
    stripe.decide(dispute, "won")
    tell_all(client, stripe)

    assert (asked, status) == (0, CONFIRMED)
    assert (ledger_says(), reservation.status) == (TOTAL, CONFIRMED)
    assert agree(stripe)


def test_who_pays_in_the_last_moment_has_paid(reservation, ref, stripe, clock):
    clock.move(timedelta(minutes=31))
    stripe.pay(ref)
    clock.move(timedelta(minutes=3, seconds=30))
    db.session.rollback()

    periodic(clock())

    assert reservation.status == CONFIRMED
    assert agree(stripe)


def test_a_page_is_closed_at_stripe_before_its_places_go(reservation, ref, stripe, clock):
    clock.move(timedelta(minutes=34, seconds=30))
    stripe.things[ref]["expires_at"] += 3600  # so that nothing but our call closes it
    db.session.rollback()

    periodic(clock())

    assert (attempt_of(reservation).state, stripe.things[ref]["status"]) == ("expired", "expired")
    assert stripe.named("POST", "/expire")


# -- Trouble on the line ------------------------------------------------------------------


@pytest.mark.parametrize("fault", [DROP, DROP_AFTER])
def test_a_start_that_was_not_answered_is_asked_for_again_and_paid_once(
    visitor, reservation, page, stripe, clock, fault
):
    with stripe.broken(fault):
        failed = visitor.press(page)
    clock.move(timedelta(seconds=20))
    again = visitor.press(page)
    stripe.pay(again.location.rpartition("/")[2])
    visitor.get(page.replace("/pay", "/return"))

    sessions = [one for one in stripe.things.values() if one["object"] == "checkout.session"]
    assert (failed.status_code, again.status_code) == (503, 303)
    assert len(sessions) == len(attempts_of(reservation)) == 1
    assert len({call.key for call in stripe.named("POST", "/sessions")}) == 1
    assert (reservation.status, agree(stripe)) == (CONFIRMED, True)


def test_a_failure_that_stripe_repeats_for_ever_ends_with_a_new_attempt(
    visitor, reservation, page, stripe
):
    with stripe.broken(FAIL_AFTER, times=1):
        visitor.press(page)
    answers = [visitor.press(page).status_code for _ in range(3)]

    first, second = attempts_of(reservation)
    assert answers == [503, 503, 303]
    assert (first.state, second.state) == ("expired", "pending")
    assert {call.key for call in stripe.named("POST", "/sessions")} == {
        f"start:{first.id}",
        f"start:{second.id}",
    }


def test_a_refund_that_failed_after_acting_goes_once(client, reservation, ref, stripe, clock):
    stripe.pay(ref)
    tell_all(client, stripe)
    db.session.rollback()
    cancel(reservation, expected_refund=TOTAL, now=clock())
    db.session.commit()

    with stripe.broken(FAIL_AFTER, "/v1/refunds", times=1):
        run_jobs(now=clock())
    for _ in range(30):
        run_jobs(now=clock.move(timedelta(hours=1)))
    reconcile(now=clock())
    run_jobs(now=clock())

    payment = attempt_of(reservation)
    assert [one.state for one in refunds_of(payment)] == ["succeeded"]
    assert stripe.balance("eur") == ledger_says() == 0


def test_a_stripe_that_never_answers_keeps_the_notice_for_another_time(
    client, reservation, ref, stripe
):
    stripe.pay(ref)
    event = stripe.events[-1]

    with stripe.broken(DROP):
        silent = tell(client, stripe, event)
    kept = db.session.scalar(sa.select(sa.func.count()).select_from(SeenNotice))
    again = tell(client, stripe, event)

    assert (silent, kept, again) == (503, 0, 200)
    assert (reservation.status, agree(stripe)) == (CONFIRMED, True)


def test_while_stripe_is_silent_the_guest_is_told_that_we_are_checking(
    visitor, reservation, ref, back, stripe
):
    stripe.pay(ref)

    with stripe.broken(DROP):
        waiting = visitor.get(back)
    later = visitor.get(back)

    assert (waiting.status_code, later.status_code) == (200, 303)
    assert (reservation.status, agree(stripe)) == (CONFIRMED, True)


def test_a_revoked_key_gives_no_reservation_up(reservation, ref, stripe, clock):
    stripe.things[ref]["expires_at"] += 3600
    stripe.key = "sk_test_" + "another" * 4
    clock.move(timedelta(minutes=34, seconds=30))
    db.session.rollback()

    periodic(clock())

    assert attempt_of(reservation).state == "pending"
    assert reservation.held_until > clock() + timedelta(minutes=2)


def test_real_money_on_a_test_site_is_refused_at_the_door(client, reservation, ref, stripe):
    stripe.pay(ref)
    stripe.things[ref]["livemode"] = True

    assert tell(client, stripe, stripe.events[-1]) == 400
    assert reservation.status == HELD
    assert ledger_says() == 0


def test_a_notice_of_another_shop_of_the_account_is_taken_and_does_nothing(client, place, stripe):
    other = stripe._new("checkout.session", "cs_", mode="subscription", payment_intent=None)
    stripe._happens("checkout.session.completed", other)
    stripe._happens("payment_intent.succeeded", stripe._new("payment_intent", "pi_"))
    stripe._happens("customer.created", stripe._new("customer", "cus_"))

    assert tell_all(client, stripe) == {200}
    assert ledger_says() == 0


# -- What leaves, and what comes in -------------------------------------------------------


def test_nothing_personal_leaves(client, reservation, page, back, stripe, clock):
    person = reservation.person
    person.name, person.email, person.phone = "Canary Wintergreen", "canary@x.org", "+4930123456"
    db.session.commit()
    here = {
        "environ_base": {"REMOTE_ADDR": "203.0.113.77"},
        "headers": {"Origin": "http://localhost", "User-Agent": "zz-note-canary"},
    }

    location = outside(client.post, page, **here).location
    stripe.pay(location.rpartition("/")[2])
    outside(client.get, back, **here)
    db.session.rollback()
    cancel(reservation, expected_refund=TOTAL, now=clock())
    db.session.commit()
    run_jobs(now=clock())
    reconcile(now=clock())

    said = "\n".join(map(str, stripe.calls))
    assert {call.method for call in stripe.calls} == {"GET", "POST"}
    assert [word for word in CANARIES if word in said] == []
    assert [word for word in ("Reed", "Haus", socket.gethostname()) if word in said] == []
    assert reservation.reference in said  # all that Stripe is told in words


def test_of_what_the_guest_tells_stripe_only_a_hint_is_kept(
    client, reservation, ref, back, stripe, instance
):
    stripe.pay(ref)
    tell_all(client, stripe)
    db.session.rollback()

    kept = b"".join(file.read_bytes() for file in instance.iterdir() if file.is_file())

    assert reservation.status == CONFIRMED
    assert [one for one in stripe_books.AT_STRIPE.values() if one.encode() in kept] == []
    assert "·· 4242".encode() not in kept  # sealed; four digits alone stand in a digest by chance


def test_every_call_names_its_version_its_key_and_carries_no_telemetry(
    visitor, ref, back, stripe, clock
):
    stripe.pay(ref)
    visitor.get(back)

    for call in stripe.calls:
        assert call.headers["Stripe-Version"] == VERSION == stripe_client.API_VERSION
        assert call.headers["Authorization"] == f"Bearer {KEY}"
        assert "telemetry" not in str(call).casefold()
        assert os.uname().release not in str(call)
    (started,) = stripe.named("POST", "/sessions")
    assert started.key.startswith("start:")


def test_a_page_asks_for_nothing_that_stripe_does_not_know(ref, stripe):
    """Names and values are checked by the stand-in; here is what stands in it."""
    assert stripe.wrong == []
    (started,) = stripe.named("POST", "/sessions")

    assert "payment_method_types" not in started.form
    assert "ui_mode" not in started.form
    assert "email" not in started.form
    assert "adaptive_pricing[enabled]=false" in started.form
    assert "wallet_options[link][display]=never" in started.form


def test_nothing_is_merely_authorised(ref, stripe):
    """No capture is put off, so no promise of a bank can lapse."""
    (started,) = stripe.named("POST", "/sessions")

    assert "capture" not in started.form


def test_less_than_stripe_takes_is_explained(visitor, place, stripe, clock):
    cheap = till.book(now=clock())
    cheap.total_minor = 49
    db.session.commit()

    answer = visitor.press(f"/checkout/{checkout_key(cheap)}/pay")

    assert answer.status_code == 503
    assert "Nothing has been charged" in answer.text
    assert attempt_of(cheap).state == "failed"


# -- The site around it -------------------------------------------------------------------


def test_only_the_form_that_pays_may_lead_to_stripe(visitor, page, ref, back, stripe):
    policies = {path: visitor.get(path).headers["Content-Security-Policy"]
                for path in (page, back, "/", "/privacy")}  # fmt: skip

    assert f"form-action 'self' {stripe.base}" in policies[page]
    assert [path for path, policy in policies.items() if stripe.base in policy] == [page]
    for policy in policies.values():
        parts = [part for part in policy.split(";") if "form-action" not in part]
        assert "stripe" not in ";".join(parts)
        assert stripe.base not in ";".join(parts)


def test_stripe_is_on_the_list_of_recipients_where_it_is_one(app, visitor, place):
    assert STRIPE.code in app.extensions["egress"].recipients()
    assert app.extensions["egress"].url(STRIPE).startswith("http://127.0.0.1:")


def test_the_door_for_stripe_is_closed_without_its_key(environ, clock, tmp_path):
    settings = Settings.from_env(environ)

    assert settings.stripe_secret_key == ""
    assert "stripe" not in app_of(settings).extensions["payment_providers"]
    assert STRIPE.code not in app_of(settings).extensions["egress"].recipients()


def app_of(settings):
    """Make a site."""
    from app import create_app

    return create_app(settings)


_LOOK = """
import sys
from app import create_app
app = create_app()
print("stripe" in sys.modules, "requests" in sys.modules)
if "stripe" in sys.modules:
    import stripe
    provider = app.extensions["payment_providers"]["stripe"]
    client = provider._client._client._requestor._options
    http = provider._client._client._requestor._get_http_client()
    print(stripe.enable_telemetry, http._timeout, client.max_network_retries)
    try:
        provider.fetch("cs_test_nothing")
    except Exception as error:
        print(type(error).__name__)
"""


@pytest.mark.parametrize("with_key", [False, True])
def test_the_library_is_there_only_with_a_key_and_leaves_nothing_at_home(
    environ, tmp_path, stripe, with_key
):
    home = tmp_path / "home"
    home.mkdir()
    keys = {
        "STRIPE_SECRET_KEY": KEY,
        "STRIPE_WEBHOOK_SECRET": SECRET,
        "STRIPE_API_BASE": stripe.base,
    }
    own = {
        **environ,
        **(keys if with_key else {}),
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    seen = subprocess.run(
        [sys.executable, "-c", _LOOK], cwd=ROOT, env=own, capture_output=True, text=True, check=True
    )

    words = seen.stdout.split("\n")
    assert words[0] == ("True True" if with_key else "False False"), seen.stdout
    assert list(home.rglob("*")) == []
    if with_key:
        assert words[1:3] == ["False (3.0, 8.0) 0", "Rejected"]
    assert "Booking" not in seen.stderr


def test_a_guest_who_goes_to_pay_twice_has_one_page(reservation, visitor, page, ref, stripe, clock):
    again = visitor.press(page)
    db.session.rollback()

    assert again.location.endswith(ref)
    assert start_payment(reservation, now=clock()) == again.location
    assert len(stripe.named("POST", "/sessions")) == 1
