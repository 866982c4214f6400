"""What states are called on the owner's pages, and times by the clock of the place."""

from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date

from app.booking.catalogue import text
from app.booking.models import CANCELLED, CONFIRMED, HELD, RELEASED
from app.booking.wording import clock
from app.core.languages import BY_CODE, N_, current_locale, gettext

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
