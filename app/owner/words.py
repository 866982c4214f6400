"""What states are called on the owner's pages, and times by the clock of the place."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_skeleton
from babel.numbers import format_percent

from app.booking.catalogue import text
from app.booking.models import CANCELLED, CONFIRMED, HELD, RELEASED
from app.booking.wording import clock, full_day
from app.core.languages import BY_CODE, N_, current_locale, gettext, ngettext
from app.core.languages import lazy_gettext as _l
from app.payments.audit import Mismatch
from app.payments.dispute_words import dispute_word, provider_word, reason_word, what_helps
from app.payments.links import PaidAlready, PaymentComing
from app.payments.models import Dispute

RUN_OUT = "run_out"
"""How a hold is shown whose time has passed, and that no writer has released yet."""

_STATUS = {
    HELD: N_("held"),
    CONFIRMED: N_("confirmed"),
    RELEASED: N_("released"),
    CANCELLED: N_("cancelled"),
    RUN_OUT: N_("run out"),
}
_MONEY = {
    "created": N_("begun"),
    "requested": N_("asked for"),
    "pending": N_("waiting"),
    "processing": N_("on its way"),
    "authorised": N_("promised by the bank"),
    "paid": N_("paid"),
    "succeeded": N_("done"),
    "expired": N_("expired"),
    "cancelled": N_("called off"),
    "failed": N_("failed"),
    "voided": N_("withdrawn"),
    "lapsed": N_("lapsed"),
    "review": N_("to be looked at"),
}
_BECAUSE = {
    "goodwill": _l("Goodwill: something wasn’t as it should be"),
    "by_us": _l("We couldn’t give what was booked"),
    "mistake": _l("We charged too much"),
    "agreed": _l("Agreed on with the guest"),
    "other": _l("Another reason, which the guest isn’t told"),
}
_DONE = {
    "refunded": N_("The money is on its way back, and the guest is told by mail."),
    "looked": N_("The provider was asked, and says the same as this page."),
    "differs": N_("The provider still says something else. Please tell who looks after this site."),
    "silent": N_("The provider didn’t answer. Please try again later."),
    "asked": N_("The provider is being asked about every payment. Open this page again soon."),
    "sum_asked": N_("The link is on its way by mail. You can also copy it from this page."),
    "sum_withdrawn": N_("The link is withdrawn. Whoever was asked is told by mail."),
    "sum_paid": PaidAlready.message,
    "sum_coming": PaymentComing.message,
    "made_good": N_("It is noted that the money was given back in another way."),
}
_REFUNDS = {
    "cancelled": N_("for the cancellation"),
    "late": N_("came too late"),
    "surplus": N_("was paid twice"),
    "external": N_("made at the provider"),
    "owner": N_("by the house"),
}
_MOVEMENTS = {
    "capture": N_("Payment"),
    "refund": N_("Refund"),
    "refund_reversal": N_("Refund that came back"),
    "chargeback": N_("Taken back by a bank"),
    "chargeback_reversal": N_("Given back by a bank"),
}
_LINKS = {
    "open": N_("open"),
    "coming": N_("on its way"),
    "paid": N_("paid"),
    "withdrawn": N_("withdrawn"),
    "run_out": N_("run out"),
}
_WAYS = {
    "transfer": _l("By bank transfer"),
    "cash": _l("In cash"),
    "other": _l("In another way"),
}
_PARTS = {"deposit": N_("deposit"), "balance": N_("balance")}
_REVIEWS = {
    "payment_id": N_("it names another payment"),
    "reference": N_("it was paid on another page"),
    "currency": N_("another currency"),
    "amount": N_("another amount"),
    "total": N_("the price has changed"),
}
_DOCUMENTS = {"terms": N_("Terms"), "privacy": N_("Privacy policy")}


def status_word(status: str) -> str:
    """Return what a reservation's status is called."""
    return gettext(_STATUS.get(status, status))


def money_word(state: str) -> str:
    """Return what the state of a payment or refund is called."""
    return gettext(_MONEY.get(state, state))


def document_word(document: str) -> str:
    """Return what a document is called."""
    return gettext(_DOCUMENTS.get(document, document))


def label_word(label: dict[str, str]) -> str:
    """Return what something was called when it was booked, in the current language."""
    return text({language: {"name": name} for language, name in label.items()}, "name")


def instant_word(instant: datetime, zone: ZoneInfo) -> str:
    """Return "5 May 2031, 10:00" by the clock of a zone."""
    locale = current_locale()
    day = format_date(instant.astimezone(zone), "medium", locale=locale)
    return gettext("%(day)s, %(time)s", day=day, time=clock(instant, zone))


def language_word(code: str) -> str:
    """Return a language's own name."""
    return BY_CODE[code].name if code in BY_CODE else code


# -- Money ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DisputeWords:
    """A dispute in words: how it stands, why, what to do and what helps."""

    state: str
    reason: str
    to_do: str
    helps: str
    clock: str  # how long there is still; empty where nothing is to be done


def done_word(done: str) -> str:
    """Return what was just done with money, by the word in an address; "" for nothing."""
    return gettext(_DONE[done]) if done in _DONE else ""


def because_word(reason: str) -> Any:
    """Return why the house gave money back."""
    return _BECAUSE.get(reason, reason)


def refund_word(reason: str) -> str:
    """Return what a refund was for."""
    return gettext(_REFUNDS.get(reason, reason))


def way_word(way: str) -> Any:
    """Return in which other way the house gave money back."""
    return _WAYS.get(way, way)


def link_word(state: str) -> str:
    """Return how a link for paying stands."""
    return gettext(_LINKS[state])


def rate_word(basis_points: int) -> str:
    """Return a rate of tax, or that there is none."""
    if not basis_points:
        return gettext("no value-added tax")
    return format_percent(Decimal(basis_points) / 10_000, "#,##0.##%", locale=current_locale())


def movement_word(kind: str) -> str:
    """Return what a line of the ledger is called."""
    return gettext(_MOVEMENTS.get(kind, kind))


def part_word(part: str) -> str:
    """Return which part of the price a payment is; nothing for all of it."""
    return gettext(_PARTS[part]) if part in _PARTS else ""


def review_word(review: str | None) -> str:
    """Return what doesn't match of a payment."""
    return gettext(_REVIEWS.get(review or "", review or ""))


def mismatch_detail(mismatch: Mismatch) -> str:
    """Return what a mismatch says beside its sentence."""
    if mismatch.code == "review":
        return review_word(mismatch.detail)
    return money_word(mismatch.detail) if mismatch.code == "attempt_open" else mismatch.detail


def month_word(begins: date) -> str:
    """Return "May 2031"."""
    return str(format_skeleton("yMMMM", begins, locale=current_locale()))


def dispute_words(dispute: Dispute, *, zone: ZoneInfo, now: datetime) -> DisputeWords:
    """Return a dispute in words, its last day by the calendar of the place."""
    waits = dispute.state in ("inquiry", "open")
    provider, due = provider_word(dispute.payment.provider), dispute.due_at
    if not waits:
        to_do = ""
    elif due is None:
        to_do = gettext("Answer at %(provider)s.", provider=provider)
    else:
        last = full_day(due.astimezone(zone).date())
        to_do = gettext(
            "Answer at %(provider)s by %(day)s, %(time)s.",
            provider=provider,
            day=last,
            time=clock(due, zone),
        )
    return DisputeWords(
        state=dispute_word(dispute.state),
        reason=reason_word(dispute.reason),
        to_do=to_do,
        helps=what_helps(dispute.reason) if waits else "",
        clock=_time_left(due - now) if waits and due is not None else "",
    )


def _time_left(left: timedelta) -> str:
    if left <= timedelta():
        return gettext("the time for an answer is over")
    if left.days:
        return ngettext("%(num)d day left", "%(num)d days left", left.days)
    return gettext("less than a day left")
