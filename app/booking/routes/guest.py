"""A guest's reservation at its own address: see it, take its calendar file, cancel it."""

from datetime import datetime, timedelta

from flask import abort, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.accounts import readings
from app.accounts.sessions import current_account
from app.accounts.words import reading_words
from app.booking import wording
from app.booking.blueprint import bp
from app.booking.cancellation import StayBegun
from app.booking.events import reservation_calendar
from app.booking.forms import CancelForm
from app.booking.links import checkout_key, guest_key, guest_url, reservation_at_link
from app.booking.mine import end_of
from app.booking.models import ASKED, CANCELLED, CONFIRMED, Reservation
from app.booking.reservations import (
    RefundChanged,
    back_if_cancelled,
    cancel,
    get_for_update,
    is_held,
)
from app.booking.shop import shop
from app.booking.standing import Back, Standing, coming_back, standing
from app.booking.summary import promise, summary
from app.core.clock import utcnow
from app.core.database import db, in_one_go
from app.core.errors import DomainError
from app.policy import shown_routes
from app.web.attachments import ICS, attachment
from app.web.forms import EmptyForm
from app.web.pages import money, private_page

_ON_ITS_WAY = timedelta(hours=1)  # a mail that was ordered has gone by then


@bp.get("/reservations/<reference>")
@private_page
def reservation(reference: str) -> ResponseReturnValue:
    """Show a reservation to whoever has its link."""
    return _page(reservation_at_link(reference))


def _page(found: Reservation, error: DomainError | None = None) -> ResponseReturnValue:
    if found.kind == ASKED:
        return redirect(_of_a_sum(found), 303)
    g.page_path = f"/reservations/{found.reference}"
    now = utcnow()
    shown_routes.ask(found.person_id)
    stands = standing(found, now=now)
    back = _back(found, now=now)
    zone = shop().venue.zone
    form = CancelForm(formdata=None)
    form.refund_minor.data = back.minor if back else None
    page = render_template(
        "booking/reservation.html",
        reservation=found,
        key=guest_key(found),
        person=found.person,
        summary=summary(found),
        promise=promise(found, now=now) if found.status == CONFIRMED else [],
        back=back,
        refund=money(back.minor, found.currency) if back else "",
        form=form,
        error=error.say() if error else "",
        pay=_pay_url(found, stands, now=now),
        stands=stands,
        until=wording.long_day(stands.until.astimezone(zone).date()) if stands.until else "",
        empty=EmptyForm(formdata=None),
        venue=shop().venue,
        text=shop().text,
        offers_account=found.status == CONFIRMED
        and current_account() is None
        and not shop().venue.has_ended(now=now),
        just_booked=found.confirmed_at is not None and now < found.confirmed_at + _ON_ITS_WAY,
        is_over=found.status == CONFIRMED and end_of(found, shop().venue) <= now,
        held_until=wording.clock(found.held_until, zone) if found.held_until else "",
        seen=_seen(found),
        booked=wording.long_day(found.created_at.astimezone(zone).date()),
    )
    return page, 409 if error else 200


def _back(found: Reservation, *, now: datetime) -> Back | None:
    """Return what comes back, or would if it is cancelled now; None where nothing can be said."""
    if found.status == CANCELLED:
        return coming_back(found)
    if found.status != CONFIRMED:
        return None
    try:
        return back_if_cancelled(found, now=now)
    except StayBegun:
        return None


def _of_a_sum(found: Reservation) -> str:
    """Return where a sum that the house asked for is at home: its receipt, or where it is paid."""
    if found.status == CONFIRMED:
        return url_for("invoices.receipt", reference=found.reference, key=guest_key(found))
    return url_for("payments.pay", key=checkout_key(found))


def _pay_url(found: Reservation, stands: Standing, *, now: datetime) -> str:
    """Return where a hold or a balance is paid; nothing where nothing is to be paid now."""
    if stands.coming:
        return ""
    owes = is_held(found, now=now) or stands.owed_minor > 0
    return url_for("payments.pay", key=checkout_key(found)) if owes else ""


def _seen(found: Reservation) -> list[tuple[str, str]]:
    """Return who of the house opened the details of a reservation: the day, and a sentence."""
    if found.person_id is None:
        return []
    return [
        (wording.long_day(shown.day), reading_words(shown))
        for shown in readings.of_persons([found.person_id], most=50)
    ]


@bp.get("/reservations/<reference>/calendar.ics")
@private_page
def calendar(reference: str) -> ResponseReturnValue:
    """Return the calendar file of a reservation."""
    found = reservation_at_link(reference)
    if found.confirmed_at is None or found.kind == ASKED:
        abort(404)
    body = reservation_calendar(found, now=utcnow())
    name = f"reservation-{found.reference}.ics"
    return attachment(body, ICS, name)


@bp.post("/reservations/<reference>/cancel")
@private_page
def cancel_reservation(reference: str) -> ResponseReturnValue:
    """Cancel a reservation for the refund that its page promised."""
    found = reservation_at_link(reference)
    form = CancelForm()
    if not form.validate_on_submit():
        return _page(found, RefundChanged())
    now, expected = utcnow(), form.refund_minor.data
    try:
        in_one_go(lambda: cancel(get_for_update(found.id), expected_refund=expected, now=now))
    except DomainError as error:
        return _page(reservation_at_link(reference), error)
    db.session.expire_all()
    return redirect(guest_url(reservation_at_link(reference)), 303)
