"""Correcting the details of a reservation: by its guest, or by the account that it is in."""

from typing import Any

import sqlalchemy as sa
from flask import abort, redirect, render_template, request
from flask.typing import ResponseReturnValue

from app.accounts.models import Person
from app.booking.models import Reservation
from app.core.clock import utcnow
from app.core.database import db
from app.core.languages import lazy_gettext as _l
from app.core.vault import PersonUnknown
from app.privacy.blueprint import bp
from app.privacy.correcting import KINDS, correct, known_of, who_got_old
from app.privacy.held import received_lines
from app.privacy.subjects import Subject, present
from app.web.addresses import AddressField
from app.web.fields import (
    CheckboxField,
    CountryField,
    PhoneField,
    TextField,
    TitleField,
    WeChatField,
)
from app.web.forms import Form
from app.web.languages import likely_country

_NONE = "nothing"


class CorrectionForm(Form):
    """Who booked, as far as it can be corrected here. Without an answer nothing is kept."""

    name = TextField(
        _l("Your name"),
        required=_l("Please enter your name."),
        most=100,
        autocomplete="name",
        why=_l("It is on your reservation, and how we greet you."),
        collects=("person.name",),
    )
    title = TitleField(
        _l("Title"),
        why=_l("How we address you. Without it, by your name alone."),
        collects=("person.title",),
    )
    phone_country = CountryField(
        _l("Country of the number"),
        autocomplete="off",
        why=_l("So that you can leave out its code. A number with + says it by itself."),
        collects=("person.phone",),
    )
    phone = PhoneField(
        _l("Telephone"),
        country_from="phone_country",
        why=_l("For the day you arrive, should something come up. Without it, we write."),
        collects=("person.phone",),
    )
    company = TextField(
        _l("Company"),
        most=100,
        autocomplete="organization",
        why=_l("For a booking on its account. Without it, the booking is yours alone."),
        collects=("person.company",),
    )
    wechat_id = WeChatField(
        _l("WeChat ID"),
        why=_l("If you would rather hear from us there. Without it, we write e-mails."),
        collects=("person.wechat_id",),
    )
    keeps_billing = CheckboxField(_l("Keep an address for the invoice"), collects=())
    billing_address = AddressField(
        _l("Billing address"),
        name="billing",
        needed_by="keeps_billing",
        why=_l("Only for the invoice. Without it, you get a receipt that has no address on it."),
        collects=("person.billing_address",),
    )
    keeps_shipping = CheckboxField(_l("Keep an address for parcels"), collects=())
    shipping_address = AddressField(
        _l("Shipping address"),
        name="shipping",
        needed_by="keeps_shipping",
        why=_l("Something you chose is posted there. Without it, it can’t be."),
        collects=("person.shipping_address",),
    )

    def __init__(self, *args: Any, country: str = "", **kwargs: Any) -> None:
        known = {"phone_country": country, **(kwargs.get("data") or {})}
        for address in ("billing_address", "shipping_address"):
            known[address] = known.get(address) or {"country": country}
        kwargs["data"] = known
        super().__init__(*args, **kwargs)

    def values(self) -> dict[str, Any]:
        """Return what was said, for a form that validated; None for what was left empty."""
        return {name: self[name].data or None for name in KINDS}


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
        changed = correct(person, form.values(), now=utcnow())
        db.session.commit()
        done = ".".join(changed) or _NONE
        return redirect(subject.url("privacy.details", reference=reference, done=done), 303)
    redrawn = request.method == "POST" and not form.errors
    page = _page(subject, person, reference, form)
    return page, 422 if request.method == "POST" and not redrawn else 200


def _page(subject: Subject, person: Person, reference: str, form: CorrectionForm) -> str:
    done = request.args.get("done", "") if request.method == "GET" else ""
    names = [name for name in done.split(".") if name in KINDS]
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
