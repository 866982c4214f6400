"""The owner's pages of the place: what it is, what it says, and what its bookings promise."""

from dataclasses import replace
from functools import cache
from typing import Any

from flask import abort, url_for
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice

from app.accounts.models import OWNER, STAFF
from app.booking.cancellation import BadPolicy, CancellationPolicy, Tier
from app.booking.models import VenueRow
from app.core.database import db
from app.core.errors import DomainError
from app.core.languages import gettext
from app.core.languages import lazy_gettext as _l
from app.core.money import exponent
from app.owner import offers, venue
from app.owner.offers_fields import (
    NOBODYS,
    NamesField,
    NumberOrNothingField,
    PercentField,
    whole,
)
from app.owner.offers_forms import PlaceWordsForm
from app.owner.offers_pages import Section, done, form_page, note_act, rest, word_sections
from app.owner.roles import needs
from app.owner.routes import bp
from app.web.choice_fields import ListField
from app.web.clock_field import ClockField
from app.web.fields import CountryField, EmailField, PhoneField, TextField
from app.web.forms import Form

_TIERS = 4


class PlaceForm(Form):
    """What the place is, as the site, invoices and mails say it."""

    name = TextField(
        _l("Name of the place"),
        required=_l("Please enter its name."),
        most=100,
        collects=NOBODYS,
        autocomplete="organization",
    )
    address = NamesField(
        _l("Address, as on an envelope"), required=True, most=400, collects=NOBODYS
    )
    country = CountryField(_l("Country"), required=True, collects=NOBODYS)
    email = EmailField(
        _l("E-mail for guests"), required=True, collects=NOBODYS, why=_l("Mails come from it.")
    )
    phone = PhoneField(_l("Telephone"), required=True, country_from="country", collects=NOBODYS)
    tax_id = TextField(_l("Tax number"), most=30, why=_l("On invoices."), collects=NOBODYS)
    zone = ListField(_l("Time zone"), required=True, choices=(), collects=NOBODYS)
    currency = TextField(
        _l("Currency"),
        required=True,
        most=3,
        why=_l("Its three letters, such as EUR. Fixed once something is reserved."),
        collects=NOBODYS,
    )
    check_in = ClockField(_l("Arrive from"), required=True, collects=NOBODYS)
    check_out = ClockField(_l("Leave until"), required=True, collects=NOBODYS)
    months_ahead = whole(_l("Months ahead that can be booked"), 1, 60, 12)
    remind_days = whole(
        _l("Days before arrival on which guests are reminded"), 0, 60, 3, why=_l("0: never.")
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.zone.choices = [SelectChoice(one, one.replace("_", " ")) for one in venue.zones()]

    def validate(self, extra_validators: Any = None) -> bool:
        """Say whether all may be used; a currency has to be one that there is."""
        fine = super().validate(extra_validators)
        if not self.currency.errors:
            self.currency.data = str(self.currency.data).upper()
            try:
                exponent(self.currency.data)
            except (KeyError, ValueError):
                self.currency.errors = [gettext("Please enter a currency, such as EUR or CHF.")]
                return False
        return fine

    @property
    def facts(self) -> venue.PlaceFacts:
        """What was typed, for the verb."""
        return venue.PlaceFacts(
            name=str(self.name.data),
            address=self.address.names,
            email=str(self.email.data),
            phone=str(self.phone.data),
            zone=str(self.zone.data),
            currency=str(self.currency.data),
            country=str(self.country.data),
            tax_id=str(self.tax_id.data or ""),
            check_in=str(self.check_in.data),
            check_out=str(self.check_out.data),
            months_ahead=self.months_ahead.data,
            remind_days=self.remind_days.data,
        )


class TermsForm(Form):
    """What comes back when somebody cancels, and what makes a booking firm."""

    grace_hours = whole(
        _l("Hours after booking in which all comes back"), 0, 24 * 366, 24, why=_l("0: none.")
    )
    deposit = PercentField(
        _l("Deposit, in percent"),
        why=_l("What makes a reservation firm. Left empty, reservations are paid in full."),
        collects=NOBODYS,
    )
    balance_days = whole(_l("The rest is due so many days before"), 0, 365, 14)
    sentences = _TIERS

    def __init__(self, kept: CancellationPolicy | None = None, **kwargs: Any) -> None:
        """Make it for a place; `kept` has what the form doesn't ask for."""
        self._kept = kept or CancellationPolicy((), 0)
        super().__init__(**kwargs)

    @property
    def policy(self) -> CancellationPolicy:
        """The promise that was typed. Raises BadPolicy."""
        tiers = [
            Tier(self[f"days{n}"].data, self[f"share{n}"].data)
            for n in range(self.sentences)
            if self[f"days{n}"].data is not None and self[f"share{n}"].data is not None
        ]
        return replace(self._kept, tiers=tuple(tiers), grace_hours=self.grace_hours.data)

    def validate(self, extra_validators: Any = None) -> bool:
        """Say whether the promise makes sense; half a sentence of it doesn't."""
        fine = super().validate(extra_validators)
        for n in range(self.sentences):
            days, share = self[f"days{n}"], self[f"share{n}"]
            for one, other in ((days, share), (share, days)):
                if fine and one.data is None and other.data is not None:
                    one.errors = [gettext("Please fill this in.")]
                    return False
        if fine:
            try:
                _ = self.policy
            except BadPolicy as error:
                self["days0"].errors = [error.say()]
                return False
        return fine


def _sentence(n: int) -> dict[str, Any]:
    """Return the two fields of one sentence, by their names."""
    until = _l("Until so many days before")
    return {
        f"days{n}": NumberOrNothingField(until, low=0, high=3650, collects=NOBODYS),
        f"share{n}": PercentField(_l("this share comes back"), collects=NOBODYS),
    }


for _n in range(_TIERS):
    for _name, _field in _sentence(_n).items():
        setattr(TermsForm, _name, _field)


@cache
def _form_for(count: int) -> type[TermsForm]:
    """Return a form with a field for each sentence: none that was promised is lost."""
    more: dict[str, Any] = {"sentences": max(_TIERS, count)}
    for n in range(_TIERS, count):
        more |= _sentence(n)
    return type("TermsForm", (TermsForm,), more) if count > _TIERS else TermsForm


@bp.route("/place", methods=["GET", "POST"], endpoint="place")
@needs(OWNER)
def place() -> ResponseReturnValue:
    """Set the place up, or change what it is."""
    row = venue.the_place()
    form = PlaceForm(data=_shown(row))
    status = 200
    if form.validate_on_submit():
        try:
            made = venue.put_place(form.facts)
        except DomainError as error:
            db.session.rollback()
            form.currency.errors = [error.say()]
            status = 409
        else:
            note_act("place", "venue", made.id)
            db.session.commit()
            return done("today" if row is None else "offers", "place" if row is None else "changed")
    return form_page(
        form,
        gettext("The place"),
        [Section("", "", rest(form))],
        gettext("Keep this"),
        back=_back(row),
        status=status,
    )


def _shown(row: VenueRow | None) -> dict[str, Any]:
    if row is None:
        return {"check_in": "15:00", "check_out": "10:30", "currency": "EUR"}
    names = (
        "name", "email", "phone", "zone", "currency", "country", "tax_id", "check_in",
        "check_out", "months_ahead", "remind_days",
    )  # fmt: skip
    return {name: getattr(row, name) for name in names} | {"address": "\n".join(row.address)}


@bp.route("/place/texts", methods=["GET", "POST"], endpoint="place_texts")
@needs(STAFF)
def place_texts() -> ResponseReturnValue:
    """Change what the place says of itself, in each language."""
    row = venue.the_place() or abort(404)
    form = PlaceWordsForm(data=PlaceWordsForm.shown(row.texts))
    if form.validate_on_submit():
        offers.put_words(row, form.words)
        note_act("place_texts", "venue", row.id)
        db.session.commit()
        return done("offers", "changed")
    return form_page(
        form,
        gettext("What the place says"),
        word_sections(form),
        gettext("Keep these texts"),
        back=_back(row),
    )


@bp.route("/place/terms", methods=["GET", "POST"], endpoint="place_terms")
@needs(OWNER)
def place_terms() -> ResponseReturnValue:
    """Change what is promised to who cancels, and what is paid when."""
    row = venue.the_place() or abort(404)
    kept = CancellationPolicy.from_json(row.cancellation)
    data = {
        "grace_hours": kept.grace_hours,
        "deposit": row.deposit_bp,
        "balance_days": row.balance_days,
    }
    for n, tier in enumerate(kept.tiers):
        data |= {f"days{n}": tier.days_before, f"share{n}": tier.refund_bp}
    form = _form_for(len(kept.tiers))(kept, data=data)
    if form.validate_on_submit():
        policy, deposit = form.policy, form.deposit.data or None
        venue.put_terms(row, policy, deposit, form.balance_days.data)
        tiers = [[tier.days_before, tier.refund_bp] for tier in policy.tiers]
        note_act("terms", "venue", row.id, tiers=tiers, deposit_bp=deposit)
        db.session.commit()
        return done("offers", "changed")
    promises = [
        Section(
            gettext("Sentence %(num)d", num=n + 1),
            "",
            [form[f"days{n}"], form[f"share{n}"]],
        )
        for n in range(form.sentences)
    ]
    return form_page(
        form,
        gettext("Cancelling and paying"),
        [
            *promises,
            Section(gettext("Besides"), "", [form.grace_hours, form.deposit, form.balance_days]),
        ],
        gettext("Promise this to new reservations"),
        back=_back(row),
        lead=gettext(
            "Each sentence says: who cancels until so many days before, gets this share back. "
            "Below the last one nothing comes back. Whoever has booked keeps what was promised."
        ),
    )


def _back(row: VenueRow | None) -> tuple[str, str]:
    if row is None:
        return url_for(".today"), gettext("Today")
    return url_for(".offers"), gettext("Offers")
