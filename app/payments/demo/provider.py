"""The demo bank as a payment provider."""

import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import cast
from urllib.parse import urlsplit

from app.config import Settings
from app.core.clock import utcnow
from app.core.money import Money
from app.core.vault import derive
from app.payments.demo import bank, later
from app.payments.demo.models import DISPUTED, OPEN, BankPayment, BankRefund
from app.payments.provider import (
    BadSignature,
    Caps,
    DisputeView,
    Headers,
    Intent,
    Notice,
    RefundView,
    Rejected,
    Saved,
    Snapshot,
    Started,
)
from app.payments.states import PAID, PENDING, DisputeState, PaymentState, RefundState

SIGNATURE_HEADER = "Demo-Bank-Signature"
# A notice may have been on its way for so long, and clocks may differ by so much.
TOLERANCE = timedelta(seconds=300)


class DemoInProduction(RuntimeError):
    """Somebody tried to take real bookings for no real money."""


class DemoProvider:
    """An outside bank that is built in. Raises DemoInProduction in production mode."""

    name = "demo"
    caps = Caps(
        min_hold=timedelta(minutes=30),
        max_hold=timedelta(hours=24),
        processing=timedelta(days=3),
        redirect_origin=None,
        live=False,
    )

    def __init__(self, settings: Settings) -> None:
        if not settings.demo:
            raise DemoInProduction
        # Any of them may have signed: while a secret is changed, old and new are good.
        self._secrets = (derive(settings.secret_key, "reserved: notices of the demo bank"),)

    def start(self, intent: Intent, key: str) -> Started:
        """Make a page at the demo bank. Raises Rejected."""
        # Paths and no host: the demo is opened as localhost and as 127.0.0.1, and a form
        # may not lead from one to the other.
        payment = bank.open_page(_here(intent), key, now=utcnow())
        return Started(payment.ref, f"/demo-bank/{payment.ref}", payment.expires_at)

    def fetch(self, ref: str) -> Snapshot:
        """Look. Raises Rejected for a ref that the bank doesn't know."""
        return _snapshot(bank.find(ref))

    def close(self, ref: str, key: str) -> Snapshot:
        """Close the page, and look. Raises Rejected. Closing twice is closing once."""
        return _snapshot(bank.close(ref, now=utcnow()))

    def refund(self, ref: str, money: Money, refund_id: str, key: str) -> RefundView:
        """Send money back. Raises Rejected, Declined."""
        back = bank.give_back(ref, money, key, shop_refund_id=refund_id, now=utcnow())
        return _refund_view(back, money.currency)

    def charge_saved(self, intent: Intent, saved: Saved, key: str) -> Snapshot:
        """Charge a kept card. Raises NeedsCustomer, Declined, Rejected."""
        args = _here(intent), saved.customer, saved.method, key
        return _snapshot(later.charge(*args, now=utcnow()))

    def forget(self, saved: Saved) -> None:
        """Forget a kept card; twice is once."""
        later.forget(saved.customer)

    def changes(self, since: datetime) -> Iterator[Notice]:
        """Yield what happened since an instant."""
        for event in bank.events_since(since):
            yield Notice(event.id, (event.ref,))

    def sign(self, body: bytes, *, now: datetime) -> dict[str, str]:
        """Return the headers of a notice: HMAC-SHA-256 over its time and its very bytes."""
        at = str(int(now.timestamp()))
        return {SIGNATURE_HEADER: f"t={at},v1={_digest(self._secrets[0], at, body)}"}

    def notice(self, headers: Headers, raw_body: bytes, *, now: datetime) -> Notice:
        """Check and read a notice. Raises BadSignature.

        Too old and too far ahead are refused alike: a notice from the future would be
        good for as long as it lies ahead.
        """
        parts = _parts(headers.get(SIGNATURE_HEADER, ""))
        at = parts.get("t", "")
        if not (at.isascii() and at.isdigit() and len(at) < 12):
            raise BadSignature("no time")
        given = parts.get("v1", "").encode()
        # Each secret is tried, so that the time taken doesn't tell which one it was.
        right = [_digest(secret, at, raw_body).encode() for secret in self._secrets]
        fits = [hmac.compare_digest(digest, given) for digest in right]
        if not any(fits):
            raise BadSignature("signature")
        if abs(now.timestamp() - int(at)) > TOLERANCE.total_seconds():
            raise BadSignature("age")
        return _read(raw_body)


def _here(intent: Intent) -> Intent:
    return replace(intent, return_url=_path(intent.return_url), cancel_url=_path(intent.cancel_url))


def _path(url: str) -> str:
    return urlsplit(url)._replace(scheme="", netloc="").geturl()


def _digest(secret: bytes, at: str, body: bytes) -> str:
    return hmac.new(secret, at.encode() + b"." + body, sha256).hexdigest()


def _parts(header: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in header[:500].split(","))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _read(raw_body: bytes) -> Notice:
    """Read the two ids of a notice; whatever else it says is not looked at."""
    try:
        said = json.loads(raw_body.decode("utf-8"))
        event_id, ref = said["id"], said["ref"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadSignature("unreadable") from None  # whose message would quote the body
    if not all(isinstance(text, str) and 0 < len(text) <= 40 for text in (event_id, ref)):
        raise BadSignature("unreadable")
    return Notice(event_id, (ref,))


def _snapshot(payment: BankPayment | None) -> Snapshot:
    if payment is None:
        raise Rejected("no such payment")
    state = bank.state_of(payment, now=utcnow())
    asked = Money(payment.amount_minor, payment.currency)
    back = bank.refunds_of(payment.ref)
    return Snapshot(
        ref=payment.ref,
        payment_id=payment.shop_payment_id,
        state=PENDING if state == OPEN else cast(PaymentState, state),
        asked=asked,
        captured=asked if state == PAID else Money.zero(asked.currency),
        live=False,
        method_hint=payment.method_hint,
        refunds=tuple(_refund_view(refund, asked.currency) for refund in back),
        disputes=_disputes(payment),
        saved=_saved(payment),
    )


def _saved(payment: BankPayment) -> Saved | None:
    means = later.kept_with(payment.ref) if payment.save else None
    return Saved(means.customer, means.method, bank.CARD) if means is not None else None


def _disputes(payment: BankPayment) -> tuple[DisputeView, ...]:
    if payment.dispute is None or payment.disputed_minor is None or payment.disputed_at is None:
        return ()
    money = Money(payment.disputed_minor, payment.currency)
    open_ = payment.dispute == DISPUTED
    view = DisputeView(
        ref=payment.ref.replace("db_", "dd_", 1),
        money=money,
        withdrawn=Money.zero(money.currency) if payment.dispute == "won" else money,
        state=cast(DisputeState, payment.dispute),
        refundable=False,
        reason="general",
        due=payment.disputed_at + later.ANSWER_WITHIN if open_ else None,
    )
    return (view,)


def _refund_view(refund: BankRefund, currency: str) -> RefundView:
    return RefundView(
        ref=refund.ref,
        refund_id=refund.shop_refund_id,
        money=Money(refund.amount_minor, currency),
        state=cast(RefundState, refund.state),
    )
