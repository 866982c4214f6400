"""The owner's pages of guests: found exactly, and shown one detail at a time, with a purpose."""

from typing import Any

from flask import abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice

from app.accounts.models import READER, STAFF
from app.accounts.readings import DETAILS, LIST
from app.accounts.sessions import current_account
from app.booking.models import Reservation
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.errors import DomainError
from app.core.languages import current_locale, gettext
from app.core.languages import lazy_gettext as _l
from app.core.vault import load_address
from app.owner import guests, words
from app.owner.guest_words import DETAIL_WORDS, PURPOSES
from app.owner.queries import shown_status
from app.owner.readings import noted
from app.owner.roles import may_use, needs
from app.owner.routes import at_place, bp
from app.web.addresses import format_address
from app.web.choice_fields import ChoiceField
from app.web.fields import TextField
from app.web.forms import Form

PURPOSE_WORDS = tuple(SelectChoice(name, word) for name, word in PURPOSES.items())


class _Detail(ChoiceField):
    """Which detail: each is a button of its own."""

    machine_made = True


class FindGuestForm(Form):
    """Find a guest. Posted, so that no guest's address stands in an address."""

    wanted = TextField(
        _l("E-mail address, or the reference of a reservation"),
        required=_l("Please enter a reference or an e-mail address."),
        most=254,
        why=_l("The whole of it: what is sealed can only be found exactly."),
        collects=(),
        autocomplete="off",
    )


class RevealForm(Form):
    """Show one detail of a guest: what for, and which."""

    purpose = ChoiceField(
        _l("What for"),
        required=_l("Please say what for."),
        choices=PURPOSE_WORDS,
        why=_l("Your guest can see what was opened, when, and for this purpose."),
        collects=(),
    )
    word = TextField(
        _l("In your words"),
        most=80,
        why=_l("For something else only: your guest can read it. Otherwise leave it out."),
        collects=("reading.reason",),
        autocomplete="off",
    )
    detail = _Detail(
        _l("Detail"),
        required=_l("Please press the button of the detail that you need."),
        choices=[SelectChoice(name, name) for name in DETAILS],
        collects=(),
    )


@bp.app_context_processor
def _details() -> dict[str, Any]:
    """Let pages include owner/_details.html, which hides what is there until it is asked for."""
    return {"hidden_details": hidden_details}


def hidden_details(reservation: Reservation) -> dict[str, Any]:
    """Return what owner/_details.html shows of whose reservation it is, all of it hidden."""
    return _shown(reservation, RevealForm(formdata=None), {})


def _shown(
    reservation: Reservation,
    form: RevealForm,
    opened: dict[str, list[str]],
    *,
    restricted: bool = False,
) -> dict[str, Any]:
    there = guests.given(reservation, restricted=restricted)
    return {
        "form": form,
        "may": may_use("owner.reveal"),
        "reference": reservation.reference,
        "lines": [
            (name, term, button, there[name], opened.get(name))
            for name, (term, button) in DETAIL_WORDS.items()
        ],
    }


@bp.get("/guests", endpoint="guests")
@needs(READER)
def guests_page() -> ResponseReturnValue:
    """Ask whom to look for."""
    return _find_page(FindGuestForm(formdata=None))


@bp.post("/guests")
@needs(READER)
def find_guest() -> ResponseReturnValue:
    """Lead to the guest whose address or reservation that is."""
    form = FindGuestForm()
    if not form.validate():
        return _find_page(form), 422
    wanted = str(form.wanted.data)
    reference = guests.newest_of(wanted) if "@" in wanted else wanted.upper().replace(" ", "")
    if reference is None or guests.guest_of(reference) is None:
        return _find_page(form, nobody=True)
    return redirect(url_for(".guest", reference=reference), 303)


def _find_page(form: FindGuestForm, *, nobody: bool = False) -> str:
    return render_template(
        "owner/guests.html", form=form, nobody=nobody, may_export=may_use("owner.export_guests")
    )


@bp.get("/guests/<reference>")
@needs(READER)
def guest(reference: str) -> ResponseReturnValue:
    """Show a guest by their reservations; their details are hidden."""
    found = guests.guest_of(reference) or abort(404)
    return _page(found, RevealForm(formdata=None), {})


@bp.post("/guests/<reference>")
@needs(STAFF)
def reveal(reference: str) -> ResponseReturnValue:
    """Show one detail on this answer only, noted before it is shown."""
    found = guests.guest_of(reference) or abort(404)
    g.page_path = request.path
    form, reader = RevealForm(), current_account() or abort(404)
    if not form.validate_on_submit():
        return _page(found, form, {}), 422
    detail = form.detail.data
    try:
        value = guests.reveal(
            found.opened_by,
            detail,
            reader=reader,
            purpose=form.purpose.data,
            word=form.word.data or "",
            now=utcnow(),
        )
        db.session.commit()
    except guests.SayWhatFor as error:
        db.session.rollback()
        form.word.errors = [error.say()]
        return _page(guests.guest_of(reference) or abort(404), form, {}), 422
    except DomainError as error:
        db.session.rollback()
        form.form_errors.append(error.say())
        return _page(guests.guest_of(reference) or abort(404), form, {}), 409
    only_read()
    found = guests.guest_of(reference) or abort(404)
    return _page(found, form, {detail: _lines(detail, value)})


def _lines(detail: str, value: str) -> list[str]:
    if detail == "language":
        return [words.language_word(value)]
    if detail in ("billing_address", "shipping_address"):
        return format_address(load_address(value) or {}, current_locale())
    return [value]


def _page(found: guests.Guest, form: RevealForm, opened: dict[str, list[str]]) -> str:
    now = utcnow()
    page = render_template(
        "owner/guest.html",
        guest=found,
        form=form,
        details=_shown(found.opened_by, form, opened, restricted=found.restricted),
        opened=opened,
        status_of=lambda one: shown_status(one, now=now),
        name=found.name or gettext("A guest without a name"),
        at=at_place(),
    )
    return noted(page, found.persons, LIST)
