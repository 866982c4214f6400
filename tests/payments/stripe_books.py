"""The books of the stand-in for Stripe: what it keeps, its rules, and the hands of others.

Amounts are Stripe's own minor units. What Stripe hands out is a copy of its own fixture
with the fields set that matter here; what guests and banks do is done by the methods
that tests call.
"""

import json
import threading
from copy import deepcopy
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from stripe import WebhookSignature

FIXTURES = json.loads(Path(__file__).with_name("stripe_fixtures.json").read_text())["resources"]
HALF_AN_HOUR, A_DAY, THIRTY_DAYS = 1800, 24 * 3600, 30 * 24 * 3600
LEAST = {"eur": 50, "usd": 50, "gbp": 30, "jpy": 50}  # of a charge, in minor units
IN_TENS, IN_HUNDREDS = ("kwd", "bhd", "jod", "omr", "tnd"), ("isk", "ugx")
AT_STRIPE = {"email": "typed-at-stripe@example.org", "name": "Typed Stripe", "phone": "+15550100"}
"""What a guest tells Stripe on its page. None of it is ours to keep."""
_EXPANDS = {
    "checkout.session": ("payment_intent", "customer"),
    "payment_intent": ("latest_charge", "customer", "payment_method"),
    "charge": ("refunds",),
    "refund": ("charge", "payment_intent"),
    "dispute": ("charge", "payment_intent"),
}


class Refused(Exception):
    """An answer that says no, as Stripe writes it."""

    def __init__(self, status, kind="invalid_request_error", **said):
        super().__init__(said.get("message", kind))
        self.status, self.said = status, {"type": kind, **said}

    def body(self):
        """Return it as bytes."""
        return json.dumps({"error": self.said}).encode()


def _missing(ref):
    return Refused(404, code="resource_missing", message=f"No such thing: '{ref}'", param="id")


class Books:
    """Everything that this Stripe knows."""

    def __init__(self, clock, *, live):
        self.lock = threading.RLock()
        self.clock, self.live = clock, live
        self.things = {}  # all objects but events, by id
        self.means = {}  # by customer: method, and what it does when it is charged
        self.events = []
        self.refunds_come = "succeeded"  # how a refund stands right after it was asked for
        self._numbers = count(1)

    def seconds(self):
        """Return the time in seconds of Unix time."""
        return int(self.clock().timestamp())

    def _new(self, kind, prefix, **said):
        thing = deepcopy(FIXTURES[kind])
        number = f"{next(self._numbers):06d}"
        mode = ("live_" if self.live else "test_") if prefix == "cs_" else ""
        thing |= {"id": f"{prefix}{mode}{number}abcDEF", "created": self.seconds(), **said}
        if "livemode" in thing:
            thing["livemode"] = self.live
        self.things[thing["id"]] = thing
        return thing

    def _find(self, ref, kind):
        self._age()
        thing = self.things.get(ref)
        if thing is None or thing["object"] != kind:
            raise _missing(ref)
        return thing

    def _all(self, kind, **where):
        self._age()
        found = [
            thing
            for thing in self.things.values()
            if thing["object"] == kind and all(thing[k] == v for k, v in where.items())
        ]
        return sorted(found, key=lambda thing: thing["id"], reverse=True)  # newest first

    def _age(self):
        """Let pages end whose time is over."""
        for thing in list(self.things.values()):
            page = thing["object"] == "checkout.session" and thing["status"] == "open"
            if page and thing["expires_at"] <= self.seconds():
                thing["status"] = "expired"
                self._happens("checkout.session.expired", self._public(thing))

    def _happens(self, kind, thing):
        event = deepcopy(FIXTURES["event"])
        event |= {
            "id": f"evt_{next(self._numbers):06d}abcDEF",
            "type": kind,
            "created": self.seconds(),
            "livemode": self.live,
            "data": {"object": deepcopy(thing)},
        }
        self.events.append(event)

    def _shown(self, thing, said):
        return self._expanded(thing, said.get("expand", []))

    def _expanded(self, thing, paths):
        shown = deepcopy(thing)
        shown.pop("refunds", None)
        heads = {}
        for path in paths:
            head, _, rest = path.partition(".")
            heads.setdefault(head, []).extend([rest] if rest else [])
        for head, rests in heads.items():
            if head not in _EXPANDS.get(thing["object"], ()):
                raise Refused(400, message=f"This property cannot be expanded ({head})")
            if head == "refunds":
                refunds = self._all("refund", charge=thing["id"])
                shown["refunds"] = self._list(refunds, {})
            elif shown.get(head):
                shown[head] = self._expanded(self.things[shown[head]], rests)
        return shown

    def _list(self, things, said):
        limit, after = said.get("limit", 10), said.get("starting_after")
        if not 1 <= limit <= 100:
            raise Refused(400, param="limit", message="limit is 1 to 100")
        ids = [thing["id"] for thing in things]
        start = ids.index(after) + 1 if after else 0
        page = things[start : start + limit]
        more = len(things) > start + limit
        return {"object": "list", "url": "/v1/x", "has_more": more, "data": deepcopy(page)}

    # -- What is asked of it --------------------------------------------------------------

    def on_open_session(self, said):
        """Make a page."""
        if said.get("mode") != "payment" or not said.get("line_items"):
            raise Refused(400, param="line_items", message="nothing to pay")
        if not said.get("success_url"):
            raise Refused(400, param="success_url", message="nowhere to go back to")
        left = said.get("expires_at", self.seconds() + A_DAY) - self.seconds()
        if not HALF_AN_HOUR <= left <= A_DAY:
            raise Refused(
                400, param="expires_at", message="must be between 30 minutes and 24 hours"
            )
        lines = [(one["quantity"], one["price_data"]) for one in said["line_items"]]
        total, price = sum(times * one["unit_amount"] for times, one in lines), lines[0][1]
        self._check_amount(total, price["currency"])
        about = said.get("payment_intent_data", {})
        session = self._new(
            "checkout.session",
            "cs_",
            amount_total=total,
            amount_subtotal=total,
            currency=price["currency"],
            client_reference_id=said.get("client_reference_id"),
            customer_creation=said.get("customer_creation"),
            expires_at=said.get("expires_at", self.seconds() + A_DAY),
            locale=said.get("locale"),
            payment_intent=None,  # there is none before somebody tries to pay
            success_url=said["success_url"],
            cancel_url=said.get("cancel_url"),
            customer_details=None,
        )
        session["url"] = f"{self.base}/c/pay/{session['id']}"
        session["_intent"] = about
        return self._public(session)

    def _check_amount(self, amount, currency):
        if amount < LEAST.get(currency, 1):
            raise Refused(400, code="amount_too_small", param="amount", message="too small")
        if amount > 99_999_999:
            raise Refused(400, code="amount_too_large", param="amount", message="too large")
        step = 10 if currency in IN_TENS else 100 if currency in IN_HUNDREDS else 1
        if amount % step:
            raise Refused(400, param="amount", code="parameter_invalid", message="not so exactly")

    def _public(self, session, said=None):
        shown = self._shown(session, said or {})
        shown.pop("_intent", None)
        return shown

    def on_list_sessions(self, said):
        """List pages."""
        found = self._all("checkout.session", payment_intent=said.get("payment_intent"))
        return self._list([self._public(one) for one in found], said)

    def on_session(self, ref, said):
        """Show a page."""
        return self._public(self._find(ref, "checkout.session"), said)

    def on_expire_session(self, ref, said):
        """Close a page."""
        session = self._find(ref, "checkout.session")
        if session["status"] != "open":
            raise Refused(400, message='Only sessions with a status in ["open"] can be expired.')
        session["status"], session["url"] = "expired", None
        self._happens("checkout.session.expired", self._public(session))
        return self._public(session, said)

    def on_intent(self, ref, said):
        """Show a payment intent."""
        return self._shown(self._find(ref, "payment_intent"), said)

    def on_charge(self, said):
        """Charge kept means."""
        self._check_amount(said["amount"], said["currency"])
        if said.get("off_session") and not said.get("confirm"):
            raise Refused(400, param="off_session", message="only while confirming")
        ways = said.get("automatic_payment_methods", {})
        stays = ways.get("allow_redirects") == "never" or said.get("return_url")
        if said.get("confirm") and not stays:
            raise Refused(400, param="return_url", message="you must provide a return_url")
        kept = self.means.get(said.get("customer"))
        if kept is None or kept["method"] != said.get("payment_method"):
            raise Refused(
                400, code="resource_missing", param="customer", message="No such customer"
            )
        intent = self._new(
            "payment_intent",
            "pi_",
            amount=said["amount"],
            currency=said["currency"],
            customer=said["customer"],
            description=said.get("description"),
            metadata=said.get("metadata", {}),
        )
        if kept["later"] == "asks politely":
            intent["status"] = "requires_action"
        elif kept["later"] != "pays":
            code = "authentication_required" if kept["later"] == "asks" else "card_declined"
            self._happens("payment_intent.payment_failed", intent)
            raise Refused(402, "card_error", code=code, message="Your card was declined.")
        else:
            self._capture(intent, said["payment_method"])
        return self._shown(intent, said)

    def on_cancel_intent(self, ref, said):
        """Make a payment intent worthless."""
        intent = self._find(ref, "payment_intent")
        if intent["status"] in ("succeeded", "canceled"):
            raise Refused(400, code="payment_intent_unexpected_state", message="too late")
        intent["status"] = "canceled"
        return self._shown(intent, said)

    def on_charge_of(self, ref, said):
        """Show a charge."""
        return self._shown(self._find(ref, "charge"), said)

    def on_refund(self, said):
        """Send money back."""
        intent = self._find(said["payment_intent"], "payment_intent")
        charge = self.things.get(intent["latest_charge"])
        if charge is None or not charge["captured"]:
            raise Refused(400, message="There is no successful charge")
        open_ = [d for d in self._all("dispute", charge=charge["id"]) if d["status"] != "won"]
        if any(not dispute["is_charge_refundable"] for dispute in open_):
            raise Refused(400, code="charge_disputed", message="charged back")
        left = charge["amount_captured"] - charge["amount_refunded"]
        if not left:
            raise Refused(400, code="charge_already_refunded", message="already refunded")
        amount = said.get("amount", left)
        if not 0 < amount <= left:  # Stripe gives no code for this one
            raise Refused(400, param="amount", message="greater than unrefunded amount on charge")
        charge["amount_refunded"] += amount
        refund = self._new(
            "refund",
            "re_",
            amount=amount,
            currency=charge["currency"],
            charge=charge["id"],
            payment_intent=intent["id"],
            metadata=said.get("metadata", {}),
            status=self.refunds_come,
        )
        self._happens("refund.created", refund)
        self._happens("charge.refunded", charge)
        return self._shown(refund, said)

    def on_list_refunds(self, said):
        """List refunds."""
        return self._list(self._all("refund", payment_intent=said["payment_intent"]), said)

    def on_refund_of(self, ref, said):
        """Show a refund."""
        return self._shown(self._find(ref, "refund"), said)

    def on_list_disputes(self, said):
        """List disputes."""
        return self._list(self._all("dispute", payment_intent=said["payment_intent"]), said)

    def on_dispute_of(self, ref, said):
        """Show a dispute."""
        return self._shown(self._find(ref, "dispute"), said)

    def on_delete_customer(self, ref, said):
        """Delete a customer, and their means."""
        self._find(ref, "customer")
        del self.things[ref], self.means[ref]
        return {**FIXTURES["deleted_customer"], "id": ref}

    def on_list_events(self, said):
        """List what happened in the last thirty days, newest first."""
        self._age()
        since = max(said.get("created", {}).get("gte", 0), self.seconds() - THIRTY_DAYS)
        types = said.get("types")
        if types is not None and len(types) > 20:
            raise Refused(400, param="types", message="at most 20")
        found = [
            event
            for event in reversed(self.events)
            if event["created"] >= since and (types is None or event["type"] in types)
        ]
        return self._list(found, said)

    # -- What guests and banks do ---------------------------------------------------------

    def _capture(self, intent, method):
        charge = self._new(
            "charge",
            "ch_",
            amount=intent["amount"],
            amount_captured=intent["amount"],
            captured=True,
            currency=intent["currency"],
            payment_intent=intent["id"],
            billing_details={**FIXTURES["charge"]["billing_details"], **AT_STRIPE},
        )
        intent |= {
            "status": "succeeded",
            "amount_received": intent["amount"],
            "latest_charge": charge["id"],
            "payment_method": method,
        }
        self._happens("charge.succeeded", charge)
        self._happens("payment_intent.succeeded", intent)

    def _intent_of(self, session):
        if session["payment_intent"] is None:
            about = session["_intent"]
            intent = self._new(
                "payment_intent",
                "pi_",
                amount=session["amount_total"],
                currency=session["currency"],
                metadata=about.get("metadata", {}),
                setup_future_usage=about.get("setup_future_usage"),
            )
            session["payment_intent"] = intent["id"]
        return self.things[session["payment_intent"]]

    def pay(self, ref, later="pays"):
        """Let the guest pay by card; `later`: what a card that is kept does at its next charge."""
        with self.lock:
            session = self._open(ref)
            intent = self._intent_of(session)
            if session["customer_creation"] == "always":
                customer = self._new("customer", "cus_", **AT_STRIPE)
                session["customer"] = intent["customer"] = customer["id"]
                self.means[customer["id"]] = {"method": f"pm_{ref[-12:]}", "later": later}
            self._complete(session, "paid")
            self._capture(intent, f"pm_{ref[-12:]}")
            self._happens("checkout.session.completed", self._public(session))

    def pay_slowly(self, ref):
        """Let the guest give an order that takes days."""
        with self.lock:
            session = self._open(ref)
            self._intent_of(session)["status"] = "processing"
            self._complete(session, "unpaid")
            self._happens("checkout.session.completed", self._public(session))

    def _open(self, ref):
        session = self._find(ref, "checkout.session")
        assert session["status"] == "open", "the page was closed already"
        return session

    def _complete(self, session, payment_status):
        session |= {"status": "complete", "payment_status": payment_status, "url": None}
        session["customer_details"] = {**FIXTURES["checkout.session"]["customer_details"]}
        session["customer_details"] |= AT_STRIPE

    def arrive(self, ref):
        """Let slow money arrive."""
        with self.lock:
            session = self.things[ref]
            session["payment_status"] = "paid"
            self._capture(self.things[session["payment_intent"]], "pm_slow")
            self._happens("checkout.session.async_payment_succeeded", self._public(session))

    def never_arrive(self, ref):
        """Let slow money turn out never to come."""
        with self.lock:
            session = self.things[ref]
            self.things[session["payment_intent"]]["status"] = "requires_payment_method"
            self._happens("checkout.session.async_payment_failed", self._public(session))

    def decline(self, ref):
        """Let a card be declined on the page, which stays open."""
        with self.lock:
            intent = self._intent_of(self._open(ref))
            self._happens("payment_intent.payment_failed", intent)

    def refund_by_hand(self, ref, amount):
        """Let somebody refund in the dashboard; return the refund."""
        with self.lock:
            return self.on_refund({"payment_intent": self._paid(ref)["id"], "amount": amount})

    def refund_becomes(self, refund, status):
        """Let a refund turn out otherwise; return it."""
        with self.lock:
            thing = self.things[refund]
            thing["status"] = status
            if status in ("failed", "canceled"):
                self.things[thing["charge"]]["amount_refunded"] -= thing["amount"]
            self._happens("refund.failed" if status == "failed" else "refund.updated", thing)
            return thing

    def dispute(self, ref, status="needs_response"):
        """Let the guest's bank question a payment; return the dispute."""
        with self.lock:
            intent = self._paid(ref)
            charge = self.things[intent["latest_charge"]]
            inquiry = status.startswith("warning")
            dispute = self._new(
                "dispute",
                "du_",
                amount=charge["amount_captured"] - charge["amount_refunded"],
                currency=charge["currency"],
                charge=charge["id"],
                payment_intent=intent["id"],
                status=status,
                is_charge_refundable=inquiry,
                reason="fraudulent",
            )
            charge["disputed"] = True
            self._happens("charge.dispute.created", dispute)
            if not inquiry:
                self._moves(dispute, -dispute["amount"], "charge.dispute.funds_withdrawn")
            return dispute

    def decide(self, dispute, status):
        """Let a dispute be won or lost."""
        with self.lock:
            thing = self.things[dispute]
            thing["status"] = status
            self._happens("charge.dispute.closed", thing)
            if status == "won":
                self._moves(thing, thing["amount"], "charge.dispute.funds_reinstated")

    def _moves(self, dispute, amount, kind):
        line = {**FIXTURES["balance_transaction"], "amount": amount, "source": dispute["id"]}
        dispute["balance_transactions"].append(line)
        self._happens(kind, dispute)

    def _paid(self, ref):
        thing = self.things[ref]
        return (
            thing if thing["object"] == "payment_intent" else self.things[thing["payment_intent"]]
        )

    # -- What it comes to, and what it tells ----------------------------------------------

    def balance(self, currency):
        """Return what is here of ours, in Stripe's minor units of a currency."""
        with self.lock:
            ours = [thing for thing in self.things.values() if thing.get("currency") == currency]
            came = sum(c["amount_captured"] for c in ours if c["object"] == "charge")
            went = sum(
                one["amount"]
                for one in ours
                if one["object"] == "refund" and one["status"] == "succeeded"
            )
            moved = sum(
                line["amount"]
                for one in ours
                if one["object"] == "dispute"
                for line in one["balance_transactions"]
            )
            return came - went + moved

    def notice(self, event, *, thin=False, at=None, secret=None):
        """Return the body and the headers of a notice, signed as Stripe signs."""
        body = json.dumps(_thin(event) if thin else event)
        return body.encode(), self.sign(body, at=at, secret=secret)

    def sign(self, body, *, at=None, secret=None):
        """Return the headers of a body, signed at an instant by a secret."""
        at = int(at.timestamp()) if at is not None else self.seconds()
        header = WebhookSignature.generate_signature_header(body, secret or self.secret, at)
        return {"Stripe-Signature": header, "Content-Type": "application/json"}


def _thin(event):
    thing = event["data"]["object"]
    path = {"checkout.session": "checkout/sessions"}.get(thing["object"], f"{thing['object']}s")
    return {
        "id": event["id"],
        "object": "v2.core.event",
        "type": f"v1.{event['type']}",
        "livemode": event["livemode"],
        "created": datetime.fromtimestamp(event["created"], UTC).isoformat(),
        "related_object": {
            "id": thing["id"],
            "type": thing["object"],
            "url": f"/v1/{path}/{thing['id']}",
        },
    }
