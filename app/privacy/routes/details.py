"""Correcting the details of a reservation: by its guest, or by the account that it is in."""

import sqlalchemy as sa
from flask import abort, redirect, render_template, request
from flask.typing import ResponseReturnValue

from app.accounts.details import DETAILS
from app.accounts.details_fields import AskedForDetails, known_of
from app.accounts.models import Person
from app.booking.models import Reservation
from app.core.clock import utcnow
from app.core.database import db
from app.core.languages import lazy_gettext as _l
from app.core.vault import PersonUnknown
from app.privacy.blueprint import bp
from app.privacy.correcting import correct, who_got_old
from app.privacy.held import received_lines
from app.privacy.subjects import Subject, present
from app.web.fields import CheckboxField
from app.web.forms import Form
from app.web.languages import likely_country

_NONE = "nothing"


class CorrectionForm(AskedForDetails, Form):
    """Who booked, as far as it can be corrected here. Without an answer nothing is kept."""

    keeps_billing = CheckboxField(_l("Keep an address for the invoice"), collects=())
    keeps_shipping = CheckboxField(_l("Keep an address for parcels"), collects=())


@bp.route("/account/data/details/<reference>", methods=["GET", "POST"], endpoint="details")
@bp.route("/data/<key>/details/<reference>", methods=["GET", "POST"], endpoint="details")
def details_page(reference: str, key: str | None = None) -> ResponseReturnValue:
    """Correct who booked; say then who got what was there before."""
    subject = present(key)
    if not isinstance(subject, Subject):
        return subject
    person = _person_of(subject, reference)
    form = CorrectionForm(country=likely_country(), data=known_of(person))
    if form.validate_on_submit():
        changed = correct(person, form.said(), now=utcnow())
        db.session.commit()
        done = ".".join(changed) or _NONE
        return redirect(subject.url("privacy.details", reference=reference, done=done), 303)
    redrawn = request.method == "POST" and not form.errors
    page = _page(subject, person, reference, form)
    return page, 422 if request.method == "POST" and not redrawn else 200


def _page(subject: Subject, person: Person, reference: str, form: CorrectionForm) -> str:
    done = request.args.get("done", "") if request.method == "GET" else ""
    names = [name for name in done.split(".") if name in DETAILS]
    return render_template(
        "privacy/details.html",
        subject=subject,
        reference=reference,
        form=form,
        email=person.email,
        done=bool(names or done == _NONE),
        changed=[form[name].label.text for name in names],
        got=received_lines(who_got_old(person.id, names)),
    )


def _person_of(subject: Subject, reference: str) -> Person:
    """Return the person of one of a subject's reservations; 404 for anybody else's."""
    query = (
        sa.select(Person)
        .join(Reservation, Reservation.person_id == Person.id)
        .where(Reservation.reference == reference, Person.id.in_(subject.person_ids))
    )
    person = db.session.scalar(query) or abort(404)
    try:
        person.name  # noqa: B018 (whether there is a key to open it with)
    except PersonUnknown:
        abort(404)
    return person
