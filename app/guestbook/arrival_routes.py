"""A guest's pages before they come: how to arrive, what they wish for, the mail before arrival.

They open with the key of the reservation's own link; without it there is nothing here.
"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.booking import wording
from app.booking.links import guest_key, guest_url, reservation_at_link
from app.booking.models import CONFIRMED, Reservation
from app.booking.reservations import get_for_update
from app.booking.shop import shop
from app.booking.summary import summary
from app.core.clock import utcnow
from app.core.database import db, in_one_go
from app.core.errors import DomainError
from app.guestbook.arrival import guides, is_ahead, paragraphs
from app.guestbook.arrival_forms import RemindersForm, WishesForm
from app.guestbook.reminders import reminder_of, set_reminders
from app.guestbook.wishes import (
    WISH_DAYS,
    NotAgreed,
    Wishes,
    has_nights,
    may_wish,
    put_wishes,
    wishes_of,
)
from app.guestbook.wording import wish_facts
from app.web.pages import private_page

bp = Blueprint("arrival", __name__)

ON, OFF = "on", "off"


# -- How to come ------------------------------------------------------------------------------


@bp.get("/reservations/<reference>/arrival")
@private_page
def arrival(reference: str) -> ResponseReturnValue:
    """Show, for a booking that is firm, how to come and what is good to know; also on paper."""
    found = reservation_at_link(reference)
    here, now = shop(), utcnow()
    if found.status != CONFIRMED:
        return redirect(guest_url(found), 303)
    return render_template(
        "guestbook/arrival.html",
        reservation=found,
        key=guest_key(found),
        back=guest_url(found),
        lines=[line for line in summary(found).lines if line.kind in ("stay", "session")],
        nights=has_nights(found),
        venue=here.venue,
        directions=paragraphs(here.text("directions")),
        welcome=paragraphs(here.text("arrival")),
        guides=guides(found),
        ahead=is_ahead(found, here.venue.zone, now=now),
    )


# -- Wishes -----------------------------------------------------------------------------------


@bp.route("/reservations/<reference>/wishes", methods=["GET", "POST"])
@private_page
def wishes(reference: str) -> ResponseReturnValue:
    """Ask what would be good for the stay, and keep it until a little after."""
    found = reservation_at_link(reference)
    now, zone = utcnow(), shop().venue.zone
    form = WishesForm(nights=has_nights(found))
    if request.method == "GET":
        _fill(form, wishes_of(found))
        return _wishes_page(found, form)
    if not form.validate():
        return _wishes_page(found, form), 422
    said, agreed = _said(form), bool(form.diet_agreed.data)
    try:
        in_one_go(
            lambda: put_wishes(get_for_update(found.id), said, agreed=agreed, zone=zone, now=now)
        )
    except NotAgreed as error:
        form.diet_agreed.errors = [error.say()]
        return _wishes_page(reservation_at_link(reference), form), 422
    except DomainError as error:
        form.form_errors.append(error.say())
        return _wishes_page(reservation_at_link(reference), form), 409
    db.session.expire_all()
    return redirect(guest_url(reservation_at_link(reference)) + "#before", 303)


def _fill(form: WishesForm, known: Wishes) -> None:
    for name in ("arrival", "bed", "diet", "words"):
        if name in form:
            form[name].data = getattr(known, name)
    form.diet_agreed.data = bool(known.diet)


def _said(form: WishesForm) -> Wishes:
    typed = {
        name: str(form[name].data or "").strip()
        for name in ("arrival", "bed", "diet", "words")
        if name in form
    }
    return Wishes(**typed)


def _wishes_page(found: Reservation, form: WishesForm) -> str:
    return render_template(
        "guestbook/wishes.html",
        reservation=found,
        back=guest_url(found),
        form=form,
        is_open=may_wish(found, shop().venue.zone, now=utcnow()),
        days=WISH_DAYS,
    )


# -- The mail before arrival ------------------------------------------------------------------


@bp.route("/reservations/<reference>/reminders", methods=["GET", "POST"])
@private_page
def reminders(reference: str) -> ResponseReturnValue:
    """Switch the mail before arrival off or on: by a button here, or of a mail program (RFC 8058).

    A mail program is no browser and follows no redirect, so it is answered at once.
    """
    found = reservation_at_link(reference)
    form = RemindersForm()
    if request.method == "GET":
        return _reminders_page(found, form)
    if not form.validate():
        return _reminders_page(found, form), 422
    wanted = form.turn.data == ON
    in_one_go(lambda: set_reminders(get_for_update(found.id), wanted=wanted))
    db.session.expire_all()
    if request.form.get("List-Unsubscribe"):
        return _reminders_page(reservation_at_link(reference), form)
    key = guest_key(reservation_at_link(reference))
    return redirect(url_for(".reminders", reference=reference, key=key), 303)


def _reminders_page(found: Reservation, form: RemindersForm) -> str:
    zone = shop().venue.zone
    coming = reminder_of(found, now=utcnow())
    form.turn.data = ON if found.unreminded else OFF
    return render_template(
        "guestbook/reminders.html",
        reservation=found,
        back=guest_url(found),
        form=form,
        day=wording.full_day(coming.astimezone(zone).date()) if coming else "",
    )


# -- On the reservation's own page ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Before:
    """What the page of a reservation says of the time before it."""

    facts: list[tuple[str, str]]  # what was asked for
    may_wish: bool
    reminder: str  # the day of the mail before arrival; "" where none is to come
    unreminded: bool


@bp.app_template_global("before_arrival")
def before_arrival(reservation: Reservation) -> Before | None:
    """Return what is to be said before a firm booking; None where it is over, or isn't firm."""
    here, now = shop(), utcnow()
    zone: ZoneInfo = here.venue.zone
    if not is_ahead(reservation, zone, now=now):
        return None
    coming = reminder_of(reservation, now=now)
    return Before(
        wish_facts(wishes_of(reservation)),
        may_wish(reservation, zone, now=now),
        wording.long_day(coming.astimezone(zone).date()) if coming else "",
        reservation.unreminded,
    )
