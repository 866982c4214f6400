"""Checkout: the details of who books, while the places are held."""

from datetime import datetime

from flask import abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts.details_fields import known_of
from app.accounts.models import Person
from app.accounts.restrictions import restricted
from app.accounts.sessions import current_account
from app.booking import wording
from app.booking.blueprint import bp
from app.booking.details import put_details
from app.booking.forms import DetailsForm, EmptyForm
from app.booking.links import guest_url, reservation_for_checkout
from app.booking.models import ASKED, CANCELLED, CONFIRMED, Reservation
from app.booking.reservations import get_for_update, is_held, revive
from app.booking.shop import shop
from app.booking.summary import promise, summary
from app.consent import permissions
from app.core.clock import utcnow
from app.core.database import in_one_go
from app.core.datamap import Purpose
from app.core.errors import DomainError
from app.core.languages import current_language
from app.web.documents import document_links
from app.web.errors import problem
from app.web.languages import likely_country
from app.web.pages import private_page


@bp.route("/checkout/<key>", methods=["GET", "POST"])
@private_page
def checkout(key: str) -> ResponseReturnValue:
    """Ask who books, and go on to paying."""
    reservation = reservation_for_checkout(key) or abort(404)
    if reservation.kind == ASKED:
        return redirect(url_for("payments.pay", key=key), 303)  # the house knows who pays it
    if reservation.status in (CONFIRMED, CANCELLED):
        return redirect(guest_url(reservation), 303)
    now = utcnow()
    form = _form(reservation)
    if request.method == "POST" and form.validate_on_submit():
        try:
            in_one_go(lambda: _put(reservation.id, form, now=now))
        except DomainError as error:
            reservation = reservation_for_checkout(key) or abort(404)
            return _page(key, reservation, form, now=now, error=error), 409
        return redirect(url_for("payments.pay", key=key), 303)
    if request.method == "GET" and not is_held(reservation, now=now):
        return render_template("booking/run_out.html", key=key, form=EmptyForm(formdata=None)), 409
    redrawn = request.method == "POST" and not form.errors
    status = 422 if request.method == "POST" and not redrawn else 200
    return _page(key, reservation, form, now=now), status


def _put(reservation_id: int, form: DetailsForm, *, now: datetime) -> None:
    locked = get_for_update(reservation_id)
    # While somebody typed, the hold may have run out: it is renewed if the places are there.
    revive(locked, now=now)
    person = put_details(
        locked,
        form.person_values(),
        language=current_language(),
        account=current_account(),
        now=now,
    )
    # A matter of its own: it is neither part of the terms nor asked for by anything else here.
    if form.asks_after.data:
        permissions.give(person.id, Purpose.SURVEY, how=permissions.CHECKOUT, now=now)
    else:
        permissions.take_back([person.id], Purpose.SURVEY, now=now)


def _form(reservation: Reservation) -> DetailsForm:
    extras = shop().catalogue.extras_by_id
    chosen = {line.extra_id for line in reservation.lines if line.extra_id is not None}
    needs_shipping = any(extra_id in extras and extras[extra_id].posted for extra_id in chosen)
    known: dict[str, object] = {}
    if person := reservation.person or _own_person():
        known = {**known_of(person), "email": person.email}
        # An address that an account keeps is at hand, but whoever books asks for an invoice.
        known["wants_invoice"] = known["keeps_billing"] and person is reservation.person
    if reservation.person_id is not None:
        known["asks_after"] = bool(permissions.permitted([reservation.person_id], Purpose.SURVEY))
    return DetailsForm(needs_shipping=needs_shipping, country=likely_country(), data=known)


def _own_person() -> Person | None:
    """Return the person of the guest who is signed in. The house books for others.

    Nobody's who has asked that what their account knows isn't used.
    """
    who = current_account()
    if who is None or who.of_the_house or restricted([who.person_id], Purpose.ACCOUNT):
        return None
    return who.person


def _page(
    key: str,
    reservation: Reservation,
    form: DetailsForm,
    *,
    now: datetime,
    error: DomainError | None = None,
) -> str:
    g.page_path = f"/checkout/{key}"
    if error is not None:
        form.form_errors.append(error.say())
    until = reservation.held_until if is_held(reservation, now=now) else None
    return render_template(
        "booking/checkout.html",
        key=key,
        reservation=reservation,
        form=form,
        summary=summary(reservation),
        promise=promise(reservation, now=now),
        links=document_links(),
        held_until=wording.clock(until, shop().venue.zone) if until else "",
        held_iso=until.isoformat() if until else "",
    )


@bp.post("/checkout/<key>/again")
@private_page
def hold_again(key: str) -> ResponseReturnValue:
    """Hold what ran out once more, if it is still free."""
    reservation = reservation_for_checkout(key) or abort(404)
    now = utcnow()
    try:
        in_one_go(lambda: revive(get_for_update(reservation.id), now=now))
    except DomainError as error:
        return problem(error)
    return redirect(url_for("booking.checkout", key=key), 303)
