"""What a guest is asked for their stay: all of it may be left empty."""

from typing import Any

from wtforms.fields.choices import SelectChoice

from app.core.languages import lazy_gettext as _l
from app.guestbook.wishes import ONE_BED, TWO_BEDS
from app.web.choice_fields import ChoiceField
from app.web.clock_field import ClockField
from app.web.fields import CheckboxField, LinesField, TextField
from app.web.forms import Form
from app.web.hidden_fields import HiddenField


class WishesForm(Form):
    """Say what would be good for a stay."""

    arrival = ClockField(
        _l("When will you be here?"),
        why=_l(
            "So that somebody is at the door. Without it, we expect you from the hour of "
            "check-in on."
        ),
        collects=("stay_wish.arrival",),
    )
    bed = ChoiceField(
        _l("How shall we make the beds?"),
        choices=[
            SelectChoice("", _l("As they are")),
            SelectChoice(ONE_BED, _l("One bed for two")),
            SelectChoice(TWO_BEDS, _l("Two beds")),
        ],
        default="",
        why=_l("We make them before you come. Without it, they stay as they are."),
        collects=("stay_wish.bed",),
    )
    diet = TextField(
        _l("What don’t you eat?"),
        most=200,
        why=_l(
            "The kitchen cooks by it. Without it, it cooks for everybody. It may tell of your "
            "health or your faith, so it is yours to say or not: we only keep it with your yes, "
            "and emptying the field takes the yes back."
        ),
        collects=("stay_wish.diet",),
        autocomplete="off",
    )
    diet_agreed = CheckboxField(_l("I want the house to know this about what I eat"), collects=())
    words = LinesField(
        _l("Anything else?"),
        most=500,
        why=_l("A cot, a birthday, a heavy case. Without it, nothing is missing."),
        collects=("stay_wish.words",),
        autocomplete="off",
    )

    def __init__(self, *, nights: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not nights:  # who only comes for a tour needs no bed
            del self.arrival
            del self.bed


class RemindersForm(Form):
    """Switch the mail before arrival off, or on again with "on"."""

    turn = HiddenField(collects=())
