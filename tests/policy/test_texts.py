"""The documents are whole in every language, and state no number that the code knows better."""

import re
from datetime import timedelta

import pytest

from app.accounts.sessions import SESSION
from app.booking.baskets import BASKET_LIFE
from app.booking.holds import HOLD_TIME
from app.consent.register import BASKET, REGISTER
from app.core.languages import BY_CODE, LANGUAGES
from app.policy import facts
from app.policy.facts import FactMissing, filled, worded
from app.policy.models import PRIVACY, TERMS
from app.policy.sources import FOLDER, Block, LanguageMissing, rendered, sources

facts.declare("hold_time", HOLD_TIME)
facts.declare("basket_kept", BASKET_LIFE)

DURATION = re.compile(
    r"\d+ ?(seconds?|minutes?|hours?|Sekunden?|Minuten?|Stunden?|Tage?n?|secondes?|heures?|jours?|"
    r"秒|分钟|小时|天)"
)
FOURTEEN_DAYS = re.compile(r"14-day|14-tägig\w*|14 jours|十四天")  # the law's own number


def texts_of(document, language):
    """Return every version of a document, oldest first."""
    found = [s for s in sources() if (s.document, s.language) == (document, language)]
    return [one.text for one in sorted(found, key=lambda one: one.number)]


def text_of(document, language):
    return texts_of(document, language)[-1]


@pytest.mark.clause("C06")
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.name)
def test_no_duration_is_typed_into_a_text(path):
    text = FOURTEEN_DAYS.sub("", path.read_text(encoding="utf-8"))

    assert not DURATION.search(text)


@pytest.mark.clause("C06")
@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "35 minutes"), ("de", "35 Minuten"), ("fr", "35 minutes"), ("zh", "35分钟")],
)
def test_the_terms_say_how_long_places_are_held(language, said):
    minutes = HOLD_TIME // timedelta(minutes=1)

    text = text_of(TERMS, language)

    expected = said.replace("35", str(minutes))
    assert expected.replace(" ", "") in "".join(text.split())


@pytest.mark.clause("C06")
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_policy_names_every_cookie_that_there_was(language):
    first, *later = texts_of(PRIVACY, language)

    # Version 1 is from before there was anything to choose.
    assert all(name in first for name in (BASKET.name, SESSION.name))
    for text in later:
        assert all(cookie.name in text for cookie in REGISTER)


@pytest.mark.parametrize("document", [TERMS, PRIVACY])
def test_every_language_has_the_same_parts(document):
    versions = {language: texts_of(document, language) for language in LANGUAGES}
    shapes = {
        language: [
            [(block.kind, len(block.items)) for block in rendered(text).blocks] for text in texts
        ]
        for language, texts in versions.items()
    }

    assert all(shape == shapes["en"] for shape in shapes.values())


def test_a_fact_that_nothing_declares_is_named():
    with pytest.raises(FactMissing, match="weather"):
        filled("It will be {weather}.", BY_CODE["en"].locale)


@pytest.mark.parametrize(
    ("duration", "language", "said"),
    [
        (timedelta(hours=22), "en", "22 hours"),
        (timedelta(days=1), "de", "1 Tag"),
        (timedelta(days=2), "zh", "2天"),
        (timedelta(minutes=90), "en", "1 hour and 30 minutes"),
        (timedelta(hours=12), "fr", "12 heures"),
    ],
)
def test_a_duration_is_said_exactly(duration, language, said):
    assert worded(duration, BY_CODE[language].locale).replace("\xa0", " ") == said


def test_a_fact_has_one_value():
    with pytest.raises(ValueError, match="hold_time"):
        facts.declare("hold_time", HOLD_TIME + timedelta(minutes=1))


def test_a_version_without_one_of_the_languages_is_refused(tmp_path):
    (tmp_path / "terms-1.en.txt").write_text("Terms\n")

    with pytest.raises(LanguageMissing, match="de, fr, zh"):
        sources(tmp_path)


def test_a_file_with_another_name_is_refused(tmp_path):
    (tmp_path / "terms-1.tlh.txt").write_text("Terms\n")

    with pytest.raises(ValueError, match=r"terms-1\.tlh\.txt"):
        sources(tmp_path)


def test_a_text_is_taken_apart():
    text = (
        "Title\n\nOne\nparagraph.\n\n# Head\n\n- first\n  goes on\n- second\n\n中文没有\n空格。\n"
    )

    found = rendered(text)

    assert found.title == "Title"
    assert found.blocks == (
        Block("paragraph", "One paragraph."),
        Block("heading", "Head", anchor="part-1"),
        Block("list", items=("first goes on", "second")),
        Block("paragraph", "中文没有空格。"),
    )
