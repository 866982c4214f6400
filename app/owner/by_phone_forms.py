"""What the house asks when it books for somebody: what, then who, and how it is paid."""

from typing import Any

from wtforms.fields.choices import SelectChoice

from app.accounts.details_fields import again
from app.booking.forms import (
    MOST_ADULTS,
    MOST_CHILDREN,
    DetailsForm,
    HiddenInstantField,
    WithExtras,
)
from app.booking.shop import shop
from app.core.languages import BY_CODE
from app.core.languages import lazy_gettext as _l
from app.owner.by_phone import AT_PLACE, LINK, PHONE, WALK_IN
from app.owner.reservation_words import offer_word, source_word
from app.web.choice_fields import ChoiceField, ListField
from app.web.fields import DateField, WholeNumberField
from app.web.forms import QueryForm
from app.web.hidden_fields import HiddenField


class _StartField(HiddenInstantField):
    """A start of a session; nothing as long as none was chosen."""

    def process_formdata(self, values: list[str]) -> None:
        """Read the moment, if there is one."""
        if values and values[0]:
            super().process_formdata(values)


class WhatForm(WithExtras, QueryForm):
    """What is asked for. Nobody's: it stands in the address."""

    offer = ListField(_l("What"), required=_l("Please choose what it is."), collects=())
    arrive = DateField(
        _l("Arrives, or day of the session"), required=_l("Please choose a day."), collects=()
    )
    depart = DateField(_l("Leaves"), collects=())
    starts_at = _StartField(_l("Start"), collects=())
    adults = WholeNumberField(_l("Adults"), low=1, high=MOST_ADULTS, default=2, collects=())
    children = WholeNumberField(_l("Children"), low=0, high=MOST_CHILDREN, default=0, collects=())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        catalogue = shop().catalogue
        self.offer.choices = [
            (offer.slug, offer_word(offer.texts)) for offer in catalogue.offers_by_slug.values()
        ]


class PhoneDetailsForm(DetailsForm):
    """Who it is for, how it is paid: the guest's details as on the site, told by them.

    Nobody agrees to the terms here: that is the guest's alone to do.
    """

    email = again(
        DetailsForm.email,
        required=False,
        why=_l(
            "The confirmation goes there, and whatever changes. Without it, nothing is mailed: "
            "please give them the reference."
        ),
    )
    language = ListField(
        _l("Their language"),
        required=_l("Please choose their language."),
        why=_l("Their mails and their page speak it."),
        collects=("reservation.language",),
    )
    source = ChoiceField(
        _l("How it came"),
        choices=[SelectChoice(one, source_word(one)) for one in (PHONE, WALK_IN)],
        default=PHONE,
        collects=(),
    )
    pays = ChoiceField(
        _l("How it is paid"),
        choices=[
            SelectChoice(AT_PLACE, _l("At the place: the reservation is firm now")),
            SelectChoice(
                LINK, _l("By a link, until a day: the places are held, and firm once it is paid")
            ),
        ],
        default=AT_PLACE,
        why=_l(
            "What is paid at the door isn’t in these books: they know the payment provider only."
        ),
        collects=(),
    )
    until = DateField(
        _l("Held until"),
        why=_l("For a link to pay: until six in the evening of that day."),
        collects=(),
    )
    quoted = HiddenField(collects=())
    form_id = HiddenField(collects=())
    # What only they can say yes to.
    agrees = None  # type: ignore[assignment]
    asks_after = None  # type: ignore[assignment]
    website = None  # type: ignore[assignment]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.language.choices = [(one.code, one.name) for one in BY_CODE.values()]
