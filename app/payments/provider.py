"""What we ask of a payment provider, and what it may answer.

Values only, ours: no object of a provider's library comes further in than its adapter.
Nothing personal goes out: a provider is told an opaque id, an amount, a label with the
reference, and where to send the guest back to (C21, C22).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from app.core.money import Money
from app.payments.states import DisputeState, PaymentState, RefundState

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Caps:
    """What a provider can do.

    `min_hold` and `max_hold`: how long its page may stay open. `processing`: how long
    slow ways to pay may take. `redirect_origin`: where its page is, None for our own
    origin. `live`: whether its money is real.
    """

    min_hold: timedelta
    max_hold: timedelta
    processing: timedelta
    redirect_origin: str | None
    live: bool


@dataclass(frozen=True, slots=True)
class Intent:
    """What the guest is asked to pay. The same for every call under the same key."""

    payment_id: str
    money: Money
    label: str
    expires_at: datetime
    return_url: str
    cancel_url: str
    locale: str  # a language of ours: "en", "zh", "de" or "fr"
    save: bool = False  # keep the means for the balance, at the guest's express wish


@dataclass(frozen=True, slots=True)
class Started:
    """A page on which the guest can pay, until a time."""

    ref: str
    redirect_url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RefundView:
    """A refund as the provider has it; `refund_id` is ours, None for one made there by hand."""

    ref: str
    refund_id: str | None
    money: Money
    state: RefundState


@dataclass(frozen=True, slots=True)
class DisputeView:
    """A dispute as the provider has it. `withdrawn`: what has been taken back so far."""

    ref: str
    money: Money
    withdrawn: Money
    state: DisputeState
    refundable: bool
    reason: str
    due: datetime | None


@dataclass(frozen=True, slots=True)
class Saved:
    """What the provider keeps of the guest's means, at the guest's wish: its names for it."""

    customer: str
    method: str
    hint: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is true of one payment at the provider now.

    `payment_id` is the id that our intent gave, `asked` the amount that it gave;
    `captured` is what has really been taken, zero for nothing. `method_hint` is what
    the guest's own statement would say, such as "Visa ···· 4242", never more.
    """

    ref: str
    payment_id: str | None
    state: PaymentState
    asked: Money
    captured: Money
    live: bool
    method_hint: str | None = None
    refunds: tuple[RefundView, ...] = ()
    disputes: tuple[DisputeView, ...] = ()
    saved: Saved | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A provider's hint that something changed: never money, never a state."""

    event_id: str
    refs: tuple[str, ...]


class PaymentProvider(Protocol):
    """Who takes the money.

    `key` makes a call safe to repeat: the same key is the same act, done once. No call
    may be made while a transaction is open.
    """

    @property
    def name(self) -> str:
        """Its name in addresses and rows: /webhooks/<name>."""

    @property
    def caps(self) -> Caps:
        """What it can do."""

    def start(self, intent: Intent, key: str) -> Started:
        """Make a page to pay on. Raises Declined, Rejected, NotSent, Unknown."""

    def fetch(self, ref: str) -> Snapshot:
        """Look. Raises Rejected for a ref that it doesn't know, NotSent, Unknown."""

    def close(self, ref: str, key: str) -> Snapshot:
        """Make sure that nobody can pay any more, and look; money may have come before.

        Raises Rejected, NotSent, Unknown.
        """

    def refund(self, ref: str, money: Money, refund_id: str, key: str) -> RefundView:
        """Send money back the way it came. Raises Declined, Rejected, NotSent, Unknown."""

    def charge_saved(self, intent: Intent, saved: Saved, key: str) -> Snapshot:
        """Take the money from kept means, without the guest there.

        Raises NeedsCustomer where their bank wants to see them, Declined, Rejected,
        NotSent, Unknown.
        """

    def forget(self, saved: Saved) -> None:
        """Have the provider delete what it kept; done before is done. Raises NotSent, Unknown."""

    def notice(self, headers: Headers, raw_body: bytes, *, now: datetime) -> Notice:
        """Check a notice's signature and age and read it. Raises BadSignature."""

    def changes(self, since: datetime) -> Iterator[Notice]:
        """Yield what happened since an instant, for those that never arrived."""


class ProviderError(Exception):
    """A call to a provider that didn't do what was asked."""


class Declined(ProviderError):
    """The provider understood, and said no. `code` is a word of its, for the owner."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class NeedsCustomer(Declined):
    """The guest's bank wants to see the guest: they pay by a link instead."""


class Rejected(ProviderError):
    """The provider didn't understand: a mistake of ours (4xx). Trying again is no use."""


class NotSent(ProviderError):
    """The call didn't get through: nothing happened there, and trying again is safe."""


class Unknown(ProviderError):
    """No answer, or a broken one: it may have happened. Only the same key may try again."""


class BadSignature(ProviderError):
    """A notice that nobody we know has signed just now, or that can't be read."""
