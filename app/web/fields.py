"""The kinds of answers that the site asks for.

Each field says why it asks (`why`: half a sentence, and what happens if it is
left empty) and which column of the data map it fills (`collects`; an empty
tuple for what is not personal). `required` is the sentence shown when it is
missing. A value that can't be read stays as it was typed, beside the message.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Any, ClassVar

import wtforms
from babel import Locale
from markupsafe import Markup, escape
from wtforms.validators import StopValidation
from wtforms.widgets import (
    CheckboxInput,
    DateInput,
    EmailInput,
    NumberInput,
    TelInput,
    TextArea,
    TextInput,
    html_params,
)

from app.core.languages import current_locale, gettext
from app.core.text import FIRST_YEAR, LAST_YEAR, NotADate, e164, read_date
from app.web.forms import Asked

# Two letters that CLDR names and ISO 3166-1 doesn't list: groups of countries,
# islands counted with another country, and codes for tests.
_NO_COUNTRY = frozenset(
    ("AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ")
)

PLAIN_TYPING = {"spellcheck": "false", "autocapitalize": "none"}


class TextField(Asked, wtforms.StringField):
    """One line of text."""

    widget = TextInput()
    attributes: ClassVar[dict[str, Any]] = {"dir": "auto", "enterkeyhint": "next"}

    def process_formdata(self, values: list[str]) -> None:
        """Take the first value; a field that was not sent is empty."""
        self.data = values[0] if values else ""


class LinesField(TextField):
    """Several lines of text."""

    most = 2000
    lines = True
    widget = TextArea()
    attributes: ClassVar[dict[str, Any]] = {"dir": "auto", "rows": 4}


class TitleField(TextField):
    """How somebody wishes to be addressed, in their own words and not from a list."""

    most = 30
    attributes: ClassVar[dict[str, Any]] = {
        **TextField.attributes,
        "autocomplete": "honorific-prefix",
    }


class EmailField(TextField):
    """An e-mail address, in any script, normalised; whether it exists is not asked anywhere."""

    most = 254  # octets of a path, less its brackets: RFC 5321 §4.5.3.1.3, erratum 1690
    copied = True
    widget = EmailInput()
    attributes: ClassVar[dict[str, Any]] = {
        "autocomplete": "email",
        "inputmode": "email",
        "enterkeyhint": "next",
        **PLAIN_TYPING,
    }

    def process_formdata(self, values: list[str]) -> None:
        """Normalise the address.

        Raises ValueError with a message for people if it is none.
        """
        super().process_formdata(values)
        if not self.data or len(self.data) > self.most:
            return

        # 34 ms, which no page without a posted form should wait for.
        from email_validator import EmailNotValidError, validate_email

        try:
            self.data = validate_email(self.data, check_deliverability=False).normalized
        except EmailNotValidError as error:
            raise ValueError(
                gettext("Please check this address: it should look like name@example.org.")
            ) from error


class PhoneField(TextField):
    """A telephone number, kept as E.164 ("+493831123456") once it has been checked.

    A number without "+" or "00" is read as one of the country that the form's
    field `country_from` names.
    """

    most = 40
    copied = True
    widget = TelInput()
    attributes: ClassVar[dict[str, Any]] = {
        "autocomplete": "tel",
        "inputmode": "tel",
        "enterkeyhint": "next",
        **PLAIN_TYPING,
    }

    def __init__(self, *args: Any, country_from: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.country_from = country_from

    @staticmethod
    def excuses(text: str) -> bool:
        """Say whether digits are a number that can be dialled, and so no card's."""
        return text.lstrip("(").startswith(("+", "00", "\uff0b")) and bool(e164(text, None))

    def pre_validate(self, form: Any) -> None:
        """Turn what was typed into E.164.

        Raises StopValidation with a message beside the field if it is no number.
        """
        if not self.data or self.errors:
            return
        country = form[self.country_from].data if self.country_from in form else None
        number = e164(self.data, country)
        if number is None and country:
            raise StopValidation(
                gettext(
                    "We can’t read this as a telephone number of this country: %(country)s. "
                    "For another country, please begin with + and its code.",
                    country=country_names(current_locale()).get(country, country),
                )
            )
        if number is None:
            raise StopValidation(
                gettext(
                    "We can’t read this as a telephone number. Please begin with + and the "
                    "code of the country, and leave out extensions."
                )
            )
        self.data = number

    def _value(self) -> str:
        return self.raw_data[0] if self.raw_data else super()._value() or ""


class WeChatField(TextField):
    """A WeChat ID: 6 to 20 letters, digits, "_" and "-", a letter first, as WeChat has them."""

    copied = True
    attributes: ClassVar[dict[str, Any]] = {
        "autocomplete": "off",
        "enterkeyhint": "next",
        **PLAIN_TYPING,
    }

    def process_formdata(self, values: list[str]) -> None:
        """Check the ID.

        Raises ValueError with a message for people if it is none.
        """
        super().process_formdata(values)
        if not self.data or len(self.data) > self.most:
            return
        self.data = self.data.removeprefix("@")
        if re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{5,19}", self.data):
            return
        if re.fullmatch(r"[+0-9 ()./-]{5,}", self.data):
            raise ValueError(
                gettext(
                    "This is a number, and numbers linked to WeChat can’t be written to from "
                    "here. Your WeChat ID begins with a letter; WeChat shows it under “Me”."
                )
            )
        raise ValueError(
            gettext(
                "A WeChat ID has 6 to 20 letters, digits, “_” or “-”, and begins with a letter. "
                "WeChat shows yours under “Me”."
            )
        )


class CheckboxField(Asked, wtforms.BooleanField):
    """Yes or no; never ticked in advance."""

    widget = CheckboxInput()

    def _value(self) -> str:
        return "y"


class CountryField(Asked, wtforms.Field):
    """A country by its two letters (ISO 3166-1), chosen from names in the page's language."""

    most = 60
    attributes: ClassVar[dict[str, Any]] = {"autocomplete": "country"}

    def process_data(self, value: Any) -> None:
        """Take a country, and leave out what only looks like one: a guess, or one long gone."""
        self.data = value if value in country_names(current_locale()) else None

    def process_formdata(self, values: list[str]) -> None:
        """Take two letters, or the name of a country in the page's language.

        Raises ValueError with a message for people for anything else.
        """
        if not values:
            return  # a page that doesn't ask leaves it as it was
        self.data = None
        text = values[0]
        if not text:
            return
        names = country_names(current_locale())
        if text.upper() in names:
            self.data = text.upper()
            return
        for code, name in names.items():
            if name.casefold() == text.casefold():
                self.data = code
                return
        raise ValueError(gettext("Please choose a country from the list."))

    @staticmethod
    def widget(field: "CountryField", **attributes: Any) -> Markup:
        """Render the list from the 250 options made once for each language."""
        options = _country_options(current_locale())
        if field.data:
            value = f'value="{escape(field.data)}"'
            options = options.replace(f"{value}>", f"{value} selected>", 1)
        return render_list(field, options, attributes)


class DateField(Asked, wtforms.Field):
    """A date, sent as YYYY-MM-DD by browsers with a calendar.

    Typed by hand, it may be written as the page's language writes dates, with
    its own order of day, month and year, because no other is unambiguous.
    """

    most = 40
    widget = DateInput()
    attributes: ClassVar[dict[str, Any]] = {"autocomplete": "off"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.flags.min = f"{FIRST_YEAR}-01-01"
        self.flags.max = f"{LAST_YEAR}-12-31"

    def process_formdata(self, values: list[str]) -> None:
        """Read the date.

        Raises ValueError with a message for people.
        """
        self.data = None
        if values and values[0]:
            try:
                self.data = read_date(values[0], current_locale())
            except NotADate as error:
                raise ValueError(error.say()) from error

    def _value(self) -> str:
        if self.data is not None:
            return str(self.data.isoformat())
        return self.raw_data[0] if self.raw_data else ""


class WholeNumberField(Asked, wtforms.Field):
    """A whole number from `low` to `high`; left empty, it is the default unless required."""

    most = 40
    widget = NumberInput()
    attributes: ClassVar[dict[str, Any]] = {"inputmode": "numeric", "autocomplete": "off"}

    def __init__(
        self, label: Any = None, validators: Any = (), *, low: int, high: int, **kwargs: Any
    ) -> None:
        super().__init__(label, validators, **kwargs)
        self.low = low
        self.high = high
        self.flags.min = low
        self.flags.max = high

    def process_formdata(self, values: list[str]) -> None:
        """Read the number.

        Raises ValueError with a message for people.
        """
        text = values[0] if values else ""
        if not text:
            self.data = None if self.flags.required else self.object_data
            return
        self.data = None
        if not re.fullmatch(r"[+-]?\d+", text):
            raise ValueError(gettext("Please enter a whole number."))
        # Eighteen digits fit into 64 bits; int() of a longer text is wasted work.
        number = int(text) if len(text) <= 18 else None
        if number is None or not self.low <= number <= self.high:
            raise ValueError(
                gettext(
                    "Please enter a number from %(low)d to %(high)d.", low=self.low, high=self.high
                )
            )
        self.data = number

    def _value(self) -> str:
        if self.data is not None:
            return str(self.data)
        return self.raw_data[0] if self.raw_data else ""


class TrapField(TextField):
    """A field that only robots fill in; the template hides it from people.

    Should a browser have filled it for somebody, it is empty the next time, so
    sending the form once more is all they have to do.
    """

    machine_made = True
    attributes: ClassVar[dict[str, Any]] = {"autocomplete": "off", "tabindex": "-1"}

    def pre_validate(self, form: Any) -> None:
        """Refuse the form, and not the field, which nobody sees."""
        if self.data:
            self.data = ""
            form.form_errors.append(
                gettext("We couldn’t take this. Please send the form once more.")
            )

    def _value(self) -> str:
        return ""


def render_list(field: Any, options: str, attributes: dict[str, Any]) -> Markup:
    """Return a drop-down list of `options` (escaped HTML), with one that asks to choose."""
    attributes.setdefault("id", field.id)
    if field.flags.required:
        attributes.setdefault("required", True)
    opening = html_params(name=field.name, **attributes)
    # Not inside the braces: on Python 3.11 the extraction of texts doesn't look there.
    choose = escape(gettext("Please choose"))
    empty = f'<option value="">{choose}</option>'
    return Markup(f"<select {opening}>{empty}{options}</select>")  # noqa: S704 (escaped, each part)


@lru_cache(maxsize=16)
def country_names(locale: Locale) -> dict[str, str]:
    """Return {ISO 3166-1 alpha-2: name} in the order a reader of `locale` looks them up.

    Kosovo is among them under its user-assigned code, as in postal data.
    """
    names = {
        code: name
        for code, name in locale.territories.items()
        if re.fullmatch("[A-Z]{2}", code) and code not in _NO_COUNTRY
    }
    return dict(sorted(names.items(), key=lambda pair: _order(pair[1])))


def _order(name: str) -> tuple[bytes, str]:
    """Return what sorts names as a dictionary does, as nearly as goes without ICU."""
    # GB 2312 holds the common characters in the order of their sound.
    if name and "\u4e00" <= name[0] <= "\u9fff":
        return name.encode("gb18030"), name
    letters = unicodedata.normalize("NFD", name.casefold().replace("œ", "oe").replace("æ", "ae"))
    return "".join(c for c in letters if c.isalnum() or c == " ").encode(), name


@lru_cache(maxsize=16)
def _country_options(locale: Locale) -> str:
    return "".join(
        f'<option value="{code}">{escape(name)}</option>'
        for code, name in country_names(locale).items()
    )
