"""An amount of money as people type it, read to the exact minor unit of a currency.

Where a point or a comma could be either the decimal sign or a mark between thousands,
the page's language decides (CLDR); where it doesn't know the sign at all, nothing is
guessed, and somebody is asked to write it out.
"""

import re
import unicodedata
from decimal import Decimal
from typing import Any, ClassVar

import wtforms
from babel import Locale
from babel.numbers import get_decimal_symbol, get_group_symbol
from wtforms.widgets import TextInput

from app.core.errors import DomainError
from app.core.languages import N_, current_locale
from app.core.money import Money, exponent
from app.web.forms import Asked

_MOST_DIGITS = 15  # 64 bits hold more, in any currency
_SIGNS = ".,"


class NotAnAmount(DomainError, ValueError):
    """The text can't be read as an amount of the currency."""

    message = N_("Please write the amount like this: %(example)s.")


class TooManyDecimals(NotAnAmount):
    """A fraction of the smallest unit."""

    message = N_("That is finer than the currency goes. Please write it like this: %(example)s.")


class Ambiguous(NotAnAmount):
    """The mark could be the decimal sign as well as a mark between thousands."""

    message = N_("This could be read in two ways. Please write it like this: %(example)s.")


def write_money(minor: int, currency: str, locale: Locale) -> str:
    """Return an amount as a field shows it: "12,50", no sign of the currency, no thousands."""
    text = f"{Money(minor, currency).decimal:f}"
    return text.replace(".", get_decimal_symbol(locale))


def read_money(text: str, currency: str, locale: Locale) -> int:
    """Return the minor units of an amount that was typed.

    "12,50", "12.50", "1'234.50" and "1 234,50" are read in every language; the code or the
    sign of the currency may stand beside it. Raises NotAnAmount, TooManyDecimals, Ambiguous.
    """
    example = write_money(1234 * 10 ** exponent(currency), currency, locale)
    plain = _without_currency(unicodedata.normalize("NFKC", text), currency, locale)
    plain = "".join(_digit(character) for character in plain)
    plain = re.sub(r"(?<=\d)['’ ](?=\d{3}(?!\d))", "_", plain)
    whole, fraction = _split(plain, currency, locale, example)
    if len(fraction) > exponent(currency):
        raise TooManyDecimals(example=example)
    if len(whole) + len(fraction) > _MOST_DIGITS:
        raise NotAnAmount(example=example)
    return int(Decimal(f"{whole or 0}.{fraction or 0}").scaleb(exponent(currency)))


def _digit(character: str) -> str:
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)


def _without_currency(text: str, currency: str, locale: Locale) -> str:
    signs = {currency, locale.currency_symbols.get(currency, currency)}
    text = text.strip()
    for sign in signs:
        text = text.removeprefix(sign).removesuffix(sign).strip()
    return text


def _split(plain: str, currency: str, locale: Locale, example: str) -> tuple[str, str]:
    """Return the digits before and after the decimal sign."""
    marks = [character for character in plain if character in _SIGNS]
    decimal = ""
    if len(set(marks)) == 2:  # the one that comes last
        decimal = marks[-1]
    elif len(marks) == 1:
        decimal = _one_mark(plain, marks[0], currency, locale, example)
    group = "".join(set("_" + _SIGNS) - {decimal})
    decimals = rf"(?:{re.escape(decimal)}(?P<fraction>\d+))?" if decimal else "(?P<fraction>)"
    whole = rf"(?P<whole>\d*|[1-9]\d{{0,2}}(?:(?P<group>[{group}])\d{{3}}(?:(?P=group)\d{{3}})*))"
    found = re.fullmatch(whole + decimals, plain)
    if found is None or not (found["whole"] or found["fraction"]):
        raise NotAnAmount(example=example)
    return re.sub(r"\D", "", found["whole"]), found["fraction"] or ""


def _one_mark(plain: str, mark: str, currency: str, locale: Locale, example: str) -> str:
    """Return the mark if it is the decimal sign, or nothing if it stands between thousands."""
    before, _, after = plain.partition(mark)
    if len(after) != 3 or "_" in before or not re.fullmatch(r"[1-9]\d{0,2}", before):
        return mark
    if mark == get_decimal_symbol(locale):
        return mark
    # Three digits follow. Of a currency with three decimals, thousands are never meant for
    # sure; nor where the language writes its thousands in another way.
    if exponent(currency) == 3 or mark != get_group_symbol(locale):
        raise Ambiguous(example=example)
    return ""


class MoneyField(Asked, wtforms.Field):
    """An amount in one currency; `data` is in minor units. The form sets `currency` first."""

    most = 40
    widget = TextInput()
    currency = "EUR"
    attributes: ClassVar[dict[str, Any]] = {
        "autocomplete": "off",
        "inputmode": "decimal",
        "enterkeyhint": "next",
        "spellcheck": "false",
    }

    def process_formdata(self, values: list[str]) -> None:
        """Read the amount.

        Raises ValueError with a message for people.
        """
        self.data = None
        if values and values[0]:
            try:
                self.data = read_money(values[0], self.currency, current_locale())
            except NotAnAmount as error:
                raise ValueError(error.say()) from error

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        if self.data is None:
            return ""
        return write_money(self.data, self.currency, current_locale())


class WithCurrency:
    """What a form has that asks for amounts: the currency in which all of them are read."""

    def __init__(self, currency: str = "EUR", **kwargs: Any) -> None:
        self._currency = currency
        super().__init__(**kwargs)

    def process(self: Any, formdata: Any = None, *args: Any, **kwargs: Any) -> None:
        """Tell amounts their currency before they read."""
        for field in self:
            if isinstance(field, MoneyField):
                field.currency = self._currency
        super().process(formdata, *args, **kwargs)  # type: ignore[misc]  # the next class is a form
