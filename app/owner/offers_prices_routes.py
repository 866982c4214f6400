"""What a night costs, with the month that comes of it; and the days on which nobody can come."""

from datetime import date
from typing import Any

from flask import abort, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts.models import OWNER, READER, STAFF
from app.booking import wording
from app.booking.inventory import ONE_NIGHT
from app.booking.models import ClosedRow, OfferRow, RateRow
from app.booking.months import Chosen, Month, make_month, parse_month
from app.booking.shop import rate_of, shop
from app.core.clock import utcnow
from app.core.database import db
from app.core.errors import DomainError
from app.core.languages import gettext
from app.owner import offers
from app.owner.offers_fields import given
from app.owner.offers_forms import ClosedForm, RateForm
from app.owner.offers_pages import (
    ID,
    Section,
    done,
    done_word,
    form_page,
    name_of,
    note_act,
    offer_or_404,
    rest,
)
from app.owner.offers_routes import ONE
from app.owner.roles import needs
from app.owner.routes import bp
from app.web.errors import problem
from app.web.forms import EmptyForm

_RATE = f"{ONE}/prices/<{ID}:rate_id>"


@bp.get(f"{ONE}/prices", endpoint="offer_prices")
@needs(READER)
def prices(offer_id: int) -> ResponseReturnValue:
    """List a stay's prices, and show a month as they make it."""
    row = _stay(offer_id)
    rates = sorted(row.rates, key=lambda rate: (-rate.priority, rate.first or date.min, rate.id))
    return render_template(
        "owner/offer_prices.html",
        offer=row,
        name=name_of(row),
        rates=[(rate, _nights(rate), rate_of(rate).is_base) for rate in rates],
        currency=shop().venue.currency,
        calendar=_month(row),
        form=EmptyForm(formdata=None),
        done=done_word(),
    )


def _month(row: OfferRow) -> Month | None:
    """Return the month asked for as visitors see it, its days leading nowhere."""
    here, now = shop(), utcnow()
    offer = here.catalogue.stays_by_id.get(row.id)
    if offer is None:
        return None
    first = parse_month(request.args.get("month", ""), today=now.astimezone(here.venue.zone).date())

    def link(values: dict[str, Any]) -> str:
        if "arrive" in values:
            return url_for(".offer_preview", offer_id=row.id, **values)
        return url_for(".offer_prices", offer_id=row.id, _anchor="month", **values)

    return make_month(here.catalogue, offer, first, Chosen(None, None), now=now, link=link)


def _nights(rate: RateRow) -> str:
    """Say for which nights a rate is."""
    days = gettext("every night")
    if len(rate.weekdays) < 7:
        days = gettext(", ").join(wording.weekdays()[int(day)][1] for day in rate.weekdays)
    if rate.first and rate.last:
        return gettext("%(days)s, %(dates)s", days=days, dates=wording.dates(rate.first, rate.last))
    if rate.first:
        return gettext("%(days)s, from %(day)s", days=days, day=wording.long_day(rate.first))
    if rate.last:
        return gettext("%(days)s, until %(day)s", days=days, day=wording.long_day(rate.last))
    return days


@bp.route(f"{ONE}/prices/new", methods=["GET", "POST"], endpoint="new_price")
@needs(OWNER)
def new_price(offer_id: int) -> ResponseReturnValue:
    """Add a price for weekends, a season, or both."""
    row = _stay(offer_id)
    form = RateForm(shop().venue.currency)
    status = 200
    if form.validate_on_submit():
        try:
            rate = form.fill(RateRow())
            offers.add_rate(row, rate)
        except DomainError as error:
            db.session.rollback()
            form.last.errors = [error.say()]
            status = 422
        else:
            note_act("price_added", "offer", offer_id, rate=rate.id, minor=rate.minor)
            db.session.commit()
            return done("offer_prices", "changed", offer_id=offer_id)
    return _price_page(row, form, gettext("A price for some nights"), status)


@bp.route(_RATE, methods=["GET", "POST"], endpoint="offer_price")
@needs(OWNER)
def change_price(offer_id: int, rate_id: int) -> ResponseReturnValue:
    """Change a price."""
    row = _stay(offer_id)
    rate = _rate(row, rate_id)
    values = {"weekdays": list(rate.weekdays) if len(rate.weekdays) < 7 else []}
    form = RateForm(shop().venue.currency, data={**_values(rate), **values})
    status = 200
    if form.validate_on_submit():
        before = rate.minor
        try:
            offers.change_rate(row, form.fill(rate))
        except DomainError as error:
            db.session.rollback()
            form.last.errors = [error.say()]
            status = 409
        else:
            note_act("price", "offer", offer_id, rate=rate_id, before=before, minor=rate.minor)
            db.session.commit()
            return done("offer_prices", "changed", offer_id=offer_id)
    return _price_page(row, form, gettext("Change a price"), status)


def _values(rate: RateRow) -> dict[str, object]:
    return {name: getattr(rate, name) for name in ("minor", "first", "last", "priority")}


def _price_page(row: OfferRow, form: RateForm, title: str, status: int) -> ResponseReturnValue:
    return form_page(
        form,
        title,
        [Section("", "", rest(form))],
        gettext("Change it for new reservations"),
        back=(url_for(".offer_prices", offer_id=row.id), gettext("Prices")),
        lead=gettext("Reservations that there are stay as they were made."),
        status=status,
    )


@bp.post(f"{_RATE}/delete", endpoint="delete_price")
@needs(OWNER)
def delete_price(offer_id: int, rate_id: int) -> ResponseReturnValue:
    """Take a price away; those nights cost then what the others say."""
    row = _stay(offer_id)
    rate = _rate(row, rate_id)
    minor = rate.minor
    try:
        offers.remove_rate(row, rate)
    except DomainError as error:
        return problem(error)
    note_act("price_deleted", "offer", offer_id, rate=rate_id, minor=minor)
    db.session.commit()
    return done("offer_prices", "changed", offer_id=offer_id)


def _stay(offer_id: int) -> OfferRow:
    row = offer_or_404(offer_id)
    return row if row.kind == "stay" else abort(404)


def _rate(row: OfferRow, rate_id: int) -> RateRow:
    return next((rate for rate in row.rates if rate.id == rate_id), None) or abort(404)


# -- Closed days --------------------------------------------------------------------------------


@bp.route(f"{ONE}/closed", methods=["GET", "POST"], endpoint="offer_closed")
@needs(STAFF)
def closed(offer_id: int) -> ResponseReturnValue:
    """Show when an offer is closed, and close it for some days more."""
    row = offer_or_404(offer_id)
    form = ClosedForm()
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            made = offers.close(row, given(form.first), given(form.last))
        except DomainError as error:
            db.session.rollback()
            form.last.errors = [error.say()]
        else:
            note_act("closed", "offer", offer_id, first=str(made.first), until=str(made.until))
            db.session.commit()
            return done("offer_closed", "closed", offer_id=offer_id)
    page = render_template(
        "owner/offer_closed.html",
        offer=row,
        name=name_of(row),
        days=[(one, one.until - ONE_NIGHT) for one in offers.closed_days(offer_id)],
        form=form,
        empty=EmptyForm(formdata=None),
        done=done_word(),
    )
    return page, status


@bp.post(f"{ONE}/closed/<{ID}:closed_id>/open", endpoint="open_days")
@needs(STAFF)
def open_days(offer_id: int, closed_id: int) -> ResponseReturnValue:
    """Open days again."""
    found = db.session.get(ClosedRow, closed_id)
    if found is None or found.offer_id != offer_id:
        abort(404)
    db.session.delete(found)
    note_act("opened", "offer", offer_id, first=str(found.first), until=str(found.until))
    db.session.commit()
    return done("offer_closed", "opened", offer_id=offer_id)
