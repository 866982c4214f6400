"""Is this request real? A page for a guest whom somebody has asked for money."""

from urllib.parse import urlsplit

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from app.booking import wording
from app.booking.shop import shop
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.languages import lazy_gettext as _l
from app.core.limits import spend
from app.payments.claims import CHECKING, what_is_owed
from app.web.fields import EmailField, TextField
from app.web.forms import Form
from app.web.network import network
from app.web.pages import private_page, settings

bp = Blueprint("claims", __name__)


class CheckForm(Form):
    """Which booking a request is about. Posted, so that neither stands in an address."""

    reference = TextField(
        _l("Reference of your reservation"),
        required=_l("Please enter the reference. It is in our mail to you."),
        most=40,
        why=_l("It says which reservation the request is about."),
        collects=(),
        autocomplete="off",
    )
    email = EmailField(
        _l("E-mail"),
        required=_l("Please enter the e-mail address that you booked with."),
        why=_l("So that nobody else can ask. We keep neither of the two."),
        collects=(),
    )


@bp.route("/is-this-real", methods=["GET", "POST"])
@private_page
def check() -> ResponseReturnValue:
    """Say what is owed for a booking, and that nobody else may ask for money."""
    form = CheckForm()
    asked, owed, now = False, None, utcnow()
    if form.validate_on_submit():
        spend(CHECKING, network(now), now=now)
        db.session.commit()
        asked = True
        owed = what_is_owed(str(form.reference.data), str(form.email.data), now=now)
    only_read()
    page = render_template(
        "payments/is_this_real.html",
        form=form,
        asked=asked,
        owed=owed,
        venue=shop().venue,
        address=urlsplit(settings().site_url).netloc,
        wording=wording,
    )
    return page, 422 if form.is_submitted() and not asked else 200
