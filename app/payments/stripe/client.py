"""Calling Stripe: its library, switched to quiet, and its errors in our words.

The library is imported here, once a client is made: it costs 93 ms and 22 MiB, and a
site without a key does without.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from app.payments.provider import (
    BadSignature,
    Declined,
    NeedsCustomer,
    NotSent,
    ProviderError,
    Rejected,
    Unknown,
)

log = logging.getLogger(__name__)

# The version whose parameters and answers the tests know: a new one is a commit.
API_VERSION = "2026-10-28.endive"
CONNECT, ANSWER = 3.0, 8.0  # seconds
# A call whose answer got lost is made once more, with the same key, if it was lost soon:
# a guest waits for less than 16 seconds in all.
SOON, PAUSE = 4.0, 0.3  # seconds
MISSING = "resource_missing"
_A_PAGE = 100  # as many as a list gives at once

Raw = dict[str, Any]


class StripeClient:
    """The few calls that we make, as plain dictionaries in and out."""

    def __init__(self, key: str, base: str) -> None:
        """Make a client; nothing is sent. `base` is the address of Stripe's API."""
        import stripe  # heavy, and only where a key is set

        # Otherwise it would leave a file with an id of this machine, and send it along.
        stripe.enable_telemetry = False
        # Its own log repeats what is sent and answered.
        logging.getLogger("stripe").setLevel(logging.CRITICAL)
        self._stripe = stripe
        self._client = stripe.StripeClient(
            key,
            stripe_version=API_VERSION,
            base_addresses={"api": base},
            # Its own way of trying again forgets that the first try may have been heard.
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=(CONNECT, ANSWER)),
        )

    # -- Pages ----------------------------------------------------------------------------

    def open_session(self, params: Raw, key: str) -> Raw:
        """Make a page."""
        sessions: Any = self._client.v1.checkout.sessions
        return self._call(lambda: sessions.create(params, {"idempotency_key": key}))

    def session(self, ref: str, expand: list[str]) -> Raw:
        """Look at a page."""
        sessions = self._client.v1.checkout.sessions
        return self._call(lambda: sessions.retrieve(ref, {"expand": expand}))

    def session_of_intent(self, intent: str) -> str | None:
        """Return the id of the page that a payment intent belongs to, if to any."""
        sessions = self._client.v1.checkout.sessions
        found = self._call(lambda: sessions.list({"payment_intent": intent, "limit": 1}))
        return str(found["data"][0]["id"]) if found["data"] else None

    def expire_session(self, ref: str) -> None:
        """Close a page. Raises Rejected where it isn't open any more.

        Without a key of ours: done twice is done once, and under a key Stripe would
        repeat an old refusal for a day.
        """
        sessions = self._client.v1.checkout.sessions
        self._call(lambda: sessions.expire(ref))

    # -- Payment intents ------------------------------------------------------------------

    def intent(self, ref: str, expand: list[str]) -> Raw:
        """Look at a payment intent."""
        intents = self._client.v1.payment_intents
        return self._call(lambda: intents.retrieve(ref, {"expand": expand}))

    def charge(self, params: Raw, key: str) -> Raw:
        """Take money from kept means. Raises NeedsCustomer where the guest must be there."""
        intents: Any = self._client.v1.payment_intents
        return self._call(lambda: intents.create(params, {"idempotency_key": key}))

    def cancel_intent(self, ref: str) -> None:
        """Make a payment intent worthless that nobody has paid; without a key, as above."""
        intents = self._client.v1.payment_intents
        self._call(lambda: intents.cancel(ref))

    def intent_of(self, ref: str) -> str:
        """Return the payment intent of a charge, a refund or a dispute.

        Raises Rejected for one that has none.
        """
        v1 = self._client.v1
        looks: dict[str, Callable[[str], Any]] = {
            "ch": v1.charges.retrieve,
            "py": v1.charges.retrieve,
            "re": v1.refunds.retrieve,
            "pyr": v1.refunds.retrieve,
            "dp": v1.disputes.retrieve,
            "du": v1.disputes.retrieve,
        }
        look = looks.get(ref.partition("_")[0])
        intent = self._call(lambda: look(ref)).get("payment_intent") if look else None
        if not isinstance(intent, str):
            raise Rejected("not a payment")
        return intent

    # -- Money back, and kept means -------------------------------------------------------

    def refund(self, params: Raw, key: str) -> Raw:
        """Send money back."""
        refunds: Any = self._client.v1.refunds
        return self._call(lambda: refunds.create(params, {"idempotency_key": key}))

    def refunds(self, intent: str) -> list[Raw]:
        """Return all refunds of a payment intent."""
        return list(self._all(self._client.v1.refunds, {"payment_intent": intent}))

    def disputes(self, intent: str) -> list[Raw]:
        """Return all disputes of a payment intent."""
        return list(self._all(self._client.v1.disputes, {"payment_intent": intent}))

    def delete_customer(self, ref: str) -> None:
        """Delete a customer, and with them what was kept of their means."""
        self._call(lambda: self._client.v1.customers.delete(ref))

    # -- What happened --------------------------------------------------------------------

    def events(self, since: datetime, types: tuple[str, ...]) -> Iterator[Raw]:
        """Yield what happened since an instant, newest first."""
        asked: Raw = {"created": {"gte": int(since.timestamp())}, "types": list(types)}
        yield from self._all(self._client.v1.events, asked)

    def check_signature(self, body: str, header: str, secret: str) -> None:
        """Raise BadSignature unless Stripe signed a body; its age is ours to check."""
        try:
            self._stripe.WebhookSignature.verify_header(body, header, secret, None)
        except (self._stripe.SignatureVerificationError, ValueError, TypeError):
            raise BadSignature("signature") from None  # whose message would quote the body

    def _all(self, service: Any, asked: Raw) -> Iterator[Raw]:
        after: Raw = {}
        while True:
            params = {**asked, "limit": _A_PAGE, **after}
            found = self._call(lambda params=params: service.list(params))  # type: ignore[misc]
            yield from found["data"]
            if not found["data"] or not found.get("has_more"):
                return
            after = {"starting_after": found["data"][-1]["id"]}

    # -- The line -------------------------------------------------------------------------

    def _call(self, call: Callable[[], Any]) -> Raw:
        """Call, and once more if the answer got lost soon.

        Raises Declined, Rejected, NotSent, Unknown. What the first try may have done is
        not forgotten: Unknown stays Unknown, even if the second one can't be sent.
        """
        began = time.monotonic()
        try:
            return self._once(call)
        except Unknown:
            if time.monotonic() - began > SOON:
                raise
        time.sleep(PAUSE)
        try:
            return self._once(call)
        except NotSent as error:
            raise Unknown("no answer, and then no line") from error

    def _once(self, call: Callable[[], Any]) -> Raw:
        try:
            answer = call()
        except self._stripe.StripeError as error:
            raise self._in_our_words(error) from None  # its message may quote what was sent
        if not isinstance(answer, self._stripe.StripeObject):
            raise Unknown("no usable answer")
        found: Raw = answer.to_dict()
        return found

    def _in_our_words(self, error: Any) -> ProviderError:
        stripe, code = self._stripe, str(error.code or "")
        if isinstance(error, stripe.CardError):
            needs = "authentication_required" in (code, getattr(error, "decline_code", None))
            return NeedsCustomer(code) if needs else Declined(code or "declined")
        if isinstance(error, stripe.RateLimitError):
            return NotSent("too many calls")
        if isinstance(error, (stripe.AuthenticationError, stripe.PermissionError)):
            # It can be mended, and nothing happened: what waits shall wait, not be given up.
            log.error("stripe doesn't take the key for this: status=%s", error.http_status)
            return NotSent("the key opens nothing")
        if isinstance(error, stripe.IdempotencyError):
            return Rejected("the key was used for something else")
        if isinstance(error, stripe.InvalidRequestError):
            return _refused(code, getattr(error, "param", None))
        if isinstance(error, stripe.APIConnectionError):
            return _cut_off(error)
        return Unknown("no usable answer")  # 409, 5xx


def _refused(code: str, param: str | None) -> Declined | Rejected:
    """Tell a no to what we asked, which is no mistake of ours, from a mistake."""
    if code in _NO:
        return Declined(code)
    if param == "amount" and not code:  # more than is left of a charge: it has no code
        return Declined("amount")
    return Rejected(code or "invalid request")


_NO = frozenset(
    {
        "amount_too_large",
        "amount_too_small",
        "balance_insufficient",
        "charge_already_refunded",
        "charge_disputed",
        "charge_not_refundable",
        "insufficient_funds",
        "payment_intent_unexpected_state",
        "refund_disputed_payment",
    }
)

# How `requests` and `urllib3` call a line that never came to be, be it for want of a
# name, of an answer at the door, or of a certificate.
_NEVER_THERE = frozenset(
    {
        "ConnectTimeout", "ConnectTimeoutError", "NameResolutionError", "NewConnectionError",
        "ProxyError", "SSLCertVerificationError",
    }
)  # fmt: skip


def _cut_off(error: BaseException) -> NotSent | Unknown:
    """Tell a call that never left from one whose answer was lost."""
    seen: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting:
        one = waiting.pop()
        if isinstance(one, BaseException) and one not in seen:
            if type(one).__name__ in _NEVER_THERE:
                return NotSent("Stripe can't be reached")
            seen.append(one)
            # Not its context: that may be of another call, whose failure is being handled.
            waiting += [*one.args, getattr(one, "reason", None), one.__cause__]
    return Unknown("no answer")


def header_of(headers: Mapping[str, str], name: str) -> str:
    """Return a header, whatever case it came in."""
    return next((value for key, value in headers.items() if key.casefold() == name.casefold()), "")
