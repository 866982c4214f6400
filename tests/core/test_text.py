"""What people type is kept as they see it: nothing hidden, and no name refused for its letters."""

import time
import unicodedata
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.languages import current_locale, use_language
from app.core.text import (
    InvisibleCharacter,
    NoSuchDay,
    NotADate,
    SeveralLines,
    YearOutOfReach,
    clean,
    e164,
    read_date,
)

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


@pytest.mark.parametrize(
    "name",
    [
        "Anna Müller",
        "O’Brien-Łukasiewicz",
        "王小明",
        "\u0645\u062d\u0645\u062f \u0639\u0644\u06cc\u200c\u0631\u0636\u0627",
        "שרה כהן",
        "क्\u200dष",
        "ヴィクトル",
        "Nguyễn Thị Ánh",
        f"Ada {FAMILY}",
        SCOTLAND,
        "❤\ufe0f",
        "𠮷野家",
        "\ue863",
        "葛\U000e0100",
        "\U0001fae8",
    ],
)
def test_names_from_everywhere_stay_as_they_are(name: str) -> None:
    assert clean(name) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Anna   Müller  ", "Anna Müller"),
        ("Anna\tMüller", "Anna Müller"),
        ("Anna\u00a0Müller\u3000", "Anna Müller"),
        ("u\u0308", "ü"),
        ("An\u200bna\ufeff \u00adMüller\u2060", "Anna Müller"),
        ("Anna\r\n", "Anna"),
        ("\u200f", ""),
        ("\u200d \u3164 \u2800", ""),
        ("hid\U000e0041\U000e0042den", "hidden"),
    ],
)
def test_what_does_not_show_goes(typed: str, kept: str) -> None:
    assert clean(typed) == kept


@pytest.mark.parametrize(
    "character",
    [
        "\x00",
        "\x07",
        "\x1b",
        "\x7f",
        "\x9f",
        "\u202a",
        "\u202e",
        "\u2066",
        "\u2069",
        "\u206a",
        "\ufff9",
        "\ud800",
        "\uffff",
        "\ufdd0",
    ],
)
@pytest.mark.parametrize("lines", [False, True])
def test_what_is_hidden_and_harmful_is_refused(character: str, lines: bool) -> None:
    with pytest.raises(InvisibleCharacter):
        clean(f"Anna{character}Müller", lines=lines)


def test_a_refusal_speaks_to_people_and_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="can’t be seen"):
        clean("\x00")


@pytest.mark.parametrize("between", ["\n", "\r\n", "\r", "\u2028", "\x85"])
def test_a_line_break_needs_a_field_of_several_lines(between: str) -> None:
    with pytest.raises(SeveralLines):
        clean(f"Anna{between}Bcc: everybody@example.org")

    assert clean(f" Street 1 {between}  Back  yard", lines=True) == "Street 1\nBack yard"


def test_one_empty_line_may_stand_between_paragraphs() -> None:
    assert clean("\n\nOne\n\n\n\nTwo\n", lines=True) == "One\n\nTwo"


@given(st.text(st.characters(codec="utf-8")), st.booleans())
def test_cleaning_twice_changes_nothing_more(text: str, lines: bool) -> None:
    try:
        once = clean(text, lines=lines)
    except InvisibleCharacter:
        return

    assert clean(once, lines=lines) == once
    assert once == once.strip()


@pytest.mark.parametrize(
    "text",
    [
        "a" * 100_000,
        " " * 100_000,
        "ü" * 100_000,
        "a\u0301\u0316" * 33_000,
        "a" + "\u0301\u0316" * 50_000,
        "\n" * 100_000,
        SCOTLAND * 14_000,
    ],
)
def test_a_hundred_kilobytes_take_no_more_than_a_blink(text: str) -> None:
    start = time.process_time()
    with suppress(InvisibleCharacter):
        clean(text, lines=True)

    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    ("language", "typed"),
    [
        ("en", "2026-12-05"),
        ("en", "5/12/2026"),
        ("de", "5.12.2026"),
        ("de", "05. 12. 2026"),
        ("fr", "05/12/2026"),
        ("zh", "2026/12/5"),
        ("zh", "2026年12月5日"),
        ("de", "2026-12-05"),
    ],
)
def test_a_date_is_read_in_the_order_of_the_language(language: str, typed: str) -> None:
    with use_language(language):
        assert read_date(typed, current_locale()) == date(2026, 12, 5)


@pytest.mark.parametrize(
    ("typed", "refusal"),
    [
        ("2026-02-30", NoSuchDay),
        ("2026-02-00", NoSuchDay),
        ("2100-02-29", NoSuchDay),
        ("30/02/2026", NoSuchDay),
        ("1899-12-31", YearOutOfReach),
        ("2201-01-01", YearOutOfReach),
        ("0000-01-01", YearOutOfReach),
        ("2026-13-01", NotADate),
        ("12/25/2026", NotADate),
        ("5/12/26", NotADate),
        ("tomorrow", NotADate),
        ("2026-12-05T10:00", NotADate),
        ("9" * 30, NotADate),
    ],
)
def test_what_is_no_date_gets_a_clear_answer(typed: str, refusal: type[NotADate]) -> None:
    with use_language("en"), pytest.raises(NotADate) as caught:
        read_date(typed, current_locale())

    assert type(caught.value) is refusal


def test_thirty_february_is_answered_with_the_last_day_there_is() -> None:
    with use_language("en"), pytest.raises(NoSuchDay) as caught:
        read_date("2026-02-30", current_locale())

    assert "28 February 2026" in caught.value.say()


@pytest.mark.parametrize(
    ("typed", "country", "kept"),
    [
        ("03831 123456", "DE", "+493831123456"),
        ("+49 (0)3831 123456", None, "+493831123456"),
        ("0049 3831 123456", "FR", "+493831123456"),
        ("138 1234 5678", "CN", "+8613812345678"),
        ("\uff0b\uff18\uff16 138 1234 5678", None, "+8613812345678"),
        ("03831 123456", None, None),
        ("03831 123456 ext. 7", "DE", None),
        ("12", "DE", None),
        ("4242424242424242", "DE", None),
        ("9" * 40, "DE", None),
        ("Anna", "DE", None),
    ],
)
def test_a_telephone_number_is_kept_in_its_international_form(
    typed: str, country: str | None, kept: str | None
) -> None:
    assert e164(typed, country) == kept
