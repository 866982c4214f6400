"""A published version stays as it is, and an agreement points to the very version agreed to."""

from datetime import timedelta
from hashlib import sha256

import pytest
import sqlalchemy as sa

from app.accounts.models import Person
from app.core.database import db
from app.core.languages import LANGUAGES
from app.core.vault import vault
from app.policy.documents import (
    NothingPublished,
    VersionChanged,
    VersionIsFinal,
    current,
    latest_number,
    publish_missing,
    record_agreement,
    version,
)
from app.policy.models import DOCUMENTS, PRIVACY, TERMS, Agreement, DocumentVersion
from app.policy.sources import sources

pytestmark = pytest.mark.clause("C05")


def write(folder, number, wording):
    for document in (TERMS, PRIVACY):
        for language in LANGUAGES:
            path = folder / f"{document}-{number}.{language}.txt"
            path.write_text(f"{document} {language}\n\n{wording}\n", encoding="utf-8")


def somebody(now):
    person = Person(id=vault().new_person(), created_at=now)
    db.session.add(person)
    db.session.commit()
    return person.id


def agreements():
    return db.session.scalars(sa.select(Agreement).order_by(Agreement.id)).all()


def test_what_is_missing_is_published_once(context, clock):
    first = publish_missing(now=clock())
    db.session.commit()
    second = publish_missing(now=clock())

    assert first == len(DOCUMENTS) * len(LANGUAGES)
    assert second == 0


@pytest.mark.clause("C25")
def test_a_new_site_begins_with_the_newest_text_and_none_that_was_replaced(context, clock):
    publish_missing(now=clock())
    db.session.commit()

    for document in DOCUMENTS:
        newest = max(one.number for one in sources() if one.document == document)
        there = sa.select(DocumentVersion.number).where(DocumentVersion.document == document)
        assert set(db.session.scalars(there)) == {newest}
        assert current(document, "en", now=clock()).number == newest


def test_a_text_is_kept_with_its_digest(context, clock):
    publish_missing(now=clock())
    db.session.commit()

    shown = current(TERMS, "de", now=clock())

    assert shown.digest == sha256(shown.text.encode()).hexdigest()
    assert shown.effective_at == clock()


def test_a_published_text_cannot_be_rewritten_in_its_file(context, clock, tmp_path):
    write(tmp_path, 1, "We promise a lot.")
    publish_missing(now=clock(), folder=tmp_path)
    db.session.commit()
    write(tmp_path, 1, "We promise little.")

    with pytest.raises(VersionChanged, match="number 2"):
        publish_missing(now=clock(), folder=tmp_path)

    assert "a lot" in current(TERMS, "en", now=clock()).text


def test_nothing_is_published_beside_a_text_that_was_rewritten(context, clock, tmp_path):
    write(tmp_path, 1, "We promise a lot.")
    publish_missing(now=clock(), folder=tmp_path)
    db.session.commit()
    write(tmp_path, 1, "We promise little.")
    write(tmp_path, 2, "We promise nothing.")

    with pytest.raises(VersionChanged):
        publish_missing(now=clock(), folder=tmp_path)
    db.session.commit()

    assert version(TERMS, 2, "en") is None


def test_a_program_cannot_rewrite_a_published_text(context, clock):
    publish_missing(now=clock())
    db.session.commit()

    current(TERMS, "en", now=clock()).text = "Something else"
    with pytest.raises(VersionIsFinal):
        db.session.commit()


def test_a_new_number_stands_beside_the_old_one(context, clock, tmp_path):
    write(tmp_path, 1, "We promise a lot.")
    publish_missing(now=clock(), folder=tmp_path)
    write(tmp_path, 2, "We promise more.")
    publish_missing(now=clock.move(timedelta(days=1)), folder=tmp_path)

    assert current(TERMS, "fr", now=clock()).number == 2
    assert "a lot" in version(TERMS, 1, "fr").text


@pytest.mark.both_databases
def test_an_agreement_points_to_the_version_in_force_in_the_language_read(context, clock, tmp_path):
    write(tmp_path, 1, "We promise a lot.")
    publish_missing(now=clock(), folder=tmp_path)
    person_id = somebody(clock())
    record_agreement(person_id, "zh", "ABCD2345", now=clock())
    db.session.commit()
    write(tmp_path, 2, "We promise more.")
    publish_missing(now=clock(), folder=tmp_path)
    db.session.commit()

    found = [(a.version.document, a.version.number, a.version.language) for a in agreements()]

    assert sorted(found) == [(PRIVACY, 1, "zh"), (TERMS, 1, "zh")]
    assert {a.agreed_at for a in agreements()} == {clock()}
    assert {a.person_id for a in agreements()} == {person_id}


@pytest.mark.both_databases
@pytest.mark.parametrize("reference", ["ABCD2345", None])
def test_agreeing_again_keeps_the_first_time(context, clock, reference):
    publish_missing(now=clock())
    person_id = somebody(clock())
    first = clock()
    record_agreement(person_id, "en", reference, now=first)
    record_agreement(person_id, "en", reference, now=clock.move(timedelta(minutes=5)))
    db.session.commit()

    assert [a.agreed_at for a in agreements()] == [first, first]


def test_agreeing_for_another_reservation_is_another_agreement(context, clock):
    publish_missing(now=clock())
    person_id = somebody(clock())
    record_agreement(person_id, "en", "ABCD2345", now=clock())
    record_agreement(person_id, "en", "EFGH6789", now=clock())
    db.session.commit()

    assert len(agreements()) == 4


def test_nobody_agrees_to_what_is_not_published(context, clock):
    person_id = somebody(clock())

    with pytest.raises(NothingPublished):
        record_agreement(person_id, "en", "ABCD2345", now=clock())


def test_every_version_has_its_number_and_language_once(context, clock):
    publish_missing(now=clock())
    double = sa.insert(DocumentVersion).values(
        document=TERMS,
        number=latest_number(TERMS),
        language="en",
        text="",
        digest="",
        published_at=clock(),
        effective_at=clock(),
    )

    with pytest.raises(sa.exc.IntegrityError):
        db.session.execute(double)
