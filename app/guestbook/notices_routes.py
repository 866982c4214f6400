"""Notices on a device, for a guest without an account: at the link of their reservation."""

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue

from app.booking.links import guest_at_link, guest_key, guest_url
from app.booking.models import Reservation
from app.consent import permissions
from app.core.languages import gettext
from app.policy import push_routes
from app.web.pages import private_page

bp = Blueprint("notices", __name__)


def _place(found: Reservation) -> push_routes.Place:
    reference, key = found.reference, guest_key(found)
    assert found.person_id is not None
    return push_routes.Place(
        [found.person_id],
        permissions.RESERVATION,
        url_for(".turn_on", reference=reference, key=key),
        lambda device_id: url_for(".turn_off", reference=reference, device_id=device_id, key=key),
        [
            (guest_url(found), gettext("Your reservation")),
            (None, gettext("Notices on a device")),
        ],
    )


@bp.get("/reservations/<reference>/notices")
@private_page
def show(reference: str) -> ResponseReturnValue:
    """Show on which devices a guest is told."""
    return push_routes.page(_place(guest_at_link(reference)))


@bp.post("/reservations/<reference>/notices/on")
@private_page
def turn_on(reference: str) -> ResponseReturnValue:
    """Tell a guest on the device at hand."""
    problem = push_routes.turn_on(_place(guest_at_link(reference)))
    found = guest_at_link(reference)
    if problem:
        return push_routes.page(_place(found), problem=problem), 422
    return _back(found, "on")


@bp.post("/reservations/<reference>/notices/off/<int(max=2147483647):device_id>")
@private_page
def turn_off(reference: str, device_id: int) -> ResponseReturnValue:
    """Tell them nothing on a device any more."""
    push_routes.turn_off(_place(guest_at_link(reference)), device_id)
    return _back(guest_at_link(reference), "off")


def _back(found: Reservation, done: str) -> ResponseReturnValue:
    address = url_for(".show", reference=found.reference, key=guest_key(found), done=done)
    return redirect(address, 303)
