"""The owner's pages of offers: the list, one offer, its texts and numbers, its preview."""

from typing import Any

import sqlalchemy as sa
from flask import g, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import selectinload

from app.accounts.models import OWNER, READER, STAFF
from app.booking.catalogue import NoBaseRate, StayOffer
from app.booking.models import ChargeRow, ExtraRow, OfferRow
from app.booking.routes.offers import session_page, stay_page
from app.booking.shop import has_price, shop
from app.core.clock import utcnow
from app.core.database import db
from app.core.errors import DomainError
from app.core.languages import gettext
from app.owner import offers
from app.owner.first_run import first_run
from app.owner.offers_fields import given
from app.owner.offers_forms import (
    NewSessionForm,
    NewStayForm,
    OfferWordsForm,
    SessionFactsForm,
    StayFactsForm,
    session_values,
    stay_values,
)
from app.owner.offers_pages import (
    ID,
    Section,
    done,
    done_word,
    form_page,
    lacks_word,
    name_of,
    note_act,
    offer_or_404,
    rest,
    word_sections,
)
from app.owner.roles import needs
from app.owner.routes import bp
from app.web.errors import problem
from app.web.forms import EmptyForm

ONE = f"/offers/<{ID}:offer_id>"


@bp.context_processor
def _first_run() -> dict[str, Any]:
    """Give the page of an empty site what it says, wherever it is shown."""
    return {"first_run": first_run, "said": done_word}


@bp.get("/offers", endpoint="offers")
@needs(READER)
def list_offers() -> ResponseReturnValue:
    """List what is on offer, what isn't yet, and what each lacks."""
    query = sa.select(OfferRow).options(selectinload(OfferRow.rates))
    rows = db.session.scalars(query.order_by(OfferRow.position, OfferRow.id)).all()
    extras = db.session.scalars(sa.select(ExtraRow).order_by(ExtraRow.position, ExtraRow.id)).all()
    charges = db.session.scalars(sa.select(ChargeRow).order_by(ChargeRow.id)).all()
    return render_template(
        "owner/offers.html",
        kinds=[(kind, [row for row in rows if row.kind == kind]) for kind in ("stay", "session")],
        extras=extras,
        charges=charges,
        venue=shop().venue,
        name_of=name_of,
        lacks=lambda row: lacks_word(offers.missing(row)),
        has_price=has_price,
        done=done_word(),
    )


def _back() -> tuple[str, str]:
    return url_for(".offers"), gettext("Offers")


def back_to(row: OfferRow) -> tuple[str, str]:
    """Return the way back to an offer's own page."""
    return url_for(".offer", offer_id=row.id), name_of(row)


@bp.route("/offers/stay", methods=["GET", "POST"], endpoint="new_stay")
@needs(OWNER)
def new_stay() -> ResponseReturnValue:
    """Draft a stay: what it is called, what a night costs, how many there are."""
    form = NewStayForm(shop().venue.currency)
    if form.validate_on_submit():
        row = offers.make_stay(form.facts, form.words, given(form.minor))
        note_act("offer_made", "offer", row.id, what="stay", minor=form.minor.data)
        db.session.commit()
        return done("offer", "made", offer_id=row.id)
    first = [form.name, form.summary, form.minor]
    sections = [Section("", "", first), Section(gettext("In numbers"), "", rest(form, first))]
    return form_page(form, gettext("A new stay"), sections, gettext("Make the draft"), back=_back())


@bp.route("/offers/session", methods=["GET", "POST"], endpoint="new_session")
@needs(OWNER)
def new_session() -> ResponseReturnValue:
    """Draft a session: what it is called, what it costs, when it starts."""
    venue = shop().venue
    form = NewSessionForm(venue.currency, zone=venue.zone)
    if form.validate_on_submit():
        row = offers.make_session(form.facts, form.words)
        note_act("offer_made", "offer", row.id, what="session", minor=row.adult_minor)
        db.session.commit()
        return done("offer", "made", offer_id=row.id)
    sections = [Section("", "", [form.name, form.summary]), *_session_sections(form)]
    return form_page(
        form, gettext("A new session"), sections, gettext("Make the draft"), back=_back()
    )


def _session_sections(form: Any) -> list[Section]:
    when = [form.first, form.until, form.weekdays, form.times, form.skipped]
    named = [form[name] for name in ("name", "summary") if name in form]
    return [
        Section(gettext("In numbers"), "", rest(form, when, named)),
        Section(gettext("When it starts"), gettext("By the clock of the place."), when),
    ]


@bp.get(ONE, endpoint="offer")
@needs(READER)
def show_offer(offer_id: int) -> ResponseReturnValue:
    """Show one offer: whether it is on sale, what it lacks, and where to change what."""
    row = offer_or_404(offer_id)
    return render_template(
        "owner/offer.html",
        offer=row,
        name=name_of(row),
        lacks=lacks_word(offers.missing(row)),
        has_price=has_price(row),
        units=offers.names_of(row),
        reserved=offers.has_reservations(row),
        form=EmptyForm(formdata=None),
        done=done_word(),
    )


@bp.route(f"{ONE}/texts", methods=["GET", "POST"], endpoint="offer_texts")
@needs(STAFF)
def texts(offer_id: int) -> ResponseReturnValue:
    """Change what an offer says, in each language."""
    row = offer_or_404(offer_id)
    form = OfferWordsForm(data=OfferWordsForm.shown(row.texts))
    if form.validate_on_submit():
        offers.put_words(row, form.words)
        note_act("offer_texts", "offer", row.id)
        db.session.commit()
        return done("offer", "changed", offer_id=row.id)
    return form_page(
        form,
        gettext("What “%(name)s” says", name=name_of(row)),
        word_sections(form),
        gettext("Keep these texts"),
        back=back_to(row),
    )


@bp.route(f"{ONE}/numbers", methods=["GET", "POST"], endpoint="offer_numbers")
@needs(OWNER)
def numbers(offer_id: int) -> ResponseReturnValue:
    """Change an offer's numbers; of a session its prices and times too."""
    row = offer_or_404(offer_id)
    venue, now = shop().venue, utcnow()
    form: Any
    if row.kind == "stay":
        form = StayFactsForm(venue.currency, data=stay_values(row))
        sections = [Section("", "", rest(form))]
    else:
        data = session_values(row)
        form = SessionFactsForm(venue.currency, row=row, zone=venue.zone, data=data)
        sections = _session_sections(form)
    status = 200
    if form.validate_on_submit():
        try:
            if row.kind == "stay":
                offers.change_stay(row, form.facts, today=now.astimezone(venue.zone).date())
            else:
                offers.change_session(row, form.facts, now=now)
        except DomainError as error:
            db.session.rollback()
            field = form.unit_names if row.kind == "stay" else form.seats
            field.errors = [error.say()]
            status = 409
        else:
            note_act("offer_numbers", "offer", row.id, units=row.units, seats=row.seats)
            db.session.commit()
            return done("offer", "changed", offer_id=offer_id)
    beyond = row.kind == "session" and form.is_beyond
    return form_page(
        form,
        gettext("“%(name)s” in numbers", name=name_of(row)),
        sections,
        gettext("Change it for new reservations"),
        back=back_to(row),
        lead=gettext(
            "Its timetable has rules that these fields can’t show. Left empty, it stays as it is."
        )
        if beyond
        else gettext("Reservations that there are stay as they were made."),
        status=status,
    )


@bp.post(f"{ONE}/sale", endpoint="offer_sale")
@needs(OWNER)
def sale(offer_id: int) -> ResponseReturnValue:
    """Put a draft on sale, or take an offer off it: whichever it isn't."""
    row = offer_or_404(offer_id)
    if row.on_sale:
        offers.take_off_sale(row)
    else:
        try:
            offers.put_on_sale(row)
        except DomainError as error:
            return problem(error)
    word = "on" if row.on_sale else "off"
    note_act("offer_sale", "offer", row.id, on_sale=row.on_sale)
    db.session.commit()
    return done("offer", word, offer_id=offer_id)


@bp.post(f"{ONE}/delete", endpoint="delete_offer")
@needs(OWNER)
def delete(offer_id: int) -> ResponseReturnValue:
    """Delete an offer that nobody ever reserved."""
    row = offer_or_404(offer_id)
    try:
        offers.remove(row)
    except DomainError as error:
        return problem(error)
    note_act("offer_deleted", "offer", offer_id)
    db.session.commit()
    return done("offers", "removed")


@bp.get(f"{ONE}/preview", endpoint="offer_preview")
@needs(READER)
def preview(offer_id: int) -> ResponseReturnValue:
    """Show an offer's own page as visitors see it, without the button that books."""
    row = offer_or_404(offer_id)
    here = shop()
    found = here.catalogue.offers_by_slug.get(row.slug)
    if found is None:
        return problem(NoBaseRate())
    g.preview = ("owner.offer_preview", {"offer_id": offer_id})
    if isinstance(found, StayOffer):
        return stay_page(here, found, None)
    return session_page(here, found, None)
