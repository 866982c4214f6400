"""Stripe as a payment provider: by redirect to its hosted page, with nothing of it on ours.

Stripe is told an opaque id, an amount, a label with the reference, and where to send the
guest back to. No Customer is made, no e-mail address is prefilled, and of what the guest
tells Stripe only the kind of means and its last four digits come back (C03, C21).
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from app.config import Settings
from app.core.egress import Recipient
from app.core.languages import N_
from app.core.money import Money
from app.payments.provider import (
    BadSignature,
    Caps,
    Declined,
    Headers,
    Intent,
    NeedsCustomer,
    Notice,
    RefundView,
    Rejected,
    Saved,
    Snapshot,
    Started,
    Unknown,
)
from app.payments.states import PENDING
from app.payments.stripe.amounts import to_stripe
from app.payments.stripe.client import MISSING, Raw, StripeClient, header_of
from app.payments.stripe.reading import (
    charge_of,
    dispute_view,
    instant,
    of_intent,
    of_session,
    read,
    refs,
    refund_view,
    signed_at,
)

STRIPE = Recipient(
    code="stripe",
    gets=N_(
        "An amount, your reservation’s reference, a random number, your language and an address "
        "that leads back to it; your card, from you"
    ),
    why=N_("To take your payment on its own page, and to send money back"),
    clause="C03",
)
API = "https://api.stripe.com"
PAGE = "https://checkout.stripe.com"
SIGNATURE_HEADER = "Stripe-Signature"
TOLERANCE = timedelta(seconds=300)
# Stripe refuses pages that close within half an hour of when the call arrives there; the
# same call may be made again for a minute.
_LEAST = timedelta(minutes=32)
_MOST = timedelta(hours=23, minutes=59)
_LOOK_AT_PAGE = ["payment_intent.latest_charge.refunds"]
_LOOK_AT_INTENT = ["latest_charge.refunds"]
HEARD = (
    "checkout.session.completed",
    "checkout.session.expired",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "charge.refunded",
    "charge.refund.updated",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
)
"""What the owner has Stripe send notices of."""

_LOCALES = {"en": "en", "zh": "zh", "de": "de", "fr": "fr"}


def api_address(settings: Settings) -> str:
    """Return where Stripe is reached, for the register of recipients; empty without a key."""
    return (settings.stripe_api_base or API) if settings.stripe_secret_key else ""


class StripeProvider:
    """Checkout sessions, one an attempt."""

    name = "stripe"

    def __init__(self, settings: Settings, base: str = API) -> None:
        """Make the client. Settings has made sure that key, mode and address fit together.

        `base`: where Stripe's API is; a stand-in for tests has its pages there too.
        """
        self._client = StripeClient(settings.stripe_secret_key, base)
        self._secrets = settings.stripe_webhook_secrets
        self.caps = Caps(
            min_hold=_LEAST,
            max_hold=_MOST,
            # Bank debits may take two weeks to be certain.
            processing=timedelta(days=14),
            redirect_origin=PAGE if base == API else base,
            live=settings.stripe_live,
        )

    def start(self, intent: Intent, key: str) -> Started:
        """Make a page. The same intent and key give the same one."""
        made = self._client.open_session(_session(intent), key)
        if not made.get("url"):
            raise Rejected("a page without an address")
        return Started(made["id"], made["url"], instant(made["expires_at"]))

    def fetch(self, ref: str) -> Snapshot:
        """Look; `ref` may also be of anything else that a notice can be about."""
        if not ref.startswith("cs_"):
            intent = ref if ref.startswith("pi_") else self._client.intent_of(ref)
            page = self._client.session_of_intent(intent)
            if page is None:  # taken from kept means, without a page
                return self._whole(of_intent(self._client.intent(intent, _LOOK_AT_INTENT)))
            ref = page
        return self._whole(of_session(self._client.session(ref, _LOOK_AT_PAGE)))

    def _whole(self, seen: tuple[Snapshot, Raw]) -> Snapshot:
        """Add what Stripe shows only when it is asked apart: old refunds, and disputes."""
        snapshot, intent = seen
        charge = charge_of(intent)
        if (charge.get("refunds") or {}).get("has_more"):
            every = self._client.refunds(intent["id"])
            snapshot = replace(snapshot, refunds=tuple(map(refund_view, every)))
        if charge.get("disputed"):
            found = self._client.disputes(intent["id"])
            snapshot = replace(snapshot, disputes=tuple(map(dispute_view, found)))
        return snapshot

    def close(self, ref: str, key: str) -> Snapshot:
        """Close a page, and look: it may have been paid, or have ended, just before.

        Closing twice is closing once, with or without a key. While Stripe refuses to close
        a page that is open, somebody may yet pay on it: that is Unknown.
        """
        seen = self.fetch(ref)
        if seen.state != PENDING:
            return seen
        try:
            if ref.startswith("pi_"):
                self._client.cancel_intent(ref)
            else:
                self._client.expire_session(ref)
        except (Declined, Rejected) as error:
            seen = self.fetch(ref)
            if seen.state == PENDING:
                raise Unknown("it wouldn't close") from error
            return seen
        return self.fetch(ref)

    def refund(self, ref: str, money: Money, refund_id: str, key: str) -> RefundView:
        """Send money back the way it came."""
        intent = ref
        if not ref.startswith("pi_"):
            intent = self._client.session(ref, []).get("payment_intent") or ""
        if not intent:
            raise Declined("nothing_was_paid")
        made = self._client.refund(
            {
                "payment_intent": intent,
                "amount": to_stripe(money),
                "metadata": {"refund": refund_id},
            },
            key,
        )
        return refund_view(made)

    def charge_saved(self, intent: Intent, saved: Saved, key: str) -> Snapshot:
        """Take the money from kept means, without the guest there."""
        made = self._client.charge(
            {
                "amount": to_stripe(intent.money),
                "currency": intent.money.currency.lower(),
                "customer": saved.customer,
                "payment_method": saved.method,
                # Nobody is there who could be led to another page.
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                "off_session": True,
                "confirm": True,
                "description": intent.label,
                "metadata": {"payment": intent.payment_id},
            },
            key,
        )
        snapshot = of_intent(made)[0]
        if snapshot.state == PENDING:  # their bank wants to see them, and says so politely
            self._client.cancel_intent(snapshot.ref)
            raise NeedsCustomer("authentication_required")
        return snapshot

    def forget(self, saved: Saved) -> None:
        """Have Stripe delete the customer, and the means with them."""
        try:
            self._client.delete_customer(saved.customer)
        except (Declined, Rejected) as error:
            if str(error) != MISSING:
                raise Unknown("it wasn't deleted") from error

    def notice(self, headers: Headers, raw_body: bytes, *, now: datetime) -> Notice:
        """Check a notice's signature and age, and read its ids.

        The library takes a notice from the future; it would be good for as long as it
        lies ahead, so it is refused here like one that is too old.
        """
        header = header_of(headers, SIGNATURE_HEADER)
        try:
            body = raw_body.decode("utf-8")
        except UnicodeDecodeError:
            raise BadSignature("unreadable") from None
        at = signed_at(header)
        # Each secret is tried, so that the time taken doesn't tell which one it was.
        fits = [self._is_signed(body, header, secret) for secret in self._secrets]
        if not any(fits):
            raise BadSignature("signature")
        if abs(now.timestamp() - at) > TOLERANCE.total_seconds():
            raise BadSignature("age")
        return read(body)

    def changes(self, since: datetime) -> Iterator[Notice]:
        """Yield what happened since an instant (Stripe keeps thirty days), newest first."""
        for event in self._client.events(since, HEARD):
            yield Notice(event["id"], tuple(refs(event)))

    def _is_signed(self, body: str, header: str, secret: str) -> bool:
        try:
            self._client.check_signature(body, header, secret)
        except BadSignature:
            return False
        return True


# -- What we say -------------------------------------------------------------------------


def _session(intent: Intent) -> Raw:
    """Return what a page is made of; nothing in it is personal.

    Neither `payment_method_types` nor `ui_mode`: the first was taken out of the API, the
    second renamed; the means of payment are those switched on in Stripe's dashboard.
    """
    intent_data: Raw = {"metadata": {"payment": intent.payment_id}}
    if intent.save:
        intent_data["setup_future_usage"] = "off_session"
    return {
        "mode": "payment",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": intent.money.currency.lower(),
                    "unit_amount": to_stripe(intent.money),
                    "product_data": {"name": intent.label},
                },
            }
        ],
        "client_reference_id": intent.payment_id,
        "payment_intent_data": intent_data,
        "success_url": intent.return_url,
        "cancel_url": intent.cancel_url,
        "expires_at": int(intent.expires_at.timestamp()),
        "locale": _LOCALES.get(intent.locale, "auto"),
        # Something to keep means under is made only where the guest wants them kept.
        "customer_creation": "always" if intent.save else "if_required",
        "submit_type": "book",
        "wallet_options": {"link": {"display": "never"}},
        # Otherwise the guest may be asked for another currency than ours.
        "adaptive_pricing": {"enabled": False},
        "payment_method_options": {"wechat_pay": {"client": "web"}},
    }
