"""The forms of partners' calendars: a new one, and where one is fetched."""

from typing import Any

from app.booking.feeds import LONGEST_CHANNEL
from app.core.calendar_door import LONGEST_ADDRESS
from app.core.languages import lazy_gettext as _l
from app.web.choice_fields import ListField
from app.web.fields import PLAIN_TYPING, CheckboxField, TextField
from app.web.forms import Form

_ADDRESS: dict[str, Any] = {"inputmode": "url", **PLAIN_TYPING}


class FeedForm(Form):
    """A new calendar of a partner."""

    channel = TextField(
        _l("Partner"),
        required=_l("Please say who the partner is."),
        most=LONGEST_CHANNEL,
        why=_l(
            "Such as the name of a booking site. Visitors see it in the list of who receives "
            "data. What comes from a partner is never sent back to them."
        ),
        collects=(),
        autocomplete="off",
    )
    what = ListField(
        _l("Of what"),
        required=_l("Please choose what it is of."),
        why=_l("A room can be exchanged both ways; an offer of several is only told."),
        collects=(),
    )
    out = CheckboxField(
        _l("Give them an address that tells when it is taken"),
        why=_l("It is shown once. It tells “Busy” and nothing else: no name, no number, no price."),
        collects=(),
    )
    address = TextField(
        _l("Address of their calendar"),
        most=LONGEST_ADDRESS,
        why=_l(
            "It begins with https://. Left empty, nothing is fetched. What they have booked is "
            "blocked here; what their events are called isn’t kept."
        ),
        collects=(),
        autocomplete="off",
        render_kw=_ADDRESS,
    )

    def __init__(self, *args: Any, what: dict[str, list[tuple[str, str]]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.what.choices = {"": [("", _l("Please choose"))], **what}


class FeedAddressForm(Form):
    """Where a partner's calendar is fetched from now on."""

    address = TextField(
        _l("Address of their calendar"),
        required=_l("Please enter the address."),
        most=LONGEST_ADDRESS,
        why=_l("It begins with https://. It is kept sealed, and never shown again."),
        collects=(),
        autocomplete="off",
        render_kw=_ADDRESS,
    )
