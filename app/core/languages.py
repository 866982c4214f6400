"""The languages of the site, and gettext bound to the one in use.

The current language is a context variable: a request sets it from its URL or
`Accept-Language`, the worker sets it from the reservation a mail is about. With
it goes, in the same variable, a country's way of writing dates, numbers and
money within the language, so that none of it can outlast the language itself.
Catalogues are gettext `.po` files, read by Babel once for each language and
then served by the standard library's `gettext`, which costs a fiftieth of
what a per-call look-up through a Flask extension does.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Any

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from markupsafe import escape

CATALOGUES = Path(__file__).parent.parent / "translations"


@dataclass(frozen=True, slots=True)
class Language:
    """One language: its code in addresses, its tag in HTML, its own name, its CLDR locale.

    `regions` are the countries whose way of writing can be chosen with it (ISO
    3166-1); the first is that of `locale`.
    """

    code: str
    tag: str
    name: str
    locale: Locale
    regions: tuple[str, ...]


_ALL = (
    # British English: days before months, a 24-hour clock, as in the rest of Europe.
    Language("en", "en", "English", Locale("en", "GB"), ("GB", "US", "IE", "AU", "CA")),
    Language("zh", "zh-Hans", "简体中文", Locale("zh", "CN", script="Hans"), ("CN", "SG")),
    Language("de", "de", "Deutsch", Locale("de"), ("DE", "AT", "CH")),
    Language("fr", "fr", "Français", Locale("fr"), ("FR", "BE", "CH", "CA")),
)
BY_CODE = {language.code: language for language in _ALL}
LANGUAGES = tuple(BY_CODE)
DEFAULT = "en"


# Compared and hashed by identity, which is quick: there is one of each, and texts that
# are kept are kept by it.
@dataclass(frozen=True, slots=True, eq=False)
class Manner:
    """How a page is written: a language, a country's way within it, and how money is shown."""

    language: Language
    region: str
    locale: Locale
    currency_codes: bool
    """Whether amounts are written with "EUR" rather than with "€"."""


def _locale(language: Language, region: str) -> Locale:
    if region == language.regions[0]:
        return language.locale
    return Locale(language.code, region, script=language.locale.script)


_MANNERS = {
    (language.code, region, codes): Manner(language, region, _locale(language, region), codes)
    for language in _ALL
    for region in language.regions
    for codes in (False, True)
}
_STANDARD = {code: _MANNERS[code, BY_CODE[code].regions[0], False] for code in LANGUAGES}

_current: ContextVar[Manner] = ContextVar("manner", default=_STANDARD[DEFAULT])


@cache
def catalogue(code: str) -> NullTranslations:
    """Return the catalogue of a language; English is the text in the source itself."""
    path = CATALOGUES / code / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source, locale=str(BY_CODE[code].locale)))
    compiled.seek(0)
    return GNUTranslations(compiled)


def current_language() -> str:
    """Return the code of the language in use: "en", "zh", "de" or "fr"."""
    return _current.get().language.code


def current_locale() -> Locale:
    """Return the CLDR locale in use, for dates, money and plurals."""
    return _current.get().locale


def current_manner() -> Manner:
    """Return how pages are written at present: always the same object for the same manner."""
    return _current.get()


def _manner(code: str, region: str, currency_codes: bool) -> Manner:
    standard = _STANDARD.get(code) or _STANDARD[DEFAULT]
    code = standard.language.code
    return (
        _MANNERS.get((code, region or standard.region, currency_codes))
        or _MANNERS[code, standard.region, currency_codes]
    )


def set_language(code: str, region: str = "", *, currency_codes: bool = False) -> None:
    """Use a language for the rest of this context (a request has its own).

    A region that doesn't go with the language is the language's own.
    """
    _current.set(_manner(code, region, currency_codes))


@contextmanager
def use_language(code: str, region: str = "", *, currency_codes: bool = False) -> Iterator[None]:
    """Use a language within a block, for mails and tests; nothing is taken over from outside."""
    token = _current.set(_manner(code, region, currency_codes))
    try:
        yield
    finally:
        _current.reset(token)


def _fill(text: str, values: dict[str, Any]) -> str:
    """Put values into a text; where one of them is markup, escape all the rest."""
    if not values:
        return text
    if any(hasattr(value, "__html__") for value in values.values()):
        return escape(text) % values
    return text % values


def gettext(message: str, **values: Any) -> str:
    """Translate `message` into the current language and fill in `values`."""
    return _fill(catalogue(_current.get().language.code).gettext(message), values)


def ngettext(singular: str, plural: str, num: int, **values: Any) -> str:
    """Translate a countable text by the plural rules of the current language."""
    text = catalogue(_current.get().language.code).ngettext(singular, plural, num)
    return _fill(text, {"num": num, **values})


class LazyText:
    """A text that is translated each time it is shown, for labels made at import."""

    __slots__ = ("message", "values")

    def __init__(self, message: str, values: dict[str, Any]) -> None:
        self.message = message
        self.values = values

    def __str__(self) -> str:
        return gettext(self.message, **self.values)

    def __repr__(self) -> str:
        return f"LazyText({self.message!r})"

    def __html__(self) -> str:
        return str(escape(str(self)))

    def __mod__(self, values: Any) -> str:
        filled: str = str(self) % values
        return filled

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LazyText) and other.message == self.message

    def __hash__(self) -> int:
        return hash(self.message)


def lazy_gettext(message: str, **values: Any) -> Any:
    """Mark `message` for translation now and translate it when it is shown.

    Typed as Any because WTForms asks for `str` where it only ever formats.
    """
    return LazyText(message, values)


def N_(message: str) -> str:  # noqa: N802 (the name that gettext's tools know)
    """Mark `message` for the catalogues and leave it as it is."""
    return message
