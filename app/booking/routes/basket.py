"""The basket at its own address: put in, take out, and hold what is in it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import uuid4

from flask import abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from app.booking.baskets import (
    Want,
    Wants,
    add_session,
    add_stay,
    find_basket,
    new_basket,
    read_basket,
    remove_line,
    wish_of,
)
from app.booking.blueprint import basket_key, bp
from app.booking.catalogue import SessionOffer, StayOffer, text
from app.booking.checks import check_session, check_stay
from app.booking.forms import EmptyForm, SessionForm, StayForm
from app.booking.holds import (
    HOLD_TIME,
    hold,
    hold_of_basket,
    is_taken,
    lock_basket,
    new_reference,
    release,
    release_run_out,
)
from app.booking.inventory import Claim, NightsClaim, PlacesTaken
from app.booking.links import FIRST_LINK, checkout_key_of, drawn_by_form
from app.booking.models import Basket
from app.booking.prices import Quote, Wish, quote
from app.booking.routes.offers import session_page, stay_extras, stay_page
from app.booking.shop import Shop, shop
from app.booking.summary import Summary, SummaryLine, quote_summary
from app.consent.register import BASKET
from app.core.clock import utcnow
from app.core.database import db, in_one_go, only_read
from app.core.errors import DomainError
from app.core.languages import N_, current_language, gettext
from app.core.limits import Limit, spend
from app.web.network import network
from app.web.pages import private_page

# A family that changes its mind all day stays far below; a machine that shuts a house doesn't.
HOLD_LIMIT = Limit("hold", burst=120, per_hour=240)


class BasketGone(DomainError):
    """There is no basket at that address: too old, or booked."""


class InAnotherWindow(DomainError):
    """What is in the basket is held for somebody who has said who they are."""

    message = N_(
        "What is in this basket is being booked in another window, where details were given for "
        "it. Please go on there. If that window is closed, you can begin anew."
    )


class PriceChanged(DomainError):
    """What the visitor saw isn't what it costs now."""

    message = N_("A price has changed since you opened this page. Please look at it again.")


@bp.get("/basket")
def show_basket() -> ResponseReturnValue:
    """Lead to the visitor's basket, or say that there is none yet."""
    key = basket_key()
    if key and read_basket(key, now=utcnow()):
        return redirect(url_for("booking.basket", key=key), 303)
    return render_template("booking/no_basket.html")


@bp.post("/offers/<slug>/stay")
@private_page
def add_stay_to_basket(slug: str) -> ResponseReturnValue:
    """Put nights into the basket."""
    here = shop()
    found = here.catalogue.stay(slug) or abort(404)
    g.page_path = url_for("booking.offer", slug=slug).partition("?")[0]
    form = StayForm(extras=stay_extras(here))
    if not form.validate_on_submit():
        return stay_page(here, found, form)
    now = utcnow()
    today = now.astimezone(here.venue.zone).date()
    arrive, depart = form.arrive.data, form.depart.data
    assert arrive is not None  # the form requires both
    assert depart is not None
    party = (form.adults.data or 1, form.children.data or 0)
    by_code = here.catalogue.extras_by_code
    extras = {by_code[code]: count for code, count in form.extras.items()}
    try:
        check_stay(found, here.venue, arrive, depart, *party, today=today)
        key, basket = _open_basket(now=now)
        add_stay(basket, found, arrive, depart, *party, extras, now=now)
    except DomainError as error:
        db.session.rollback()
        return stay_page(here, found, form, error)
    db.session.commit()
    return _to_basket(key)


@bp.post("/offers/<slug>/session")
@private_page
def add_session_to_basket(slug: str) -> ResponseReturnValue:
    """Put seats of a session into the basket."""
    here = shop()
    found = here.catalogue.session(slug) or abort(404)
    g.page_path = url_for("booking.offer", slug=slug).partition("?")[0]
    form = SessionForm()
    if not form.validate_on_submit():
        return session_page(here, found, form)
    now, starts_at = utcnow(), form.starts_at.data
    assert starts_at  # the form requires it
    party = (form.adults.data or 1, form.children.data or 0)
    try:
        check_session(found, here.venue, starts_at, *party, now=now)
        key, basket = _open_basket(now=now)
        add_session(basket, found, starts_at, *party, now=now)
    except DomainError as error:
        db.session.rollback()
        return session_page(here, found, form, error)
    db.session.commit()
    return _to_basket(key)


def _open_basket(*, now: datetime) -> tuple[str, Basket]:
    """Return the visitor's basket, or a new one."""
    key = basket_key()
    basket = find_basket(key, now=now) if key else None
    return (key, basket) if basket else new_basket(now=now)


def _to_basket(key: str) -> Response:
    g.carried.pop("basket", None)
    response = redirect(url_for("booking.basket", key=key), 303)
    BASKET.keep(response, key)
    return response


# -- The basket's own page ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Item:
    """One wish as the basket shows it."""

    line: Want
    name: str
    url: str
    summary: list[SummaryLine]
    problem: str


@dataclass(frozen=True, slots=True)
class Contents:
    """A basket as it stands today: its wishes, what is wrong with them, and the price."""

    items: list[Item]
    quote: Quote | None
    total: Summary | None


@bp.get("/basket/<key>")
@private_page
def basket(key: str) -> ResponseReturnValue:
    """Show a basket to whoever has its address, with no cookie needed."""
    found = read_basket(key, now=utcnow())
    if found is None:
        return render_template("booking/no_basket.html"), 404
    return _basket_page(key, found)


def _basket_page(
    key: str,
    found: Wants,
    error: DomainError | None = None,
    taken: dict[int, str] | None = None,
) -> ResponseReturnValue:
    here = shop()
    g.page_path = f"/basket/{key}"
    g.count_basket = partial(len, found.lines)
    g.carried.setdefault("basket", key)
    contents = read_contents(here, found, taken or {}, now=utcnow())
    page = render_template(
        "booking/basket.html",
        shop=here,
        key=key,
        items=contents.items,
        quote=contents.quote,
        total=contents.total,
        form=EmptyForm(formdata=None),
        error=error.say() if error else "",
        form_id=uuid4().hex,
        anew=isinstance(error, InAnotherWindow),
        minutes=int(HOLD_TIME.total_seconds() // 60),
    )
    return page, 409 if error else 200


def read_contents(here: Shop, found: Wants, taken: dict[int, str], *, now: datetime) -> Contents:
    """Return what is in a basket, priced as of now; `taken` has what a hold was refused for."""
    items: list[Item] = []
    wishes: list[Wish] = []
    for line in found.lines:
        offer: StayOffer | SessionOffer | None = here.catalogue.stays_by_id.get(
            line.offer_id
        ) or here.catalogue.sessions_by_id.get(line.offer_id)
        name = text(offer.texts, "name") if offer else gettext("An offer that has gone")
        problem, lines = taken.get(line.id, ""), []
        try:
            wish = wish_of(line, here.catalogue, now=now)
            lines = quote_summary(quote(here.catalogue, [wish]), here.venue).lines
            wishes.append(wish)
        except DomainError as error:
            problem = error.say()
        items.append(Item(line, name, _line_url(offer, line), lines, problem))
    whole = len(wishes) == len(items) and bool(wishes)
    priced = quote(here.catalogue, wishes) if whole else None
    return Contents(items, priced, quote_summary(priced, here.venue) if priced else None)


def _line_url(offer: StayOffer | SessionOffer | None, line: Want) -> str:
    if offer is None:
        return url_for("booking.search")
    if line.arrive and line.depart:
        return url_for(
            "booking.offer",
            slug=offer.slug,
            arrive=line.arrive.isoformat(),
            depart=line.depart.isoformat(),
            adults=line.adults,
            children=line.children,
        )
    starts_at = line.starts_at.isoformat() if line.starts_at else None
    return url_for(
        "booking.offer",
        slug=offer.slug,
        starts_at=starts_at,
        adults=line.adults,
        children=line.children,
    )


@bp.post("/basket/<key>/lines/<int(max=2147483647):line_id>/remove")
@private_page
def remove_from_basket(key: str, line_id: int) -> ResponseReturnValue:
    """Take a wish out of the basket."""
    now = utcnow()
    found = find_basket(key, now=now) or abort(404)
    remove_line(found, line_id, now=now)
    db.session.commit()
    return redirect(url_for("booking.basket", key=key), 303)


@bp.post("/basket/<key>/hold")
@private_page
def hold_basket(key: str) -> ResponseReturnValue:
    """Hold everything in the basket and go on to the details."""
    now = utcnow()
    release_run_out(now=now)
    try:
        opens = in_one_go(lambda: _hold(key, request.form, now=now))
    except BasketGone:
        return render_template("booking/no_basket.html"), 404
    except (PlacesTaken, PriceChanged, InAnotherWindow) as error:
        only_read()
        found = read_basket(key, now=now) or abort(404)
        claims = error.claims if isinstance(error, PlacesTaken) else ()
        return _basket_page(key, found, error, _what_is_taken(found, claims))
    return redirect(url_for("booking.checkout", key=opens), 303)


def _hold(key: str, sent: Mapping[str, str], *, now: datetime) -> str:
    """Hold what is in a basket and return the key of its checkout.

    A form that was sent twice finds the hold that its twin took; a hold of what
    was in the basket before is given up. Whoever else has the address of the basket finds
    nothing of who books it: the key isn't theirs. Raises BasketGone, PriceChanged,
    InAnotherWindow, PlacesTaken and TooManyRequests.
    """
    here = shop()
    found = read_basket(key, now=now)
    if found is None or not lock_basket(found.id):
        raise BasketGone
    try:
        wishes = [wish_of(line, here.catalogue, now=now) for line in found.lines]
    except DomainError as error:
        raise PriceChanged from error
    priced = quote(here.catalogue, wishes)
    reference = _reference_of(key, sent.get("form_id", ""))
    held = hold_of_basket(found.id)
    if held is not None and held.quote_digest == priced.digest and held.held_until > now:
        if held.reference == reference:
            return checkout_key_of(held.reference, held.link_serial)
        if held.person_id is not None and "anew" not in sent:
            raise InAnotherWindow
    if sent.get("quoted", "") != priced.digest or not wishes:
        raise PriceChanged
    spend(HOLD_LIMIT, network(now), now=now)
    if held is not None:
        release(held.id, now=now, only_run_out=False)
    if reference is not None and is_taken(reference):
        reference = None  # of a hold that the same form took, and that ran out since
    language = current_language()
    fresh = hold(
        here.catalogue, priced, language=language, basket_id=found.id, reference=reference, now=now
    )
    return checkout_key_of(fresh.reference, FIRST_LINK)


def _reference_of(key: str, form_id: str) -> str | None:
    """Return the reference of what a form takes; None for a form that isn't one of ours."""
    if re.fullmatch(r"[0-9a-f]{32}", form_id) is None:
        return None
    return new_reference(drawn_by_form(key, form_id))


def _what_is_taken(found: Wants, claims: Sequence[Claim]) -> dict[int, str]:
    """Return what to say beside each line that someone else has now."""
    said: dict[int, str] = {}
    for line in found.lines:
        for claim in claims:
            if claim.offer_id != line.offer_id:
                continue
            if isinstance(claim, NightsClaim) and line.arrive == claim.arrive:
                said[line.id] = gettext(
                    "Someone has just taken some of these nights. Other dates may be free."
                )
            elif not isinstance(claim, NightsClaim) and line.starts_at == claim.starts_at:
                said[line.id] = gettext(
                    "There aren’t that many seats left at this time. Another time may have them."
                )
    return said
