"""A guest's side of the thread, at the link of their reservation and from their account."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts.claims import persons_of
from app.accounts.sessions import account_required, current_account
from app.booking import wording
from app.booking.links import guest_at_link, guest_key, guest_url
from app.booking.models import CONFIRMED, Reservation
from app.booking.shop import shop
from app.core.clock import utcnow
from app.core.database import db, in_one_go, writing
from app.core.errors import DomainError
from app.core.languages import current_language
from app.core.limits import TooManyRequests
from app.guestbook import messages
from app.guestbook.forms import MessageForm
from app.guestbook.models import GUEST, HOUSE
from app.policy.documents import record_agreement
from app.policy.models import Agreement
from app.web.forms import EmptyForm
from app.web.pages import private_page

bp = Blueprint("guestbook", __name__)


@bp.app_context_processor
def _for_guests_pages() -> dict[str, Any]:
    """Give the pages of booking what they say of messages and terms; asked for only there."""
    return {"unread_messages": _unread, "thread_open": _is_open, "asks_agreement": asks_agreement}


def _unread(reservations: Iterable[Reservation]) -> dict[int, int]:
    return messages.unread_of([one.id for one in reservations], HOUSE)


def _is_open(reservation: Reservation) -> bool:
    return messages.is_open(reservation, now=utcnow())


def _back(found: Reservation, **more: Any) -> ResponseReturnValue:
    key = guest_key(found)
    return redirect(url_for(".thread", reference=found.reference, key=key, **more), 303)


# -- The thread ---------------------------------------------------------------------------


@bp.get("/reservations/<reference>/messages")
@private_page
def thread(reference: str) -> ResponseReturnValue:
    """Show what was written to whoever has the link, and note what of it they see first now."""
    found, now = guest_at_link(reference), utcnow()
    page = _page(found, MessageForm(formdata=None), now=now)
    if _unread([found]):
        with writing():
            messages.mark_read(found.id, HOUSE, now=now)
            db.session.commit()
    return page


@bp.post("/reservations/<reference>/messages")
@private_page
def write(reference: str) -> ResponseReturnValue:
    """Send the house a message."""
    found, form, now = guest_at_link(reference), MessageForm(), utcnow()
    if not form.validate_on_submit():
        return _page(found, form, now=now), 422
    body = str(form.body.data)
    try:
        in_one_go(partial(messages.write, found.id, GUEST, body, now=now))
    except DomainError as error:
        form.form_errors.append(error.say())
        status = 429 if isinstance(error, TooManyRequests) else 409
        return _page(guest_at_link(reference), form, now=now), status
    return _back(guest_at_link(reference), sent=1, _anchor="newest")


def _page(found: Reservation, form: MessageForm, *, now: datetime) -> str:
    venue = shop().venue
    return render_template(
        "guestbook/thread.html",
        reservation=found,
        key=guest_key(found),
        back=guest_url(found),
        said=messages.thread(found),
        is_open=messages.is_open(found, now=now),
        sent=request.args.get("sent") == "1",
        form=form,
        venue=venue,
        at=partial(wording.day_and_time, zone=venue.zone),
    )


@bp.get("/account/messages/<reference>")
@account_required
def of_account(reference: str) -> ResponseReturnValue:
    """Lead from an account to the thread of a reservation of its own; 404 for another's."""
    who = current_account() or abort(404)
    query = sa.select(Reservation).where(
        Reservation.reference == reference, Reservation.person_id.in_(persons_of(who))
    )
    return _back(db.session.scalar(query) or abort(404))


# -- The terms of what the house booked -----------------------------------------------------


def asks_agreement(found: Reservation) -> bool:
    """Whether a guest for whom the house booked hasn't said yes to the terms."""
    if found.source == "web" or found.status != CONFIRMED or found.person_id is None:
        return False
    query = sa.select(Agreement.id).where(
        Agreement.person_id == found.person_id,
        Agreement.reservation_reference == found.reference,
    )
    return db.session.scalar(query.limit(1)) is None


@bp.post("/reservations/<reference>/agree")
@private_page
def agree(reference: str) -> ResponseReturnValue:
    """Record that a guest for whom the house booked agrees to the terms, by their own hand."""
    found = guest_at_link(reference)
    if EmptyForm().validate_on_submit() and asks_agreement(found):
        assert found.person_id is not None
        record_agreement(found.person_id, current_language(), reference, now=utcnow())
        db.session.commit()
    return redirect(guest_url(guest_at_link(reference)), 303)
