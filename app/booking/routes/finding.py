"""Looking around: the first page, the search, and how to reach the place."""

from dataclasses import dataclass
from datetime import date, timedelta

from flask import render_template
from flask.typing import ResponseReturnValue

from app.booking import wording
from app.booking.blueprint import bp
from app.booking.catalogue import SessionOffer, StayOffer
from app.booking.checks import PartyTooLarge
from app.booking.forms import SearchForm
from app.booking.kept_pages import kept_page
from app.booking.reads import valid_for_day
from app.booking.routes.cards import Card, Start, card, present_order, sessions_by_day
from app.booking.search import Dates, Found, search_stays
from app.booking.shop import NothingOnOffer, Shop, shop
from app.core.clock import utcnow
from app.core.languages import gettext
from app.web.links import address
from app.web.pages import money


@bp.get("/")
@kept_page
def home() -> ResponseReturnValue:
    """The first page: the place, its offers, and the search."""
    here = shop()
    _on_sale(here)
    order = present_order(here, now=utcnow())
    return render_template(
        "booking/home.html",
        shop=here,
        form=_blank_search(),
        stays=[card(here, offer) for offer in order.of(here.catalogue.stays_on_sale)],
        sessions=[card(here, offer) for offer in order.of(here.catalogue.sessions_on_sale)],
        order=order,
    )


@bp.get("/contact")
@kept_page
def contact() -> ResponseReturnValue:
    """How to reach the place."""
    return render_template("booking/contact.html", shop=shop(), venue=shop().venue)


def _on_sale(here: Shop) -> tuple[StayOffer | SessionOffer, ...]:
    """Return what can be booked. Raises NothingOnOffer where that is nothing yet."""
    found: tuple[StayOffer | SessionOffer, ...] = (
        *here.catalogue.stays_on_sale,
        *here.catalogue.sessions_on_sale,
    )
    if not found:
        raise NothingOnOffer
    return found


def _blank_search() -> SearchForm:
    form = SearchForm(formdata=None)
    form.adults.data, form.children.data = 2, 0
    return form


# -- Search -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Other:
    """Dates that are free where the ones asked for aren't."""

    dates: str
    total: str
    url: str


@dataclass(frozen=True, slots=True)
class Result:
    """One offer of a search, as text."""

    card: Card
    left: str
    total: str
    unit: str
    url: str
    why: str
    others: list[Other]


@bp.get("/search")
@kept_page
def search() -> ResponseReturnValue:
    """What is free for the dates asked for, and what nearly is."""
    here, now = shop(), utcnow()
    _on_sale(here)
    valid_for_day(now, here.venue.zone)
    form = SearchForm()
    order = present_order(here, now=now)
    results: list[Result] = []
    days: list[tuple[str, list[Start]]] = []
    valid = form.validate_on_submit()
    arrive, depart = form.arrive.data, form.depart.data
    if valid and arrive and depart:
        adults, children = form.adults.data or 2, form.children.data or 0
        found = search_stays(here.catalogue, arrive, depart, adults, children, now=now)
        found = order.of_found(found)
        results = [_result(here, each, arrive, depart, adults, children) for each in found]
        days = sessions_by_day(
            here,
            here.catalogue.sessions_on_sale,
            arrive,
            min(depart, arrive + timedelta(days=6)),
            now=now,
        )
    status = 422 if form.is_submitted() and not valid else 200
    return (
        render_template(
            "booking/search.html",
            shop=here,
            form=form,
            results=results,
            days=days,
            asked=bool(valid and arrive and depart),
            offers=[card(here, offer) for offer in order.of(_on_sale(here))],
            order=order,
        ),
        status,
    )


def _result(
    here: Shop, found: Found, arrive: date, depart: date, adults: int, children: int
) -> Result:
    offer, currency = found.offer, here.venue.currency

    def link(first: date, last: date) -> str:
        return address(
            "booking.offer",
            slug=offer.slug,
            month=f"{first:%Y-%m}",
            arrive=first.isoformat(),
            depart=last.isoformat(),
            adults=adults,
            children=children,
        )

    def other(dates: Dates) -> Other:
        return Other(
            wording.dates(dates.arrive, dates.depart),
            money(dates.total_minor, currency),
            link(dates.arrive, dates.depart),
        )

    count = wording.nights((depart - arrive).days)
    why = found.refusal.say() if found.refusal else ""
    if isinstance(found.refusal, PartyTooLarge):
        # Never a dead end: a large party fits into several rooms.
        why += " " + gettext("For more of you, put several into one basket.")
    return Result(
        card(here, offer),
        gettext("%(num)d left for these dates", num=found.left) if found.left else "",
        money(found.total_minor, currency) if found.total_minor is not None else "",
        gettext("for %(nights)s, everything included", nights=count),
        link(arrive, depart),
        why or ("" if found.left else gettext("Taken on some of these nights.")),
        [other(dates) for dates in found.others],
    )
