"""The page on which the house books for somebody: what it costs, and then who it is for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts.models import STAFF
from app.booking import wording
from app.booking.catalogue import SessionOffer, StayOffer
from app.booking.holds import release_run_out
from app.booking.prices import Quote, quote
from app.booking.routes.offers import stay_extras
from app.booking.shop import Shop, shop
from app.booking.summary import Summary, quote_summary
from app.core.clock import utcnow
from app.core.database import in_one_go, only_read
from app.core.errors import DomainError
from app.core.languages import N_, current_language, gettext
from app.owner import trail
from app.owner.by_phone import LINK, Asked, Terms, check, make, times_on
from app.owner.by_phone_forms import PhoneDetailsForm, WhatForm
from app.owner.roles import needs
from app.owner.routes import bp
from app.web.languages import likely_country

_SOON = timedelta(days=3)


class PriceHasChanged(DomainError):
    """What was read out on the telephone isn't what it costs now."""

    message = N_("A price has changed since this page was opened. Please look at it again.")


@dataclass(frozen=True, slots=True)
class _Priced:
    """What is asked for with its price; or why it can't be had, or what is still to be said."""

    asked: Asked | None = None
    quote: Quote | None = None
    total: Summary | None = None
    note: str = ""  # what it goes beyond
    refusal: str = ""
    times: Sequence[tuple[str, str]] = ()  # of a session: the words, and the address


@bp.get("/reservations/new")
@needs(STAFF)
def by_phone() -> ResponseReturnValue:
    """Ask what it shall be, say what it costs, and ask who it is for."""
    here = shop()
    what, now = _what(here), utcnow()
    fine = not what.is_submitted() or what.validate()
    priced = _price(here, what, now=now) if fine and what.is_submitted() else _Priced()
    form = _details(here, priced)
    if form is not None:
        _begin(form, priced, now=now)
    return _page(here, what, priced, form), 200 if fine else 422


@bp.post("/reservations/new")
@needs(STAFF)
def make_by_phone() -> ResponseReturnValue:
    """Make the reservation, once for each form."""
    here, now = shop(), utcnow()
    what = _what(here)
    priced = _price(here, what, now=now) if what.validate() else _Priced()
    form = _details(here, priced)
    if form is None:
        return _page(here, what, priced, None), 422
    if not form.is_submitted():  # a country was chosen, and its address is drawn anew
        return _page(here, what, priced, form)
    if not form.validate() or not _is_ours(form):
        if not _is_ours(form):
            _renew(form, priced)
        return _page(here, what, priced, form), 422
    release_run_out(now=now)
    try:
        reference, firm = in_one_go(partial(_make, here, priced, form, now=now))
    except DomainError as error:
        only_read()
        form.form_errors.append(error.say())
        if isinstance(error, PriceHasChanged):
            _renew(form, priced)
        return _page(here, what, priced, form), 409
    done = "booked" if firm else "linked"
    return redirect(url_for(".reservation", reference=reference, done=done), 303)


def _make(
    here: Shop, priced: _Priced, form: PhoneDetailsForm, *, now: datetime
) -> tuple[str, bool]:
    assert priced.quote is not None
    if form.quoted.data != priced.quote.digest:
        raise PriceHasChanged
    terms = Terms(str(form.source.data), str(form.pays.data), form.until.data)
    made, fresh = make(
        here.catalogue,
        priced.quote,
        form.person_values(),
        terms,
        language=str(form.language.data),
        form_id=str(form.form_id.data),
        now=now,
    )
    if fresh:
        trail.record(
            "reservation.made",
            "reservation",
            made.id,
            now=now,
            source=terms.source,
            amount=made.total_minor,
            currency=made.currency,
        )
    return made.reference, terms.pays != LINK


# -- What is asked for ------------------------------------------------------------------------


def _what(here: Shop) -> WhatForm:
    return WhatForm(formdata=request.args or None, extras=stay_extras(here))


def _price(here: Shop, what: WhatForm, *, now: datetime) -> _Priced:
    """Return what is asked for with its price, as far as it is said."""
    offer = here.catalogue.offers_by_slug.get(str(what.offer.data))
    if offer is None or what.arrive.data is None:
        return _Priced()
    if isinstance(offer, StayOffer) and what.depart.data is None:
        return _Priced(refusal=gettext("Please choose the day they leave."))
    if isinstance(offer, SessionOffer) and what.starts_at.data is None:
        return _times(here, offer, what, now=now)
    by_code = here.catalogue.extras_by_code
    extras = what.extras if isinstance(offer, StayOffer) else {}
    asked = Asked(
        offer=offer,
        adults=what.adults.data or 1,
        children=what.children.data or 0,
        arrive=what.arrive.data,
        depart=what.depart.data,
        starts_at=what.starts_at.data,
        extras=tuple((by_code[code], count) for code, count in extras.items()),
    )
    try:
        wish, note = check(asked, here.catalogue, now=now)
        priced = quote(here.catalogue, [wish])
    except DomainError as error:
        return _Priced(refusal=error.say())
    return _Priced(asked, priced, quote_summary(priced, here.venue), note)


def _times(here: Shop, offer: SessionOffer, what: WhatForm, *, now: datetime) -> _Priced:
    day = what.arrive.data
    assert day is not None
    found = times_on(offer, day, now=now)
    if not found:
        return _Priced(refusal=gettext("Nothing starts on that day any more."))
    values = _asked(what, without="starts_at")
    return _Priced(
        times=[
            (
                wording.clock(one, here.venue.zone),
                url_for(".by_phone", **values, starts_at=one.isoformat()),
            )
            for one in found
        ]
    )


def _asked(what: WhatForm, without: str = "") -> dict[str, Any]:
    """Return what the address of the page says of this form, and nothing else of it."""
    names = {field.name for field in what} - {without}
    return {name: value for name, value in request.args.items() if name in names}


# -- Who it is for ------------------------------------------------------------------------------


def _details(here: Shop, priced: _Priced) -> PhoneDetailsForm | None:
    if priced.asked is None or priced.quote is None:
        return None
    posted = any(extra.posted for extra, count in priced.asked.extras if count)
    return PhoneDetailsForm(needs_shipping=posted, country=likely_country())


def _begin(form: PhoneDetailsForm, priced: _Priced, *, now: datetime) -> None:
    """Fill in what is likely, as it is opened."""
    _renew(form, priced)
    form.language.data = current_language()
    form.until.data = now.astimezone(shop().venue.zone).date() + _SOON


def _renew(form: PhoneDetailsForm, priced: _Priced) -> None:
    assert priced.quote is not None
    for field, value in ((form.form_id, uuid4().hex), (form.quoted, priced.quote.digest)):
        field.data, field.raw_data = value, None


def _is_ours(form: PhoneDetailsForm) -> bool:
    return re.fullmatch(r"[0-9a-f]{32}", str(form.form_id.data or "")) is not None


def _page(here: Shop, what: WhatForm, priced: _Priced, form: PhoneDetailsForm | None) -> str:
    return render_template(
        "owner/by_phone.html",
        what=what,
        priced=priced,
        form=form,
        action=url_for(".make_by_phone", **_asked(what)),
    )
