"""One offer: its story, its calendar or its times, and what the chosen ones cost."""

from datetime import date, datetime, timedelta
from typing import Any

from flask import abort, g, render_template, request
from flask.typing import ResponseReturnValue

from app.booking import wording
from app.booking.availability import free_nights
from app.booking.blueprint import bp
from app.booking.catalogue import Basis, Extra, SessionOffer, StayOffer, text
from app.booking.checks import bookable_until, check_session, check_stay
from app.booking.forms import SearchForm, SessionForm, StayForm
from app.booking.kept_pages import kept_page
from app.booking.months import (
    Chosen,
    Turn,
    make_month,
    month_after,
    month_before,
    parse_month,
)
from app.booking.prices import SessionWish, StayWish, quote
from app.booking.reads import valid_for_day
from app.booking.routes.cards import card, page_address, sessions_by_day
from app.booking.shop import Shop, shop
from app.booking.summary import Summary, quote_summary
from app.consent import glances
from app.consent.frame import permission
from app.core.clock import utcnow
from app.core.errors import DomainError
from app.core.languages import N_, gettext, ngettext
from app.web.cookies import Category
from app.web.errors import error_page
from app.web.pages import money


@bp.get("/offers/<slug>")
@kept_page
def offer(slug: str) -> ResponseReturnValue:
    """An offer: its story, its calendar or times, and what the chosen ones cost."""
    here = shop()
    found = here.catalogue.offers_by_slug.get(slug)
    if found is None:
        abort(404)
    if not found.on_sale:
        return error_page(
            404,
            gettext("What is booked already stays booked. Perhaps you like something else here."),
            gettext("This isn’t on offer at the moment"),
        )
    g.page_path = request.path
    now = utcnow()
    valid_for_day(now, here.venue.zone)
    if allowed := permission(Category.SUGGESTIONS):
        glances.note_afterwards(allowed, found.slug, now=now)
    if isinstance(found, StayOffer):
        return stay_page(here, found, None)
    return session_page(here, found, None)


def stay_page(
    here: Shop, found: StayOffer, refused: StayForm | None, error: DomainError | None = None
) -> ResponseReturnValue:
    """Render a stay's page; `refused` is a form that was sent and can't be met."""
    now = utcnow()
    asked = SearchForm(formdata=request.args)
    if refused is None:
        arrive, depart = _dates(asked)
    else:
        arrive, depart = refused.arrive.data, refused.depart.data
    today = now.astimezone(here.venue.zone).date()
    chosen = Chosen(arrive, depart)
    month = request.args.get("month") or (f"{arrive:%Y-%m}" if arrive else "")
    adults, children = _party(refused or asked)

    # By hand: thirty addresses through `url_for` would be a fifth of the page. What is put
    # in are dates and numbers of ours, which need no quoting.
    address = page_address(found)
    base = address
    base += "&" if "?" in base else "?"
    party = f"&adults={adults}&children={children}" if (adults, children) != (2, 0) else ""

    def link(values: dict[str, str]) -> str:
        query = "&".join(f"{name}={value}" for name, value in values.items())
        # Both days chosen, the price is what they want to see; on a phone it stands below.
        anchor = "book" if "depart" in values else "calendar"
        return f"{base}{query}{party}#{anchor}"

    calendar = make_month(
        here.catalogue, found, parse_month(month, today=today), chosen, now=now, link=link
    )
    form = refused or _stay_form(here, asked, adults, children)
    said, total = _answer(here, found, chosen, adults, children, form.extras, now=now)
    if error is not None:
        form.form_errors.append(error.say())
    status = 409 if error is not None else (422 if form.errors else 200)
    return (
        render_template(
            "booking/stay.html",
            shop=here,
            offer=found,
            address=address,
            preview="preview" in g,
            about=card(here, found),
            story=text(found.texts, "story").split("\n\n"),
            calendar=calendar,
            chosen=chosen,
            chosen_text=wording.dates(arrive, depart) if arrive and depart else "",
            arrive_text=wording.full_day(arrive) if arrive else "",
            form=form,
            refusal=said,
            total=total,
            facts=_stay_facts(here, found),
            extra_hints=[_extra_hint(here, extra) for extra in here.catalogue.extras_for("stay")],
        ),
        status,
    )


def _dates(form: SearchForm) -> tuple[date | None, date | None]:
    form.validate()
    arrive, depart = form.arrive.data, form.depart.data
    if arrive and not depart and not request.args.get("depart"):
        form.depart.errors = []  # the arrival alone is the first of two steps here
    return (arrive, None) if form.depart.errors else (arrive, depart)


def _party(form: Any) -> tuple[int, int]:
    return form.adults.data or 2, form.children.data or 0


def _stay_form(here: Shop, asked: SearchForm, adults: int, children: int) -> StayForm:
    """Return the form as the address fills it: what was typed stays, with what is wrong with it."""
    form = StayForm(formdata=request.args, extras=stay_extras(here))
    for extra in form.extra_fields:
        extra.validate(form)
    for shown, read in (
        (form.arrive, asked.arrive),
        (form.depart, asked.depart),
        (form.adults, asked.adults),
        (form.children, asked.children),
    ):
        shown.errors = read.errors
    if not form.adults.errors:
        form.adults.data = adults
    if not form.children.errors:
        form.children.data = children
    return form


def stay_extras(here: Shop) -> list[tuple[str, str, int]]:
    """Return the extras that go with a stay, as its form wants them."""
    return [
        (extra.code, text(extra.texts, "name"), extra.most)
        for extra in here.catalogue.extras_for("stay")
    ]


_PER = {
    Basis.PER_STAY: N_("%(price)s each"),
    Basis.PER_NIGHT: N_("%(price)s each, for a night"),
    Basis.PER_PERSON: N_("%(price)s for each guest"),
    Basis.PER_PERSON_NIGHT: N_("%(price)s for each guest and night"),
    Basis.PER_ADULT_NIGHT: N_("%(price)s for each adult and night"),
}


def _extra_hint(here: Shop, extra: Extra) -> str:
    """Say what an extra costs, and that it is posted where it is."""
    price = gettext(_PER[extra.basis], price=money(extra.minor, here.venue.currency))
    detail = text(extra.texts, "detail")
    return gettext("%(price)s. %(detail)s", price=price, detail=detail) if detail else price


def _answer(
    here: Shop,
    found: StayOffer,
    chosen: Chosen,
    adults: int,
    children: int,
    extras: dict[str, int],
    *,
    now: datetime,
) -> tuple[str, Summary | None]:
    """Return why the chosen dates can't be had, or what they cost."""
    arrive, depart = chosen.arrive, chosen.depart
    if not arrive or not depart:
        return "", None
    today = now.astimezone(here.venue.zone).date()
    try:
        check_stay(found, here.venue, arrive, depart, adults, children, today=today)
    except DomainError as refusal:
        return refusal.say(), None
    if not free_nights((found,), arrive, depart, now=now).through(found, arrive, depart):
        return gettext("Some of these nights are taken. Please choose others below."), None
    by_code = here.catalogue.extras_by_code
    added = tuple((by_code[code], count) for code, count in extras.items())
    wish = StayWish(found, arrive, depart, adults, children, added)
    return "", quote_summary(quote(here.catalogue, [wish]), here.venue)


def _stay_facts(here: Shop, found: StayOffer) -> list[tuple[str, str]]:
    venue = here.venue
    return [
        (gettext("Room for"), wording.party(found.adults_most, found.children_most)),
        (
            gettext("Stay"),
            gettext(
                "%(least)d to %(most)d nights", least=found.nights_least, most=found.nights_most
            ),
        ),
        (gettext("Arrive from"), venue.check_in.strftime("%H:%M")),
        (gettext("Leave until"), venue.check_out.strftime("%H:%M")),
    ]


def session_page(
    here: Shop, found: SessionOffer, refused: SessionForm | None, error: DomainError | None = None
) -> ResponseReturnValue:
    """Render a session's page; `refused` is a form that was sent and can't be met."""
    now = utcnow()
    venue = here.venue
    today = now.astimezone(venue.zone).date()
    until = bookable_until(venue, today)
    form = refused or _session_form()
    starts_at = form.starts_at.data
    local = starts_at.astimezone(venue.zone).date() if starts_at else None
    month = request.args.get("month") or (f"{local:%Y-%m}" if local else "")
    first = min(parse_month(month, today=today), until.replace(day=1))
    after = month_after(first)
    days = sessions_by_day(here, (found,), max(first, today), after - timedelta(days=1), now=now)

    def turn(to: date) -> Turn:
        url = page_address(found, month=f"{to:%Y-%m}", _anchor="times")
        return Turn(url, wording.month_title(to))

    chosen, total, said = "", None, ""
    if starts_at:
        chosen = wording.day_and_time(starts_at, venue.zone)
        adults, children = _party(form)
        try:
            check_session(found, venue, starts_at, adults, children, now=now)
            if not form.errors:
                wish = SessionWish(found, starts_at, adults, children)
                total = quote_summary(quote(here.catalogue, [wish]), venue)
        except DomainError as refusal:
            said, chosen = refusal.say(), ""
    if error is not None:
        form.form_errors.append(error.say())
    status = 409 if error is not None else (422 if form.errors else 200)
    return (
        render_template(
            "booking/session.html",
            shop=here,
            offer=found,
            address=page_address(found),
            preview="preview" in g,
            about=card(here, found),
            story=text(found.texts, "story").split("\n\n"),
            month=wording.month_title(first),
            previous=turn(month_before(first)) if first > today.replace(day=1) else None,
            next=turn(after) if after <= until else None,
            days=days,
            form=form,
            chosen=chosen,
            refusal=said,
            total=total,
            facts=_session_facts(here, found),
        ),
        status,
    )


def _session_form() -> SessionForm:
    """Return the form as the address fills it: what was typed stays, with what is wrong with it."""
    form = SessionForm(formdata=None)
    form.process(request.args if request.args.get("starts_at") else None)
    form.starts_at.errors = []
    for field, standard in ((form.adults, 2), (form.children, 0)):
        if field.name in request.args:
            field.validate(form)
        elif field.data is None:
            field.data = standard
    return form


def _session_facts(here: Shop, found: SessionOffer) -> list[tuple[str, str]]:
    currency = here.venue.currency
    return [
        (gettext("Lasts"), ngettext("%(num)d minute", "%(num)d minutes", found.minutes)),
        (gettext("Together"), ngettext("up to %(num)d guest", "up to %(num)d guests", found.seats)),
        (gettext("Adults"), money(found.adult_minor, currency)),
        (gettext("Children"), money(found.child_minor, currency)),
    ]
