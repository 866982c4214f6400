"""Every text a person reads exists in every language, whole, with the same values in it."""

import re
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_keywords, parse_mapping_cfg
from babel.messages.pofile import read_po

from app.core.languages import BY_CODE, CATALOGUES, DEFAULT
from tests.architecture.source import ROOT

TRANSLATED = sorted(set(BY_CODE) - {DEFAULT})
KEYWORDS = DEFAULT_KEYWORDS | parse_keywords(
    ["_", "_l:1", "N_", "gettext", "ngettext:1,2", "lazy_gettext:1"]
)
# English words of two meanings, and where they have the one that their translations have:
# a part of a country, whom a letter is from, what guests took note of, who acted.
ONE_MEANING = {
    "State": {"app/web/addresses.py"},
    "From": {
        "templates/owner/letter.html",
        "templates/payments/asked.html",
        "templates/payments/receipt.html",
    },
    "Noticed": {"templates/owner/versions.html"},
    "the house": {"app/owner/trail_words.py", "app/privacy/value_words.py"},
}
PLACEHOLDER = re.compile(r"%(?:\((\w+)\)[a-z]|%)|(%)")


@cache
def extracted() -> dict[str, Message]:
    """Return every text of the code and the templates, by its English singular."""
    catalogue = Catalog()
    with (CATALOGUES / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    found = extract_from_dir(ROOT, methods, options, KEYWORDS, directory_filter=is_ours)
    for path, line, message, comments, context in found:
        catalogue.add(message, None, [(path, line)], auto_comments=comments, context=context)
    return {originals(message)[0]: message for message in catalogue if message.id}


def is_ours(folder: str) -> bool:
    """Whether texts for people may lie in a folder."""
    top = Path(folder).relative_to(ROOT).parts[:1]
    return top in ((), ("app",), ("templates",))


@cache
def translated(language: str) -> Catalog:
    """Return the catalogue of a language."""
    path = CATALOGUES / language / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        pytest.fail(f"There is no catalogue for {language}.", pytrace=False)
    with path.open("rb") as file:
        return read_po(file, locale=str(BY_CODE[language].locale), abort_invalid=True)


def originals(message: Message) -> tuple[str, ...]:
    """Return the English texts of a message."""
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def forms(message: Message) -> tuple[str, ...]:
    """Return the texts of a message: one, or one for each plural form."""
    return (message.string,) if isinstance(message.string, str) else tuple(message.string)


def placeholders(text: str) -> set[str]:
    """Return the names of the values in a text. A lone % stands for itself, as "%"."""
    return {name or lone for name, lone in PLACEHOLDER.findall(text) if name or lone}


def faults(message: Message, number_of_forms: int) -> list[str]:
    """Return what is wrong with one translation."""
    if message.fuzzy:
        return ["is marked fuzzy"]
    texts = forms(message)
    if not all(texts):
        return ["is not translated"]
    if not message.pluralizable:
        one = isinstance(message.id, str) and placeholders(texts[0]) == placeholders(message.id)
        return [] if one else ["has other values in it"]
    if len(texts) != number_of_forms:
        return [f"has {len(texts)} forms instead of {number_of_forms}"]
    # "one night" may leave the number out; the form for many may not.
    singular, plural = map(placeholders, message.id)
    for text in texts:
        if not singular & plural <= placeholders(text) <= singular | plural:
            return ["has other values in it"]
    return [] if placeholders(texts[-1]) == plural else ["has other values in its plural"]


def test_texts_are_found_in_code_and_templates():
    places = {path for message in extracted().values() for path, _line in message.locations}

    assert any(path.startswith("app/") for path in places)
    assert any(path.startswith("templates/") for path in places)


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_in_the_catalogue(language):
    catalogue = translated(language)

    missing = [
        f"{path}:{line}: {text!r}"
        for text, message in extracted().items()
        if text not in catalogue
        for path, line in message.locations[:1]
    ]

    assert not missing, f"{len(missing)} texts without {language}:\n" + "\n".join(missing)


# What a page calls a thing, it is called on all pages. To book is what somebody does, and a
# partner's nights are a booking elsewhere; what comes of it here is a reservation.
OTHER_NAMES = re.compile(
    r"\b(users?(?! names?)|customers?|clients?(?! programs)|hotels?|propert(?:y|ies)|venues?"
    r"|annul\w*|cart|log ?in|accommodations?|(?:your|this|the|a|these|those) bookings?(?! site))\b",
    re.IGNORECASE,
)


def test_a_thing_has_one_name_on_all_pages():
    wrong = [
        f"{path}:{line}: {text!r}"
        for message in extracted().values()
        for text in originals(message)
        if OTHER_NAMES.search(text)
        for path, line in message.locations[:1]
    ]

    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("language", TRANSLATED)
def test_nothing_is_kept_that_no_page_says(language):
    catalogue = translated(language)
    kept = {originals(message)[0] for message in catalogue if message.id}

    assert not catalogue.obsolete
    assert kept <= set(extracted())


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_catalogue_passes_the_checks_of_the_tool_that_compiles_it(language):
    # `pybabel compile` ends with 1 on any of them, and whoever builds by it stops there.
    wrong = [
        f"{message.id!r}: {error}"
        for message, errors in translated(language).check()
        for error in errors
    ]

    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_translation_is_whole(language):
    catalogue = translated(language)

    wrong = [
        f"{originals(message)[0]!r} {fault}: {forms(message)}"
        for message in catalogue
        if message.id
        for fault in faults(message, catalogue.num_plurals)
    ]

    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_text_with_a_plural_has_one_in_the_catalogue(language):
    catalogue = translated(language)

    wrong = [
        text
        for text, message in extracted().items()
        if text in catalogue and originals(catalogue[text]) != originals(message)
    ]

    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("message", "number_of_forms", "expected"),
    [
        (Message("Until %(time)s", "Bis %(time)s"), 2, []),
        (Message("Until %(time)s", "Bis"), 2, ["has other values in it"]),
        (Message("Until %(time)s", "Bis %(zeit)s"), 2, ["has other values in it"]),
        (Message("7 %% included", "7 % inbegriffen"), 2, ["has other values in it"]),
        (Message("Until", ""), 2, ["is not translated"]),
        (Message("Until", "Bis", flags=["fuzzy"]), 2, ["is marked fuzzy"]),
        (Message(("%(num)d day", "%(num)d days"), ("ein Tag", "%(num)d Tage")), 2, None),
        (Message(("One day", "%(num)d days"), ("Ein Tag", "%(num)d Tage")), 2, []),
        (Message(("%(num)d day", "%(num)d days"), ("%(num)d 天",)), 1, []),
        (Message(("%(num)d day", "%(num)d days"), ("%(num)d 天",)), 2, None),
    ],
)
def test_these_tests_see_what_they_look_for(message, number_of_forms, expected):
    found = faults(message, number_of_forms)

    assert found == expected if expected is not None else found


@pytest.mark.parametrize("text", ONE_MEANING)
def test_a_word_of_two_meanings_stands_only_where_its_translations_mean_it(text):
    # "State: paid" was called a province in German and Chinese.
    assert {path for path, _line in extracted()[text].locations} == ONE_MEANING[text]
