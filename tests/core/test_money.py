"""Money is whole minor units of one currency: it never loses a cent, and never gains one."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from app.core.languages import current_locale, use_language
from app.core.money import (
    CurrenciesDiffer,
    Money,
    exponent,
    format_money,
    included_tax,
    share,
    short_money,
)

MINOR = st.integers(-(10**12), 10**12)
BASIS_POINTS = st.integers(0, 10_000)


@pytest.mark.parametrize(("currency", "digits"), [("JPY", 0), ("EUR", 2), ("KWD", 3), ("ISK", 0)])
def test_a_currency_has_the_digits_that_cldr_gives_it(currency, digits):
    assert exponent(currency) == digits


@pytest.mark.parametrize("currency", ["eur", "EURO", "", "XYZ"])
def test_what_is_no_currency_is_refused(currency):
    with pytest.raises(ValueError, match="not a currency"):
        Money(1, currency)


@pytest.mark.parametrize("minor", [12.5, 12.0, Decimal(12), True, "12"])
def test_what_is_no_whole_number_is_refused(minor):
    with pytest.raises(TypeError):
        Money(minor, "EUR")


@pytest.mark.parametrize(
    ("minor", "currency", "major"),
    [(500, "JPY", "500"), (500, "EUR", "5.00"), (1250, "KWD", "1.250"), (-5, "EUR", "-0.05")],
)
def test_five_hundred_yen_are_not_five(minor, currency, major):
    assert str(Money(minor, currency).decimal) == major


@given(MINOR, MINOR, st.integers(-100, 100))
def test_sums_and_products_are_those_of_the_minor_units(a, b, times):
    one, two = Money(a, "EUR"), Money(b, "EUR")

    assert one + two == Money(a + b, "EUR")
    assert one - two == -(two - one)
    assert times * one == one * times == Money(a * times, "EUR")
    assert (one < two) == (a < b)
    assert sum([one, two], Money.zero("EUR")) == one + two


def test_two_currencies_do_not_mix():
    euro, yen = Money(1, "EUR"), Money(1, "JPY")

    assert euro != yen
    for mixed in (lambda: euro + yen, lambda: euro - yen, lambda: euro < yen):
        with pytest.raises(CurrenciesDiffer):
            mixed()


def test_money_times_a_fraction_is_refused():
    with pytest.raises(TypeError):
        Money(100, "EUR") * 0.5


@given(MINOR, BASIS_POINTS)
def test_a_share_is_rounded_half_up_as_a_decimal_is(minor, basis_points):
    exact = Decimal(minor) * basis_points / 10_000

    assert share(minor, basis_points) == int(exact.quantize(Decimal(1), ROUND_HALF_UP))


@given(MINOR, BASIS_POINTS)
def test_taking_a_share_back_undoes_it(minor, basis_points):
    assert share(-minor, basis_points) == -share(minor, basis_points)


@given(MINOR, BASIS_POINTS)
def test_the_tax_in_a_price_is_what_is_left_beside_the_net_price(gross, basis_points):
    tax = included_tax(gross, basis_points)

    net = Decimal(gross) / (1 + Decimal(basis_points) / 10_000)
    assert abs(gross - tax - net) <= Decimal("0.5000001")
    assert included_tax(-gross, basis_points) == -tax


@pytest.mark.parametrize(
    ("gross", "rate", "tax"),
    [(11900, 1900, 1900), (10700, 700, 700), (10001, 1900, 1597), (5, 0, 0)],
)
def test_the_tax_in_a_price_for_known_amounts(gross, rate, tax):
    assert included_tax(gross, rate) == tax


@pytest.mark.parametrize(
    ("minor", "currency", "locale", "written"),
    [
        (123450, "EUR", "en_GB", "€1,234.50"),
        (123450, "EUR", "de", "1.234,50\xa0€"),
        (123450, "EUR", "fr", "1\u202f234,50\xa0€"),
        (500, "JPY", "de", "500\xa0¥"),
        (1250, "KWD", "de", "1,250\xa0KWD"),
        (-5, "EUR", "en_GB", "-€0.05"),
    ],
)
def test_an_amount_is_written_as_its_reader_writes_it(minor, currency, locale, written):
    assert format_money(minor, currency, Locale.parse(locale)) == written
    assert Money(minor, currency).format(Locale.parse(locale)) == written


@pytest.mark.clause("C18")
@pytest.mark.parametrize(
    ("language", "region", "symbol", "code"),
    [
        ("en", "GB", "-€1,234.50", "-EUR\xa01,234.50"),
        ("en", "AU", "-€1,234.50", "-EUR\xa01,234.50"),
        ("de", "DE", "-1.234,50\xa0€", "-1.234,50\xa0EUR"),
        ("de", "AT", "-€\xa01.234,50", "-EUR\xa01.234,50"),
        ("de", "CH", "€-1’234.50", "EUR-1’234.50"),
        ("fr", "CA", "-1\xa0234,50\xa0€", "-1\xa0234,50\xa0EUR"),
        ("zh", "SG", "-€1,234.50", "-EUR\xa01,234.50"),
    ],
)
def test_an_amount_has_the_sign_or_the_code_as_is_wished(language, region, symbol, code):
    with use_language(language, region):
        assert format_money(-123450, "EUR", current_locale()) == symbol
    with use_language(language, region, currency_codes=True):
        assert format_money(-123450, "EUR", current_locale()) == code
        with use_language(language, region):
            assert format_money(-123450, "EUR", current_locale()) == symbol


def test_letters_keep_off_the_digits():
    assert format_money(1250, "CHF", Locale("en", "GB")) == "CHF\xa012.50"
    assert format_money(500, "JPY", Locale("en", "GB")) == "JP¥500"


@pytest.mark.parametrize(
    ("minor", "currency", "locale", "written"),
    [
        (11900, "EUR", "en_GB", "€119"),
        (11950, "EUR", "en_GB", "€119.50"),
        (100000, "EUR", "en_GB", "€1,000"),
        (100000, "EUR", "de", "1.000\xa0€"),
        (100000, "EUR", "de_CH", "€\xa01’000"),
        (1000, "JPY", "en_GB", "JP¥1,000"),
        (1000, "KWD", "de", "1\xa0KWD"),
    ],
)
def test_an_amount_in_short_drops_only_what_is_nothing(minor, currency, locale, written):
    assert short_money(minor, currency, Locale.parse(locale)) == written


def test_an_amount_with_more_digits_than_a_decimal_computes_with_is_exact():
    minor = 10**40 + 1

    assert str(Money(minor, "EUR").decimal) == "1" + "0" * 38 + ".01"
