"""An amount is read to the exact minor unit, in the page's language, and never guessed."""

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from app.core.money import exponent
from app.web.money_field import (
    Ambiguous,
    NotAnAmount,
    TooManyDecimals,
    read_money,
    write_money,
)

# Digits and a full stop of full width, as Chinese keyboards write them.
WIDE = {code: code + 0xFEE0 for code in map(ord, "0123456789.")}
LOCALES = {code: Locale.parse(code) for code in ("en", "de", "fr", "zh", "de_CH", "en_IN")}


@pytest.mark.parametrize(
    ("typed", "currency", "language", "minor"),
    [
        ("12,50", "EUR", "de", 1250),
        ("12.50", "EUR", "de", 1250),
        ("12,50", "EUR", "en", 1250),
        ("12.5", "EUR", "en", 1250),
        (".5", "EUR", "en", 50),
        ("12", "EUR", "fr", 1200),
        ("0,07", "EUR", "fr", 7),
        ("1.234", "EUR", "de", 123_400),
        ("1,234", "EUR", "en", 123_400),
        ("1.234,50", "EUR", "en", 123_450),
        ("1,234.50", "EUR", "de", 123_450),
        ("1'234.50", "EUR", "en", 123_450),
        ("1’234.50", "CHF", "de_CH", 123_450),
        ("1 234,50 €", "EUR", "fr", 123_450),
        ("EUR 12.50", "EUR", "en", 1250),
        ("1.234.567,89", "EUR", "de", 123_456_789),
        ("12.50".translate(WIDE), "EUR", "zh", 1250),
        ("500", "JPY", "en", 500),
        ("1,500", "JPY", "zh", 1500),
        ("1.250", "KWD", "en", 1250),
        ("1,250", "KWD", "de", 1250),
        ("0.5", "KWD", "de", 500),
        ("1,250.125", "KWD", "en", 1_250_125),
    ],
)
def test_what_people_type_is_read_exactly(typed, currency, language, minor):
    assert read_money(typed, currency, LOCALES[language]) == minor


@pytest.mark.parametrize(
    ("typed", "currency", "language", "refusal"),
    [
        ("12.505", "EUR", "en", TooManyDecimals),
        ("12,505", "EUR", "de", TooManyDecimals),
        ("1.2345", "KWD", "en", TooManyDecimals),
        ("500.0", "JPY", "en", TooManyDecimals),
        ("1.234", "EUR", "fr", Ambiguous),
        ("1,250", "KWD", "en", Ambiguous),
        ("1.250", "KWD", "de", Ambiguous),
        ("12.", "EUR", "en", NotAnAmount),
        ("-5", "EUR", "en", NotAnAmount),
        ("+5", "EUR", "en", NotAnAmount),
        ("1e3", "EUR", "en", NotAnAmount),
        ("1,23,456", "EUR", "en", NotAnAmount),
        ("1.23.4", "EUR", "en", NotAnAmount),
        ("1,234.567.8", "EUR", "en", NotAnAmount),
        ("12 50", "EUR", "en", NotAnAmount),
        ("$5", "EUR", "en", NotAnAmount),
        ("5 USD", "EUR", "en", NotAnAmount),
        ("9" * 16, "EUR", "en", NotAnAmount),
        ("five", "EUR", "en", NotAnAmount),
        (".", "EUR", "en", NotAnAmount),
        ("", "EUR", "en", NotAnAmount),
    ],
)
def test_what_cannot_be_read_for_sure_is_refused_with_an_example(
    typed, currency, language, refusal
):
    with pytest.raises(refusal) as refused:
        read_money(typed, currency, LOCALES[language])

    assert type(refused.value) is refusal
    assert "1234" in refused.value.say()


@given(
    st.integers(0, 10**12 - 1),
    st.sampled_from(["EUR", "JPY", "KWD", "CHF", "USD"]),
    st.sampled_from(sorted(LOCALES)),
)
def test_what_a_field_shows_is_read_back_as_it_was(minor, currency, language):
    shown = write_money(minor, currency, LOCALES[language])

    # Three digits after one mark could be thousands, in a currency of three decimals alone.
    assert read_money(shown, currency, LOCALES[language]) == minor
    assert exponent(currency) in (0, 2, 3)


@given(st.text(max_size=30))
def test_no_text_is_a_fault_of_ours(text):
    for currency in ("EUR", "JPY", "KWD"):
        try:
            assert read_money(text, currency, LOCALES["de"]) >= 0
        except NotAnAmount:
            continue
