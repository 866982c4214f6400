"""The kinds of answers that only the house gives: shares, times of day, weekdays, lists."""

import re
from datetime import date, time
from decimal import Decimal
from typing import Any, ClassVar

import wtforms
from babel.numbers import get_decimal_symbol
from wtforms.fields.choices import Choice, SelectChoice
from wtforms.widgets import TextInput

from app.booking import wording
from app.core.languages import BY_CODE, LANGUAGES, current_locale, gettext
from app.core.languages import lazy_gettext as _l
from app.core.text import NotADate, read_date
from app.owner.offers_timetable import read_times, write_times
from app.web.choice_fields import TicksField
from app.web.fields import LinesField, TextField, WholeNumberField
from app.web.forms import Asked

# None of it is about a person.
NOBODYS: tuple[str, ...] = ()

OFFER_TEXTS = ("name", "summary", "story", "alt", "directions", "house_notes")
VENUE_TEXTS = ("tagline", "story", "directions", "arrival", "alt")
EXTRA_TEXTS = ("name", "detail")
CHARGE_TEXTS = ("name",)

_LABELS: dict[str, tuple[Any, int, bool]] = {
    "name": (_l("Name"), 80, False),
    "summary": (_l("In one sentence"), 200, False),
    "tagline": (_l("In one sentence"), 200, False),
    "detail": (_l("In one sentence"), 200, False),
    "story": (_l("Its story"), 4000, True),
    "directions": (_l("How to find it"), 3000, True),
    "house_notes": (_l("House notes, for who has booked alone"), 3000, True),
    "arrival": (_l("What guests read before they arrive"), 3000, True),
    "alt": (_l("What its picture shows, for who can’t see it"), 300, False),
}
"""Of a text: its label, its most characters, and whether it may have paragraphs."""

_WHY = {
    "directions": _l(
        "It is in mails too. What opens a door, such as a code, belongs into the house notes "
        "of an offer."
    ),
    "house_notes": _l("On the guest’s own page, and in no mail: the place for a door’s code."),
    "arrival": _l("On the guest’s own page, and in no mail."),
}
"""Where a text goes, so that a code of a door goes nowhere else."""


def said_in_each_language(*keys: str) -> Any:
    """Decorate a form with a field for each text in each language, such as `de_name`."""

    def add(form: Any) -> Any:
        for code in LANGUAGES:
            for key in keys:
                label, most, lines = _LABELS[key]
                kind = LinesField if lines else TextField
                tag = {"lang": BY_CODE[code].tag}
                made = kind(
                    label,
                    most=most,
                    why=_WHY.get(key),
                    collects=NOBODYS,
                    autocomplete="off",
                    render_kw=tag,
                )
                setattr(form, f"{code}_{key}", made)
        form.texts = keys
        return form

    return add


class PercentField(Asked, wtforms.Field):
    """A share such as "7" or "7,7"; `data` is in basis points, from 0 to 10,000."""

    most = 10
    widget = TextInput()
    attributes: ClassVar[dict[str, Any]] = {"autocomplete": "off", "inputmode": "decimal"}

    def process_formdata(self, values: list[str]) -> None:
        """Read the share.

        Raises ValueError with a message for people.
        """
        self.data = None
        text = values[0].replace("%", "").strip().replace(",", ".") if values else ""
        if not text:
            return
        if not re.fullmatch(r"\d{1,3}(\.\d{1,2})?", text, re.ASCII) or Decimal(text) > 100:
            raise ValueError(gettext("Please enter a share from 0 to 100, such as 7 or 7.5."))
        self.data = int(Decimal(text) * 100)

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        if self.data is None:
            return ""
        shown = f"{Decimal(self.data) / 100:f}"
        shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
        return shown.replace(".", get_decimal_symbol(current_locale()))


class TimesField(TextField):
    """Times of day, with commas between; `times` once it could be read."""

    times: tuple[time, ...] = ()

    def process_formdata(self, values: list[str]) -> None:
        """Read the times.

        Raises ValueError with a message for people.
        """
        super().process_formdata(values)
        if not self.data:
            return
        try:
            self.times = read_times(self.data)
        except ValueError as error:
            raise ValueError(gettext("Please write times like this: 9:30, 14:00.")) from error
        self.data = write_times(self.times)


class WeekdaysField(TicksField):
    """Days of the week as boxes to tick; `data` is a list of "0", Monday, to "6"."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, choices=[SelectChoice(str(n)) for n in range(7)], **kwargs)

    def iter_choices(self) -> Any:
        """Yield the days by their names in the page's language, Monday first."""
        chosen = self.data or []
        for number, (_, name) in enumerate(wording.weekdays()):
            yield Choice(str(number), name, str(number) in chosen, {})

    def pre_validate(self, form: Any) -> None:
        """Drop what is no day: nobody typed it."""
        self.data = sorted({one for one in self.data or [] if one in set("0123456")})


class NumberOrNothingField(WholeNumberField):
    """A whole number, or none: what is emptied is gone, and not as it was before."""

    def process_formdata(self, values: list[str]) -> None:
        """Read the number.

        Raises ValueError with a message for people.
        """
        self.object_data = None
        super().process_formdata(values)


class DatesField(LinesField):
    """Days, one in each line; `days` once they could be read."""

    days: tuple[date, ...] = ()

    def process_formdata(self, values: list[str]) -> None:
        """Read the days.

        Raises ValueError with a message for people.
        """
        super().process_formdata(values)
        try:
            lines = filter(None, map(str.strip, (self.data or "").splitlines()))
            self.days = tuple(read_date(line, current_locale()) for line in lines)
        except NotADate as error:
            raise ValueError(error.say()) from error


class NamesField(LinesField):
    """Names, one in each line; `names` without the empty ones."""

    @property
    def names(self) -> list[str]:
        """The names, in their order."""
        return [line.strip() for line in (self.data or "").splitlines() if line.strip()]


def given(field: Any) -> Any:
    """Return what was typed into a field that its form has required."""
    return field.data


def whole(label: Any, low: int, high: int, default: int | None = None, **more: Any) -> Any:
    """Return a field for a whole number that has to be there."""
    return WholeNumberField(
        label, low=low, high=high, default=default, required=True, collects=NOBODYS, **more
    )
