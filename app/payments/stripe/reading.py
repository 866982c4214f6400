"""What Stripe says, read as what we ask for: pages, payment intents, disputes, notices.

Of the guest nothing is read but the kind of means and its last four digits.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any

from app.core.money import Money
from app.payments.provider import (
    BadSignature,
    DisputeView,
    Notice,
    RefundView,
    Rejected,
    Saved,
    Snapshot,
)
from app.payments.states import (
    AUTHORISED,
    CANCELLED,
    EXPIRED,
    FAILED,
    PAID,
    PENDING,
    PROCESSING,
    SUCCEEDED,
    DisputeState,
    PaymentState,
    RefundState,
)
from app.payments.stripe.amounts import from_stripe
from app.payments.stripe.client import Raw

_REFUNDS: dict[str, RefundState] = {
    "succeeded": SUCCEEDED,
    "pending": PENDING,
    "requires_action": PENDING,
    "failed": FAILED,
    "canceled": CANCELLED,
}


_DISPUTES: dict[str, DisputeState] = {
    "warning_needs_response": "inquiry",
    "warning_under_review": "inquiry",
    "warning_closed": "won",
    "prevented": "won",
    "needs_response": "open",
    "under_review": "open",
    "won": "won",
    "lost": "lost",
}
# Pages, intents, charges, refunds, disputes.
_REF = re.compile(r"(cs|pi|ch|py|re|pyr|dp|du)_[A-Za-z0-9_]{1,240}")

_INTENTS: dict[str, PaymentState] = {
    "succeeded": PAID,
    "processing": PROCESSING,
    "requires_capture": AUTHORISED,
    "canceled": CANCELLED,
    "requires_payment_method": FAILED,
}


def of_session(session: Raw) -> tuple[Snapshot, Raw]:
    """Return what a page and its payment intent say, and that intent.

    Raises Rejected for a page that isn't of our kind: the account may have other uses.
    """
    currency, total = session.get("currency"), session.get("amount_total")
    if session.get("mode") != "payment" or not currency or total is None:
        raise Rejected("not a page of ours")
    intent = session.get("payment_intent")
    intent = intent if isinstance(intent, dict) else {}
    charge = charge_of(intent)
    snapshot = Snapshot(
        ref=session["id"],
        payment_id=session.get("client_reference_id"),
        state=_state(session, intent),
        asked=from_stripe(total, currency),
        captured=from_stripe(intent.get("amount_received") or 0, currency),
        live=bool(session["livemode"]),
        method_hint=_hint(charge.get("payment_method_details") or {}),
        refunds=tuple(refund_view(one) for one in _refunds(charge)),
        saved=_saved(intent, charge),
    )
    return snapshot, intent


def of_intent(intent: Raw) -> tuple[Snapshot, Raw]:
    """Return what a payment intent without a page says: one of kept means."""
    currency = str(intent["currency"])
    charge = charge_of(intent)
    snapshot = Snapshot(
        ref=intent["id"],
        payment_id=(intent.get("metadata") or {}).get("payment"),
        state=_INTENTS.get(intent["status"], PENDING),
        asked=from_stripe(intent["amount"], currency),
        captured=from_stripe(intent.get("amount_received") or 0, currency),
        live=bool(intent["livemode"]),
        method_hint=_hint(charge.get("payment_method_details") or {}),
        refunds=tuple(refund_view(one) for one in _refunds(charge)),
    )
    return snapshot, intent


def charge_of(intent: Raw) -> Raw:
    """Return the charge of a payment intent, which has one once it was tried."""
    charge = intent.get("latest_charge")
    return charge if isinstance(charge, dict) else {}


def _refunds(charge: Raw) -> list[Raw]:
    found: list[Raw] = (charge.get("refunds") or {}).get("data") or []
    return found


def _saved(intent: Raw, charge: Raw) -> Saved | None:
    """Return what Stripe keeps, where the guest wished it and has paid with it."""
    wished = intent.get("setup_future_usage") == "off_session"
    customer, method = intent.get("customer"), intent.get("payment_method")
    if not (wished and intent.get("status") == "succeeded" and customer and method):
        return None
    hint = _hint(charge.get("payment_method_details") or {}) or ""
    return Saved(_id(customer), _id(method), hint)


def _id(thing: Any) -> str:
    return str(thing["id"] if isinstance(thing, dict) else thing)


def dispute_view(dispute: Raw) -> DisputeView:
    """Return what a dispute says."""
    money = from_stripe(dispute["amount"], str(dispute["currency"]))
    # What was moved because of it: taken, and given back if it was won. Of an inquiry nothing.
    moved = sum(one["amount"] for one in dispute.get("balance_transactions") or [])
    due = (dispute.get("evidence_details") or {}).get("due_by")
    return DisputeView(
        ref=dispute["id"],
        money=money,
        withdrawn=money if moved < 0 else Money.zero(money.currency),
        state=_DISPUTES.get(dispute["status"], "open"),
        refundable=bool(dispute.get("is_charge_refundable")),
        reason=str(dispute.get("reason") or "general"),
        due=instant(due) if due else None,
    )


def _state(session: Raw, intent: Raw) -> PaymentState:
    if session["status"] == "expired":
        return EXPIRED
    if session["status"] == "open":
        return PENDING
    if session["payment_status"] == "paid":
        return PAID
    # Complete, and not paid: the money is on its way, promised, or didn't come.
    if intent.get("status") == "requires_capture":
        return AUTHORISED
    if intent.get("status") in ("requires_payment_method", "canceled"):
        return FAILED
    return PROCESSING


def _hint(details: Raw) -> str | None:
    kind = details.get("type")
    if not kind:
        return None
    card: Any = details.get("card") if kind == "card" else None
    if card:
        brand = str(card.get("brand") or "card").replace("_", " ").title()
        return f"{brand} ···· {card['last4']}"
    return str(kind).replace("_", " ").title()


def refund_view(refund: Raw) -> RefundView:
    """Return what a refund says."""
    return RefundView(
        ref=refund["id"],
        refund_id=(refund.get("metadata") or {}).get("refund"),
        money=from_stripe(refund["amount"], str(refund["currency"])),
        state=_REFUNDS.get(refund["status"], PENDING),
    )


def read(body: str) -> Notice:
    """Read a notice's ids, whole or thin; whatever else it says is not looked at.

    Raises BadSignature for what can't be read.
    """
    try:
        event = json.loads(body)
        event_id, about = event["id"], refs(event)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadSignature("unreadable") from None  # whose message would quote the body
    if not (isinstance(event_id, str) and 0 < len(event_id) <= 255):
        raise BadSignature("unreadable")
    return Notice(event_id, tuple(about))


def refs(event: Raw) -> list[str]:
    """Return what an event is about: the page, else the payment intent, else the thing itself.

    A thin notice of a refund or a dispute names nothing else.
    """
    thing = event.get("related_object") or event["data"]["object"]
    named = (thing.get("id"), thing.get("payment_intent"))
    known = [ref for ref in named if isinstance(ref, str) and _REF.fullmatch(ref)]
    known.sort(key=lambda ref: not ref.startswith(("cs_", "pi_")))
    return known[:1]


def signed_at(header: str) -> int:
    """Return when a notice was signed, in seconds of Unix time; raises BadSignature without.

    There may be one time only: of two, the library might have checked the other.
    """
    times = [part[2:] for part in header.split(",") if part.strip().startswith("t=")]
    if len(times) == 1 and times[0].isascii() and times[0].isdigit() and len(times[0]) < 12:
        return int(times[0])
    raise BadSignature("no time")


def instant(seconds: int) -> datetime:
    """Return an instant that Stripe gives in seconds of Unix time."""
    return datetime.fromtimestamp(seconds, UTC)
