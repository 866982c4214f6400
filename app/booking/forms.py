"""What the pages of booking ask: when, how many, and who.

Only name and e-mail are needed to book (C07); whatever else is asked says what
it is for, and what happens if it is left empty (C01).
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from wtforms.fields import Field
from wtforms.fields.core import UnboundField
from wtforms.widgets import HiddenInput

from app.accounts.details_fields import AskedForDetails, AskedForEmail, again
from app.core.languages import gettext
from app.core.languages import lazy_gettext as _l
from app.core.text import FIRST_YEAR, LAST_YEAR
from app.web.fields import CheckboxField, DateField, TrapField, WholeNumberField
from app.web.forms import Asked, EmptyForm, Form, QueryForm
from app.web.hidden_fields import HiddenNumberField

__all__ = ["CancelForm", "DetailsForm", "EmptyForm", "SearchForm", "SessionForm", "StayForm"]

MOST_ADULTS = 20
MOST_CHILDREN = 12
MOST_OF_AN_EXTRA = 99
MOST_MINOR = 10**12  # in minor units: more than any reservation costs

# Dates and numbers of guests belong to nobody until somebody's details join them.
_NOBODYS: tuple[str, ...] = ()


class HiddenInstantField(Asked, Field):
    """A moment of ours that comes back with the form, in ISO 8601 with its offset."""

    machine_made = True
    widget = HiddenInput()

    def process_formdata(self, values: list[str]) -> None:
        """Read the moment, as aware UTC.

        Raises ValueError with a message for people.
        """
        self.data = None
        text = values[0] if values else ""
        try:
            moment = datetime.fromisoformat(text[:40])
            if moment.tzinfo is not None and FIRST_YEAR <= moment.year <= LAST_YEAR:
                self.data = moment.astimezone(UTC)
                return
        except ValueError:
            pass
        raise ValueError(gettext("Please choose a start time."))

    def _value(self) -> str:
        return self.data.isoformat() if self.data is not None else ""


def _leaves_after_arriving(form: Any) -> bool:
    """Put a message beside the departure unless it comes after the arrival."""
    if form.arrive.data and form.depart.data and form.depart.data <= form.arrive.data:
        form.depart.errors = [gettext("You leave after you arrive: please choose a later day.")]
        return False
    return True


class SearchForm(QueryForm):
    """When, and how many; nothing of it is needed to look around."""

    arrive = DateField(_l("Arrive"), collects=_NOBODYS)
    depart = DateField(_l("Leave"), collects=_NOBODYS)
    adults = WholeNumberField(_l("Adults"), low=1, high=MOST_ADULTS, default=2, collects=_NOBODYS)
    children = WholeNumberField(
        _l("Children"), low=0, high=MOST_CHILDREN, default=0, collects=_NOBODYS
    )

    def validate(self, extra_validators: Any = None) -> bool:
        """Say whether the search makes sense: two days in their order, or none."""
        fine = super().validate(extra_validators)
        for one, other in ((self.arrive, self.depart), (self.depart, self.arrive)):
            if fine and other.data and not one.data:
                one.errors = [gettext("Please choose this day too.")]
                return False
        return _leaves_after_arriving(self) and fine


class WithExtras:
    """What a form has that asks how many of each extra are wanted.

    `extras` are (code, name in the page's language, most of it): each becomes
    the field `extra-<code>`; `extra_fields` are those fields, for the page.
    """

    _fields: dict[str, Any]

    def __init__(
        self, *args: Any, extras: Iterable[tuple[str, str, int]] = (), **kwargs: Any
    ) -> None:
        added = [
            (
                f"extra-{code}",
                WholeNumberField(
                    name, low=0, high=min(most, MOST_OF_AN_EXTRA), default=0, collects=_NOBODYS
                ),
            )
            for code, name, most in extras
        ]
        self._add(added)
        self._extra_names = [name for name, _ in added]
        super().__init__(*args, **kwargs)

    def _add(self, fields: list[tuple[str, UnboundField]]) -> None:
        # WTForms reads the fields to make from here; on the instance, the class is left alone.
        declared: Any = type(self)
        self._unbound_fields: Any = [*declared._unbound_fields, *fields]

    @property
    def extra_fields(self) -> list[Any]:
        """The fields of the extras, in the order in which they were given."""
        return [self._fields[name] for name in self._extra_names]

    @property
    def extras(self) -> dict[str, int]:
        """{code: how many} of the extras that somebody wants."""
        return {
            name.removeprefix("extra-"): self._fields[name].data
            for name in self._extra_names
            if self._fields[name].data
        }


class StayForm(WithExtras, Form):
    """Put a stay into the basket, with so many of each extra."""

    arrive = DateField(
        _l("Arrive"), required=_l("Please choose the day you arrive."), collects=_NOBODYS
    )
    depart = DateField(
        _l("Leave"), required=_l("Please choose the day you leave."), collects=_NOBODYS
    )
    adults = WholeNumberField(
        _l("Adults"),
        required=_l("Please say how many adults come."),
        low=1,
        high=MOST_ADULTS,
        default=2,
        collects=_NOBODYS,
    )
    children = WholeNumberField(
        _l("Children"), low=0, high=MOST_CHILDREN, default=0, collects=_NOBODYS
    )

    def validate(self, extra_validators: Any = None) -> bool:
        """Say whether the stay may be asked for; whether it is free is the domain's to say."""
        fine = super().validate(extra_validators)
        return _leaves_after_arriving(self) and fine


class SessionForm(Form):
    """Put a session into the basket: one of the times on the page, and how many come."""

    starts_at = HiddenInstantField(_l("Start"), required=_l("Please choose a start time."))
    adults = WholeNumberField(
        _l("Adults"),
        required=_l("Please say how many adults come."),
        low=1,
        high=MOST_ADULTS,
        default=2,
        collects=_NOBODYS,
    )
    children = WholeNumberField(
        _l("Children"), low=0, high=MOST_CHILDREN, default=0, collects=_NOBODYS
    )


class DetailsForm(AskedForEmail, AskedForDetails, Form):
    """Who books.

    The posting address is there only with `needs_shipping`, when something in
    the basket is posted.
    """

    wants_invoice = CheckboxField(_l("I need an invoice with an address"), collects=())
    billing_address = again(AskedForDetails.billing_address, needed_by="wants_invoice")
    shipping_address = again(
        AskedForDetails.shipping_address,
        needed_by="",
        why=_l("Something you chose is posted there. Without it, please leave that out."),
    )
    asks_after = CheckboxField(
        _l("Ask me after my stay how it was"),
        why=_l("One mail with a few questions. Without it we don’t ask, and all else is the same."),
        collects=("person_permission.purpose",),
    )
    agrees = CheckboxField(
        _l("I agree"),
        required=_l("Please tick this if you agree; without it there is no reservation."),
        collects=(),
    )
    website = TrapField(_l("Please leave this empty"))

    def __init__(self, *args: Any, needs_shipping: bool = False, **kwargs: Any) -> None:
        if not needs_shipping:
            declared: Any = type(self)
            self._unbound_fields = [
                pair for pair in declared._unbound_fields if pair[0] != "shipping_address"
            ]
        super().__init__(*args, **kwargs)
        if not needs_shipping:
            self.shipping_address = None

    def person_values(self) -> dict[str, Any]:
        """Return what was said of the person, for a form that validated, with their email.

        None is what was left empty, or is not needed.
        """
        return {**self.said(), "email": self.email.data or None}


class CancelForm(Form):
    """Cancel a reservation for the refund that the page has promised, in minor units."""

    refund_minor = HiddenNumberField(
        _l("Refund"), required=_l("Please look at the refund once more."), low=0, high=MOST_MINOR
    )
