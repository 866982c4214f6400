"""Money: whole minor units and a currency, from the database to the page.

No amount is ever a float, and none is multiplied by 100 on a guess: how many
digits a currency has comes from CLDR (JPY 0, EUR 2, KWD 3), the same source
that writes the amounts. CLDR tells what people use: for a few currencies that is
coarser than the unit of ISO 4217 (RSD 0, where ISO has 2), and a payment
provider may count differently again (ISK, UGX). Its adapter converts.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache, total_ordering
from typing import Self
from unicodedata import category

from babel import Locale
from babel.core import get_global
from babel.numbers import NumberPattern, get_currency_precision, get_currency_symbol, parse_pattern

from app.core.languages import current_manner

# One basis point is a hundredth of a per cent: 19 % is 1,900.
BASIS_POINTS = 10_000


class CurrenciesDiffer(ValueError):
    """Amounts in two currencies were added or compared: a mistake in the program."""


@total_ordering
@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of one currency: `Money(1250, "EUR")` is 12.50 €.

    Raises ValueError for a currency that CLDR does not know, and TypeError for an
    amount that isn't a whole number.
    """

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"minor units are whole: {self.minor!r}")
        exponent(self.currency)

    @classmethod
    def zero(cls, currency: str) -> Self:
        """Return nothing of a currency; the start value that `sum` needs."""
        return cls(0, currency)

    @property
    def decimal(self) -> Decimal:
        """The amount in major units: 12.50, exactly."""
        return _major(self.minor, self.currency)

    def format(self, locale: Locale) -> str:
        """Return the amount as a person writes it in that locale."""
        return format_money(self.minor, self.currency, locale)

    def __add__(self, other: Self) -> Self:
        return type(self)(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Self) -> Self:
        return type(self)(self.minor - self._same(other), self.currency)

    def __neg__(self) -> Self:
        return type(self)(-self.minor, self.currency)

    def __mul__(self, times: int) -> Self:
        if type(times) is not int:
            return NotImplemented
        return type(self)(self.minor * times, self.currency)

    __rmul__ = __mul__

    def __lt__(self, other: Self) -> bool:
        return self.minor < self._same(other)

    def __bool__(self) -> bool:
        return self.minor != 0

    def _same(self, other: Self) -> int:
        if not isinstance(other, Money):
            raise TypeError(f"money goes with money, not with {other!r}")
        if other.currency != self.currency:
            raise CurrenciesDiffer(f"{self.currency} and {other.currency}")
        return other.minor


@cache
def exponent(currency: str) -> int:
    """Return how many digits the minor unit of a currency has: JPY 0, EUR 2, KWD 3.

    Source: CLDR, currency fractions. Raises ValueError for an unknown currency.
    """
    # Babel answers 2 for anything it doesn't know, "eur" and "EURO" included.
    if currency not in get_global("all_currencies"):
        raise ValueError(f"not a currency: {currency!r}")
    return get_currency_precision(currency)


def share(minor: int, basis_points: int) -> int:
    """Return so many basis points of an amount, half a minor unit rounded up.

    A negative amount mirrors a positive one, so that taking something back
    always undoes it to the cent.
    """
    return _divide(minor * basis_points, BASIS_POINTS)


def included_tax(gross_minor: int, basis_points: int) -> int:
    """Return the tax within a price that includes it: gross - gross / (1 + rate), half up."""
    return _divide(gross_minor * basis_points, BASIS_POINTS + basis_points)


def _divide(numerator: int, denominator: int) -> int:
    """Divide, and round half away from zero (Decimal's ROUND_HALF_UP, in whole numbers)."""
    size = (2 * abs(numerator) + denominator) // (2 * denominator)
    return size if numerator >= 0 else -size


def _major(minor: int, currency: str) -> Decimal:
    # From digits, because arithmetic on a Decimal rounds to the context's 28.
    sign, digits = (1, -minor) if minor < 0 else (0, minor)
    return Decimal((sign, tuple(map(int, str(digits))), -exponent(currency)))


def format_money(minor: int, currency: str, locale: Locale) -> str:
    """Return an amount as a person writes it in that locale: "€12.50", "12,50 €", "¥500".

    Where codes are wished (`core.languages`), "EUR 12.50" and "12,50 EUR".
    """
    return _formatted(minor, currency, locale, current_manner().currency_codes, False)


def short_money(minor: int, currency: str, locale: Locale) -> str:
    """Return an amount without its minor units where there are none of them: "€119"."""
    whole = minor % 10 ** exponent(currency) == 0
    return _formatted(minor, currency, locale, current_manner().currency_codes, whole)


# A page shows up to sixty amounts, most of them again on the next page: Babel takes some
# 15 microseconds for each of them, the cache a quarter of one.
@lru_cache(maxsize=8192)
def _formatted(minor: int, currency: str, locale: Locale, codes: bool, whole: bool) -> str:
    return str(
        _pattern(currency, locale, codes, whole).apply(
            _major(minor, currency), locale, currency=currency, currency_digits=not whole
        )
    )


@lru_cache(maxsize=256)
def _pattern(currency: str, locale: Locale, codes: bool, whole: bool) -> NumberPattern:
    """Return how a locale writes amounts, with letters kept off the digits.

    CLDR's currency spacing, which Babel leaves out: "EUR 12.50" and "CHF 12.50",
    but "€12.50" (UTS #35, part 3, §3.3).
    """
    standard = locale.currency_formats["standard"].pattern
    sign, symbol = "¤", get_currency_symbol(currency, locale=locale)
    if codes:
        sign, symbol = "¤¤", currency
    elif symbol == currency:
        # Australia and Switzerland write "EUR" where they aren't asked. Here somebody is, so
        # it is as their language has it elsewhere.
        symbol = get_currency_symbol(currency, locale=Locale(locale.language))
        sign = symbol if category(symbol[0]) == "Sc" else sign
    before = "" if category(symbol[-1]).startswith("S") else "\u00a0"
    after = "" if category(symbol[0]).startswith("S") else "\u00a0"
    spaced = re.sub(r"¤(?=[#0])", f"¤{before}", standard)
    spaced = re.sub(r"(?<=[#0])¤", f"{after}¤", spaced)
    if whole:
        spaced = re.sub(r"\.0+", "", spaced)
    return parse_pattern(spaced.replace("¤", sign))
