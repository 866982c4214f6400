"""What a reservation's page and list say: its history, its mails, its signals, how it came."""

from collections.abc import Mapping
from typing import Any

from app.accounts.words import role_word
from app.booking.catalogue import text
from app.core.languages import N_, gettext, ngettext
from app.owner.history import Event
from app.owner.risk import Signal
from app.owner.trail_words import detail_words, verb_word
from app.web.pages import money

_SOURCES = {
    "web": N_("the site"),
    "phone": N_("telephone or mail"),
    "walk_in": N_("somebody at the door"),
}
_EVENTS = {
    "made": N_("Held"),
    "confirmed": N_("Confirmed"),
    "released": N_("Released"),
    "cancelled": N_("Cancelled"),
    "reminded": N_("The guest was reminded of their stay"),
    "arrived": N_("Arrived"),
    "left": N_("Left"),
    "no_show": N_("Nobody came"),
}
_MAILS = {
    "confirmed": N_("Confirmation"),
    "cancelled": N_("Cancellation"),
    "changed": N_("Change of the reservation"),
    "pay_link": N_("Link to pay"),
    "message": N_("A message is waiting"),
    "balance_due": N_("Reminder of the balance"),
    "balance_failed": N_("The balance couldn’t be charged"),
    "balance_paid": N_("The balance is paid"),
    "balance_saved_notice": N_("The kept card will be charged"),
    "payment_failed": N_("A payment failed"),
    "payment_late_refunded": N_("A payment came too late and goes back"),
    "payment_processing": N_("A payment is on its way"),
    "refunded": N_("Money goes back"),
    "refund_failed": N_("A refund failed"),
    "dispute": N_("A dispute about a payment"),
    "arrival": N_("Before arrival"),
    "survey": N_("Questions after the stay"),
}
_DECISIONS = {"fine": N_("fine"), "refused": N_("refused")}
_DONE = {
    "booked": N_("The reservation is made. Who gave an address gets the confirmation by mail."),
    "linked": N_("The places are held, and the guest gets the link to pay by mail."),
    "cancelled": N_("The reservation is cancelled, and its places are free again."),
    "answered": N_("Your message is on the guest’s page. Who gave an address is told by mail."),
    "decided": N_("Your decision is noted. Nothing else has happened."),
}


def source_word(source: str) -> str:
    """Return how a reservation came."""
    return gettext(_SOURCES.get(source, source))


def offer_word(texts: Mapping[str, Mapping[str, str]]) -> str:
    """Return what an offer is called."""
    return text(texts, "name")


def mail_word(template: str) -> str:
    """Return what a mail was about; its template's name, where it has no word."""
    return gettext(_MAILS[template]) if template in _MAILS else template


def decision_word(decision: str) -> str:
    """Return what somebody decided about signals."""
    return gettext(_DECISIONS.get(decision, decision))


def decided_word(decision: str) -> str:
    """Return that a booking was looked at, and what came of it."""
    return gettext("looked at: %(decision)s", decision=decision_word(decision))


def signals_word(count: int) -> str:
    """Return that something of a booking should be looked at."""
    return ngettext("%(num)d signal to look at", "%(num)d signals to look at", count)


def done_word(done: str) -> str:
    """Return what was just done with a reservation, by the word in an address; "" for nothing."""
    return gettext(_DONE[done]) if done in _DONE else ""


def event_word(event: Event) -> str:
    """Return what happened, as the beginning of a sentence."""
    if event.entry is not None:
        return verb_word(event.what)
    return gettext(_EVENTS[event.what])


def event_detail(event: Event) -> list[str]:
    """Return who of the house did it, and what the trail has of it."""
    if event.entry is None:
        return []
    said = [role_word(event.entry.role)]
    for name, value in detail_words(event.entry):
        known = {**_DECISIONS, **_SOURCES}
        shown = gettext(known[value]) if value in known else value
        said.append(gettext("%(label)s: %(text)s", label=name, text=shown))
    return said


def signal_word(signal: Signal, currency: str) -> str:
    """Return a signal with its reason, as a sentence."""
    words: dict[str, Any] = {
        "many_bookings": lambda: ngettext(
            "%(num)d reservation under one address within a day.",
            "%(num)d reservations under one address within a day.",
            signal.count,
        ),
        "failed_payments": lambda: ngettext(
            "%(num)d payment for it failed.", "%(num)d payments for it failed.", signal.count
        ),
        "large_sum": lambda: gettext(
            "Its sum is far beyond the usual, which is about %(amount)s.",
            amount=money(signal.minor, currency),
        ),
        "arrives_soon": lambda: gettext("It begins within hours of being booked."),
        "chargeback": lambda: ngettext(
            "A bank took back a payment made under the same address before.",
            "Banks took back %(num)d payments made under the same address before.",
            signal.count,
        ),
    }
    return str(words[signal.code]())
