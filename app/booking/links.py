"""Unguessable addresses: of a basket, of a checkout, and of a guest's reservation.

A reservation's keys are made from the site's secret and the reservation itself
and are stored nowhere: who steals the database can't open a page with it. Both
carry the serial number of the guest's link, so that they are revoked with it: a
checkout leads on to the reservation's own page once there is nothing to pay.
"""

import base64
import hmac
import secrets
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from flask import abort, current_app, request, url_for
from sqlalchemy.orm import selectinload

from app.booking.models import Reservation
from app.config import Settings
from app.core.database import db

FIRST_LINK = 1
"""The serial number of a guest's link that was never revoked."""
_KEY_BYTES = 18  # 144 bits


def new_basket_key() -> str:
    """Return a random address for a basket."""
    return secrets.token_urlsafe(_KEY_BYTES)


def is_basket_key(text: str) -> bool:
    """Say whether a text may be the address of a basket; anything else isn't handed on in links."""
    return len(text) == 24 and text.isascii() and text.replace("-", "").replace("_", "").isalnum()


def checkout_key(reservation: Reservation) -> str:
    """Return the key of a reservation's checkout, until the guest's link is revoked."""
    return checkout_key_of(reservation.reference, reservation.link_serial)


def checkout_key_of(reference: str, link_serial: int) -> str:
    """Return the key of the checkout of that reference: the reference itself and a proof."""
    # The first of them is of the reference alone, as it is in mails from before.
    name = reference if link_serial == FIRST_LINK else f"{reference}:{link_serial}"
    return f"{reference}-{_proof('checkout', name)}"


def drawn_by_form(basket_key: str, form_id: str) -> bytes:
    """Return the eight bytes that a form on a basket's page draws: its reference is made of them.

    So a form that is sent twice finds what it took, and no other form of the same basket does.
    """
    secret: bytes = current_app.extensions["settings"].secret_key
    name = f"reserved: form of a basket\0{basket_key}\0{form_id}"
    return hmac.digest(secret, name.encode(), sha256)[:8]


def guest_key(reservation: Reservation) -> str:
    """Return the key with which a guest opens their reservation, until it is revoked."""
    return _proof("guest", f"{reservation.reference}:{reservation.link_serial}")


def guest_url(reservation: Reservation, *, external: bool = False) -> str:
    """Return the address of a guest's reservation; whole, for mails, if `external`."""
    # Within a visit what the visitor chose goes along; a mail stands by itself.
    chosen: dict[str, Any] = {"lang": reservation.language, "basket": None} if external else {}
    path = url_for(
        "booking.reservation",
        reference=reservation.reference,
        key=guest_key(reservation),
        **chosen,
    )
    settings: Settings = current_app.extensions["settings"]
    return settings.site_url + path if external else path


def pay_url(reservation: Reservation) -> str:
    """Return the whole address at which a held reservation is paid, for mails."""
    path = url_for(
        "payments.pay", key=checkout_key(reservation), lang=reservation.language, basket=None
    )
    settings: Settings = current_app.extensions["settings"]
    return settings.site_url + path


def reservation_for_checkout(key: str) -> Reservation | None:
    """Return the reservation whose checkout a key opens."""
    reference = key.partition("-")[0]
    if not _is_reference(reference):
        return None
    reservation = _by_reference(reference)
    if reservation is None:
        return None
    good = hmac.compare_digest(key.encode(), checkout_key(reservation).encode())
    return reservation if good else None


def reservation_for_guest(reference: str, key: str) -> Reservation | None:
    """Return the reservation of that reference if the key is its present one."""
    if not _is_reference(reference):
        return None
    reservation = _by_reference(reference)
    if reservation is None:
        return None
    good = hmac.compare_digest(key.encode(), guest_key(reservation).encode())
    return reservation if good else None


def reservation_at_link(reference: str) -> Reservation:
    """Return the reservation of this address; 404 without its key, as if there were none."""
    return reservation_for_guest(reference, request.args.get("key", "")) or abort(404)


def guest_at_link(reference: str) -> Reservation:
    """Return the reservation of this address; 404 as well once it is nobody's."""
    found = reservation_at_link(reference)
    return found if found.person_id is not None else abort(404)


def _is_reference(text: str) -> bool:
    return len(text) == 8 and text.isascii() and text.isalnum()


def _by_reference(reference: str) -> Reservation | None:
    query = (
        sa.select(Reservation)
        .where(Reservation.reference == reference)
        .options(selectinload(Reservation.lines), selectinload(Reservation.person))
    )
    found: Reservation | None = db.session.execute(query).scalar_one_or_none()
    # What is nobody's any more opens for nobody.
    return None if found is not None and found.archived_at is not None else found


def _proof(what: str, name: str) -> str:
    secret: bytes = current_app.extensions["settings"].secret_key
    digest = hmac.digest(secret, f"reserved: {what} link\0{name}".encode(), sha256)
    return base64.urlsafe_b64encode(digest[:_KEY_BYTES]).decode()
