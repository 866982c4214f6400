"""Guests of the demo place, booked by the same verbs as on the site."""

from app.booking.details import put_details
from app.booking.holds import hold
from app.booking.prices import SessionWish, StayWish, quote
from app.booking.reservations import confirm, get_for_update
from app.booking.shop import shop
from app.core.database import db


def details(name, email, **others):
    """Return what the details form hands on."""
    empty = ("phone", "company", "title", "wechat_id", "billing_address", "shipping_address")
    return {**dict.fromkeys(empty), "name": name, "email": email, **others}


def stay(slug, arrive, depart, adults=2):
    """Return a wish for nights."""
    return StayWish(shop().catalogue.stay(slug), arrive, depart, adults)


def seats(slug, starts_at, adults=2):
    """Return a wish for seats."""
    return SessionWish(shop().catalogue.session(slug), starts_at, adults)


def book(*wishes, now, who=None, firm=True):
    """Hold, say who one is, and confirm; return the reference."""
    catalogue = shop().catalogue
    held = hold(catalogue, quote(catalogue, wishes), language="en", now=now)
    reservation = get_for_update(held.reservation_id)
    if who is not None:
        put_details(reservation, who, now=now)
    if firm:
        confirm(reservation, now=now)
    db.session.commit()
    return held.reference
