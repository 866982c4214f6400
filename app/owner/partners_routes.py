"""The owner's pages of partners: who they are, what they get, how many allow it, what went."""

from typing import Any

from flask import abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.accounts.models import OWNER, READER, STAFF
from app.accounts.sessions import current_account
from app.booking.shop import shop
from app.consent.permissions_live import NotPermitted
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.errors import DomainError
from app.core.languages import N_, gettext
from app.guestbook import partners as domain
from app.guestbook.partners_models import PAPER, PartnerTerms
from app.guestbook.partners_words import kind_word, way_word
from app.owner import partners
from app.owner.just_done import just_done
from app.owner.offers_pages import ID, Section, form_page, note_act, rest
from app.owner.partners_forms import ArchiveForm, PartnerForm, SheetForm, shown
from app.owner.roles import needs
from app.owner.routes import bp
from app.owner.visits import LEAST
from app.owner.words import month_word
from app.policy.recipients import country_word

_ONE = f"/partners/<{ID}:partner_id>"
_DONE = {
    "entered": N_(
        "The partner is entered. Guests can allow it from now on; until one does, nothing goes."
    ),
    "changed": N_(
        "It is changed. Whoever had allowed it before is asked anew; until then nothing goes."
    ),
    "same": N_("Nothing was changed, so everything stays as it was."),
    "archived": N_("The partner is archived. Nothing goes to it any more."),
}


@bp.get("/partners", endpoint="partners")
@needs(READER)
def partners_page() -> ResponseReturnValue:
    """List the partners, how many allow each, and how much went."""
    now = utcnow()
    gone = partners.former()
    names = partners.last_terms([one.id for one in gone])
    return render_template(
        "owner/partners.html",
        rows=partners.rows(now=now),
        former=[names[one.id].name for one in gone if one.id in names],
        least=LEAST,
        done=just_done(_DONE),
        country_word=country_word,
        kind_word=kind_word,
        way_word=way_word,
        why_of=domain.why_of,
        month_word=month_word,
        paper=PAPER,
    )


@bp.route("/partners/new", methods=["GET", "POST"], endpoint="new_partner")
@needs(OWNER)
def new_partner() -> ResponseReturnValue:
    """Enter somebody whom the house works with."""
    form = PartnerForm(data=shown(None))
    if form.validate_on_submit():
        try:
            made = domain.enter(form.facts, now=utcnow())
        except DomainError as error:
            return _refused(form, error)
        note_act("partner.entered", "partner", made.id)
        db.session.commit()
        return _done("entered")
    return _form(form, gettext("A new partner"), gettext("Enter this partner"))


@bp.route(_ONE, methods=["GET", "POST"], endpoint="partner")
@needs(OWNER)
def change_partner(partner_id: int) -> ResponseReturnValue:
    """Change what a partner is or gets; whoever allowed it before is asked anew."""
    terms = domain.terms_of(partner_id) or abort(404)
    form = PartnerForm(data=shown(terms))
    if form.validate_on_submit():
        before = terms.id
        try:
            domain.change(partner_id, form.facts, now=utcnow())
        except DomainError as error:
            return _refused(form, error)
        after = domain.terms_of(partner_id)
        if after is not None and after.id == before:
            db.session.rollback()
            return _done("same")
        note_act("partner.changed", "partner", partner_id)
        db.session.commit()
        return _done("changed")
    return _form(form, terms.name, gettext("Change it, and ask everybody anew"))


@bp.route(f"{_ONE}/archive", methods=["GET", "POST"], endpoint="archive_partner")
@needs(OWNER)
def archive_partner(partner_id: int) -> ResponseReturnValue:
    """End the work with a partner."""
    terms = domain.terms_of(partner_id) or abort(404)
    form = ArchiveForm()
    if form.validate_on_submit():
        domain.archive(partner_id, now=utcnow())
        note_act("partner.archived", "partner", partner_id)
        db.session.commit()
        return _done("archived")
    return form_page(
        form,
        gettext("No longer work with %(name)s", name=terms.name),
        [Section("", "", rest(form))],
        gettext("Archive this partner"),
        back=_back(),
        lead=gettext(
            "Whatever guests allowed it ends at once, and nothing goes to it any more. What "
            "went before stays noted for each of them. This can’t be undone: to work together "
            "again, enter it anew."
        ),
    )


@bp.route(f"{_ONE}/sheet", methods=["GET", "POST"], endpoint="partner_sheet")
@needs(STAFF)
def partner_sheet(partner_id: int) -> ResponseReturnValue:
    """Print what a partner may get of those who arrive soon, noted for each before it is shown."""
    terms = domain.terms_of(partner_id)
    if terms is None or terms.way != PAPER:
        abort(404)
    today = utcnow().astimezone(shop().venue.zone).date()
    form = SheetForm(data={"first": today, "last": today})
    if not form.validate_on_submit():
        return _sheet(terms, form), 422 if form.is_submitted() else 200
    reader, zone = current_account() or abort(404), shop().venue.zone
    try:
        given = partners.sheet(terms, *form.days, zone, reader=reader, now=utcnow())
        db.session.commit()
    except NotPermitted:
        only_read()
        form.form_errors.append(gettext("Somebody took it back just now. Please press once more."))
        return _sheet(domain.terms_of(partner_id) or abort(404), form), 409
    only_read()
    return _sheet(domain.terms_of(partner_id) or abort(404), form, given=given)


def _sheet(terms: PartnerTerms, form: SheetForm, **more: Any) -> str:
    return render_template(
        "owner/partner_sheet.html",
        terms=terms,
        form=form,
        kinds=[kind_word(kind) for kind in terms.kinds],
        **{"given": None, **more},
    )


def _form(form: PartnerForm, title: str, button: str, *, status: int = 200) -> ResponseReturnValue:
    texts = form.texts
    return form_page(
        form,
        title,
        [
            Section("", "", rest(form, texts)),
            Section(
                gettext("What it needs this for"),
                gettext("Guests read exactly this before they decide."),
                texts,
            ),
        ],
        button,
        back=_back(),
        lead=gettext(
            "Off for everybody until they turn it on by themselves. A change of anything here "
            "ends what was allowed before: they agreed to what it was."
        ),
        status=status,
    )


def _refused(form: PartnerForm, error: DomainError) -> ResponseReturnValue:
    db.session.rollback()
    form.form_errors.append(error.say())
    return _form(form, gettext("Partner"), gettext("Try once more"), status=409)


def _done(word: str) -> ResponseReturnValue:
    return redirect(url_for(".partners", done=word), 303)


def _back() -> tuple[str, str]:
    return url_for(".partners"), gettext("Partners")
