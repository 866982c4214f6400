"""A draft states no number that the code knows better, and nobody's writing is lost (C06, C25)."""

import pytest
import sqlalchemy as sa

from app.core.database import db
from app.core.languages import LANGUAGES
from app.policy import drafts, drafts_checks
from app.policy.documents import current, publish_missing
from app.policy.drafts import IN_FORCE, SHIPPED, DraftChanged, DraftGone, Written
from app.policy.models import PRIVACY, TERMS, ShippedText
from app.policy.sources import FOLDER
from tests.policy.test_documents import somebody, write

pytestmark = pytest.mark.clause("C25")

GOOD = "Policy\n\nWe hold it for {hold_time}.\n"


@pytest.fixture
def draft(context, clock):
    """A draft of the privacy policy, begun as the one in force."""
    publish_missing(now=clock())
    made = drafts.start(PRIVACY, IN_FORCE, now=clock())
    db.session.commit()
    return made


@pytest.mark.clause("C06")
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.name)
def test_every_text_of_the_program_would_pass(context, path):
    drafts_checks.check(path.read_text(encoding="utf-8"))


@pytest.mark.clause("C06")
@pytest.mark.parametrize(
    "text",
    [
        "We hold it for 35 minutes.",
        "We hold it for \uff13\uff15 minutes.",
        "Keep it 3 years (GDPR, Article 6(1)(b)).",
        "By Article 6(1)(b) it is kept, and 10 years more.",
        "Article 6 and 30 days",
        "A4",
        "call 03831-123456",
        "{hold_time}30",
        "在 30 天内",
        "See [C05]",
        "within 24/7",
    ],
)
def test_a_typed_number_is_refused(context, text):
    with pytest.raises(drafts_checks.TypedNumber):
        drafts_checks.check(f"Policy\n\n{text}\n")


@pytest.mark.clause("C06")
@pytest.mark.parametrize(
    "text",
    [
        "The ground is our contract (GDPR, Article 6(1)(b)).",
        "GDPR, Articles 5(2) and 17",
        "DSGVO, Artikel 6 Absatz 1 Buchstabe b",
        "DSGVO, Artikel 5 Absatz 2 und Artikel 17",
        "RGPD, article 6, paragraphe 1, point b)",
        "《通用数据保护条例》第六条第 1 款",
        "§ 312g Abs. 2 Nr. 9 BGB",
        "Directive 2011/83/EU, Article 16(l)",
        "kept for {hold_time}",
    ],
)
def test_a_citation_of_law_and_a_fact_are_fine(context, text):
    drafts_checks.check(f"Policy\n\n# [C05] Head\n\n{text}\n")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", drafts_checks.NoTitle),
        ("# Head\n\nWords.", drafts_checks.NoTitle),
        ("Title", drafts_checks.NothingUnderTitle),
        ("Title\n\n# Head", drafts_checks.NothingUnderTitle),
        ("Title\n\n{weather}", drafts_checks.UnknownFact),
        ("Title\n\n{hold_time", drafts_checks.LooseBrace),
        ("Title\n\n{hold_time.__class__}", drafts_checks.LooseBrace),
        ("Title\n\n{}", drafts_checks.LooseBrace),
        ("Title\n\n{{hold_time}}", drafts_checks.LooseBrace),
        ("Title\n\n{hold_time!r}", drafts_checks.LooseBrace),
    ],
)
def test_what_cannot_be_filled_in_is_said(context, text, error):
    with pytest.raises(error):
        drafts_checks.check(text)


def test_a_draft_begins_with_the_names_of_its_facts(draft):
    texts = {one.language: one.text for one in draft.texts}

    assert set(texts) == set(LANGUAGES)
    assert all("{choice_life}" in text for text in texts.values())


def test_a_draft_can_begin_as_what_came_with_the_program(context, clock):
    publish_missing(now=clock())

    made = drafts.start(TERMS, SHIPPED, now=clock())

    assert made.source == drafts.newest(TERMS)
    assert {one.language for one in made.texts} == set(LANGUAGES)


@pytest.mark.both_databases
def test_who_saves_second_is_told_and_overwrites_nothing_unseen(draft, clock):
    first = next(one.revision for one in draft.texts if one.language == "en")
    drafts.save(draft.id, "en", Written(GOOD, "Shorter.", first), now=clock())
    db.session.commit()

    with pytest.raises(DraftChanged):
        drafts.save(draft.id, "en", Written("Mine\n\nAll.\n", "Mine.", first), now=clock())
    db.session.rollback()

    db.session.expire_all()
    assert drafts.text_of(drafts.draft(draft.id), "en").text == GOOD


def test_two_who_write_different_languages_are_in_nobodys_way(draft, clock):
    drafts.save(draft.id, "en", Written(GOOD, "Shorter.", 1), now=clock())
    drafts.save(draft.id, "de", Written(GOOD, "Kürzer.", 1), now=clock())
    db.session.commit()

    db.session.expire_all()
    assert {one.revision for one in drafts.draft(draft.id).texts} == {1, 2}


def test_a_language_that_lacks_is_said(draft, clock):
    db.session.delete(drafts.text_of(draft, "fr"))
    for language in ("en", "de", "zh"):
        drafts.save(draft.id, language, Written(GOOD, "Shorter.", 1), now=clock())
    db.session.commit()

    db.session.expire_all()
    assert drafts_checks.missing(drafts.draft(draft.id)) == ["fr"]


def test_what_was_thrown_away_cannot_be_saved(draft, clock):
    drafts.throw_away(draft.id)
    db.session.commit()

    with pytest.raises(DraftGone):
        drafts.save(draft.id, "en", Written(GOOD, "Shorter.", 1), now=clock())


# -- Texts that come with the program ---------------------------------------------------------


def test_where_somebody_relies_on_a_version_a_new_text_is_a_draft_and_not_in_force(
    context, clock, tmp_path
):
    write(tmp_path, 1, "We promise a lot.")
    publish_missing(now=clock(), folder=tmp_path)
    somebody(clock())
    write(tmp_path, 2, "We promise little.")

    published = publish_missing(now=clock(), folder=tmp_path)
    again = publish_missing(now=clock(), folder=tmp_path)

    assert (published, again) == (0, 0)
    assert "a lot" in current(TERMS, "en", now=clock()).text
    assert sorted(one.source for one in drafts.drafts()) == ["privacy-2", "terms-2"]


def test_a_text_that_was_thrown_away_is_not_offered_again_until_it_changes(
    context, clock, tmp_path
):
    write(tmp_path, 1, "We promise a lot.")
    publish_missing(now=clock(), folder=tmp_path)
    somebody(clock())
    write(tmp_path, 2, "We promise little.")
    publish_missing(now=clock(), folder=tmp_path)
    for one in drafts.drafts():
        drafts.throw_away(one.id)

    publish_missing(now=clock(), folder=tmp_path)
    quiet = drafts.drafts()
    write(tmp_path, 2, "We promise something.")
    publish_missing(now=clock(), folder=tmp_path)

    assert quiet == []
    assert len(drafts.drafts()) == 2
    assert db.session.scalar(sa.select(sa.func.count()).select_from(ShippedText)) == 2


def test_of_several_new_texts_the_newest_is_offered(context, clock, tmp_path):
    write(tmp_path, 1, "We promise a lot.")
    publish_missing(now=clock(), folder=tmp_path)
    somebody(clock())
    write(tmp_path, 2, "We promise little.")
    write(tmp_path, 10, "We promise nothing.")

    publish_missing(now=clock(), folder=tmp_path)

    assert sorted(one.source for one in drafts.drafts()) == ["privacy-10", "terms-10"]


def test_with_people_and_nothing_to_agree_to_the_texts_are_in_force_at_once(
    context, clock, tmp_path
):
    somebody(clock())
    write(tmp_path, 1, "We promise a lot.")

    assert publish_missing(now=clock(), folder=tmp_path) == 8
