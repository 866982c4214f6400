"""The forms behind the pages of offers: what a stay, a session and their prices are."""

from datetime import datetime
from typing import Any

from wtforms.fields.choices import SelectChoice

from app.booking.catalogue import Basis
from app.booking.models import OfferRow, RateRow
from app.booking.schedule import BadSchedule, Schedule
from app.core.languages import LANGUAGES, current_language, gettext
from app.core.languages import lazy_gettext as _l
from app.owner import offers
from app.owner.offers_fields import (
    CHARGE_TEXTS,
    EXTRA_TEXTS,
    NOBODYS,
    OFFER_TEXTS,
    VENUE_TEXTS,
    DatesField,
    NamesField,
    PercentField,
    TimesField,
    WeekdaysField,
    given,
    said_in_each_language,
    whole,
)
from app.owner.offers_timetable import Timetable, read_timetable, write_times
from app.web.choice_fields import ChoiceField
from app.web.fields import CheckboxField, DateField, TextField
from app.web.forms import Form
from app.web.money_field import MoneyField, WithCurrency

_MOST_MINOR = 10**9
_NEXT_TO = _l("Offers are listed by this number, the smallest first.")


class HouseForm(WithCurrency, Form):
    """A form with amounts in the currency of the place."""

    is_part = True

    def validate(self, extra_validators: Any = None) -> bool:
        """Say whether all may be used; amounts are no larger than anything costs."""
        fine = super().validate(extra_validators)
        for field in self:
            if isinstance(field, MoneyField) and (field.data or 0) > _MOST_MINOR:
                field.errors = [gettext("That is more than anything costs. Please check it.")]
                fine = False
        return fine


class WordsForm(Form):
    """Texts in each language; the first of them is needed in one language at least."""

    is_part = True
    texts: tuple[str, ...] = ()

    @property
    def words(self) -> dict[str, dict[str, str]]:
        """{language: {text: what was typed}}."""
        return {
            code: {key: str(self[f"{code}_{key}"].data or "") for key in self.texts}
            for code in LANGUAGES
        }

    @classmethod
    def shown(cls, texts: dict[str, Any]) -> dict[str, str]:
        """Return texts as the values of this form's fields."""
        return {
            f"{code}_{key}": texts.get(code, {}).get(key, "")
            for code in LANGUAGES
            for key in cls.texts
        }

    def validate(self, extra_validators: Any = None) -> bool:
        """Say whether a name is there where one has to be."""
        fine = super().validate(extra_validators)
        if fine and self.texts[0] == "name" and not any(w["name"] for w in self.words.values()):
            field = self[f"{current_language()}_name"]
            field.errors = [gettext("Please give it a name, in one language at least.")]
            return False
        return fine


@said_in_each_language(*OFFER_TEXTS)
class OfferWordsForm(WordsForm):
    """What an offer says, in each language."""

    is_part = False


@said_in_each_language(*VENUE_TEXTS)
class PlaceWordsForm(WordsForm):
    """What the place says of itself, in each language."""

    is_part = False


class NewForm(HouseForm):
    """What every new offer needs: a name and a sentence, in the language of the page."""

    is_part = True
    name = TextField(
        _l("Name"),
        required=_l("Please give it a name."),
        most=80,
        why=_l("In the language of this page; other languages follow. Its address is made of it."),
        collects=NOBODYS,
        autocomplete="off",
    )
    summary = TextField(_l("In one sentence"), most=200, collects=NOBODYS, autocomplete="off")

    @property
    def words(self) -> dict[str, dict[str, str]]:
        """What was typed, under the language of the page."""
        said = {"name": str(self.name.data), "summary": str(self.summary.data or "")}
        return {current_language(): said}


class StayFactsForm(HouseForm):
    """The numbers of a stay."""

    is_part = False

    unit_names = NamesField(
        _l("Rooms, houses or boats, one name a line"),
        required=_l("Please name at least one."),
        most=8000,
        why=_l("Guests get one of them; they are all alike. So many can be booked at once."),
        collects=NOBODYS,
    )
    guests_most = whole(_l("Guests, at most"), 1, 99, 2)
    adults_most = whole(_l("Adults among them, at most"), 1, 99, 2)
    children_most = whole(_l("Children among them, at most"), 0, 99, 0)
    nights_least = whole(_l("Nights, at least"), 1, 365, 1)
    nights_most = whole(_l("Nights, at most"), 1, 365, 21)
    vat = PercentField(_l("VAT in its price, in percent"), required=True, collects=NOBODYS)
    position = whole(_l("Place in the list"), 0, 9999, 0, why=_NEXT_TO)

    def validate(self, extra_validators: Any = None) -> bool:
        """Say whether the numbers go together."""
        fine = super().validate(extra_validators)
        names = self.unit_names.names
        if fine and (not names or len(names) > 500 or any(len(name) > 60 for name in names)):
            self.unit_names.errors = [gettext("Names, at most: 500, of 60 characters each.")]
            return False
        if fine and self.nights_most.data < self.nights_least.data:
            self.nights_most.errors = [offers.NightsBackwards().say()]
            return False
        return fine

    @property
    def facts(self) -> offers.StayFacts:
        """What was typed, for the verbs."""
        return offers.StayFacts(
            unit_names=self.unit_names.names,
            adults_most=self.adults_most.data,
            children_most=self.children_most.data,
            guests_most=self.guests_most.data,
            nights_least=self.nights_least.data,
            nights_most=self.nights_most.data,
            vat_bp=given(self.vat),
            position=self.position.data,
        )


class NewStayForm(NewForm, StayFactsForm):
    """A new stay, with its price for every night."""

    is_part = False

    minor = MoneyField(
        _l("Price for a night"),
        required=_l("Please enter what a night costs."),
        why=_l("VAT included. Weekends and seasons can have their own, later."),
        collects=NOBODYS,
    )


class SessionFactsForm(HouseForm):
    """The numbers of a session, and when it starts."""

    is_part = False

    minutes = whole(_l("It lasts, in minutes"), 1, 10_080, 90)
    seats = whole(_l("Seats"), 1, 9999, 8)
    cutoff_minutes = whole(
        _l("Booking ends so many minutes before"), 0, 100_000, 60, why=_l("60 is an hour.")
    )
    adult_minor = MoneyField(
        _l("Price for an adult"), required=True, why=_l("VAT included."), collects=NOBODYS
    )
    child_minor = MoneyField(_l("Price for a child"), required=True, collects=NOBODYS)
    vat = PercentField(_l("VAT in its price, in percent"), required=True, collects=NOBODYS)
    position = whole(_l("Place in the list"), 0, 9999, 0, why=_NEXT_TO)
    first = DateField(_l("First day"), collects=NOBODYS)
    until = DateField(_l("Last day"), why=_l("Left empty, it goes on and on."), collects=NOBODYS)
    weekdays = WeekdaysField(_l("On these days"), collects=NOBODYS)
    times = TimesField(_l("At these times, with commas between"), collects=NOBODYS)
    skipped = DatesField(_l("But not on these days, one a line"), most=8000, collects=NOBODYS)

    def __init__(
        self, currency: str = "EUR", *, row: OfferRow | None = None, zone: Any, **kwargs: Any
    ):
        self._row, self._zone = row, zone
        super().__init__(currency, **kwargs)

    @property
    def keeps(self) -> bool:
        """Whether the timetable stays as it is: it says more than these fields can."""
        asked = (self.first.data, self.times.data, self.weekdays.data, self.until.data)
        return self.is_beyond and not any(asked)

    @property
    def is_beyond(self) -> bool:
        """Whether the timetable that there is can't be shown in these fields."""
        row = self._row
        return row is not None and _timetable(row) is None

    def validate(self, extra_validators: Any = None) -> bool:
        """Say whether all may be used; what would never start is said beside the first day."""
        fine = super().validate(extra_validators)
        if not fine or self.keeps:
            return fine
        for field in (self.first, self.weekdays, self.times):
            if not field.data:
                field.errors = [gettext("Please fill this in.")]
                fine = False
        return fine and self._starts_sometime()

    def _starts_sometime(self) -> bool:
        facts = self.facts
        try:
            Schedule(
                starts=datetime.fromisoformat(facts.starts), rules=facts.rules, zone=self._zone,
                minutes=facts.minutes,
            )  # fmt: skip
        except BadSchedule as error:
            self.first.errors = [error.say()]
            return False
        return True

    @property
    def facts(self) -> offers.SessionFacts:
        """What was typed, for the verbs."""
        if self.keeps and self._row is not None:
            starts, rules = self._row.schedule_starts or "", self._row.schedule_rules or ""
        else:
            made = Timetable(
                given(self.first),
                self.until.data,
                tuple(map(int, self.weekdays.data or [])),
                self.times.times,
                self.skipped.days,
            )
            starts, rules = made.starts, made.rules
        return offers.SessionFacts(
            minutes=self.minutes.data,
            seats=self.seats.data,
            cutoff_minutes=self.cutoff_minutes.data,
            adult_minor=given(self.adult_minor),
            child_minor=given(self.child_minor),
            vat_bp=given(self.vat),
            position=self.position.data,
            starts=starts,
            rules=rules,
        )


class NewSessionForm(NewForm, SessionFactsForm):
    """A new session."""

    is_part = False


class RateForm(HouseForm):
    """A price for some nights."""

    is_part = False

    minor = MoneyField(_l("Price for a night"), required=True, collects=NOBODYS)
    weekdays = WeekdaysField(
        _l("For nights that begin on"), why=_l("None ticked means all of them."), collects=NOBODYS
    )
    first = DateField(_l("First night"), collects=NOBODYS)
    last = DateField(_l("Last night"), collects=NOBODYS)
    priority = whole(
        _l("Priority"), 0, 99, 1, why=_l("Of several prices for a night, the highest counts.")
    )

    def fill(self, rate: RateRow) -> RateRow:
        """Put what was typed into a rate."""
        rate.minor = given(self.minor)
        rate.weekdays = "".join(self.weekdays.data or []) or "0123456"
        rate.first, rate.last = self.first.data, self.last.data
        rate.priority = self.priority.data
        return rate


class ClosedForm(Form):
    """Days on which an offer isn't to be had."""

    first = DateField(_l("First day"), required=True, collects=NOBODYS)
    last = DateField(
        _l("Last day"),
        required=True,
        why=_l("Its night is closed as well. Who has booked already, stays booked."),
        collects=NOBODYS,
    )


_BASES = (
    (Basis.PER_STAY, _l("once")),
    (Basis.PER_NIGHT, _l("for each night")),
    (Basis.PER_PERSON, _l("for each guest")),
    (Basis.PER_PERSON_NIGHT, _l("for each guest and night")),
    (Basis.PER_ADULT_NIGHT, _l("for each adult and night")),
)


def _basis() -> Any:
    choices = [SelectChoice(basis.value, word) for basis, word in _BASES]
    return ChoiceField(_l("It is counted"), required=True, choices=choices, collects=NOBODYS)


@said_in_each_language(*EXTRA_TEXTS)
class ExtraForm(HouseForm, WordsForm):
    """Something to add to a stay or a session."""

    is_part = False

    minor = MoneyField(_l("Price"), required=True, why=_l("VAT included."), collects=NOBODYS)
    basis = _basis()
    vat = PercentField(_l("VAT in its price, in percent"), required=True, collects=NOBODYS)
    most = whole(_l("How many of it, at most"), 1, 99, 1)
    with_stays = CheckboxField(_l("Offered with stays"), collects=NOBODYS)
    with_sessions = CheckboxField(_l("Offered with sessions"), collects=NOBODYS)
    posted = CheckboxField(_l("It is posted, so we ask for an address"), collects=NOBODYS)
    position = whole(_l("Place in the list"), 0, 9999, 0)


@said_in_each_language(*CHARGE_TEXTS)
class ChargeForm(HouseForm, WordsForm):
    """A fee or a tax that comes with every stay."""

    is_part = False

    kind = ChoiceField(
        _l("What it is"),
        required=True,
        choices=[
            SelectChoice("fee", _l("a fee of the house")),
            SelectChoice("tax", _l("a tax that we pass on")),
        ],
        collects=NOBODYS,
    )
    minor = MoneyField(_l("Price"), required=True, why=_l("VAT included."), collects=NOBODYS)
    basis = _basis()
    vat = PercentField(_l("VAT in its price, in percent"), required=True, collects=NOBODYS)


def stay_values(row: OfferRow) -> dict[str, Any]:
    """Return a stay's numbers as the values of its form."""
    names = ("guests_most", "adults_most", "children_most", "nights_least", "nights_most")
    shown = {name: getattr(row, name) for name in (*names, "position")}
    return {**shown, "unit_names": "\n".join(offers.names_of(row)), "vat": row.vat_bp}


def session_values(row: OfferRow) -> dict[str, Any]:
    """Return a session's numbers and timetable as the values of its form."""
    names = ("minutes", "seats", "cutoff_minutes", "adult_minor", "child_minor", "position")
    shown: dict[str, Any] = {name: getattr(row, name) for name in names}
    shown["vat"] = row.vat_bp
    found = _timetable(row)
    if found is not None:
        shown["first"], shown["until"] = found.first, found.until
        shown["weekdays"] = [str(day) for day in found.weekdays]
        shown["times"] = write_times(found.times)
        shown["skipped"] = "\n".join(day.isoformat() for day in found.skipped)
    return shown


def _timetable(row: OfferRow) -> Timetable | None:
    return read_timetable(row.schedule_starts or "", row.schedule_rules or "")
