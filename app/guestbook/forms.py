"""What guest and house write in."""

from app.core.languages import lazy_gettext as _l
from app.guestbook.messages import MOST
from app.web.fields import LinesField
from app.web.forms import Form


class MessageForm(Form):
    """One message in the thread of a reservation, from either side."""

    body = LinesField(
        _l("Your message"),
        required=_l("Please write something first."),
        most=MOST,
        why=_l(
            "Only you and the house can read it. It is sealed, and goes when the details of "
            "the reservation go."
        ),
        collects=("message.body",),
        autocomplete="off",
    )
