"""What was reserved or quoted, as lines of text for pages and mails."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from babel.numbers import format_decimal

from app.booking import wording
from app.booking.cancellation import CancellationPolicy, grace_until, tiers_as_dates
from app.booking.catalogue import Venue, text
from app.booking.models import ASKED, Reservation
from app.booking.prices import Quote
from app.booking.shop import shop
from app.core.languages import current_locale, gettext
from app.core.money import BASIS_POINTS, format_money
from app.core.vault import PersonUnknown


class SummaryLine(NamedTuple):
    """One line as text."""

    label: str
    detail: str
    amount: str
    kind: str
    wish: int


class Summary(NamedTuple):
    """All lines as text, their total, and what is to be said of it."""

    lines: list[SummaryLine]
    total: str
    notes: list[str]


class Line(Protocol):
    """What lines of a quote and of a reservation have in common."""

    @property
    def kind(self) -> str: ...
    @property
    def wish(self) -> int: ...
    @property
    def label(self) -> object: ...
    @property
    def arrive(self) -> date | None: ...
    @property
    def depart(self) -> date | None: ...
    @property
    def starts_at(self) -> datetime | None: ...
    @property
    def adults(self) -> int: ...
    @property
    def children(self) -> int: ...
    @property
    def quantity(self) -> int: ...
    @property
    def unit_minor(self) -> int | None: ...
    @property
    def total_minor(self) -> int: ...
    @property
    def vat_bp(self) -> int: ...
    @property
    def vat_minor(self) -> int: ...


def summary(reservation: Reservation, *, masked: bool = False) -> Summary:
    """Return a reservation as text in the current language, as it was priced.

    `masked` leaves out in what words a sum was asked for: they may tell of the guest.
    """
    told = _summary(reservation.lines, reservation.total_minor, reservation.currency, shop().venue)
    if not masked and reservation.kind == ASKED and (said := what_for(reservation)):
        return told._replace(lines=[line._replace(label=said) for line in told.lines])
    return told


def what_for(reservation: Reservation) -> str:
    """Return what a sum was asked for; nothing once whom it was asked of was erased."""
    try:
        return reservation.what_for or ""
    except PersonUnknown:
        return ""


def quote_summary(quote: Quote, venue: Venue) -> Summary:
    """Return a quote as text in the current language."""
    return _summary(quote.lines, quote.total_minor, quote.currency, venue)


def _summary(lines: Iterable[Line], total_minor: int, currency: str, venue: Venue) -> Summary:
    locale = current_locale()
    texts: list[SummaryLine] = []
    vat: dict[int, int] = {}
    for line in lines:
        texts.append(
            SummaryLine(
                text({lang: {"name": name} for lang, name in dict(line.label).items()}, "name"),  # type: ignore[call-overload]
                detail(line, currency, venue.zone),
                format_money(line.total_minor, currency, locale),
                line.kind,
                line.wish,
            )
        )
        if line.vat_bp:
            vat[line.vat_bp] = vat.get(line.vat_bp, 0) + line.vat_minor
    notes = [
        gettext(
            "VAT of %(rate)s included: %(amount)s",
            rate=percent(rate),
            amount=format_money(minor, currency, locale),
        )
        for rate, minor in sorted(vat.items())
    ]
    return Summary(texts, format_money(total_minor, currency, locale), notes)


def percent(basis_points: int) -> str:
    """Return a rate of basis points as "7 %" or "12.5 %"."""
    number = format_decimal(Decimal(basis_points) / 100, locale=current_locale())
    return gettext("%(number)s %%", number=number)


def detail(line: Line, currency: str, zone: ZoneInfo) -> str:
    """Return what a line says beside its name: dates and people, or how its sum comes about."""
    if line.kind == "stay" and line.arrive and line.depart:
        return gettext(
            "%(dates)s, %(nights)s, %(party)s",
            dates=wording.dates(line.arrive, line.depart),
            nights=wording.nights((line.depart - line.arrive).days),
            party=wording.party(line.adults, line.children),
        )
    if line.kind == "session" and line.starts_at:
        return gettext(
            "%(when)s, %(party)s",
            when=wording.day_and_time(line.starts_at, zone),
            party=wording.party(line.adults, line.children),
        )
    if line.unit_minor is None or line.quantity == 1:
        return ""
    return f"{line.quantity} × {format_money(line.unit_minor, currency, current_locale())}"


def promise(reservation: Reservation, *, now: datetime) -> list[str]:
    """Return the cancellation promise with its dates, and what they count from, as agreed."""
    zone = shop().venue.zone
    starts = {line.arrive for line in reservation.lines if line.kind == "stay" and line.arrive}
    starts |= {
        line.starts_at.astimezone(zone).date() for line in reservation.lines if line.starts_at
    }
    if len(starts) < 2:
        return deadlines(reservation, now=now)
    # A tour tomorrow beside a stay in spring: nobody guesses that the tour decides for both.
    first = wording.full_day(min(starts))
    whole = gettext(
        "You cancel all of it or nothing, so this counts from the first: %(day)s.", day=first
    )
    return [*deadlines(reservation, now=now), whole]


def deadlines(reservation: Reservation, *, now: datetime) -> list[str]:
    """Return until when how much comes back, from the reservation's own row alone."""
    zone = shop().venue.zone
    policy = CancellationPolicy.from_json(reservation.cancellation)
    booked_at = reservation.confirmed_at or now
    grace = grace_until(policy, reservation.first_start, booked_at=booked_at)
    tiers = tiers_as_dates(policy, reservation.first_start, zone)
    best = tiers[0][0] if tiers[0][1] == BASIS_POINTS else None
    if grace is not None and (best is None or grace > best):
        # The grace after booking outlasts the full refund: it is said in its place.
        later = (tier for tier in tiers if tier[0] is None or tier[0] > grace)
        tiers = [(grace, BASIS_POINTS), *(tier for tier in later if tier[1] != BASIS_POINTS)]
    return _promise(tiers, zone, now)


def _deadline(until: datetime, zone: ZoneInfo) -> str:
    """Return the last day in words where it ends at midnight, else the day and the time."""
    local = until.astimezone(zone)
    if local.time() == time():
        return wording.full_day(local.date() - timedelta(days=1))
    return wording.day_and_time(until, zone)


def _promise(
    tiers: Sequence[tuple[datetime | None, int]], zone: ZoneInfo, now: datetime
) -> list[str]:
    lines: list[str] = []
    for until, refund_bp in tiers:
        if until is None or until <= now:
            continue
        when = _deadline(until, zone)
        if refund_bp == BASIS_POINTS:
            lines.append(gettext("Cancel by %(when)s: you get everything back.", when=when))
        elif refund_bp:
            lines.append(
                gettext(
                    "Cancel by %(when)s: you get %(share)s back.",
                    when=when,
                    share=percent(refund_bp),
                )
            )
    lines.append(
        gettext("After that, nothing comes back.")
        if lines
        else gettext("If you cancel, nothing comes back.")
    )
    return lines
