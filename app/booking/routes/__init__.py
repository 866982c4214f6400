"""The addresses of booking: finding, the basket, checkout, and a guest's reservation."""

from functools import partial

from flask import Flask, g, render_template, request
from flask.typing import ResponseReturnValue

from app.booking.baskets import count_lines
from app.booking.blueprint import basket_key, bp
from app.booking.links import is_basket_key
from app.booking.pictures import init_app as init_pictures
from app.booking.routes import account, basket, checkout, finding, guest, offers, pictures
from app.booking.shop import NothingOnOffer
from app.web.pages import private_page

__all__ = [
    "account",
    "basket",
    "bp",
    "checkout",
    "finding",
    "guest",
    "init_app",
    "offers",
    "pictures",
]


@private_page
def _opens_soon(_error: NothingOnOffer) -> ResponseReturnValue:
    """Say that there is nothing to book yet; 503, so that search engines come again."""
    return render_template("booking/soon.html"), 503


def init_app(app: Flask) -> None:
    """Know the visitor's basket on every page that shows its count."""

    init_pictures(app)
    app.register_error_handler(NothingOnOffer, _opens_soon)

    @app.before_request
    def _basket() -> None:
        if request.blueprint not in ("booking", "policy", "payments"):
            return
        asked = request.args.get("basket", "")
        if is_basket_key(asked):
            # Without a cookie the site's own links carry the basket's address on.
            g.carried["basket"] = asked
        key = basket_key()
        if key:
            g.count_basket = partial(count_lines, key)  # only a page that is rendered asks
