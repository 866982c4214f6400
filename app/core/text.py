"""What people type, made fit to keep: one form for each text, nothing hidden in it.

Names from everywhere are welcome, emoji and right-to-left writing included.
What goes is what nobody can see and somebody could abuse: control characters,
and the marks that make a line read differently from how it is stored
("Trojan Source", CVE-2021-42574).
"""

import re
import unicodedata
from calendar import monthrange
from datetime import date

from babel import Locale

from app.core.errors import DomainError
from app.core.languages import N_

FIRST_YEAR, LAST_YEAR = 1900, 2200  # of a date that somebody may type

# They leave no trace on the page and arrive by copying: zero width space,
# word joiner, byte order mark, soft hyphen, Mongolian vowel separator.
_DROPPED = dict.fromkeys(map(ord, "\u200b\u2060\ufeff\u00ad\u180e"))

# Embeddings, overrides and isolates reorder what follows them; U+206A to
# U+206F are their deprecated kin, U+FFF9 to U+FFFB hide a text behind another.
_REORDERING = frozenset(
    map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x2070), *range(0xFFF9, 0xFFFC)))
)
# Left-to-right and right-to-left marks only settle the punctuation beside
# them. They stay in names; where a text is read by a machine they only harm.
DIRECTION_MARKS = dict.fromkeys(
    map(ord, "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
)

# Letters by their category, and blank all the same: Hangul fillers, Braille blank.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_UNSEEN = frozenset(("Cf", "Mn", "Me", "Zs", "Cc"))

# Tags spell the flags of England, Scotland and Wales after a black flag.
# Anywhere else they are writing that nobody sees.
_TAGS = range(0xE0000, 0xE0080)
_BLACK_FLAG = "\U0001f3f4"

# The Stream-Safe Text Format of UAX #15 allows 30 marks on one letter. It also
# keeps normalising linear: sorting marks takes the square of their number.
MOST_MARKS = 30


class InvisibleCharacter(DomainError, ValueError):
    """The text holds a character that does not show, and changes what is read."""

    message = N_(
        "There is a character in this text that can’t be seen. "
        "Please type the text anew instead of pasting it."
    )


class SeveralLines(InvisibleCharacter):
    """A text for one line holds a line break."""

    message = N_("Please keep this on one line.")


class NotADate(DomainError, ValueError):
    """The text can't be read as a date."""

    message = N_("Please write the date like this: %(example)s.")


class NoSuchDay(NotADate):
    """30 February, and its like."""

    message = N_("That date doesn’t exist: the last one is %(last)s.")


class YearOutOfReach(NotADate):
    """A year that nobody books, most often mistyped."""

    message = N_("Please choose a date from %(first)d to %(last)d.")


def clean(text: str, *, lines: bool = False) -> str:
    """Return `text` composed (NFC), without stray spaces and characters that don’t show.

    Runs of spaces become one; with `lines`, line breaks stay (as "\\n", at most
    one empty line in a row). Joiners stay, because Persian, Hindi and emoji need
    them, and so do private-use characters: rare Chinese names are written so.
    A text of nothing visible becomes empty. Takes time in proportion to the text.

    Raises InvisibleCharacter for control characters, direction overrides, lone
    surrogates and noncharacters, and SeveralLines for a line break without `lines`.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())

    kept = _without_unwanted(text.translate(_DROPPED).replace("\r\n", "\n"))
    if not any(_shows(character) for character in kept):
        return ""
    composed = unicodedata.normalize("NFC", kept).strip()
    if not lines:
        if "\n" in composed:
            raise SeveralLines
        return " ".join(composed.split())
    return _tidy_lines(composed)


def without_direction_marks(text: str) -> str:
    """Return `text` without the marks that address books put around numbers they copy out."""
    return text.translate(DIRECTION_MARKS)


def _without_unwanted(text: str) -> str:
    kept: list[str] = []
    marks = 0
    flag = False
    for character in text:
        if character.isascii() and character.isprintable():
            marks = 0
            flag = False
            kept.append(character)
            continue
        if character in "\n\r\x85\u2028\u2029":
            kept.append("\n")
        elif character == "\t":
            kept.append(" ")
        elif ord(character) in _TAGS:
            if flag:
                kept.append(character)
            continue
        else:
            _refuse_unfit(character)
            marks = marks + 1 if unicodedata.combining(character) else 0
            if marks > MOST_MARKS:
                raise InvisibleCharacter
            kept.append(character)
        flag = character == _BLACK_FLAG
    return "".join(kept)


def _refuse_unfit(character: str) -> None:
    category = unicodedata.category(character)
    if category in ("Cc", "Cs") or character in _REORDERING:
        raise InvisibleCharacter
    # Unassigned to this Python may be next year's emoji; noncharacters never will be one.
    if category == "Cn" and (
        ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF
    ):
        raise InvisibleCharacter


def _shows(character: str) -> bool:
    return unicodedata.category(character) not in _UNSEEN and character not in _BLANK


def _tidy_lines(text: str) -> str:
    tidy: list[str] = []
    for line in text.split("\n"):
        folded = " ".join(line.split())
        if folded or (tidy and tidy[-1]):
            tidy.append(folded)
    return "\n".join(tidy)


# Nothing repeats within a repetition, and the texts are short.
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_WRITTEN = re.compile(r"(\d{1,4}) ?[./年-] ?(\d{1,2}) ?[./月-] ?(\d{1,4}) ?日?\.?")


def read_date(text: str, locale: Locale) -> date:
    """Read a date as YYYY-MM-DD, or in figures in the order of `locale` ("31.12.2026").

    Another order is not guessed at: 5/6 is a day in June in one country and in
    May in another. The year has four figures.

    Raises NotADate, NoSuchDay for a day that its month doesn't have, and
    YearOutOfReach before 1900 and after 2200.
    """
    pattern = locale.date_formats["short"].pattern
    order = "".join(dict.fromkeys(letter for letter in pattern if letter in "dMy"))
    figures = _ISO.fullmatch(text)
    written = "yMd" if figures else order
    figures = figures or _WRITTEN.fullmatch(text)
    parts = dict(zip(written, figures.groups(), strict=True)) if figures else {}
    if not (parts and len(parts["y"]) == 4 and _is_month(parts["M"]) and len(parts["d"]) <= 2):
        sign = re.sub(r"\w", "", pattern)[0]
        example = sign.join({"d": "31", "M": "12", "y": "2026"}[letter] for letter in order)
        raise NotADate(example=example)

    year, month, day = int(parts["y"]), int(parts["M"]), int(parts["d"])
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise YearOutOfReach(first=FIRST_YEAR, last=LAST_YEAR)
    last = monthrange(year, month)[1]
    if not 1 <= day <= last:
        raise NoSuchDay(last=date(year, month, last))
    return date(year, month, day)


def _is_month(figures: str) -> bool:
    return len(figures) <= 2 and 1 <= int(figures) <= 12


def e164(text: str, country: str | None) -> str | None:
    """Return a telephone number as E.164, or None if it is no valid one without extension.

    `country` (ISO 3166-1 alpha-2) is where a number without "+" or "00" is dialled.
    """
    # 42 ms, which no page without a posted number should wait for.
    import phonenumbers

    if text.startswith("00"):
        text = "+" + text[2:]
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if number.extension or not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
