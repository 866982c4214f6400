"""The blueprint of booking, and which basket a request is about."""

from flask import Blueprint, g

from app.booking.links import is_basket_key
from app.consent.register import BASKET

bp = Blueprint("booking", __name__)


def basket_key() -> str:
    """Return the address of the visitor's basket: from the link, else from the cookie, or ""."""
    carried = g.get("carried", {}).get("basket")
    found = str(carried or BASKET.value())
    return found if is_basket_key(found) else ""
