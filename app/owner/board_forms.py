"""The board's forms: which days, what should be different, and the yes to it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from wtforms.fields.choices import SelectChoice

from app.booking.change_price import ANEW, KEPT
from app.booking.rooms import REASONS
from app.core.languages import lazy_gettext as _l
from app.web.choice_fields import ChoiceField, ListField
from app.web.fields import CheckboxField, DateField, WholeNumberField
from app.web.forms import Form, QueryForm
from app.web.hidden_fields import HiddenNumberField

MOST_PEOPLE = 50
MOST_DAYS = 366
_MOST = 10**15  # minor units


class DayForm(QueryForm):
    """Go to a day on the board."""

    from_day = DateField(_l("From the day"), name="from", collects=())


class WishForm(QueryForm):
    """What should be different about a stay or a session; asked by the address of its preview.

    `by`: so many days later; `longer`: so many nights more. That is how a bar is dragged.
    """

    arrive = DateField(_l("Arrival"), collects=())
    depart = DateField(_l("Departure"), collects=())
    unit = ListField(_l("Room"), collects=(), default="")
    start = ListField(_l("Start"), collects=(), default="")
    adults = WholeNumberField(_l("Adults"), low=1, high=MOST_PEOPLE, collects=())
    children = WholeNumberField(_l("Children"), low=0, high=MOST_PEOPLE, collects=())
    by = HiddenNumberField(low=-MOST_DAYS, high=MOST_DAYS, default=0, collects=())
    longer = HiddenNumberField(low=-MOST_DAYS, high=MOST_DAYS, default=0, collects=())

    def __init__(
        self,
        *args: Any,
        units: dict[str, list[tuple[str, str]]] | None = None,
        starts: Sequence[tuple[str, str]] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.unit.choices = {"": [("", _l("Whichever is right"))], **(units or {})}
        self.start.choices = [("", _l("As it is")), *starts]


class YesForm(Form):
    """Say yes to a change that was shown, at the price that was shown."""

    price = ChoiceField(
        _l("Price"),
        choices=[
            SelectChoice(ANEW, _l("The new price, by today’s catalogue")),
            SelectChoice(KEPT, _l("The price that was agreed")),
        ],
        required=_l("Please choose which price holds."),
        collects=(),
    )
    tell = CheckboxField(
        _l("Tell the guest by mail"),
        why=_l("They get a mail with everything as it is then."),
        collects=(),
    )
    expected = HiddenNumberField(low=-_MOST, high=_MOST, collects=())


class NoteForm(Form):
    """Note what happened: who came, who left, who never came; or keep them in their room."""

    what = ChoiceField(
        _l("What happened"),
        choices=[
            SelectChoice(verb, verb)
            for verb in ("check_in", "check_out", "no_show", "undo", "pin", "unpin")
        ],
        required=True,
        collects=(),
    )
    give_back = CheckboxField(
        _l("Sell the nights that are left to others"),
        why=_l("Without it, the room stays empty for them until their departure."),
        collects=(),
    )
    # Where it was pressed, and where one wants to be again.
    on_today = CheckboxField(_l("On the day’s page"), collects=())


class BlockForm(Form):
    """Keep a room from guests for some nights."""

    unit = ListField(
        _l("Room"),
        required=_l("Please choose a room."),
        why=_l("Whoever is there later gets another room of the same kind."),
        collects=(),
    )
    first = DateField(_l("First night"), required=_l("Please give the first night."), collects=())
    until = DateField(
        _l("Free again from"), required=_l("Please say from when on it is free again."), collects=()
    )
    reason = ChoiceField(
        _l("Reason"),
        choices=[SelectChoice(code, _l(word)) for code, word in REASONS.items()],
        required=_l("Please choose a reason."),
        collects=(),
    )

    def __init__(self, *args: Any, units: dict[str, list[tuple[str, str]]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.unit.choices = {"": [("", _l("Please choose"))], **units}


def read_start(text: str) -> datetime | None:
    """Return the instant of a session's address, in UTC; None for what is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else None
